/**
 * SRCU grace periods, which have no events of their own (E1.2), from the work that drives them: process_srcu is queued, runs once or
 * more often, and its callbacks are queued within a jiffy of the run that ends it (S3.11–S3.16). One work item belongs to one
 * srcu_struct (S3.21). All of it is inferred, but for ends that a probe on srcu_gp_end shows.
 */

import { type EventCursor, type EventType, fieldsOf, knownName } from '../../../../schema/index.ts';
import type { MayBeOpen } from '../../core/interval.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { TextCodes } from '../cpu/text-codes.ts';
import type { FunctionCall, FunctionCallModel } from '../task/function-calls.ts';
import type { QueuedWork, WorkExecution, WorkKey } from '../work/work-item.ts';
import type { WorkqueueModel } from '../work/workqueue.ts';
import { domainOfWork, type SrcuIdentity } from './identity.ts';
import type { SrcuReaderModel } from './reader.ts';

const TIMER = fieldsOf('timer_start');

export interface SrcuGracePeriod extends MayBeOpen {
  domain: string;
  /** process_srcu is queued or delayed for it, or runs first; with its event. */
  readonly startNs: number;
  readonly startEvent: number;
  /** First run. */
  scanNs: number | null;
  /** End of the grace period itself: before its callbacks run. */
  endNs: number | null;
  endEvent: number;
  /** Something shows the end: callbacks, or the function that ends it. False: nothing more was seen of it for long. */
  endShown: boolean;
  runs: number;
  /** Waits of the runs for RCU: two or more in a complete grace period of a struct whose readers need it (S3.14). */
  rcuWaits: number;
  /** When the irq_work ran that queued process_srcu for it (v7.0, S3.12). */
  irqWorkNs: number | undefined;
  /** A run waited for an expedited RCU grace period, or somebody called synchronize_srcu_expedited() for it (S3.19). */
  expedited: boolean;
  /** When srcu_invoke_callbacks was queued for it, and its execution, once it has started. */
  callbacksQueuedNs: number | undefined;
  callbacks: WorkExecution | undefined;
}

/**
 * A scan that finds readers is repeated after at most ten jiffies (S3.15), and callbacks are queued one jiffy after an end; but a virtual
 * CPU may pause for much longer than either. Silence of that length means that nothing will be repeated.
 */
const QUIET_NS = 3e9;

/** Callbacks are queued within that time of the end, even by a CPU that pauses. */
const CALLBACKS_NS = 1e9;

/** The irq_work of v7.0 queues the work within that time, or arms its timer. */
const HOP_NS = 1e7;

const KEPT = 4096;

/** timer_start inside a run: the callbacks' timer ends the grace period, the work's own timer repeats or begins one. */
const RUN_TIMERS = { srcu_delay_timer: 1, delayed_work_timer_fn: 2 } as const;

interface Instant {
  readonly ns: number;
  readonly event: number;
}

/** One srcu_struct, by the work that drives it. */
export interface SrcuStruct {
  gp: SrcuGracePeriod | undefined;
  /** The run in progress. */
  run: WorkExecution | undefined;
  /** Waits for RCU of that run. */
  runRcuWaits: number;
  /** Where the grace period ended in the run in progress, when something shows it. */
  ended: Instant | undefined;
  /** End of the last run of the grace period. */
  lastEnd: Instant | undefined;
  /** When the work was queued or delayed again, since the last run began. */
  again: Instant | undefined;
}

export class SrcuGpModel implements Model {
  readonly #world: World;
  readonly #work: WorkqueueModel;
  readonly #identity: SrcuIdentity;
  readonly #readers: SrcuReaderModel;
  /** By work item of process_srcu; implied runs by their domain. */
  readonly #structs = new Map<WorkKey | string, SrcuStruct>();
  readonly #timers = new TextCodes(RUN_TIMERS);
  /** Structs whose next grace period is expedited. */
  readonly #expedited = new Set<string>();
  /** When srcu_irq_work ran last, by CPU. */
  readonly #hops: number[] = [];
  /** In order of start. */
  readonly periods: SrcuGracePeriod[] = [];
  /** Ended, whose callbacks have not been queued as far as events show. */
  readonly #awaiting: SrcuGracePeriod[] = [];
  /** By work item of srcu_invoke_callbacks that is queued. */
  readonly #callbacksOf = new Map<WorkKey, SrcuGracePeriod>();
  /** Those whose callbacks were queued before their last run was over. */
  readonly #served = new WeakSet<SrcuGracePeriod>();

  constructor(
    world: World,
    work: WorkqueueModel,
    calls: FunctionCallModel,
    identity: SrcuIdentity,
    readers: SrcuReaderModel,
  ) {
    this.#world = world;
    this.#identity = identity;
    this.#work = work;
    this.#readers = readers;
    work.listeners.push({
      onQueued: (queued, byTid) => this.#queued(queued, byTid),
      onStarted: (execution) => this.#started(execution),
      onFinished: (execution) => this.#finished(execution),
    });
    calls.listeners.push((call, event) => this.#called(call, event));
  }

  /** Live state of a snapshot. */
  get live(): {
    readonly structs: Map<WorkKey | string, SrcuStruct>;
    readonly awaiting: SrcuGracePeriod[];
    readonly callbacksOf: Map<WorkKey, SrcuGracePeriod>;
    readonly served: WeakSet<SrcuGracePeriod>;
  } {
    return {
      structs: this.#structs,
      awaiting: this.#awaiting,
      callbacksOf: this.#callbacksOf,
      served: this.#served,
    };
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (knownName(type) !== 'timer_start') return undefined;
    return (event) => {
      const timer = this.#timers.of(event, TIMER.function);
      if (timer === 0) return;
      const run = this.#work.executing(event.tid);
      if (run?.fn !== 'process_srcu') return;
      const struct = this.#structOf(run);
      const now = { ns: event.tsNs, event: event.eventId };
      if (timer === RUN_TIMERS.srcu_delay_timer) struct.ended ??= now;
      else struct.again = now;
    };
  }

  #structOf(execution: WorkExecution): SrcuStruct {
    if (!execution.implied) return this.#struct(execution.work);
    const unnamed = this.#structs.get(`worker ${execution.workerTid}`);
    if (unnamed?.run === execution) return unnamed;
    return this.#struct(execution.domain ?? `worker ${execution.workerTid}`);
  }

  /** A run was named while it ran: it continues the grace period of its struct, or begins one. */
  #adopt(execution: WorkExecution): void {
    const { domain } = execution;
    const from = this.#structs.get(`worker ${execution.workerTid}`);
    if (!execution.implied || domain === undefined || from?.run !== execution || !from.gp) return;
    const struct = this.#struct(domain);
    this.#settleQuiet(struct, execution.startNs);
    if (struct.gp) {
      struct.gp.runs += from.gp.runs;
      this.periods.splice(this.periods.lastIndexOf(from.gp), 1);
    } else {
      struct.gp = from.gp;
      struct.gp.domain = domain;
    }
    struct.run = execution;
    struct.runRcuWaits = from.runRcuWaits;
    struct.ended = from.ended;
    struct.again = from.again;
    this.#structs.delete(`worker ${execution.workerTid}`);
  }

  #struct(key: WorkKey | string): SrcuStruct {
    let struct = this.#structs.get(key);
    if (!struct) {
      struct = {
        gp: undefined,
        run: undefined,
        runRcuWaits: 0,
        ended: undefined,
        lastEnd: undefined,
        again: undefined,
      };
      this.#structs.set(key, struct);
    }
    return struct;
  }

  /** The irq_work that starts grace periods is among what is recorded. */
  get irqWorkSeen(): boolean {
    return this.#hops.length > 0;
  }

  #called({ role, returns, ssp }: FunctionCall, event: EventCursor): void {
    if (role.role === 'srcu-irq-work' && !returns) this.#hops[event.cpu] = event.tsNs;
    if (role.role === 'wait' && role.fn === 'synchronize_srcu_expedited' && !returns && ssp)
      this.#expedite(this.#identity.resolve(ssp));
    if (role.role !== 'srcu-gp-end' || returns) return;
    const run = this.#work.executing(event.tid);
    if (run?.fn === 'process_srcu') this.#structOf(run).ended ??= { ns: event.tsNs, event: event.eventId };
  }

  /** The grace period in flight and the one that the caller needs (S3.19). */
  #expedite(domain: string): void {
    this.#expedited.add(domain);
    for (const { gp } of this.#structs.values()) if (gp?.domain === domain) gp.expedited = true;
  }

  #queued(queued: QueuedWork, byTid: number): void {
    if (queued.fn === 'srcu_invoke_callbacks') this.#callbacksQueued(queued, byTid);
    if (queued.fn !== 'process_srcu') return;
    const struct = this.#struct(queued.work);
    const now = { ns: queued.queuedNs, event: queued.queueEvent };
    if (!struct.run) this.#settleQuiet(struct, now.ns);
    if (struct.gp) struct.again ??= now;
    else {
      const startNs = queued.delayedFromNs ?? now.ns;
      const gp = this.#open(struct, this.#domainOf(queued.work), { ns: startNs, event: now.event });
      // The hop queues the work, or arms its timer, before it returns.
      const hopNs = this.#hops[queued.cpu];
      if (hopNs !== undefined && startNs >= hopNs && startNs - hopNs <= HOP_NS) gp.irqWorkNs = hopNs;
    }
  }

  /** Nothing was queued at the end of the last run: it ended the grace period, unless it is repeated within what a delay may take. */
  #settleQuiet(struct: SrcuStruct, nowNs: number): void {
    const { lastEnd } = struct;
    if (struct.gp && lastEnd && !struct.again && nowNs - lastEnd.ns > QUIET_NS) this.#close(struct, lastEnd, false);
  }

  #domainOf(work: WorkKey): string {
    return (
      this.#work.live.domains.get(work) ?? this.#identity.ofWork(work) ?? this.#identity.resolve(domainOfWork(work))
    );
  }

  #open(struct: SrcuStruct, domain: string, start: Instant): SrcuGracePeriod {
    const gp: SrcuGracePeriod = {
      domain,
      startNs: start.ns,
      startEvent: start.event,
      scanNs: null,
      endNs: null,
      endEvent: 0,
      endShown: false,
      runs: 0,
      rcuWaits: 0,
      irqWorkNs: undefined,
      expedited: this.#expedited.delete(domain),
      callbacksQueuedNs: undefined,
      callbacks: undefined,
    };
    struct.gp = gp;
    struct.lastEnd = undefined;
    struct.again = undefined;
    this.periods.push(gp);
    if (this.periods.length > KEPT * 2) this.periods.splice(0, KEPT);
    return gp;
  }

  #started(execution: WorkExecution): void {
    if (execution.fn === 'srcu_invoke_callbacks') this.#callbacksStarted(execution);
    if (execution.fn !== 'process_srcu') return;
    const struct = this.#structOf(execution);
    this.#settleQuiet(struct, execution.startNs);
    struct.run = execution;
    struct.runRcuWaits = 0;
    struct.ended = undefined;
    struct.again = undefined;
    const domain = execution.domain ?? (execution.implied ? '' : this.#domainOf(execution.work));
    const gp = struct.gp ?? this.#open(struct, domain, { ns: execution.startNs, event: execution.startEvent });
    gp.runs++;
    gp.scanNs ??= execution.startNs;
  }

  #finished(execution: WorkExecution): void {
    if (execution.fn !== 'process_srcu') return;
    this.#adopt(execution);
    const struct = this.#structOf(execution);
    const { gp, ended, again } = struct;
    struct.run = undefined;
    if (!gp) return;
    // A probe inside the run may have named the struct.
    if (execution.domain !== undefined) gp.domain = execution.domain;
    gp.rcuWaits += struct.runRcuWaits;
    struct.runRcuWaits = 0;
    if (!ended) struct.lastEnd = { ns: execution.endNs as number, event: execution.endEvent };
    else {
      this.#close(struct, ended);
      if (again) this.#open(struct, gp.domain, again);
    }
  }

  /**
   * Callbacks are queued. Inside a run, or for a struct whose end is known, they belong to it; by the timer that an end arms (S3.16), to the
   * struct whose run ended last: that run ended the grace period.
   */
  #callbacksQueued(queued: QueuedWork, byTid: number): void {
    const run = this.#work.executing(byTid);
    if (run?.fn === 'process_srcu') {
      const struct = this.#structOf(run);
      struct.ended ??= { ns: queued.queuedNs, event: queued.queueEvent };
      if (!struct.gp) return;
      this.#callbacksOf.set(queued.work, struct.gp);
      struct.gp.callbacksQueuedNs ??= queued.queuedNs;
      this.#served.add(struct.gp);
      return;
    }
    const gp = this.#takeAwaiting(queued.work) ?? this.#endedBefore(queued.work, queued.queuedNs);
    if (!gp) return;
    this.#callbacksOf.set(queued.work, gp);
    gp.callbacksQueuedNs ??= queued.queuedNs;
  }

  /** An ended grace period that waits for its callbacks: of the struct that the work item belongs to, when that is known. */
  #takeAwaiting(work: WorkKey): SrcuGracePeriod | undefined {
    const domain = this.#work.live.domains.get(work);
    const gp = this.#awaiting.find((waiting) => domain === undefined || waiting.domain === domain);
    if (gp) this.#servedNow(gp);
    return gp;
  }

  #servedNow(gp: SrcuGracePeriod): void {
    const index = this.#awaiting.indexOf(gp);
    if (index >= 0) this.#awaiting.splice(index, 1);
  }

  /** Ends the grace period of the struct whose run ended last before callbacks were queued. */
  #endedBefore(work: WorkKey, nowNs: number): SrcuGracePeriod | undefined {
    const domain = this.#work.live.domains.get(work);
    let latest: SrcuStruct | undefined;
    for (const struct of this.#structs.values()) {
      const { gp, lastEnd } = struct;
      if (!gp || !lastEnd || nowNs - lastEnd.ns > CALLBACKS_NS || (domain !== undefined && gp.domain !== domain))
        continue;
      if (this.#hasOldReader(gp)) continue;
      if (!latest || lastEnd.ns > (latest.lastEnd as Instant).ns) latest = struct;
    }
    if (!latest) return undefined;
    const { gp, lastEnd, again, run } = latest as SrcuStruct & { gp: SrcuGracePeriod; lastEnd: Instant };
    // A run in progress by now is the next grace period's.
    if (run) gp.runs--;
    this.#close(latest, lastEnd);
    this.#servedNow(gp);
    if (run) {
      const next = this.#open(latest, gp.domain, {
        ns: run.delayedFromNs ?? run.queuedNs ?? run.startNs,
        event: run.queueEvent || run.startEvent,
      });
      next.runs = 1;
      next.scanNs = run.startNs;
    } else if (again) this.#open(latest, gp.domain, again);
    return gp;
  }

  /** A reader has been inside since before the scans began: the grace period cannot have ended. */
  #hasOldReader({ domain, scanNs }: SrcuGracePeriod): boolean {
    for (const reader of this.#readers.readers.get(domain)?.values() ?? [])
      if (scanNs !== null && reader.sinceNs < scanNs) return true;
    return false;
  }

  #callbacksStarted(execution: WorkExecution): void {
    const gp =
      this.#callbacksOf.get(execution.work) ??
      this.#takeAwaiting(execution.work) ??
      this.#endedBefore(execution.work, execution.startNs);
    this.#callbacksOf.delete(execution.work);
    if (!gp) return;
    gp.callbacks ??= execution;
    execution.domain ??= gp.domain;
  }

  #close(struct: SrcuStruct, end: Instant, shown = true): void {
    const gp = struct.gp as SrcuGracePeriod;
    struct.gp = undefined;
    struct.lastEnd = undefined;
    struct.ended = undefined;
    struct.again = undefined;
    // The struct of its work may have got its name since.
    if (!gp.expedited) gp.expedited = this.#expedited.delete(gp.domain);
    gp.endNs = end.ns;
    gp.endEvent = end.event;
    gp.endShown = shown;
    if (!this.#served.has(gp)) this.#awaiting.push(gp);
    if (this.#awaiting.length > 64) this.#awaiting.shift();
    this.#emit(gp);
  }

  /** A worker waited for RCU inside the run that it executes. */
  waitedForRcu(workerTid: number, expedited: boolean): void {
    const run = this.#work.executing(workerTid);
    if (run?.fn !== 'process_srcu') return;
    const struct = this.#structOf(run);
    struct.runRcuWaits++;
    if (struct.gp && expedited) struct.gp.expedited = true;
  }

  renameDomain(from: string, to: string): void {
    for (const gp of this.periods) if (gp.domain === from) gp.domain = to;
  }

  #emit(gp: SrcuGracePeriod): void {
    const { facts } = this.#world;
    if (gp.endNs === null) facts.openSample('srcu-gp', gp.domain);
    else facts.sample('srcu-gp', gp.domain, gp.endNs - gp.startNs);
    facts.gracePeriod({
      flavor: gp.domain,
      gpSeq: null,
      expedited: gp.expedited,
      requestNs: null,
      startNs: gp.startNs,
      initDoneNs: gp.scanNs,
      lastReportNs: null,
      endNs: gp.endNs,
      confidence: 'inferred',
      holdouts: '',
    });
  }

  finish(endNs: number): void {
    for (const struct of this.#structs.values()) {
      this.#settleQuiet(struct, endNs);
      if (struct.gp) this.#emit(struct.gp);
    }
  }
}
