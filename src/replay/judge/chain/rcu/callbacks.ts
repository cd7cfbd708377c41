/**
 * rcu_barrier() on the way from a blocked task to its root (R2.24, W21): another barrier first, then the grace period that its callbacks wait
 * for, and the CPU that invokes the last of them.
 */

import { ONE_CALL_NS } from '../../../knowledge/thresholds.ts';
import type { SyncWait } from '../../../model/sync/sync-wait.ts';
import type { Link } from '../draft.ts';
import { type AttributionWalk, enterTask } from '../walk.ts';
import { blameRcu } from './grace-period.ts';

export function blameBarrier(walk: AttributionWalk, waiter: Link, wait: SyncWait, fromNs: number, toNs: number): void {
  const { draft, timeline } = walk;
  const round = timeline.data.barriers.find(
    (barrier) =>
      barrier.tid === wait.tid &&
      barrier.startNs >= wait.startNs - ONE_CALL_NS &&
      barrier.startNs <= timeline.end(wait),
  );
  if (!round) {
    blameRcu(walk, waiter, wait, fromNs, toNs);
    return;
  }
  draft.evidence.range(
    round.startEvent,
    round.endEvent || timeline.data.lastEvent,
    { events: ['rcu_barrier'] },
    'callbacks of rcu_barrier',
  );
  const enteredNs = Math.min(toNs, Math.max(fromNs, round.enteredNs ?? toNs));
  if (enteredNs > fromNs) blameMutex(walk, waiter, wait, fromNs, enteredNs);
  if (enteredNs >= toNs) return;
  const last = round.invoked.at(-1);
  const missing = [...round.queued.keys()].filter((cpu) => !round.invoked.some((done) => done.cpu === cpu));
  const cpu = round.endNs === null && missing.length > 0 ? missing[0] : last?.cpu;
  blameRcu(walk, waiter, wait, enteredNs, toNs, cpu);
}

/** One barrier at a time holds rcu_state.barrier_mutex: the task that does is what the others wait for. */
function blameMutex(walk: AttributionWalk, waiter: Link, wait: SyncWait, fromNs: number, toNs: number): void {
  const { draft, timeline } = walk;
  const holder = timeline.data.barriers.find(
    (barrier) =>
      barrier.tid !== wait.tid &&
      barrier.enteredNs !== null &&
      barrier.enteredNs < toNs &&
      (barrier.endNs ?? Number.POSITIVE_INFINITY) > fromNs,
  );
  const other =
    holder &&
    timeline
      .waitsOf(holder.tid, fromNs, toNs)
      .find((candidate) => candidate.resource === 'barrier' && !walk.trail.isOnWay(candidate.task.key));
  const mutex = waiter.waitsFor({ kind: 'lock' }, 'rcu_state.barrier_mutex', {
    note: holder ? 'held by another rcu_barrier()' : 'its holder is not recorded',
  });
  if (!other || !holder) {
    mutex.blame(toNs - fromNs);
    draft.root({ kind: 'unknown' }, toNs - fromNs);
    return;
  }
  draft.evidence.range(
    holder.startEvent,
    holder.endEvent || timeline.data.lastEvent,
    { events: ['rcu_barrier'] },
    'callbacks of rcu_barrier',
  );
  const owner = {
    edge: { kind: 'task' } as const,
    label: `${other.comm}:${other.tid}`,
    tid: other.tid,
    note: 'in rcu_barrier',
  };
  enterTask(walk, mutex, owner, toNs - fromNs, (link) => blameBarrier(walk, link, other, fromNs, toNs));
}
