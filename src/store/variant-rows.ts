/** What-if results of a run, kept for SQL and reports. */
import type { WhatIfVariant } from '../../schema/index.ts';
import { storeError } from './store-error.ts';
import { openForWriting, type WaitOptions, whenUnlocked } from './store-file.ts';

/**
 * Keeps the verdicts of variants; those that are there already are replaced.
 * @throws StoreError when the file cannot be written; it is then as it was.
 */
export async function storeVariantResults(
  path: string,
  runId: number,
  variants: readonly WhatIfVariant[],
  wait: WaitOptions = {},
): Promise<void> {
  const store = await whenUnlocked(path, wait, () => openForWriting(path, false));
  try {
    const insert = store.db.prepare(
      'INSERT OR REPLACE INTO variant_result (run_id, variant, no_op, body) VALUES (?, ?, ?, ?)',
    );
    for (const variant of variants) insert.run(runId, variant.name, variant.no_op ? 1 : 0, JSON.stringify(variant));
    await whenUnlocked(path, wait, () => store.commit());
  } catch (error) {
    store.abort();
    throw storeError(path, error);
  }
}
