/** Preempted readers: which are on the list of their leaf, and which grace periods they block (R2.8–R2.11, W5). */
import { type EventCursor, fieldsOf } from '../../../../schema/index.ts';
import type { TaskModel } from '../task/task.ts';
import type { BlockedReader, RcuFlavor } from './flavor.ts';
import type { GracePeriod, Holdout } from './grace-period.ts';
import type { HoldoutAccounting } from './holdout/accounting.ts';

const READER = fieldsOf('rcu_preempt_task', 'rcu_unlock_preempted_task');

export class BlockingReaders {
  readonly #tasks: TaskModel;
  readonly #accounting: HoldoutAccounting;

  constructor(tasks: TaskModel, accounting: HoldoutAccounting) {
    this.#tasks = tasks;
    this.#accounting = accounting;
  }

  /** The reader blocks a grace period. */
  add(flavor: RcuFlavor, gp: GracePeriod, reader: BlockedReader, event: EventCursor): void {
    const holdout = this.#accounting.reader(reader.tid, reader.cpu, event.tsNs, event.eventId, reader.event);
    gp.holdouts.push(holdout);
    gp.blockedReaders = true;
    const blocking = flavor.blocking.get(reader.tid);
    if (blocking) blocking.push(holdout);
    else flavor.blocking.set(reader.tid, [holdout]);
  }

  /** A holdout is over; a reader that blocks nothing else is forgotten. */
  settle(flavor: RcuFlavor, holdout: Holdout, nowNs: number, eventId: number): void {
    this.#accounting.settle(holdout, nowNs, eventId);
    if (holdout.kind === 'cpu') return;
    const blocking = flavor.blocking.get(holdout.tid)?.filter((other) => other.toNs === null);
    if (!blocking?.length) flavor.blocking.delete(holdout.tid);
    else flavor.blocking.set(holdout.tid, blocking);
  }

  /** rcu_preempt_task. */
  preempted(flavor: RcuFlavor, event: EventCursor): void {
    const tid = event.int(READER.pid);
    const reader: BlockedReader = { tid, cpu: event.cpu, event: event.eventId };
    flavor.readers.set(tid, reader);
    // State bits in the printed sequence: the CPU's quiescent state was pending, so the task blocks this grace period (E1.5).
    const { gp, expedited } = flavor;
    const seq = event.int(READER.gp_seq);
    if (gp && seq === gp.seq && (seq & 3) !== 0) this.add(flavor, gp, reader, event);
    // Whom the expedited one has selected, it waits for until the CPU switches; readers of other CPUs are none of its own (rcu_preempt_ctxt_queue).
    if (expedited && (expedited.initDoneNs === null || flavor.expeditedPending.has(event.cpu)))
      this.add(flavor, expedited, reader, event);
  }

  /** rcu_unlock_preempted_task. */
  unlocked(flavor: RcuFlavor, event: EventCursor): void {
    const tid = event.int(READER.pid);
    if (event.text(READER.rcuname).endsWith('-GPS')) {
      // An announcement, not an unlock (T8): the leaf holds at least this old reader.
      if (flavor.readers.has(tid)) return;
      const task = this.#tasks.get(tid, event.cpu);
      flavor.readers.set(tid, { tid, cpu: task.cpu < 0 ? event.cpu : task.cpu, event: event.eventId });
      return;
    }
    flavor.readers.delete(tid);
    for (const holdout of flavor.blocking.get(tid) ?? []) this.settle(flavor, holdout, event.tsNs, event.eventId);
  }
}
