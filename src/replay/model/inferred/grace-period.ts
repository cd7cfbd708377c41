/**
 * Grace periods of captures without rcu:* events (most kernels lack CONFIG_RCU_TRACE, E1.0): a task that waits long in
 * synchronize_rcu() proves a grace period in flight, and the CPU that ran one task through it without a context switch is the
 * one that can have held it up, unless the grace-period kthread itself had no CPU. Everything concluded here is `inferred`.
 */

import { overlapNs } from '../../core/interval.ts';
import type { Model, World } from '../../core/world.ts';
import { gracePeriodFloorNs } from '../../knowledge/collection-floors.ts';
import { type GracePeriod, type Holdout, heldUntilNs, newGracePeriod } from '../rcu/grace-period.ts';
import type { RcuModel } from '../rcu/rcu.ts';
import type { SyncWait, SyncWaitModel } from '../sync/sync-wait.ts';
import type { NoQsInterval, NoQsIntervalModel } from '../task/no-qs-interval.ts';
import type { NoVoluntarySwitchModel } from '../task/no-voluntary-switch.ts';
import type { BusyWaitModel } from './busy-wait.ts';
import { expeditedPeriods } from './expedited.ts';
import type { ExpeditedExecutorModel } from './expedited-executor.ts';
import type { GpKthreadModel } from './gp-kthread.ts';
import type { KthreadPeriod, KthreadPeriodModel } from './kthread-periods.ts';
import type { KthreadWakerModel } from './kthread-waker.ts';
import { coveredNs, quietHoldout } from './quiet-holdout.ts';
import { findReader } from './reader.ts';
import { assignWarnings, periodOfWarning } from './warnings.ts';

/** A stretch must cover this share of the wait to be taken for its reason. */
const COVERS = 0.5;

/** What grace periods leave behind without events of their own. */
export interface InferenceSources {
  readonly quiet: NoQsIntervalModel;
  readonly kthread: GpKthreadModel;
  readonly involuntary: NoVoluntarySwitchModel;
  readonly wakers: KthreadWakerModel;
  readonly routine: KthreadPeriodModel;
  readonly executor: ExpeditedExecutorModel;
  readonly busyWaits: BusyWaitModel;
}

export class InferredGpModel implements Model {
  readonly #world: World;
  /** Shorter grace periods are routine: nobody asks who held them up. */
  readonly #longNs: number;
  readonly #rcu: RcuModel;
  readonly #sync: SyncWaitModel;
  readonly #from: InferenceSources;

  constructor(world: World, rcu: RcuModel, sync: SyncWaitModel, from: InferenceSources) {
    this.#world = world;
    this.#longNs = gracePeriodFloorNs(world.thresholds);
    this.#rcu = rcu;
    this.#sync = sync;
    this.#from = from;
  }

  subscribe(): undefined {
    return undefined;
  }

  finish(endNs: number): void {
    if (this.#world.count('rcu_exp_grace_period') === 0) {
      const waits = this.#sync.long.filter((wait) => wait.resource === 'rcu-expedited');
      const { quiet, executor, busyWaits } = this.#from;
      const stretches = quiet.stretches.filter((stretch) => !busyWaits.spins(stretch));
      for (const gp of expeditedPeriods(this.#rcu.mainFlavor, waits, executor.sleeps, stretches, endNs))
        this.#rcu.addInferred(gp);
      this.#warned(true, stretches, endNs);
    }
    if (this.#world.count('rcu_grace_period') > 0) {
      if (this.#world.count('rcu_grace_period_init', 'rcu_quiescent_state_report') === 0) this.#inferHoldouts(endNs);
      else if (this.#world.count('rcu_preempt_task', 'rcu_unlock_preempted_task') === 0) this.#inferReaders();
      return;
    }
    const waits = this.#sync.long.filter((wait) => wait.resource === 'rcu').sort((a, b) => a.startNs - b.startNs);
    // Waits that overlap wait for the same grace period, give or take one (R2.3): one period from the first start to the last end.
    let group: SyncWait[] = [];
    let groupEndNs = 0;
    const groups: [fromNs: number, toNs: number][] = [];
    for (const wait of waits) {
      if (group.length > 0 && wait.startNs > groupEndNs) {
        groups.push([group[0].startNs, groupEndNs]);
        this.#infer(group, groupEndNs, endNs);
        group = [];
      }
      group.push(wait);
      groupEndNs = Math.max(groupEndNs, wait.endNs ?? endNs);
    }
    if (group.length > 0) {
      groups.push([group[0].startNs, groupEndNs]);
      this.#infer(group, groupEndNs, endNs);
    }
    for (const period of this.#from.routine.periods)
      if (!groups.some(([fromNs, toNs]) => period.startNs < toNs && period.endNs > fromNs)) this.#add(period);
    const stretches = this.#from.quiet.stretches.filter((stretch) => !this.#from.busyWaits.spins(stretch));
    this.#warned(false, stretches, endNs);
  }

  /** The kernel's warnings, among the inferred grace periods; one outside of them proves another. */
  #warned(expedited: boolean, stretches: readonly NoQsInterval[], endNs: number): void {
    let rest = this.#rcu.warnings.filter((warning) => (warning.how === 'expedited') === expedited);
    rest = assignWarnings(this.#rcu.history.all(), rest);
    while (rest.length > 0) {
      const gp = periodOfWarning(rest[0], stretches, endNs);
      if (gp) this.#rcu.addInferred(gp);
      rest = gp ? assignWarnings([gp], rest) : rest.slice(1);
    }
  }

  #add({ flavor, startNs, startEvent, endNs, endEvent }: KthreadPeriod): void {
    const gp = newGracePeriod({
      flavor,
      seq: null,
      expedited: false,
      requestNs: null,
      startNs,
      startEvent,
      gapsAtStart: 0,
    });
    this.#rcu.addInferred(Object.assign(gp, { endNs, endEvent, endInferred: true }));
  }

  /** CPUs are recorded, readers are not: for a grace period that went on although every CPU had reported. */
  #inferReaders(): void {
    for (const gp of this.#rcu.history.all()) {
      const { startNs, endNs } = gp;
      if (gp.expedited || endNs === null || endNs - startNs < this.#longNs) continue;
      const reportedNs = gp.holdouts.reduce((last, holdout) => Math.max(last, heldUntilNs(holdout) ?? endNs), startNs);
      if (endNs - reportedNs < COVERS * (endNs - startNs)) continue;
      const reader = findReader(this.#from, startNs, endNs, endNs);
      if (reader) gp.holdouts.push(reader.holdout);
    }
  }

  /** Grace periods are recorded, but not for whom they wait. */
  #inferHoldouts(endNs: number): void {
    for (const gp of this.#rcu.history.all()) {
      const toNs = gp.endNs ?? endNs;
      if (gp.holdouts.length > 0 || toNs - gp.startNs < this.#longNs || this.#lostToRealtime(gp.startNs, toNs))
        continue;
      gp.holdouts.push(...this.#holdouts(gp.startNs, toNs, gp.endNs === null, toNs));
    }
  }

  /** Who can have held up a grace period of [fromNs, toNs): a reader that shows by its unlock, else the CPU that passed no quiescent state. */
  #holdouts(fromNs: number, toNs: number, open: boolean, wokenNs: number): Holdout[] {
    const [longest] = this.#lostToRealtime(fromNs, toNs) ? [] : this.#covering(fromNs, toNs);
    const reader = open ? undefined : findReader(this.#from, fromNs, toNs, wokenNs);
    // A CPU without quiescent states elsewhere cannot be explained by the reader.
    if (reader && (!longest || longest.cpu === reader.stretch.cpu)) return [reader.holdout];
    return longest ? [quietHoldout(longest, fromNs, toNs, open)] : [];
  }

  /** Stretches that can explain the interval: CPUs that spin for another one last, else the longest overlap first. */
  #covering(fromNs: number, toNs: number): NoQsInterval[] {
    return this.#from.quiet.stretches
      .filter((stretch) => coveredNs(stretch, fromNs, toNs) >= COVERS * (toNs - fromNs))
      .sort(
        (a, b) =>
          Number(this.#from.busyWaits.spins(a)) - Number(this.#from.busyWaits.spins(b)) ||
          coveredNs(b, fromNs, toNs) - coveredNs(a, fromNs, toNs),
      );
  }

  #infer(group: readonly SyncWait[], toNs: number, captureEndNs: number): void {
    const fromNs = group[0].startNs;
    const open = group.some((wait) => wait.endNs === null);
    const wokenNs = group.reduce((last, wait) => Math.max(last, wait.wokenNs ?? wait.endNs ?? 0), 0);
    this.#rcu.addInferred({
      flavor: this.#rcu.mainFlavor,
      seq: null,
      expedited: false,
      requestNs: fromNs,
      startNs: fromNs,
      startEvent: group[0].startEvent,
      initDoneNs: null,
      lastReportNs: null,
      endNs: open ? null : Math.min(toNs, captureEndNs),
      endEvent: open ? 0 : group.reduce((last, wait) => Math.max(last, wait.endEvent), 0),
      endInferred: true,
      censored: group.some((wait) => wait.censored),
      gapsAtStart: 0,
      ticks: [],
      holdouts: this.#holdouts(fromNs, toNs, open, wokenNs),
    } satisfies GracePeriod);
  }

  /**
   * The kthread waited for a CPU behind a real-time task for most of it. Such a task may run in user mode, where it holds up nothing but
   * the kthread; a fair task that keeps the CPU for as long is in kernel code that does not reschedule, and the stretch is its own.
   */
  #lostToRealtime(fromNs: number, toNs: number): boolean {
    let lostNs = 0;
    for (const { flavor, realtime, startNs, endNs } of this.#from.kthread.starvations)
      if (realtime && flavor === this.#rcu.mainFlavor)
        lostNs += Math.max(0, overlapNs(fromNs, toNs, startNs, endNs ?? toNs));
    return lostNs >= COVERS * (toNs - fromNs);
  }
}
