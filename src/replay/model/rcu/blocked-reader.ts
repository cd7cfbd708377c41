/** What happens to preempted readers while a grace period waits for them, besides being scheduled. */
import type { RcuFlavor } from './flavor.ts';

/** A priority in the real-time range, of a task that is a blocked reader: rcub, or another owner of a lock, gets it out of its section. */
export function noteBoost(flavor: RcuFlavor, tid: number, prio: number, nowNs: number): void {
  if (prio >= 100) return;
  for (const holdout of flavor.blocking.get(tid) ?? []) {
    if (holdout.boostedNs !== undefined) continue;
    holdout.boostedNs = nowNs;
    holdout.boostedTo = prio;
  }
}

/** No read-side section lasts into user mode: what is still due is the report of its end (R2.11). */
export function noteReturnToUser(flavor: RcuFlavor, tid: number, nowNs: number, event: number): void {
  if (flavor.blocking.size === 0) return;
  for (const holdout of flavor.blocking.get(tid) ?? []) {
    if (holdout.leftNs !== undefined) continue;
    holdout.leftNs = nowNs;
    holdout.leftEvent = event;
  }
}
