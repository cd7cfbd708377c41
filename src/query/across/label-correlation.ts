/** Which labels go with a finding: Fisher's exact test of each value against all others. */
import type { LabelCorrelation } from '../../../schema/index.ts';

/** Labels of a run, and whether it shows the finding. */
export interface LabelledRun {
  readonly labels: ReadonlyMap<string, string>;
  readonly shows: boolean;
}

/** Chance of a label that goes with nothing, over all values that are tried. */
const SIGNIFICANT = 0.01;
const MOST = 3;

/** @param runs those that could show it */
export function correlatedLabels(runs: readonly LabelledRun[]): LabelCorrelation[] {
  const total = runs.length;
  const showing = runs.filter(({ shows }) => shows).length;
  if (showing === 0 || showing === total) return [];
  const counts = new Map<string, { key: string; value: string; runs: number; with: number }>();
  for (const { labels, shows } of runs)
    for (const [key, value] of labels) {
      const id = `${key}\u0000${value}`;
      const count = counts.get(id) ?? { key, value, runs: 0, with: 0 };
      count.runs++;
      if (shows) count.with++;
      counts.set(id, count);
    }
  const tried = [...counts.values()].filter((count) => count.runs < total);
  return tried
    .map(
      (count): LabelCorrelation => ({
        key: count.key,
        value: count.value,
        runs: count.runs,
        runs_with: count.with,
        other_runs: total - count.runs,
        other_with: showing - count.with,
        p_value: atLeast(count.with, count.runs, showing, total),
      }),
    )
    .filter(({ p_value }) => p_value * tried.length < SIGNIFICANT)
    .sort((a, b) => a.p_value - b.p_value || (a.key < b.key ? -1 : 1))
    .slice(0, MOST);
}

/** Hypergeometric: of `total` runs `showing` show it; chance that `drawn` of them hold `hits` or more. */
function atLeast(hits: number, drawn: number, showing: number, total: number): number {
  let sum = 0;
  const all = logChoose(total, drawn);
  for (let k = hits; k <= Math.min(drawn, showing); k++)
    if (drawn - k <= total - showing)
      sum += Math.exp(logChoose(showing, k) + logChoose(total - showing, drawn - k) - all);
  return Math.min(1, sum);
}

const LOG_FACTORIALS = [0];

function logFactorial(n: number): number {
  for (let i = LOG_FACTORIALS.length; i <= n; i++) LOG_FACTORIALS.push(LOG_FACTORIALS[i - 1] + Math.log(i));
  return LOG_FACTORIALS[n];
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}
