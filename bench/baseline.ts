/**
 * Benchmarks against an earlier state of this repository. A baseline holds ratios: CPU time of a case over that of the yardstick in the
 * same trial, so that it means something on another machine and at another time. Within one machine a change of a few per cent is
 * seen; between kinds of machines ratios differ by more, so a baseline is best made where it is used.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Row } from './trials.ts';

export interface BaselineRow {
  readonly input: string;
  readonly case: string;
  readonly events: number;
  /** CPU time ÷ CPU time of the yardstick, trial by trial. */
  readonly ratios: readonly number[];
  /** Peak memory, MiB, the largest of the trials. */
  readonly peak_mib: number;
}

export interface Baseline {
  readonly schema: 'quiesce.bench/1';
  readonly rows: readonly BaselineRow[];
}

/** Smaller changes are noise, whatever their p-value. */
const THRESHOLD = 0.05;
const ALPHA = 0.05;
/** Memory is less noisy than time, but the collector has its moods. */
const MEMORY_THRESHOLD = 0.15;

/** Ratios of every row to the yardstick of its input. Rows of inputs without one are left out. */
export function baselineOf(rows: readonly Row[]): Baseline {
  return {
    schema: 'quiesce.bench/1',
    rows: rows.flatMap((row): BaselineRow[] => {
      const yardstick = rows.find((other) => other.input === row.input && other.case === 'yardstick');
      if (yardstick === undefined || row.case === 'yardstick') return [];
      return [
        {
          input: basename(row.input),
          case: row.title,
          events: row.trials[0].events,
          ratios: row.trials.map((trial, i) => Number((trial.cpuNs / yardstick.trials[i].cpuNs).toFixed(4))),
          peak_mib: Math.round(Math.max(...row.trials.map((trial) => trial.peakBytes)) / (1 << 20)),
        },
      ];
    }),
  };
}

export function saveBaseline(path: string, baseline: Baseline): void {
  const rows = baseline.rows.map((row) => `  ${JSON.stringify(row)}`);
  writeFileSync(path, `{"schema": "${baseline.schema}", "rows": [\n${rows.join(',\n')}\n]}\n`);
}

export function readBaseline(path: string): Baseline {
  const baseline = JSON.parse(readFileSync(path, 'utf8')) as Baseline;
  if (baseline.schema !== 'quiesce.bench/1') throw new Error(`${path}: not a benchmark baseline`);
  return baseline;
}

export interface Change {
  readonly input: string;
  readonly case: string;
  /** Medians. */
  readonly before: number;
  readonly now: number;
  readonly pValue: number;
  readonly memory: readonly [before: number, now: number];
  readonly verdict: 'worse' | 'better' | 'same' | 'more-memory' | 'too-few';
}

/** Rows that both have. */
export function changesSince(before: Baseline, now: Baseline): Change[] {
  return now.rows.flatMap((row): Change[] => {
    const old = before.rows.find((other) => other.input === row.input && other.case === row.case);
    if (old === undefined) return [];
    const [was, is] = [median(old.ratios), median(row.ratios)];
    const pValue = permutationP(old.ratios, row.ratios);
    return [
      {
        input: row.input,
        case: row.case,
        before: was,
        now: is,
        pValue,
        memory: [old.peak_mib, row.peak_mib],
        verdict: verdictOf(was, is, pValue, old, row),
      },
    ];
  });
}

function verdictOf(was: number, is: number, pValue: number, old: BaselineRow, row: BaselineRow): Change['verdict'] {
  if (Math.abs(is / was - 1) > THRESHOLD) {
    if (pValue <= ALPHA) return is > was ? 'worse' : 'better';
    if (smallestP(old.ratios.length, row.ratios.length) > ALPHA) return 'too-few';
  }
  return old.peak_mib > 0 && row.peak_mib > old.peak_mib * (1 + MEMORY_THRESHOLD) ? 'more-memory' : 'same';
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Smallest two-sided p-value that so many trials can reach. */
export function smallestP(a: number, b: number): number {
  let ways = 1;
  for (let i = 1; i <= a; i++) ways = (ways * (b + i)) / i;
  return 2 / ways;
}

/**
 * Exact two-sided permutation test of the difference of mean logarithms: the share of all divisions of the trials that differ at
 * least as much.
 */
export function permutationP(a: readonly number[], b: readonly number[]): number {
  const all = [...a, ...b].map(Math.log);
  const total = all.reduce((sum, value) => sum + value, 0);
  const difference = (sumA: number) => Math.abs(sumA / a.length - (total - sumA) / b.length);
  const observed = difference(all.slice(0, a.length).reduce((sum, value) => sum + value, 0)) - 1e-12;
  let divisions = 0;
  let asLarge = 0;
  const choose = (from: number, left: number, sum: number): void => {
    if (left === 0) {
      divisions++;
      if (difference(sum) >= observed) asLarge++;
      return;
    }
    for (let i = from; i <= all.length - left; i++) choose(i + 1, left - 1, sum + all[i]);
  };
  choose(0, a.length, 0);
  return asLarge / divisions;
}
