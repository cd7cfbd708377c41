/** Which waits are alive at an instant: for locks with their owners, for grace periods, and what holdouts lost to interrupts. */
import type { StateCpu } from '../../../schema/index.ts';
import { OCC_HARDIRQ, OCC_NMI, OCC_SOFTIRQ } from '../model/cpu/cpu.ts';
import { type LockWaitEdge, lockWaitEdges } from '../model/lock/owner.ts';
import type { LockWaitState } from '../model/lock/wait.ts';
import type { LiveRun } from '../model/models.ts';
import type { Holdout } from '../model/rcu/grace-period.ts';
import { occupancyShares } from '../model/rcu/holdout/shares.ts';
import type { SyncWait } from '../model/sync/sync-wait.ts';
import { TASK_BLOCKED, type TaskKey } from '../model/task/task.ts';

/** An uncontended acquisition takes less. */
const UNCONTENDED_NS = 1e5;

export class WaitGraph {
  readonly #run: LiveRun;
  readonly #atNs: number;
  readonly #lockEdges = new Map<TaskKey, LockWaitEdge[]>();
  readonly #lockWaits = new Map<TaskKey, LockWaitState>();

  constructor(run: LiveRun, atNs: number) {
    this.#run = run;
    this.#atNs = atNs;
    const { locks } = run.models;
    for (const wait of locks.waits())
      if (!this.#lockWaits.has(wait.taskKey) && this.#lasts(wait)) this.#lockWaits.set(wait.taskKey, wait);
    for (const edge of lockWaitEdges(locks, run.world.dictionary)) {
      const edges = this.#lockEdges.get(edge.fromKey);
      if (edges) edges.push(edge);
      else this.#lockEdges.set(edge.fromKey, [edge]);
    }
  }

  /** Every acquisition is a wait until its lock_acquired: only contention, or time, makes it one worth telling. */
  #lasts(wait: LockWaitState): boolean {
    if (this.#atNs - wait.sinceNs >= UNCONTENDED_NS) return true;
    const acquisition = this.#run.models.locks.heldBy(wait.taskKey).find(({ eventId }) => eventId === wait.eventId);
    return acquisition === undefined;
  }

  /** Keys of tasks that wait for a lock. */
  lockWaiters(): Iterable<TaskKey> {
    return this.#lockWaits.keys();
  }

  /** A wait that is known from stacks only is over when its task runs again (W4.13). */
  isWaiting(wait: SyncWait): boolean {
    return wait.source !== 'stack' || wait.task.state === TASK_BLOCKED;
  }

  lockEdges(key: TaskKey): readonly LockWaitEdge[] {
    return this.#lockEdges.get(key) ?? [];
  }

  lockWait(key: TaskKey): LockWaitState | undefined {
    return this.#lockWaits.get(key);
  }

  /** Shares of a holdout's CPU since it became one. */
  loadSince(holdout: Holdout): StateCpu['load'] {
    const from = holdout.occupancyFrom;
    const to = holdout.occupancyTo ?? this.#run.models.cpu.get(holdout.cpu).occupancy;
    const share = occupancyShares(from, to);
    return { nmi: share[OCC_NMI], hardirq: share[OCC_HARDIRQ], softirq: share[OCC_SOFTIRQ] };
  }
}
