/** Many small batches of a day become one: a farm that pushes each run as it ends makes a batch per run. */
import type { FleetRun } from '../../../schema/index.ts';
import { batchWriter, readBatch } from './files.ts';
import { addBatch, type Batch, batches } from './folder.ts';
import { withLock } from './lock.ts';
import { batchName } from './sink.ts';

export interface MergeResult {
  readonly days: number;
  readonly before: number;
  readonly after: number;
}

/**
 * Merges the batches of every day that has several. Readers are not disturbed: they see the small ones, or the large one.
 * @throws FleetError
 */
export function mergeLake(root: string): Promise<MergeResult> {
  return withLock(root, async () => {
    const all = batches(root);
    const byDay = new Map<string, Batch[]>();
    for (const batch of all) byDay.set(batch.day, [...(byDay.get(batch.day) ?? []), batch]);
    const write = await batchWriter();
    let merged = 0;
    let gone = 0;
    for (const [day, small] of byDay) {
      if (small.length < 2) continue;
      const runs: FleetRun[] = [];
      for (const batch of small) runs.push(...(await readBatch(batch)));
      addBatch(root, day, batchName(runs), (folder) => write(folder, runs), small);
      merged++;
      gone += small.length - 1;
    }
    return { days: merged, before: all.length, after: all.length - gone };
  });
}
