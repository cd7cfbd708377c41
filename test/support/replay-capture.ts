/** Replays a capture in-process, parser straight into the engine, and keeps every fact: for tests of models and detectors. */
import { type ByteSource, bufferSource, DictionaryWriter, detectFormat, openSource } from '../../parsers/index.ts';
import {
  DiagnosticSink,
  type EventBatch,
  EventCursor,
  type FactSink,
  type Finding,
  type KernelProfile,
  type MetricName,
  type Thresholds,
} from '../../schema/index.ts';
import { ReplayEngine, type ReplayOutcome } from '../../src/replay/engine.ts';

/** Facts by sink method, in the order of their emission. `sample` rows are `[metric, by, ns]`. */
export class CollectedFacts implements FactSink {
  readonly gracePeriods: Parameters<FactSink['gracePeriod']>[0][] = [];
  readonly syncWaits: Parameters<FactSink['syncWait']>[0][] = [];
  readonly syncWaitPhases: Parameters<FactSink['syncWaitPhase']>[0][] = [];
  readonly srcuReaders: Parameters<FactSink['srcuReader']>[0][] = [];
  readonly rcuBlockers: Parameters<FactSink['rcuBlocker']>[0][] = [];
  readonly contextSpans: Parameters<FactSink['contextSpan']>[0][] = [];
  readonly taskStates: Parameters<FactSink['taskState']>[0][] = [];
  readonly workItems: Parameters<FactSink['workItem']>[0][] = [];
  readonly callbacks: Parameters<FactSink['callback']>[0][] = [];
  readonly lockClasses: Parameters<FactSink['lockClass']>[0][] = [];
  readonly lockHolds: Parameters<FactSink['lockHold']>[0][] = [];
  readonly lockWaits: Parameters<FactSink['lockWait']>[0][] = [];
  readonly lockEdges: Parameters<FactSink['lockEdge']>[0][] = [];
  readonly waitEdges: Parameters<FactSink['waitEdge']>[0][] = [];
  readonly samples: [string, string, number][] = [];
  readonly openSamples: [string, string][] = [];

  gracePeriod = (fact: Parameters<FactSink['gracePeriod']>[0]): void => void this.gracePeriods.push({ ...fact });
  syncWait = (fact: Parameters<FactSink['syncWait']>[0]): void => void this.syncWaits.push({ ...fact });
  syncWaitPhase = (fact: Parameters<FactSink['syncWaitPhase']>[0]): void => void this.syncWaitPhases.push({ ...fact });
  srcuReader = (fact: Parameters<FactSink['srcuReader']>[0]): void => void this.srcuReaders.push({ ...fact });
  rcuBlocker = (fact: Parameters<FactSink['rcuBlocker']>[0]): void => void this.rcuBlockers.push({ ...fact });
  contextSpan = (fact: Parameters<FactSink['contextSpan']>[0]): void => void this.contextSpans.push({ ...fact });
  taskState = (fact: Parameters<FactSink['taskState']>[0]): void => void this.taskStates.push({ ...fact });
  workItem = (fact: Parameters<FactSink['workItem']>[0]): void => void this.workItems.push({ ...fact });
  callback = (fact: Parameters<FactSink['callback']>[0]): void => void this.callbacks.push({ ...fact });
  lockClass = (fact: Parameters<FactSink['lockClass']>[0]): void => void this.lockClasses.push({ ...fact });
  lockHold = (fact: Parameters<FactSink['lockHold']>[0]): void => void this.lockHolds.push({ ...fact });
  lockWait = (fact: Parameters<FactSink['lockWait']>[0]): void => void this.lockWaits.push({ ...fact });
  lockEdge = (fact: Parameters<FactSink['lockEdge']>[0]): void => void this.lockEdges.push({ ...fact });
  waitEdge = (fact: Parameters<FactSink['waitEdge']>[0]): void => void this.waitEdges.push({ ...fact });
  openSample = (metric: MetricName, by: string): void => void this.openSamples.push([metric, by]);
  sample = (metric: MetricName, by: string, valueNs: number): void => void this.samples.push([metric, by, valueNs]);
}

export interface CaptureReplay extends ReplayOutcome {
  readonly facts: CollectedFacts;
  readonly events: number;
  readonly engine: ReplayEngine;
}

export interface CaptureReplayOptions {
  readonly profile?: KernelProfile;
  readonly thresholds?: Partial<Thresholds>;
  /** Leaves out events for which it says false: what would a capture without them show? */
  readonly keep?: (name: string, event: EventCursor) => boolean;
}

/** Replays a capture file. */
export async function replayFile(path: string, options: CaptureReplayOptions = {}): Promise<CaptureReplay> {
  return replaySource(await openSource(path), options);
}

/** Replays ftrace text, one record per line. */
export async function replayText(text: string, options: CaptureReplayOptions = {}): Promise<CaptureReplay> {
  return replaySource(bufferSource(new TextEncoder().encode(text), 'text'), options);
}

async function replaySource(source: ByteSource, options: CaptureReplayOptions): Promise<CaptureReplay> {
  const facts = new CollectedFacts();
  const engine = new ReplayEngine({
    facts,
    ...(options.profile && { profile: options.profile }),
    ...(options.thresholds && { thresholds: options.thresholds }),
  });
  const format = await detectFormat(source);
  const context = {
    dictionary: new DictionaryWriter(),
    diagnostics: new DiagnosticSink(source.name),
    facts: { format: '', cpus: 0, lost: 0, profile: {}, baseNs: 0n, timeUnit: 'ns' as const },
    options: {},
  };
  let events = 0;
  for await (const batch of format.parse(source, context)) {
    batch.firstEventId = events + 1;
    events += batch.length;
    if (options.keep) dropEvents(batch, engine, context.dictionary, options.keep);
    engine.step(batch);
  }
  await source.close();
  return { ...engine.finish(), facts, events, engine };
}

/** Turns dropped events into ones of a type that no model knows, so that ids and times stay. */
function dropEvents(
  batch: EventBatch,
  engine: ReplayEngine,
  dictionary: DictionaryWriter,
  keep: (name: string, event: EventCursor) => boolean,
): void {
  const nothing = dictionary.eventType('left_out', 'tracepoint', 'test', []);
  if (!batch.delta.types.includes(nothing) && !engine.world.dictionary.types[nothing.typeId])
    batch.delta.types.push(nothing);
  const cursor = new EventCursor(batch, []);
  for (let i = 0; i < batch.length; i++) {
    cursor.index = i;
    if (!keep(dictionary.type(batch.type[i]).name, cursor)) batch.type[i] = nothing.typeId;
  }
}

/** Findings of one kind. */
export function ofKind<K extends Finding['kind']>(outcome: ReplayOutcome, kind: K): (Finding & { kind: K })[] {
  return outcome.findings.filter((finding): finding is Finding & { kind: K } => finding.kind === kind);
}
