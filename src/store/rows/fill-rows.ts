/** Brings rows that are still in pages into the tables of the file: whole kinds, in one transaction. */
import { EventRelations } from '../events/event-relations.ts';
import { StoreError, StoreLocked, storeError } from '../store-error.ts';
import { type Connection, openForReading, openForWriting, type WaitOptions, whenUnlocked } from '../store-file.ts';
import { type PendingType, pendingTypes } from './pending-rows.ts';
import { type FillProgress, RowFiller } from './row-filler.ts';

/** How long a statement waits for readers before it makes its rows for itself alone. */
const COMMIT_WAIT_MS = 3000;
const COMMIT_RETRY_MS = 20;

export type Wanted = (type: PendingType) => boolean;

/**
 * Inside the open transaction.
 * @returns what has rows now that had none
 */
export function fillInside(
  db: Connection,
  path: string,
  wanted: Wanted,
  onProgress?: (progress: FillProgress) => void,
): PendingType[] {
  const types = pendingTypes(db).filter(wanted);
  if (types.length === 0) return types;
  const relations = new EventRelations(db);
  new RowFiller(db, path, relations).fill(types, onProgress);
  const done = db.prepare('UPDATE event_type SET has_rows = 1 WHERE type_id = ?');
  for (const { typeId } of types) done.run(typeId);
  relations.refreshViews();
  return types;
}

/**
 * All of the kinds that are wanted, or none.
 * @returns what has rows now that had none
 * @throws StoreError; the store is then as it was
 */
export async function fillRows(
  path: string,
  wanted: Wanted,
  wait: WaitOptions = {},
  onProgress?: (progress: FillProgress) => void,
): Promise<PendingType[]> {
  const reading = openForReading(path);
  try {
    // A store that lacks nothing need not be writable.
    if (!pendingTypes(reading).some(wanted)) return [];
  } finally {
    reading.close();
  }
  const store = await whenUnlocked(path, wait, () => openForWriting(path, false));
  try {
    const filled = fillInside(store.db, path, wanted, onProgress);
    await whenUnlocked(path, wait, () => store.commit());
    return filled;
  } catch (error) {
    store.abort();
    throw storeError(path, error);
  }
}

/**
 * The same without waiting for a writer, and not long for readers.
 * @returns false when the store cannot be written now
 */
export function fillRowsNow(path: string, wanted: Wanted, onProgress?: (progress: FillProgress) => void): boolean {
  try {
    const store = openForWriting(path, false);
    try {
      fillInside(store.db, path, wanted, onProgress);
      commitSoon(() => store.commit());
      return true;
    } catch (error) {
      store.abort();
      throw storeError(path, error);
    }
  } catch (error) {
    // Locked, not writable, or the disk is full: what is wrong with the pages will be said by who reads them next.
    if (error instanceof StoreError) return false;
    throw error;
  }
}

/** @throws StoreLocked */
function commitSoon(commit: () => void): void {
  const deadlineMs = performance.now() + COMMIT_WAIT_MS;
  for (;;) {
    try {
      commit();
      return;
    } catch (error) {
      if (!(error instanceof StoreLocked) || performance.now() >= deadlineMs) throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, COMMIT_RETRY_MS);
  }
}
