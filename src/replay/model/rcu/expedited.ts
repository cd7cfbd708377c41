/**
 * Expedited grace periods (MODEL R2.23, W26; kernel/rcu/tree_exp.h): `start`, `select`, `startwait` and `end` by the worker that runs them. Which
 * CPUs they wait for is not printed. It follows: CPUs that are neither idle nor in user mode of a nohz_full CPU when they are selected are
 * sent an interrupt (rcu_exp_handler) and are pending until they take it, or, inside a reader, until they leave it or switch.
 *
 *     rcu_exp_grace_period: rcu_preempt 20 snap
 *     rcu_exp_grace_period: rcu_preempt 0x14 start
 */
import { type EventCursor, fieldsOf } from '../../../../schema/index.ts';
import type { World } from '../../core/world.ts';
import type { CpuModel } from '../cpu/cpu.ts';
import type { BlockedReader, RcuFlavor } from './flavor.ts';
import { type GracePeriod, type Holdout, newGracePeriod } from './grace-period.ts';
import type { GracePeriodHistory } from './grace-period-history.ts';
import type { HoldoutAccounting } from './holdout/accounting.ts';

const EXPEDITED = fieldsOf('rcu_exp_grace_period');

/** What the normal grace periods' model does for these, too. */
export interface GracePeriodBooks {
  addReader(flavor: RcuFlavor, gp: GracePeriod, reader: BlockedReader, event: EventCursor): void;
  settle(flavor: RcuFlavor, holdout: Holdout, nowNs: number, eventId: number): void;
  emit(gp: GracePeriod): void;
}

/** The last quiescent state ends the grace period: the worker is woken and has to run. */
const END_LATENCY_NS = 2e6;

export class ExpeditedGracePeriods {
  readonly #world: World;
  readonly #cpus: CpuModel;
  readonly #accounting: HoldoutAccounting;
  readonly #history: GracePeriodHistory;
  readonly #books: GracePeriodBooks;

  constructor(
    world: World,
    cpus: CpuModel,
    accounting: HoldoutAccounting,
    history: GracePeriodHistory,
    books: GracePeriodBooks,
  ) {
    this.#world = world;
    this.#cpus = cpus;
    this.#accounting = accounting;
    this.#history = history;
    this.#books = books;
  }

  /** rcu_exp_grace_period. `snap` and `done` are the callers': {@link SyncWaitModel}. */
  event(flavor: RcuFlavor, event: EventCursor): void {
    const gp = flavor.expedited;
    switch (event.text(EXPEDITED.gpevent)) {
      case 'snap':
        flavor.expeditedRequestNs ??= event.tsNs;
        break;
      case 'start':
        this.#start(flavor, event);
        break;
      case 'select':
        if (gp) this.#select(flavor, gp, event);
        break;
      case 'startwait':
        if (!gp) break;
        if (flavor.expeditedPending.size === 0 && gp.initDoneNs === null) this.#select(flavor, gp, event);
        gp.initDoneNs = event.tsNs;
        break;
      case 'end':
        if (gp) this.#end(flavor, gp, event);
        break;
      default:
    }
  }

  #start(flavor: RcuFlavor, event: EventCursor): void {
    const before = flavor.expedited;
    if (before) {
      before.endInferred = true;
      before.censored = before.gapsAtStart !== this.#world.lostMarkers;
      this.#end(flavor, before, event);
    }
    const gp = newGracePeriod({
      flavor: flavor.name,
      seq: event.int(EXPEDITED.gpseq),
      expedited: true,
      requestNs: flavor.expeditedRequestNs,
      startNs: event.tsNs,
      startEvent: event.eventId,
      gapsAtStart: this.#world.lostMarkers,
    });
    flavor.expeditedRequestNs = null;
    flavor.expedited = gp;
    this.#history.add(gp);
    for (const reader of flavor.readers.values()) this.#books.addReader(flavor, gp, reader, event);
  }

  /** The worker's own CPU and those in an extended quiescent state are done with. */
  #select(flavor: RcuFlavor, gp: GracePeriod, event: EventCursor): void {
    for (const state of this.#cpus.all()) {
      if (state.cpu === event.cpu || state.tid < 0 || this.#cpus.isQuiescent(state)) continue;
      if (flavor.expeditedPending.has(state.cpu)) continue;
      const holdout = this.#accounting.cpu(state.cpu, event.tsNs, event.eventId);
      flavor.expeditedPending.set(state.cpu, holdout);
      gp.holdouts.push(holdout);
    }
  }

  /** The interrupt that asks, or another function call: outside of readers its handler reports. */
  asked(flavor: RcuFlavor, cpu: number, event: EventCursor): void {
    const holdout = flavor.expeditedPending.get(cpu);
    if (!holdout || holdout.askedNs !== undefined) return;
    holdout.askedNs = event.tsNs;
    holdout.askedReader = flavor.name === 'rcu_preempt';
    holdout.occupancyPassed = this.#cpus.snapshot(cpu, event.tsNs);
    holdout.passedEvent = event.eventId;
  }

  /** A context switch or an extended quiescent state of the CPU: it is a holdout no more; a reader that was preempted is one. */
  passed(flavor: RcuFlavor, cpu: number, nowNs: number, eventId: number): void {
    const holdout = flavor.expeditedPending.get(cpu);
    if (!holdout) return;
    flavor.expeditedPending.delete(cpu);
    if (flavor.expedited) flavor.expedited.lastReportNs = nowNs;
    this.#books.settle(flavor, holdout, nowNs, eventId);
  }

  #end(flavor: RcuFlavor, gp: GracePeriod, event: EventCursor): void {
    const endNs = event.tsNs;
    // A CPU that took the interrupt long ago was in no reader, if another one explains the time since.
    const explained = gp.holdouts.some(
      (holdout) =>
        (holdout.kind === 'reader' || holdout.askedNs === undefined) &&
        (holdout.toNs ?? endNs) >= endNs - Math.max(END_LATENCY_NS, 0.1 * (endNs - gp.startNs)),
    );
    for (const holdout of gp.holdouts) {
      if (holdout.toNs !== null) continue;
      const { askedNs, occupancyPassed } = holdout;
      if (holdout.kind === 'cpu' && askedNs !== undefined && (explained || endNs - askedNs < END_LATENCY_NS)) {
        this.#books.settle(flavor, holdout, askedNs, holdout.passedEvent);
        holdout.occupancyTo = occupancyPassed;
      } else this.#books.settle(flavor, holdout, endNs, event.eventId);
    }
    flavor.expeditedPending.clear();
    flavor.expedited = undefined;
    gp.endNs = endNs;
    gp.endEvent = event.eventId;
    this.#books.emit(gp);
  }
}
