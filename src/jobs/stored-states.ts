/**
 * Time travel: the state of a stored run at any instant. The nearest snapshot is loaded and the pages from there to the instant are
 * replayed; without a usable snapshot the replay begins at the start and comes to the same.
 */
import {
  type EventBatch,
  formatDuration,
  type KernelProfile,
  NO_FACTS,
  RequestError,
  type StateEvent,
  type StateResult,
} from '../../schema/index.ts';
import { ReplayEngine } from '../replay/engine.ts';
import { type InstantFilter, instantOf } from '../replay/instant/instant.ts';
import { type LiveState, loadLiveState } from '../replay/snapshot/live-state.ts';
import type { EventFilter, EventPositions } from '../store/events/event-positions.ts';
import { type RunSettings, StoreReader } from '../store/run-reader.ts';
import { readError, StoreError } from '../store/store-error.ts';
import { stateEvent } from './state-event.ts';

/** An instant: after everything up to that time, or right after an event. */
export type Target = { readonly tsNs: number } | { readonly event: number };

/** The same for callers of the library: ns on the run's timeline, or right after an event. */
export type Instant = number | { readonly event: number };

/** A request that the run cannot answer: a time outside it, an event that it does not have. */
export class StateError extends RequestError {
  override readonly name = 'StateError';
}

/** What of a state comes from which events. */
const KINDS: readonly { readonly what: string; readonly events: readonly string[] }[] = [
  { what: 'what tasks do (sched:sched_switch)', events: ['sched_switch'] },
  { what: 'locks (lock:*)', events: ['lock_acquire', 'contention_begin'] },
  { what: 'RCU grace periods (rcu:*)', events: ['rcu_grace_period'] },
  { what: 'work (workqueue:*)', events: ['workqueue_queue_work', 'workqueue_execute_start'] },
  { what: 'NMIs (nmi:nmi_handler)', events: ['nmi_handler'] },
  { what: 'interrupts (irq:*, irq_vectors:*)', events: ['irq_handler_entry', 'local_timer_entry', 'softirq_entry'] },
];

/** A stored run opened at its instants. */
export class StoredStates {
  readonly path: string;
  readonly runId: number;
  readonly #reader: StoreReader;
  readonly #positions: EventPositions;
  readonly #settings: RunSettings;
  #notes: string[] = [];

  /**
   * @param runId default: the latest
   * @throws StoreError
   */
  constructor(path: string, runId?: number) {
    this.path = path;
    this.#reader = new StoreReader(path);
    try {
      const latest = runId ?? this.#reader.runIds().at(-1);
      if (latest === undefined) throw new StoreError(`${path}: holds no run; ingest a capture first`);
      this.runId = latest;
      this.#settings = this.#reader.settings(this.runId);
      this.#positions = this.#reader.positions(this.runId);
    } catch (error) {
      this.#reader.close();
      throw error;
    }
  }

  close(): void {
    this.#reader.close();
  }

  /** The recorded kernel. */
  get kernel(): KernelProfile {
    return this.#reader.runInfo(this.runId).kernel;
  }

  /** Instants at which the run begins and ends, ns. */
  get span(): { readonly firstNs: number; readonly lastNs: number; readonly baseNs: bigint; readonly records: number } {
    const run = this.#reader.runInfo(this.runId);
    return {
      firstNs: run.first_ns,
      lastNs: run.last_ns,
      baseNs: BigInt(run.base_ns),
      records: this.#settings.records,
    };
  }

  /**
   * The event of that name (undefined: any) next to an instant.
   * @param direction 1: after it, −1: before it
   * @throws StateError when there is none
   */
  step(target: Target, direction: 1 | -1, name: string | undefined, filter: EventFilter): Target {
    return this.#guarded(() => {
      const names = this.#positions.names();
      if (name !== undefined && !names.includes(name))
        throw new StateError(`run ${this.runId} has no event "${name}"; it has ${names.join(', ')}`);
      const found = this.#positions.nearest(name, this.#stepOrigin(target, direction), direction, filter);
      if (found === undefined) {
        const what = `${name ?? 'event'}${filterText(filter)}`;
        throw new StateError(`no ${what} ${direction > 0 ? 'after' : 'before'} that instant in run ${this.runId}`);
      }
      return { event: found };
    });
  }

  /** Steps from an event leave it behind; steps from a time take the first event after it, or the last one before it. */
  #stepOrigin(target: Target, direction: 1 | -1): number {
    if ('event' in target) return target.event;
    return direction > 0 ? this.#lastEventUpTo(target.tsNs) : this.#lastEventUpTo(target.tsNs - 1) + 1;
  }

  /** Position of the last event that is not later than a time; 0 before the first. */
  #lastEventUpTo(tsNs: number): number {
    const page = this.#positions.pageBeyond(tsNs);
    if (page === undefined) return this.#settings.records;
    for (const batch of this.#reader.batches(this.runId, page.pageNo)) {
      const index = batch.tsNs.subarray(0, batch.length).findIndex((ns) => ns > tsNs);
      if (index >= 0) return page.firstEvent + index - 1;
    }
    return this.#settings.records;
  }

  /**
   * The state at an instant.
   * @throws StateError when the run does not reach there
   * @throws StoreError
   */
  at(target: Target, filter: InstantFilter = {}): StateResult {
    return this.#guarded(() => {
      const { firstNs, lastNs } = this.span;
      this.#notes = [];
      const event = 'event' in target ? target.event : this.#lastEventUpTo(target.tsNs);
      if (event < 1 || event > this.#settings.records || ('tsNs' in target && target.tsNs > this.#lastRecordNs(lastNs)))
        throw new StateError(this.#outside());
      const { engine, last } = this.#replayTo(event);
      const askedNs = 'event' in target ? engine.world.nowNs : target.tsNs;
      if (askedNs < firstNs) throw new StateError(this.#outside());
      const { timeUnit } = this.#settings.captured;
      // Only a log reaches beyond the trace: it says nothing of what tasks and CPUs did there.
      const atNs = Math.min(askedNs, lastNs);
      if (askedNs > lastNs)
        this.#notes.push(
          `the trace ends at ${seconds(lastNs)} s, ${formatDuration(askedNs - lastNs)} before that instant: this is the state at its end`,
        );
      this.#noteLimits(engine);
      return {
        schema: 'quiesce.state/1',
        run_id: this.runId,
        run: this.#reader.runInfo(this.runId).name,
        at_ns: atNs,
        ...(timeUnit && { time_unit: timeUnit }),
        event: last,
        ...instantOf(engine, atNs, filter),
        notes: this.#notes,
      };
    });
  }

  /** Silence is no answer: what was not recorded is said. */
  #noteLimits(engine: ReplayEngine): void {
    const names = this.#positions.names();
    const absent = KINDS.filter(({ events }) => !events.some((event) => names.includes(event)));
    if (absent.length > 0) this.#notes.push(`not recorded, so not shown: ${absent.map(({ what }) => what).join(', ')}`);
    const { lostMarkers } = engine.world;
    if (lostMarkers > 0)
      this.#notes.push(`events were lost ${lostMarkers === 1 ? 'once' : `${lostMarkers} times`} before this instant`);
    if (!this.#settings.replayed && this.#settings.records > 1e6)
      this.#notes.push(
        `run ${this.runId} was only stored: "quiesce replay" on the store keeps snapshots, which make this quick`,
      );
  }

  #outside(): string {
    const { firstNs, lastNs, records } = this.span;
    if (records === 0) return `run ${this.runId} has no events`;
    return `outside run ${this.runId}, which has events 1 to ${records} from ${seconds(firstNs)} to ${seconds(lastNs)} s`;
  }

  /** The end of the trace, or of a log that goes on after it. */
  #lastRecordNs(traceEndNs: number): number {
    return Math.max(traceEndNs, ...this.#reader.runInfo(this.runId).captures.map((capture) => capture.last_ns ?? 0));
  }

  #replayTo(event: number): { readonly engine: ReplayEngine; readonly last: StateEvent | null } {
    const { engine, reached } = this.#nearestSnapshot(event);
    let last: StateEvent | null = null;
    const from = this.#positions.pageOf(Math.min(reached + 1, event));
    if (from === undefined) return { engine, last };
    for (const batch of this.#reader.batches(this.runId, from.pageNo)) {
      const wanted = event - batch.firstEventId + 1;
      if (batch.length > wanted) cut(batch, wanted);
      if (batch.firstEventId > reached) engine.step(batch);
      else engine.world.dictionary.apply(batch.delta);
      if (batch.firstEventId + batch.length > event) {
        last = stateEvent(batch, wanted - 1, engine.world.dictionary);
        break;
      }
    }
    return { engine, last };
  }

  /** An engine that has seen everything up to the latest usable snapshot at or before the event. */
  #nearestSnapshot(event: number): { readonly engine: ReplayEngine; readonly reached: number } {
    for (const snapshot of this.#reader.snapshots(this.runId, event)) {
      const engine = this.#engine();
      try {
        const pageNo = this.#pageAfter(snapshot.event);
        loadLiveState(engine, snapshot.state() as LiveState, this.#reader.reportsBefore(this.runId, pageNo));
        return { engine, reached: snapshot.event };
      } catch (error) {
        if (error instanceof StoreError) throw error;
        this.#notes.push(`the snapshot at event ${snapshot.event} ${(error as Error).message}; an earlier one is used`);
      }
    }
    return { engine: this.#engine(), reached: 0 };
  }

  /** @throws Error when the event is not the last one of a page */
  #pageAfter(event: number): number {
    const page = this.#positions.pageOf(event + 1);
    if (page?.firstEvent === event + 1) return page.pageNo;
    if (page === undefined || event !== this.#settings.records) throw new Error('is not at the end of a page');
    return page.pageNo + 1;
  }

  #engine(): ReplayEngine {
    const { given, header, thresholds } = this.#settings;
    const engine = new ReplayEngine({ profile: given, thresholds, facts: NO_FACTS });
    const { world } = engine;
    for (const field of Object.keys(header) as (keyof KernelProfile)[])
      if (world.profile[field] === undefined) world.learn(field, header[field]);
    return engine;
  }

  #guarded<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof StateError) throw error;
      throw readError(this.path, error);
    }
  }
}

/** Leaves the first `length` events of a batch, and the reports that came before the first one left out. */
function cut(batch: EventBatch, length: number): void {
  const untilNs = batch.tsNs[length];
  batch.length = length;
  batch.reports = batch.reports.filter((report) => report.tsNs < untilNs);
}

function seconds(ns: number): string {
  return (ns / 1e9).toFixed(6);
}

function filterText({ cpu, tid, comm }: EventFilter): string {
  const parts = [
    ...(cpu === undefined ? [] : [`on CPU ${cpu}`]),
    ...(comm === undefined && tid === undefined
      ? []
      : [`of ${[comm, tid].filter((part) => part !== undefined).join(':')}`]),
  ];
  return parts.map((part) => ` ${part}`).join('');
}
