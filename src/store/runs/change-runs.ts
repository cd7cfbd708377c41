/** Changes to runs that are stored: each of them whole, or not at all. */
import type { StoredRun } from '../../../schema/index.ts';
import { EventRelations } from '../events/event-relations.ts';
import { storeError } from '../store-error.ts';
import {
  type Connection,
  openForReading,
  openForWriting,
  openOutsideTransaction,
  type WaitOptions,
  whenUnlocked,
} from '../store-file.ts';
import { removeRun } from './remove-run.ts';
import { type RunFilter, storedRuns } from './run-list.ts';

/** @throws StoreError; the store is then as it was */
async function changed<T>(path: string, wait: WaitOptions, change: (db: Connection) => T): Promise<T> {
  // What is not there is not made.
  openForReading(path).close();
  const store = await whenUnlocked(path, wait, () => openForWriting(path, false));
  try {
    const result = change(store.db);
    await whenUnlocked(path, wait, () => store.commit());
    return result;
  } catch (error) {
    store.abort();
    throw storeError(path, error);
  }
}

/** Sets labels, and takes away those of `unset`. @returns the runs as they are now */
export function labelRuns(
  path: string,
  filter: RunFilter,
  set: Readonly<Record<string, string>>,
  unset: readonly string[],
  wait: WaitOptions = {},
): Promise<StoredRun[]> {
  return changed(path, wait, (db) => {
    const ids = storedRuns(db, path, filter).map(({ run_id }) => run_id);
    const insert = db.prepare('INSERT OR REPLACE INTO run_label (run_id, key, value) VALUES (?, ?, ?)');
    const remove = db.prepare('DELETE FROM run_label WHERE run_id = ? AND key = ?');
    const host = db.prepare('UPDATE run SET host = ? WHERE run_id = ?');
    for (const id of ids) {
      for (const key of unset) remove.run(id, key);
      for (const [key, value] of Object.entries(set)) insert.run(id, key, value);
      if (set.host !== undefined) host.run(set.host, id);
    }
    return ids.length === 0 ? [] : storedRuns(db, path, { ids });
  });
}

/** Which runs a prune takes. At least one must be given. */
export interface PruneRule {
  /** Those stored before this time, UTC in ISO 8601. */
  readonly before?: string;
  /** However old, the latest of the runs that the filter leaves stay: this many. */
  readonly keepLast?: number;
}

/** @param runs in the order of ingest */
export function prunable(runs: readonly StoredRun[], { before, keepLast = 0 }: PruneRule): StoredRun[] {
  return runs
    .slice(0, Math.max(0, runs.length - keepLast))
    .filter(({ ingested_at }) => before === undefined || ingested_at < before);
}

/** @returns the runs as they were */
export function removeRuns(
  path: string,
  filter: RunFilter,
  rule: PruneRule | undefined,
  wait: WaitOptions = {},
): Promise<StoredRun[]> {
  return changed(path, wait, (db) => {
    const runs = storedRuns(db, path, filter);
    const going = rule === undefined ? runs : prunable(runs, rule);
    for (const { run_id } of going) removeRun(db, path, run_id);
    // The last run of which rows were missing may be gone.
    new EventRelations(db).refreshViews();
    return going;
  });
}

/** Bytes of the file before and after. */
export interface Vacuumed {
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

/**
 * Gives back what removed runs took. Needs room for the store once more; readers and writers wait.
 * @throws StoreError; the store is then as it was
 */
export async function vacuumStore(path: string, wait: WaitOptions = {}): Promise<Vacuumed> {
  openForReading(path).close();
  return whenUnlocked(path, wait, () => {
    const db = openOutsideTransaction(path);
    try {
      const bytes = (): number =>
        Number(db.pragma('page_count', { simple: true })) * Number(db.pragma('page_size', { simple: true }));
      const beforeBytes = bytes();
      db.pragma('synchronous = EXTRA');
      // The copy may be larger than the memory.
      db.pragma('temp_store = FILE');
      db.exec('VACUUM');
      return { beforeBytes, afterBytes: bytes() };
    } catch (error) {
      throw storeError(path, error);
    } finally {
      db.close();
    }
  });
}
