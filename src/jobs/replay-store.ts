/** A stored run → replay → findings: the same as when its captures were read. */
import { existsSync } from 'node:fs';
import { type ReplayResult, RUNS_COMPILED, type RunInfo } from '../../schema/index.ts';
import type { ReplayedRun } from '../replay/what-if/judge.ts';
import { ResultWriter } from '../store/result-writer.ts';
import { type RunSettings, StoreReader } from '../store/run-reader.ts';
import { readError, StoreError, storeError } from '../store/store-error.ts';
import { openForWriting, type WritableStore, whenUnlocked } from '../store/store-file.ts';
import { RunSession } from './pass/run-session.ts';
import type { CommonOptions } from './replay-options.ts';
import type { BatchSource } from './source/batch-source.ts';
import { givenBatches } from './source/inline-source.ts';
import { WorkerSource } from './source/worker-source.ts';
import type { RunSink } from './target/run-sink.ts';
import { guardedSink } from './target/tolerant-store.ts';

export interface ReplayStoreOptions extends CommonOptions {
  /** Which run; default: the latest. */
  readonly runId?: number;
  /** Read the store in a worker thread. Default: when the code runs compiled. */
  readonly worker?: boolean;
  /** Gets the models once the run is judged. */
  readonly onReplayed?: (run: ReplayedRun) => void;
}

/**
 * Replays a run from its store. A run that was only stored so far (`quiesce ingest`) gets its facts and findings; one that was
 * replayed before is left as it is.
 * @throws StoreError
 */
export async function replayStore(path: string, options: ReplayStoreOptions = {}): Promise<ReplayResult> {
  try {
    return await replayStored(path, options);
  } catch (error) {
    throw readError(path, error);
  }
}

async function replayStored(path: string, options: ReplayStoreOptions): Promise<ReplayResult> {
  const reader = new StoreReader(path);
  let runId: number;
  let settings: RunSettings;
  try {
    runId = options.runId ?? latest(path, reader);
    settings = reader.settings(runId);
    if (settings.replayed) return await replay(reader, runId, settings, undefined, options);
  } finally {
    reader.close();
  }
  return replayAndKeep(path, runId, options);
}

function latest(path: string, reader: StoreReader): number {
  const last = reader.runIds().at(-1);
  if (last === undefined) throw new StoreError(`${path}: holds no run; ingest a capture first`);
  return last;
}

/** Reads on the connection that writes: two connections would lock each other out. */
async function replayAndKeep(path: string, runId: number, options: ReplayStoreOptions): Promise<ReplayResult> {
  const wait = {
    ...(options.waitMs !== undefined && { waitMs: options.waitMs }),
    ...(options.signal && { signal: options.signal }),
    ...(options.onWait && { onWait: options.onWait }),
  };
  if (!existsSync(path)) throw new StoreError(`${path}: no such file`);
  let store: WritableStore;
  try {
    store = await whenUnlocked(path, wait, () => openForWriting(path, false));
  } catch (error) {
    if (!(error instanceof StoreError) || options.onStoreError === undefined) throw error;
    options.onStoreError(error);
    return replayOnly(path, runId, options);
  }
  let failed = false;
  const failing = (error: unknown): void => {
    const known = storeError(path, error);
    if (!(known instanceof StoreError) || options.onStoreError === undefined) throw known;
    failed = true;
    options.onStoreError(known);
  };
  try {
    const reader = new StoreReader(path, store.db);
    const writer = new ResultWriter(store.db, runId);
    const settings = reader.settings(runId);
    const given = {
      profile: { ...settings.given, ...options.profile },
      thresholds: { ...settings.thresholds, ...options.thresholds },
    };
    const sink: RunSink = {
      runId,
      appendFacts: (batch) => writer.appendFacts(batch),
      appendSnapshot: (event, tsNs, body) => writer.appendSnapshot(event, tsNs, body),
      finish: (results, outcome) => {
        if (results && outcome) writer.finish(results, given, outcome.profile, outcome.thresholds);
      },
    };
    const guarded = guardedSink(sink, () => !failed, failing);
    const result = await replay(reader, runId, settings, guarded, options);
    try {
      if (failed) store.abort();
      else await whenUnlocked(path, wait, () => store.commit());
    } catch (error) {
      failing(error);
      store.abort();
    }
    return result;
  } catch (error) {
    store.abort();
    throw storeError(path, error);
  }
}

/** Without keeping what comes out. */
async function replayOnly(path: string, runId: number, options: ReplayStoreOptions): Promise<ReplayResult> {
  const reader = new StoreReader(path);
  try {
    return await replay(reader, runId, reader.settings(runId), undefined, options);
  } finally {
    reader.close();
  }
}

async function replay(
  reader: StoreReader,
  runId: number,
  settings: RunSettings,
  sink: RunSink | undefined,
  options: ReplayStoreOptions,
): Promise<ReplayResult> {
  const source = batchSource(reader, runId, settings, sink, options);
  const session = new RunSession(
    0,
    {
      profile: { ...settings.given, ...options.profile },
      thresholds: { ...settings.thresholds, ...options.thresholds },
      replay: true,
      onReplayed: options.onReplayed,
    },
    sink,
    settings.header,
  );
  const stored = reader.runInfo(runId);
  const imported = reader.importSummary(runId);
  try {
    let events = 0;
    for await (const sourced of source.batches()) {
      options.signal?.throwIfAborted();
      session.append(sourced);
      events += sourced.batch.length;
      options.onProgress?.({ ...source.progress(), events });
    }
  } finally {
    await source.close();
  }
  session.finish(settings.captured);
  const outcome = session.outcome;
  const run: RunInfo = {
    ...stored,
    kernel: outcome?.profile ?? stored.kernel,
    thresholds: outcome?.thresholds ?? stored.thresholds,
  };
  return {
    schema: 'quiesce.replay/2',
    run,
    import: imported,
    assessments: outcome?.assessments ?? [],
    findings: session.rooted.findings,
    roots: session.rooted.roots,
    db: reader.path,
  };
}

function batchSource(
  reader: StoreReader,
  runId: number,
  settings: RunSettings,
  sink: RunSink | undefined,
  options: ReplayStoreOptions,
): BatchSource {
  if (sink === undefined && (options.worker ?? RUNS_COMPILED) && RUNS_COMPILED)
    return new WorkerSource({ kind: 'store', path: reader.path, runId });
  const batches = reader.batches(runId);
  return givenBatches(batches, settings.header, {
    captures: [],
    profile: settings.captured,
    cpus: settings.cpus,
    lost: 0,
    baseNs: 0n,
    issues: [],
  });
}
