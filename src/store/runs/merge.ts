/** Brings the runs of another store into this one. */

import { checkedVersion } from '../store-door.ts';
import { StoreError, storeError } from '../store-error.ts';
import { openForReading, openForWriting, type WaitOptions, whenUnlocked } from '../store-file.ts';
import { RunCopier, SOURCE } from './copy-run.ts';

export interface MergedRun {
  /** Number in the other store. */
  readonly from: number;
  /** Number here. */
  readonly to: number;
  readonly name: string;
  /** False: it was here already, by the hash of its captures. */
  readonly added: boolean;
}

/**
 * All of them, or none.
 * @param path store that gets the runs; made when it is not there
 * @param other store that they come from; it stays as it is
 * @throws StoreError
 */
export async function mergeStore(path: string, other: string, wait: WaitOptions = {}): Promise<MergedRun[]> {
  // Through the door first, which says in words what is wrong with it.
  openForReading(other).close();
  const store = await whenUnlocked(path, wait, () => openForWriting(path, false));
  try {
    const { db } = store;
    db.prepare(`ATTACH ? AS ${SOURCE}`).run(other);
    checkedVersion(db, other, SOURCE);
    const runs = db.prepare(`SELECT run_id, name, boot, content_hash FROM ${SOURCE}.run ORDER BY run_id`).all() as {
      run_id: number;
      name: string;
      boot: number;
      content_hash: string | null;
    }[];
    const present = db.prepare('SELECT run_id FROM main.run WHERE content_hash = ? AND boot = ? LIMIT 1').pluck();
    const copier = new RunCopier(db, other);
    const merged = runs.map(({ run_id, name, boot, content_hash }): MergedRun => {
      const here = present.get(content_hash, boot) as number | undefined;
      return { from: run_id, to: here ?? copier.copy(run_id), name, added: here === undefined };
    });
    copier.finish();
    await whenUnlocked(path, wait, () => store.commit());
    return merged;
  } catch (error) {
    store.abort();
    const known = storeError(other, error);
    throw known instanceof StoreError ? known : error;
  }
}
