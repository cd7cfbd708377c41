/** One boot on its way through replay and store. */
import {
  DEFAULT_THRESHOLDS,
  Dictionary,
  type DictionaryDelta,
  type EventBatch,
  emptyDelta,
  FRAME_WIDTH,
  type KernelProfile,
  type RunInfo,
  type Thresholds,
} from '../../../schema/index.ts';
import { ReplayEngine, type ReplayOutcome } from '../../replay/engine.ts';
import { type RootedFindings, rootsOf } from '../../replay/roots/roots.ts';
import { saveLiveState } from '../../replay/snapshot/live-state.ts';
import type { ReplayedRun } from '../../replay/what-if/judge.ts';
import { type FactRecorder, factRecorder } from '../../store/facts/fact-recorder.ts';
import type { CpuSpan } from '../../store/run-summary.ts';
import { encodeSnapshot } from '../../store/snapshot-codec.ts';
import type { SourcedBatch } from '../source/batch-source.ts';
import type { RunSink } from '../target/run-sink.ts';
import { RecordedSpan } from './recorded-span.ts';
import { SnapshotSchedule } from './snapshot-schedule.ts';

export interface SessionOptions {
  readonly profile: KernelProfile;
  readonly thresholds: Partial<Thresholds>;
  /** False: store only. */
  readonly replay: boolean;
  /** Gets the models once the run is judged: for what-if. */
  readonly onReplayed?: ((run: ReplayedRun) => void) | undefined;
}

export class RunSession {
  readonly boot: number;
  readonly sink: RunSink | undefined;
  readonly dictionary: Dictionary;
  readonly #options: SessionOptions;
  readonly #engine: ReplayEngine | undefined;
  readonly #recorder: FactRecorder | undefined;
  readonly #snapshots = new SnapshotSchedule();
  readonly #recorded = new RecordedSpan();
  #outcome: ReplayOutcome | undefined;
  #rooted: RootedFindings = { findings: [], roots: [] };

  constructor(boot: number, options: SessionOptions, sink: RunSink | undefined, header: KernelProfile) {
    this.boot = boot;
    this.sink = sink;
    this.#options = options;
    if (options.replay) {
      this.#recorder = factRecorder(sink && ((batch) => sink.appendFacts(batch)));
      const { profile, thresholds } = options;
      this.#engine = new ReplayEngine({ profile, thresholds, facts: this.#recorder });
      this.#learn(header);
      this.dictionary = this.#engine.world.dictionary;
    } else this.dictionary = new Dictionary();
  }

  append(sourced: SourcedBatch): void {
    const { batch } = sourced;
    for (const type of batch.delta.types) this.#recorded.define(type);
    if (this.#engine === undefined) this.dictionary.apply(batch.delta);
    else {
      this.#engine.step(batch);
      this.#keepState(this.#engine, batch);
    }
    this.#recorded.append(batch, this.dictionary.strings);
    // Last: a store in another thread takes the batch away.
    this.sink?.append?.(sourced);
  }

  /** Between two pages, so that a replay can go on with the next one. */
  #keepState(engine: ReplayEngine, batch: EventBatch): void {
    if (this.sink === undefined || batch.length === 0 || !this.#snapshots.passed(batch.length)) return;
    const event = batch.firstEventId + batch.length - 1;
    const body = encodeSnapshot(saveLiveState(engine));
    this.sink.appendSnapshot(event, engine.world.nowNs, body);
    this.#snapshots.kept(body.length);
  }

  /** Ends the run. @param captured kernel profile as the captures state it by now. */
  finish(captured: KernelProfile): void {
    if (this.#engine === undefined || this.#recorder === undefined) {
      this.sink?.finish(undefined, undefined);
      return;
    }
    this.#learn(captured);
    this.#outcome = this.#engine.finish();
    this.#recorder.flush();
    const { assessments, renames, stallTimeoutNs } = this.#outcome;
    this.#options.onReplayed?.({ record: this.#engine.record, baseline: this.#outcome.findings });
    this.#rooted = rootsOf(this.#outcome.findings);
    this.sink?.finish(
      { ...this.#rooted, assessments, histograms: this.#recorder.histograms.rows(renames), renames, stallTimeoutNs },
      this.#outcome,
    );
  }

  /** Evidence from a capture's header does not change what the log or the events have shown (MODEL §0). */
  #learn(profile: KernelProfile): void {
    const world = this.#engine?.world;
    if (world === undefined) return;
    for (const field of Object.keys(profile) as (keyof KernelProfile)[])
      if (world.profile[field] === undefined) world.learn(field, profile[field]);
  }

  /** What was recorded of each CPU. */
  get cpuSpans(): readonly CpuSpan[] {
    return this.#recorded.cpus;
  }

  /** Findings in the order of the report, under their root causes; none before the end of the run. */
  get rooted(): RootedFindings {
    return this.#rooted;
  }

  get outcome(): ReplayOutcome | undefined {
    return this.#outcome;
  }

  /** @param cpus announced by the captures. */
  info(name: string, captures: RunInfo['captures'], cpus: number, baseNs: bigint, captured: KernelProfile): RunInfo {
    const { records, markers, run } = this.#recorded;
    const thresholds: Thresholds = { ...DEFAULT_THRESHOLDS, ...this.#options.thresholds };
    return {
      ...(this.sink?.runId !== undefined && { run_id: this.sink.runId }),
      name,
      captures,
      kernel: this.#outcome?.profile ?? { ...captured, ...this.#options.profile },
      thresholds: this.#outcome?.thresholds ?? thresholds,
      cpus: Math.max(cpus, this.#outcome?.cpus ?? 0),
      events: records - markers,
      first_ns: run.firstNs,
      last_ns: run.lastNs,
      base_ns: baseNs.toString(),
    };
  }
}

/** All that a dictionary holds, as one delta: what the first batch of a further boot needs. */
export function wholeDictionary(dictionary: Dictionary): DictionaryDelta {
  const delta = emptyDelta();
  delta.strings = dictionary.strings.slice(1);
  delta.types = dictionary.types.slice();
  delta.frames = dictionary.frames.slice(FRAME_WIDTH);
  for (let stack = 1; stack < dictionary.stackCount; stack++) {
    const frames = dictionary.stackFrames(stack);
    delta.stacks.push(frames.length, ...frames);
  }
  return delta;
}
