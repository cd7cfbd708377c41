/** The run that a verb reads: of a store, or of a capture, which is replayed into a store first. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { NAMED_WHEN_READ, replay } from '../jobs/replay.ts';
import { replayCaptures } from '../jobs/replay-captures.ts';
import { StoreReader } from '../store/run-reader.ts';
import { listRuns } from '../store/runs/run-list.ts';
import { isStoreFile } from '../store/store-file.ts';
import { UsageError } from './exit-status.ts';
import type { Session } from './terminal/output.ts';
import { type ProgressBar, progressBar } from './terminal/progress.ts';

export interface InputOptions {
  /** Where a capture is kept. */
  readonly db?: string;
  readonly kallsyms?: string;
  readonly quiet?: boolean;
  /** Run of a store. */
  readonly run?: number | 'all';
}

/** How `<input>` is described in the help of every verb that takes one. */
export const INPUT_HELP = 'store, or a capture, which is replayed first';

export function addInputOptions(command: Command): Command {
  return command
    .option('--db <file>', 'store that keeps a capture (default: a temporary one)')
    .option('--kallsyms <file>', 'symbols of the recorded kernel (/proc/kallsyms or System.map)')
    .option('--quiet', 'no messages and no progress on standard error');
}

/**
 * Calls `use` with the path of a store that holds the input.
 * @param replayed false: events are enough; else a run that was only stored is replayed first
 * @throws CaptureError, StoreError, UsageError
 */
export async function withStore<T>(
  input: string,
  options: InputOptions,
  session: Session,
  use: (path: string) => T | Promise<T>,
  replayed = true,
): Promise<T> {
  if (input !== '-' && isStoreFile(input)) {
    if (options.db !== undefined) throw new UsageError(`--db: ${input} is a store already`);
    if (options.kallsyms !== undefined) throw new UsageError(NAMED_WHEN_READ);
    if (replayed) await replayStored(input, options, session);
    return use(input);
  }
  if (options.run !== undefined && options.run !== 'all') throw new UsageError('--run: only with a store');
  const folder = options.db === undefined ? mkdtempSync(join(tmpdir(), 'quiesce-')) : undefined;
  try {
    const db = folder === undefined ? (options.db as string) : join(folder, 'run.db');
    await withProgress('bytes', options, session, (onProgress, signal) =>
      replayCaptures([input], {
        db,
        ...(options.kallsyms !== undefined && { kallsymsPath: options.kallsyms }),
        ...(signal && { signal }),
        onProgress,
      }),
    );
    return await use(db);
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs of a store that were only stored get their facts and findings: those asked for, by default the latest. */
export async function replayStored(
  path: string,
  options: InputOptions,
  session: Pick<Session, 'streams'>,
): Promise<void> {
  const reader = new StoreReader(path);
  let missing: number[];
  try {
    const ids = reader.runIds();
    const { run } = options;
    const asked = run === 'all' ? ids : run === undefined ? ids.slice(-1) : ids.filter((id) => id === run);
    missing = asked.filter((id) => !reader.settings(id).replayed);
  } finally {
    reader.close();
  }
  for (const run of missing)
    await withProgress('events', options, session, (onProgress, signal) =>
      replay(path, { run, ...(signal && { signal }), onProgress }),
    );
}

/** Says which of the runs that are asked for were kept without what an answer is made from. */
export function noteWithoutEvents(
  path: string,
  { run, quiet }: Pick<InputOptions, 'run' | 'quiet'>,
  { streams }: Pick<Session, 'streams'>,
): void {
  if (quiet) return;
  const missing = listRuns(path).filter(
    ({ run_id, kept }) => kept !== 'all' && (typeof run !== 'number' || run === run_id),
  );
  if (missing.length === 0) return;
  const which = missing.length === 1 ? `run ${missing[0].run_id} was` : `${missing.length} runs were`;
  streams.err(
    `quiesce: ${path}: ${which} kept without events and facts (--keep): nothing of them is in what follows but findings and histograms\n`,
  );
}

async function withProgress<T>(
  unit: 'bytes' | 'events',
  { quiet }: InputOptions,
  { streams }: Pick<Session, 'streams'>,
  run: (onProgress: ProgressBar['update'], signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const bar = progressBar(streams.terminal && !quiet, unit);
  try {
    return await run((progress) => bar.update(progress), streams.interruptSignal?.());
  } finally {
    bar.stop();
  }
}
