/**
 * The replay: drives the models over batches in time order, then asks the detectors for verdicts.
 *
 * One pass, memory bounded by live state. Deterministic: the same batches give the same findings, whether they come
 * from a parser or from the store.
 */

import {
  type Assessment,
  type EventBatch,
  EventCursor,
  type EventType,
  type FactSink,
  type Finding,
  fieldsOf,
  type KernelProfile,
  knownName,
  type Thresholds,
} from '../../schema/index.ts';
import { type AnyHandler, HandlersByName } from './core/handlers.ts';
import { isLogLine, mayBeLogLine } from './core/log-line.ts';
import { RecordingEnds } from './core/recording-ends.ts';
import { type EventHandler, type Model, World } from './core/world.ts';
import { assessAll } from './judge/assess.ts';
import { emitWaitEdges } from './judge/chain/wait-edges.ts';
import { detectAll } from './judge/index.ts';
import { stallRule } from './judge/stall/rule.ts';
import { createMeasures } from './model/measures.ts';
import { createModels, type Models } from './model/models.ts';
import { type RunRecord, recordOf } from './record/run-record.ts';
import { hungTaskThresholdNs, workqueueThresholdNs } from './record/wait-thresholds.ts';

const END = fieldsOf('quiesce_end');

/** Where events of a type come from: a CPU · quiesce, whose markers say nothing of what ran · a CPU or a kernel log, which no CPU recorded. */
const OF_TRACE = 0;
const OF_QUIESCE = 1;
const OF_CONSOLE = 2;

export interface ReplayOptions {
  readonly profile?: KernelProfile;
  readonly thresholds?: Partial<Thresholds>;
  readonly facts: FactSink;
}

export interface ReplayOutcome {
  readonly findings: readonly Finding[];
  readonly assessments: readonly Assessment[];
  /** The profile as resolved from options, log and events. */
  readonly profile: KernelProfile;
  /** In force: given, or else as the log or the kernel's own rules have them. */
  readonly thresholds: Thresholds;
  /** Age of a normal grace period at which the kernel warns of a stall, from options, log and events (MODEL R2.40). */
  readonly stallTimeoutNs: number;
  /** Names under which facts know a srcu_struct, with the one that the whole run tells. */
  readonly renames: readonly (readonly [from: string, to: string])[];
  readonly firstNs: number;
  readonly lastNs: number;
  readonly cpus: number;
}

export class ReplayEngine {
  readonly world: World;
  readonly models: Models;
  readonly #order: readonly Model[];
  /** By type. */
  readonly #handlers: (readonly EventHandler[])[] = [];
  readonly #byName: (HandlersByName | undefined)[] = [];
  readonly #counts: number[] = [];
  /** By type: OF_*. */
  readonly #origins: number[] = [];
  /** The last event that is no such line. */
  #recordedNs = 0;
  #recordedEvent = 0;
  /** Where traces ended while others went on. */
  readonly #ends = new RecordingEnds();
  /** By model: the events that it reads. */
  readonly #reads = new Map<Model, Set<string>>();
  #record: RunRecord | undefined;

  constructor(options: ReplayOptions) {
    this.world = new World(options);
    this.models = createModels(this.world);
    this.#order = [...this.models.order, ...createMeasures(this.world)];
  }

  /** Consumes one batch. Batches of a run come in time order, each after its dictionary delta's predecessors. */
  step(batch: EventBatch): void {
    const world = this.world;
    world.dictionary.apply(batch.delta);
    for (const type of batch.delta.types) this.#bind(type);
    world.lastEvent = Math.max(world.lastEvent, batch.firstEventId + batch.length - 1);
    const cursor = new EventCursor(batch, world.dictionary.strings);
    const { tsNs, cpu, tid, type, flags, comm, stack } = batch;
    const cpus = this.models.cpu;
    const counts = this.#counts;
    const origins = this.#origins;
    let recordedAt = -1;
    let report = 0;
    const reports = batch.reports;
    for (let i = 0; i < batch.length; i++) {
      const now = tsNs[i];
      while (report < reports.length && reports[report].tsNs <= now) this.#report(batch, report++);
      world.nowNs = now;
      const typeId = type[i];
      cursor.index = i;
      const origin = origins[typeId];
      if (origin !== OF_CONSOLE || !isLogLine(cursor)) {
        if (!world.begun) {
          world.begun = true;
          world.firstNs = now;
        }
        recordedAt = i;
        if (origin !== OF_QUIESCE)
          cpus.observe(cpu[i], tid[i], comm[i], now, flags[i], batch.firstEventId + i, stack[i]);
      }
      counts[typeId]++;
      const byName = this.#byName[typeId];
      const handlers = byName === undefined ? this.#handlers[typeId] : byName.for(cursor);
      for (let h = 0; h < handlers.length; h++) handlers[h](cursor);
    }
    while (report < reports.length) this.#report(batch, report++);
    if (recordedAt < 0) return;
    this.#recordedNs = tsNs[recordedAt];
    this.#recordedEvent = batch.firstEventId + recordedAt;
  }

  /** What the models concluded; after {@link finish}. */
  get record(): RunRecord {
    if (this.#record === undefined) throw new Error('the replay has not finished');
    return this.#record;
  }

  #report(batch: EventBatch, index: number): void {
    const report = batch.reports[index];
    if (report.tsNs > this.world.nowNs) this.world.nowNs = report.tsNs;
    if (report.kind === 'unread') for (const kind of report.about) this.world.unreadReports.add(kind);
    this.world.reportsSeen.set(report.kind, (this.world.reportsSeen.get(report.kind) ?? 0) + 1);
    for (const model of this.#order) model.onReport?.(report);
  }

  #bind(type: EventType): void {
    const handlers: AnyHandler[] = [];
    for (const model of this.#order) {
      const handler = model.subscribe(type);
      if (!handler) continue;
      handlers.push(handler);
      if (type.shape === 'marker') continue;
      const reads = this.#reads.get(model);
      if (reads) reads.add(type.name);
      else this.#reads.set(model, new Set([type.name]));
    }
    if (knownName(type) === 'quiesce_end') handlers.push((event: EventCursor) => this.#recordingEnded(event));
    this.#byName[type.typeId] = HandlersByName.of(handlers);
    this.#handlers[type.typeId] = this.#byName[type.typeId] === undefined ? (handlers as EventHandler[]) : [];
    this.#counts[type.typeId] ??= 0;
    this.#origins[type.typeId] = mayBeLogLine(type) ? OF_CONSOLE : type.shape === 'marker' ? OF_QUIESCE : OF_TRACE;
  }

  #recordingEnded(event: EventCursor): void {
    // What spans a gap between two traces may be two (E0.4).
    if (event.int(END.gap) === 1) this.world.lostMarkers++;
    this.#ends.end(event.text(END.events).split(' '), event.tsNs, (name) => this.#eventsOf(name));
  }

  #eventsOf(name: string): number {
    let events = 0;
    for (const type of this.world.dictionary.types) if (type.name === name) events += this.#counts[type.typeId] ?? 0;
    return events;
  }

  /** Each model ends where the last trace ended that recorded what it reads. */
  #finishModels(endNs: number): void {
    const { world } = this;
    for (const model of this.#order) {
      const read = [...(this.#reads.get(model) ?? [])].filter((name) => this.#eventsOf(name) > 0);
      const ownNs = this.#ends.any ? this.#ends.of(read, endNs, (name) => this.#eventsOf(name)) : endNs;
      if (ownNs < endNs) {
        world.endsEarly.set(model, ownNs);
        world.withFactsUntil(ownNs, () => model.finish?.(ownNs));
      } else model.finish?.(endNs);
    }
  }

  /** Ends the run and judges it. Call once. */
  finish(): ReplayOutcome {
    const world = this.world;
    for (const type of world.dictionary.types) {
      const count = this.#counts[type.typeId];
      if (count) world.seen.set(type.name, (world.seen.get(type.name) ?? 0) + count);
    }
    // A log that goes on after the recording says nothing of what the recording left open: intervals end with its last event.
    if (this.#recordedEvent > 0) {
      world.nowNs = this.#recordedNs;
      world.lastEvent = this.#recordedEvent;
    }
    const endNs = world.nowNs;
    this.#finishModels(endNs);
    const record = recordOf(this);
    this.#record = record;
    emitWaitEdges(world.facts, record.timeline);
    const { findings } = detectAll(record);
    for (const finding of findings)
      if (finding.kind === 'rcu-stall')
        world.facts.sample('rcu-stall', finding.cause, finding.end_ns - finding.start_ns);
    const { periods, stallReports } = record.timeline.data;
    const stallTimeoutNs = stallRule(record, periods, stallReports).timeoutNs;
    return {
      findings,
      assessments: assessAll(record),
      profile: world.profile,
      thresholds: {
        ...world.thresholds,
        rcuStallNs: Math.round(stallTimeoutNs),
        hungTaskNs: hungTaskThresholdNs(record),
        workqueueStallNs: workqueueThresholdNs(record),
      },
      stallTimeoutNs,
      renames: this.models.identity.renames(),
      firstNs: world.firstNs,
      lastNs: endNs,
      cpus: this.models.cpu.count,
    };
  }
}
