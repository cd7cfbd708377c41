/** The runs of a report page, from whatever the user names: captures of one boot, stores, runs of stores. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { splitRunSpec } from '../compare/run-record.ts';
import { replay } from '../jobs/replay.ts';
import { StoreReader } from '../store/run-reader.ts';
import { isStoreFile } from '../store/store-file.ts';
import { UsageError } from './exit-status.ts';
import { type InputOptions, replayStored } from './run-input.ts';
import type { Session } from './terminal/output.ts';
import { progressBar } from './terminal/progress.ts';

/** A run in a store. */
export interface RunPlace {
  readonly path: string;
  readonly runId: number;
}

/** Boots of one capture that a page shows. */
const MOST_BOOTS = 8;

/**
 * Captures among the inputs are one boot, as for `replay`; each store is its latest run, or the one behind its `#`.
 * @param use gets the runs in the order of the inputs; temporary stores go when it is done
 * @throws CaptureError, StoreError, UsageError
 */
export async function withRuns<T>(
  sides: readonly (readonly string[])[],
  options: InputOptions,
  session: Session,
  use: (sides: readonly (readonly RunPlace[])[]) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'quiesce-report-'));
  try {
    const places: RunPlace[][] = [];
    for (const [i, inputs] of sides.entries())
      places.push(await placesOf(inputs, options.db ?? join(folder, `side-${i}.db`), options, session));
    return await use(places);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function placesOf(
  inputs: readonly string[],
  db: string,
  options: InputOptions,
  session: Session,
): Promise<RunPlace[]> {
  const isStore = (input: string): boolean => input !== '-' && isStoreFile(storePath(input));
  const captures = inputs.filter((input) => !isStore(input));
  const places: RunPlace[] = [];
  if (captures.length > 0) places.push(...(await replayed(captures, db, options, session)));
  for (const input of inputs.filter(isStore)) places.push(await storedPlace(input, options, session));
  return places;
}

/** A file may have a # in its name. */
const storePath = (input: string): string => (existsSync(input) ? input : splitRunSpec(input).path);

async function replayed(
  captures: readonly string[],
  db: string,
  { kallsyms, quiet }: InputOptions,
  { streams }: Session,
): Promise<RunPlace[]> {
  const bar = progressBar(streams.terminal && !quiet, 'bytes');
  const signal = streams.interruptSignal?.();
  try {
    const { run, runs } = await replay(captures, {
      db,
      ...(kallsyms !== undefined && { kallsymsPath: kallsyms }),
      ...(signal && { signal }),
      onProgress: (progress) => bar.update(progress),
    });
    return (runs ?? [run]).slice(0, MOST_BOOTS).map(({ run_id = 1 }) => ({ path: db, runId: run_id }));
  } finally {
    bar.stop();
  }
}

async function storedPlace(input: string, options: InputOptions, session: Session): Promise<RunPlace> {
  const path = storePath(input);
  const asked = path === input ? undefined : splitRunSpec(input).run;
  const reader = new StoreReader(path);
  let runId: number | undefined;
  try {
    const ids = reader.runIds();
    runId =
      asked === undefined ? ids.at(-1) : ids.find((id) => String(id) === asked || reader.runInfo(id).name === asked);
  } finally {
    reader.close();
  }
  if (runId === undefined)
    throw new UsageError(asked === undefined ? `${path}: holds no run` : `${path}: has no run '${asked}'`);
  await replayStored(path, { ...options, run: runId }, session);
  return { path, runId };
}
