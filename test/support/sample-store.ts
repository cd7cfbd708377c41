/** Stores built from the samples, for tests of queries, histograms and comparisons. */
import type { CaptureInput } from '../../src/ingest/capture.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import type { RowChoice } from '../../src/store/rows/row-choice.ts';

/** Replays each capture as a run of its own into one store. Sample names end with a dot-separated part: `healthy.trace.txt.zst`. */
export async function buildStore(db: string, captures: readonly CaptureInput[], rows?: RowChoice): Promise<string> {
  for (const capture of captures) {
    const input = typeof capture === 'string' ? new URL(`../../samples/${capture}`, import.meta.url).pathname : capture;
    await replayCaptures([input], { db, threads: 1, ...(rows && { rows }) });
  }
  return db;
}

/** A capture given as text. */
export function textCapture(name: string, text: string): CaptureInput {
  return { name, bytes: new TextEncoder().encode(text) };
}
