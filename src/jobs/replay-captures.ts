/** Captures → store, replay and findings, in one pass. */
import { statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { type ReplayResult, RUNS_COMPILED } from '../../schema/index.ts';
import type { CaptureInput } from '../ingest/capture.ts';
import { hashCaptures } from '../ingest/content-hash.ts';
import { DEFAULT_ROWS } from '../store/rows/row-choice.ts';
import { IN_MEMORY, type ReplayCapturesOptions } from './replay-options.ts';
import type { BatchSource } from './source/batch-source.ts';
import { WorkerSource } from './source/worker-source.ts';
import type { StoreTarget } from './target/store-target.ts';

/** A new store uses 64 KiB pages when the input is at least this large. */
const LARGE_INPUT_BYTES = 32 << 20;

/**
 * Below this, another thread costs more than it saves: loading the parsers a second time takes as long as parsing 4 MB. Measured on two cores, a
 * sample of 37,000 events: 0.70 s and 0.94 s of CPU time in one thread, 0.74 s and 1.07 s in two; even at 14 MB.
 */
const SMALL_INPUT_BYTES = 8 << 20;

/** Traces are compressed to a tenth and less. */
const COMPRESSION = 10;

/**
 * Reads the captures of one run, stores them and replays them.
 * @throws CaptureError when a capture cannot be read at all
 * @throws StoreError when the store cannot be written. In both cases the store is as it was before.
 */
export async function replayCaptures(
  inputs: readonly CaptureInput[],
  options: ReplayCapturesOptions = {},
): Promise<ReplayResult> {
  const db = options.db ?? IN_MEMORY;
  const bytes = bytesOf(inputs);
  const large = bytes >= LARGE_INPUT_BYTES;
  const threads = RUNS_COMPILED ? (options.threads ?? (bytes < SMALL_INPUT_BYTES ? 1 : large ? 3 : 2)) : 1;
  const source: BatchSource =
    threads > 1
      ? new WorkerSource({
          kind: 'captures',
          inputs,
          kallsymsPath: options.kallsymsPath,
          selection: options.selection,
          pages: db !== IN_MEMORY && (options.keep ?? 'all') === 'all',
        })
      : await inlineSource(inputs, options);
  try {
    // A worker loads the parsers while this thread loads the models.
    const { CapturePass } = await import('./pass/capture-pass.ts');
    const hashes = db === IN_MEMORY ? Promise.resolve([]) : hashCaptures(inputs);
    const pass = new CapturePass(source, await storeTarget(db, large, threads, options), options, hashes);
    return await pass.run(options.name ?? defaultName(inputs[0]));
  } finally {
    await source.close();
  }
}

async function inlineSource(
  inputs: readonly CaptureInput[],
  { kallsymsPath, selection }: ReplayCapturesOptions,
): Promise<BatchSource> {
  const [{ InlineSource }, { RunStream }] = await Promise.all([
    import('./source/inline-source.ts'),
    import('../ingest/run-stream.ts'),
  ]);
  return new InlineSource(await RunStream.open(inputs, kallsymsPath === undefined ? {} : { kallsymsPath }, selection));
}

async function storeTarget(
  path: string,
  largeInput: boolean,
  threads: number,
  { waitMs, signal, onWait, keep = 'all', rows = DEFAULT_ROWS }: ReplayCapturesOptions,
): Promise<StoreTarget | undefined> {
  if (path === IN_MEMORY) return undefined;
  const wait = { ...(waitMs !== undefined && { waitMs }), ...(signal && { signal }), ...(onWait && { onWait }) };
  if (threads > 2) {
    const { WorkerStoreTarget } = await import('./target/store-worker-target.ts');
    return new WorkerStoreTarget({ path, largeInput, kept: keep, rows, ...(waitMs !== undefined && { waitMs }) }, wait);
  }
  const { LocalStoreTarget } = await import('./target/store-target.ts');
  return new LocalStoreTarget(path, largeInput, wait, keep, rows);
}

/** About so many, once they are decompressed. */
function bytesOf(inputs: readonly CaptureInput[]): number {
  let total = 0;
  for (const input of inputs) {
    if (typeof input !== 'string') total += input.bytes.length;
    else if (input === '-') return LARGE_INPUT_BYTES;
    else total += sizeOf(input) * (/\.(?:zst|gz)$/.test(input) ? COMPRESSION : 1);
  }
  return total;
}

/** A pipe has no known size. What does not exist is reported when it is opened. */
function sizeOf(path: string): number {
  try {
    const found = statSync(path);
    return found.isFile() ? found.size : LARGE_INPUT_BYTES;
  } catch {
    return 0;
  }
}

/** Folder and file: captures are often all named `trace.dat`. */
function defaultName(input: CaptureInput): string {
  if (typeof input !== 'string') return basename(input.name);
  if (input === '-') return 'stdin';
  const path = resolve(input);
  return [basename(dirname(path)), basename(path)].filter((part) => part !== '').join('/');
}
