/**
 * rcu_barrier() on the way from a blocked task to its root (R2.24, W21): another barrier first, then the grace period that its callbacks wait
 * for, and the CPU that invokes the last of them.
 */

import type { SyncWait } from '../../model/sync/sync-wait.ts';
import { blameRcu } from './rcu.ts';
import type { BlameWalk } from './walk.ts';

export function blameBarrier(walk: BlameWalk, wait: SyncWait, fromNs: number, toNs: number, depth: number): void {
  const { draft, timeline } = walk;
  const round = timeline.data.barriers.find(
    (barrier) =>
      barrier.tid === wait.tid && barrier.startNs >= wait.startNs - 1e6 && barrier.startNs <= timeline.end(wait),
  );
  if (!round) {
    blameRcu(walk, wait, fromNs, toNs, depth);
    return;
  }
  draft.evidence.range(
    round.startEvent,
    round.endEvent || timeline.data.lastEvent,
    { events: ['rcu_barrier'] },
    'callbacks of rcu_barrier',
  );
  const enteredNs = Math.min(toNs, Math.max(fromNs, round.enteredNs ?? toNs));
  if (enteredNs > fromNs) blameMutex(walk, wait, fromNs, enteredNs, depth);
  if (enteredNs >= toNs) return;
  const last = round.invoked.at(-1);
  const missing = [...round.queued.keys()].filter((cpu) => !round.invoked.some((done) => done.cpu === cpu));
  const cpu = round.endNs === null && missing.length > 0 ? missing[0] : last?.cpu;
  blameRcu(walk, wait, enteredNs, toNs, depth, cpu);
}

/** One barrier at a time holds rcu_state.barrier_mutex: the task that does is what the others wait for. */
function blameMutex(walk: BlameWalk, wait: SyncWait, fromNs: number, toNs: number, depth: number): void {
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
      .find((candidate) => candidate.resource === 'barrier' && !walk.path.has(candidate.task.key));
  draft.add('lock', 'rcu_state.barrier_mutex', other ? 0 : toNs - fromNs, depth, {
    note: holder ? 'held by another rcu_barrier()' : 'its holder is not recorded',
  });
  if (!other || !holder) {
    draft.root({ kind: 'unknown' }, toNs - fromNs);
    return;
  }
  draft.evidence.range(
    holder.startEvent,
    holder.endEvent || timeline.data.lastEvent,
    { events: ['rcu_barrier'] },
    'callbacks of rcu_barrier',
  );
  walk.path.add(other.task.key);
  draft.add('task', `${other.comm}:${other.tid}`, 0, depth + 1, { tid: other.tid, note: 'in rcu_barrier' });
  blameBarrier(walk, other, fromNs, toNs, depth + 2);
  walk.path.delete(other.task.key);
}
