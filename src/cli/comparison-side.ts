/** Runs of one side of a comparison, from whatever the user names: stores, runs of stores, baseline files, captures. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaptureError, fileProblem } from '../../schema/index.ts';
import { looksLikeBaseline, readBaseline } from '../compare/baseline-file.ts';
import { type ReadOptions, type RunRecord, readStoreRuns, splitRunSpec } from '../compare/run-record.ts';
import { replayCaptures } from '../jobs/replay-captures.ts';
import { isStoreFile } from '../store/store-file.ts';
import { UsageError } from './exit-status.ts';
import { noteWithoutEvents, replayStored } from './run-input.ts';
import type { Streams } from './terminal/output.ts';

/** Bytes that tell a baseline file. */
const HEAD_BYTES = 256;

/**
 * @param specs `file`, `file#run`, where the file is a store, a baseline or a capture; each capture is a run of its own
 * @throws CaptureError, StoreError, UsageError
 */
export async function readSide(specs: readonly string[], options: ReadOptions, streams: Streams): Promise<RunRecord[]> {
  const runs: RunRecord[] = [];
  for (const spec of specs) runs.push(...(await readOne(spec, options, streams)));
  return runs;
}

async function readOne(spec: string, options: ReadOptions, streams: Streams): Promise<RunRecord[]> {
  // A file may have a # in its name.
  const whole = fileHead(spec);
  const { path, run } = whole === undefined ? splitRunSpec(spec) : { path: spec, run: undefined };
  const head = whole ?? fileHead(path);
  if (head === undefined) throw new CaptureError(`${path}: ${problemOf(path)}`);
  if (isStoreFile(path)) {
    await replayStored(path, { run: 'all' }, { streams });
    noteWithoutEvents(path, run !== undefined && /^\d+$/.test(run) ? { run: Number(run) } : {}, { streams });
    return readStoreRuns(path, run, options);
  }
  if (looksLikeBaseline(head)) {
    const saved = readBaseline(path);
    if (run === undefined) return saved.map((record) => withMetrics(record, options, path));
    const wanted = saved.filter((record, i) => String(i + 1) === run || record.name === run);
    if (wanted.length === 0) throw new UsageError(`${path}: has no run '${run}'; it has 1 to ${saved.length}`);
    return wanted.map((record) => withMetrics(record, options, path));
  }
  if (run !== undefined) throw new UsageError(`${spec}: a capture is one run; leave out #${run}`);
  return readCapture(path, options, streams);
}

/** The metrics asked for. @throws UsageError when the baseline was saved without labels and labels are wanted, or the reverse */
function withMetrics(record: RunRecord, options: ReadOptions, path: string): RunRecord {
  const labelled = record.metrics.some(({ label }) => label !== undefined);
  if (record.metrics.length > 0 && labelled !== (options.byLabel ?? false))
    throw new UsageError(
      labelled
        ? `${path}: was saved with --by label; compare with --by label too`
        : `${path}: was saved without --by label; save it again with --by label`,
    );
  const { metrics } = options;
  return metrics ? { ...record, metrics: record.metrics.filter(({ metric }) => metrics.includes(metric)) } : record;
}

/** Replays a capture into a store that goes at once. */
async function readCapture(path: string, options: ReadOptions, streams: Streams): Promise<RunRecord[]> {
  const folder = mkdtempSync(join(tmpdir(), 'quiesce-compare-'));
  try {
    const db = join(folder, 'run.db');
    const signal = streams.interruptSignal?.();
    await replayCaptures([path], { db, ...(signal && { signal }) });
    const runs = readStoreRuns(db, undefined, options);
    return runs.map((record, i) => ({ ...record, source: runs.length > 1 ? `${path}#${i + 1}` : path }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Why a file cannot be read. */
function problemOf(path: string): string {
  try {
    closeSync(openSync(path, 'r'));
    return 'is a directory';
  } catch (error) {
    return fileProblem(error);
  }
}

/** First bytes of a file as text, undefined when it cannot be read. */
function fileHead(path: string): string | undefined {
  try {
    // A pipe's bytes come once: it is a capture.
    const found = statSync(path);
    if (found.isDirectory()) return undefined;
    if (!found.isFile()) return '';
    const file = openSync(path, 'r');
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      return head.toString('latin1', 0, readSync(file, head));
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}
