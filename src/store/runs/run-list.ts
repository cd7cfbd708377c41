/** What a store says of its runs, without their events. */
import { readError } from '../store-error.ts';
import { type Connection, openForReading } from '../store-file.ts';

/** @throws StoreError */
export function reading<T>(path: string, read: (db: Connection) => T): T {
  const db = openForReading(path);
  try {
    return read(db);
  } catch (error) {
    throw readError(path, error);
  } finally {
    db.close();
  }
}

/** Runs of captures with these bytes, in the order of their boots. @throws StoreError */
export function runsWithContent(path: string, contentHash: string): number[] {
  return reading(
    path,
    (db) =>
      db
        .prepare('SELECT run_id FROM run WHERE content_hash = ? ORDER BY boot, run_id')
        .pluck()
        .all(contentHash) as number[],
  );
}
