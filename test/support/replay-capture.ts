/** Replays a capture in-process, parser straight into the engine, and keeps every fact: for tests of models and detectors. */
import { type ByteSource, bufferSource, DictionaryWriter, detectFormat, openSource } from '../../parsers/index.ts';
import {
  DiagnosticSink,
  type EventBatch,
  EventCursor,
  FACT_NAMES,
  type Fact,
  type FactName,
  type FactSink,
  type Finding,
  factFunctions,
  type KernelProfile,
  type MetricName,
  type Thresholds,
} from '../../schema/index.ts';
import { ReplayEngine, type ReplayOutcome } from '../../src/replay/engine.ts';

type Plural<Name extends string> = Name extends `${string}s` ? `${Name}es` : `${Name}s`;

const plural = (name: string): string => `${name}${name.endsWith('s') ? 'es' : 's'}`;

/** Facts in the order of their emission: `syncWaits`, `lockClasses`, … Samples are `[metric, by, ns]`. */
export type CollectedFacts = FactSink & { readonly [N in FactName as Plural<N>]: Fact<N>[] } & {
  readonly samples: [string, string, number][];
  readonly openSamples: [string, string][];
};

export function collectedFacts(): CollectedFacts {
  const lists = new Map(FACT_NAMES.map((name): [FactName, object[]] => [name, []]));
  const samples: [string, string, number][] = [];
  const openSamples: [string, string][] = [];
  return {
    ...factFunctions((name) => (fact) => void lists.get(name)?.push({ ...fact })),
    ...Object.fromEntries([...lists].map(([name, list]) => [plural(name), list])),
    samples,
    openSamples,
    sample: (metric: MetricName, by: string, ns: number) => void samples.push([metric, by, ns]),
    openSample: (metric: MetricName, by: string) => void openSamples.push([metric, by]),
  } as CollectedFacts;
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
  const facts = collectedFacts();
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
