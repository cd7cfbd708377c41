/** Rows for SQL of events that are in pages alone, as the user asks for them. */
import { statSync } from 'node:fs';
import { fillRows as fillKinds } from '../store/rows/fill-rows.ts';
import type { PendingType } from '../store/rows/pending-rows.ts';
import { namePattern } from './batch/glob.ts';
import type { ReplayProgress } from './replay-options.ts';

export interface FillRowsOptions {
  /** Default: every run. */
  readonly run?: number;
  /** Names of events, with `*`, `?` and `[a-c]`; default: all. */
  readonly event?: string;
  readonly signal?: AbortSignal;
  /** Longest wait for another process that has the store, ms; 0: not at all. Default: as long as it takes. */
  readonly waitMs?: number;
  /** Called once when that wait begins. */
  readonly onWait?: (path: string) => void;
  readonly onProgress?: (progress: ReplayProgress) => void;
}

/** What `fillRows` did. */
export interface FilledRows {
  /** Rows that are there now and were not. */
  readonly rows: number;
  /** Kinds of events that they are of. */
  readonly kinds: number;
  readonly runs: number;
  /** Bytes by which the file grew. */
  readonly grownBytes: number;
}

/**
 * Makes the rows that are missing (`rows: 'later'`), so that programs without quiesce see them: all that are asked for, or none.
 * @throws StoreError; the store is then as it was
 */
export async function fillRows(path: string, options: FillRowsOptions = {}): Promise<FilledRows> {
  const { run, event, onProgress, ...wait } = options;
  const fits = event === undefined ? undefined : namePattern(event);
  const wanted = ({ runId, name }: PendingType): boolean =>
    (run === undefined || run === runId) && (fits === undefined || fits.test(name));
  const before = sizeOf(path);
  const filled = await fillKinds(path, wanted, wait, (progress) =>
    onProgress?.({
      readBytes: progress.readEvents,
      totalBytes: progress.totalEvents,
      events: progress.readEvents,
    }),
  );
  return {
    rows: filled.reduce((sum, { events }) => sum + events, 0),
    kinds: new Set(filled.map(({ name }) => name)).size,
    runs: new Set(filled.map(({ runId }) => runId)).size,
    grownBytes: sizeOf(path) - before,
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
