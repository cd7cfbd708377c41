/** Every verdict that rests on the kernel log alone. Where events show the same thing, merge.ts joins the two. */
import { type Finding, STORM_KINDS } from '../../../../schema/index.ts';
import { isRecorded, type RunRecord } from '../../record/run-record.ts';
import type { LoggedLoad } from '../../record/timeline.ts';
import { type CycleEdge, LogChains } from './chain/chain.ts';
import { detectLogDeadlocks } from './chain/deadlock.ts';
import { detectGpRequests } from './chain/gp-requests.ts';
import { LogWaits } from './chain/waits.ts';
import { withDistinctIds } from './evidence.ts';
import { detectCsdLocks } from './report/csd.ts';
import { detectLogHung } from './report/hung.ts';
import { detectLogLocks } from './report/locks.ts';
import { detectLogLockups } from './report/lockups.ts';
import { detectMasked } from './report/masked.ts';
import { detectLogMisuse } from './report/misuse.ts';
import { detectLogPanics } from './report/panics.ts';
import { detectLogStalls, judgeStalls } from './report/stalls.ts';

export function detectLog({ log, profile, coverage }: RunRecord): Finding[] {
  const stalls = judgeStalls(log, profile.hz, log.storms);
  const waits = new LogWaits(log);
  const deadlocks = detectLogDeadlocks(log, waits);
  return withDistinctIds([
    ...detectLogLocks(log),
    ...detectLogMisuse(log),
    // Lock events show what the tables can only guess.
    ...(isRecorded(coverage, 'lock_acquire') ? [] : detectMasked(log, profile.release)),
    ...detectLogStalls(log, stalls, isRecorded(coverage, 'rcu_grace_period')),
    ...detectGpRequests(log, profile.hz),
    ...detectLogHung(log, new LogChains(log, waits, stalls, cyclesOf(deadlocks), profile.release), profile.release),
    ...deadlocks,
    ...detectLogPanics(log),
    ...detectLogLockups(log, stalls, log.storms),
    ...detectCsdLocks(log, log.storms),
  ]);
}

const LOADS: ReadonlySet<string> = new Set([...Object.values(STORM_KINDS), 'cpu-hog']);

/** What stall reports show of CPUs: it explains those of which events show nothing. */
export function loggedLoads({ log, profile }: RunRecord): LoggedLoad[] {
  return judgeStalls(log, profile.hz, log.storms).flatMap(({ cause, startNs, endNs }) => {
    const { cause: kind, cpu, why } = cause;
    if (cpu === undefined || !LOADS.has(kind)) return [];
    return [{ cpu, startNs, endNs, cause: kind as LoggedLoad['cause'], why: typeof why === 'string' ? why : why.text }];
  });
}

/** The edges of the cycles, by their waiters. */
function cyclesOf(deadlocks: readonly Finding[]): Map<number, CycleEdge> {
  const edges = new Map<number, CycleEdge>();
  for (const finding of deadlocks) {
    if (finding.kind !== 'deadlock' || !finding.chain) continue;
    // Task, lock, task, lock, … task.
    for (let i = 0; i + 2 < finding.chain.length; i += 2) {
      const [waiter, lock, owner] = finding.chain.slice(i, i + 3);
      if (waiter.tid === undefined || owner.tid === undefined) continue;
      edges.set(waiter.tid, { lock: lock.name, owner: { comm: owner.name.replace(/:\d+$/, ''), tid: owner.tid } });
    }
  }
  return edges;
}
