/**
 * Where a batch began, in the store itself until the batch has ended: one that was ended half way and goes on later still knows which runs were
 * there before it, and judges its own against those.
 */
import { nextRunId } from '../run-writer.ts';
import type { Connection } from '../store-file.ts';

/** Key of store_info: number of the first run that the batch could add. */
const BATCH_KEY = 'batch_from_run';

/**
 * Inside the open transaction.
 * @returns number below which runs were there before the batch, or before the one that was ended and goes on with it
 */
export function beginBatch(db: Connection): number {
  db.prepare(`INSERT OR IGNORE INTO store_info (key, value) VALUES ('${BATCH_KEY}', ?)`).run(String(nextRunId(db)));
  return db.prepare(`SELECT CAST(value AS INTEGER) FROM store_info WHERE key = '${BATCH_KEY}'`).pluck().get() as number;
}

/** Inside the open transaction. */
export function endBatch(db: Connection): void {
  db.prepare(`DELETE FROM store_info WHERE key = '${BATCH_KEY}'`).run();
}
