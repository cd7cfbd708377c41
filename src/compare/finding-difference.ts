/** Findings that appeared, went, or got worse. */
import {
  type CompareResult,
  type Finding,
  type FindingComparison,
  identityOf,
  rowOf,
  type Severity,
} from '../../schema/index.ts';
import type { RunRecord } from './run-record.ts';

/** Half as long again is worse; less is what a loaded machine does. */
const WORSE_RATIO = 1.5;

const SEVERITY: Readonly<Record<Severity, number>> = { info: 0, warning: 1, error: 2 };

/** One problem on one side: in how many runs, and at its worst. */
interface Occurrence {
  readonly runs: number;
  readonly worst: Finding;
  readonly amountNs: number;
}

/**
 * Matches by identity; several findings of a run with the same identity are one problem.
 * @returns lists in the order of severity, then identity
 */
export function findingDifference(base: readonly RunRecord[], head: readonly RunRecord[]): CompareResult['findings'] {
  const before = occurrences(base);
  const after = occurrences(head);
  const appeared: FindingComparison[] = [];
  const gone: FindingComparison[] = [];
  const worse: FindingComparison[] = [];
  const remains: FindingComparison[] = [];
  for (const identity of new Set([...before.keys(), ...after.keys()])) {
    const old = before.get(identity);
    const now = after.get(identity);
    const compared = comparison(identity, old, now);
    if (old === undefined) appeared.push(compared);
    else if (now === undefined) gone.push(compared);
    else if (isWorse(old, now)) worse.push(compared);
    else remains.push(compared);
  }
  for (const list of [appeared, gone, worse, remains])
    list.sort((a, b) => SEVERITY[b.severity] - SEVERITY[a.severity] || (a.identity < b.identity ? -1 : 1));
  return { appeared, gone, worse, remains };
}

function isWorse(old: Occurrence, now: Occurrence): boolean {
  return SEVERITY[now.worst.severity] > SEVERITY[old.worst.severity] || now.amountNs > old.amountNs * WORSE_RATIO;
}

function occurrences(runs: readonly RunRecord[]): Map<string, Occurrence> {
  const found = new Map<string, Occurrence>();
  for (const run of runs) {
    const seenInRun = new Set<string>();
    for (const finding of run.findings) {
      const identity = identityOf(finding);
      const known = found.get(identity);
      const amountNs = findingAmount(finding);
      const isWorst =
        known === undefined ||
        SEVERITY[finding.severity] > SEVERITY[known.worst.severity] ||
        (finding.severity === known.worst.severity && amountNs > known.amountNs);
      found.set(identity, {
        runs: (known?.runs ?? 0) + (seenInRun.has(identity) ? 0 : 1),
        worst: isWorst ? finding : known.worst,
        amountNs: Math.max(amountNs, known?.amountNs ?? 0),
      });
      seenInRun.add(identity);
    }
  }
  return found;
}

/** How long it blocked somebody, or lasted, in ns; 0 for what has no length. */
export function findingAmount(finding: Finding): number {
  if ('blocked_ns' in finding && finding.blocked_ns !== undefined) return finding.blocked_ns;
  return rowOf(finding).lasts === 'interval' ? finding.end_ns - finding.start_ns : 0;
}

function comparison(identity: string, old: Occurrence | undefined, now: Occurrence | undefined): FindingComparison {
  const { worst } = (now ?? old) as Occurrence;
  return {
    id: worst.id,
    kind: worst.kind,
    severity: worst.severity,
    title: worst.title,
    identity,
    base_runs: old?.runs ?? 0,
    head_runs: now?.runs ?? 0,
    base_ns: old?.amountNs ?? null,
    head_ns: now?.amountNs ?? null,
  };
}
