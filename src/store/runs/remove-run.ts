/** Takes a run out of a store, with everything that belongs to it. */
import { quoted } from '../identifiers.ts';
import { LAST_RUN_KEY } from '../run-writer.ts';
import type { Connection } from '../store-file.ts';
import { type IdRange, rangesOf } from './run-ranges.ts';
import { DICTIONARY_TABLES, RUN_TABLES } from './run-tables.ts';

/**
 * Inside the open transaction. Pages that become free are used by later runs; `vacuum` gives them back.
 * @throws StoreError when there is no such run
 */
export function removeRun(db: Connection, path: string, runId: number): void {
  const ranges = rangesOf(db, path, runId);
  const removeRange = (table: string, id: string, { first, end }: IdRange): void => {
    db.prepare(`DELETE FROM ${quoted(table)} WHERE ${id} >= ? AND ${id} < ?`).run(first, end);
  };
  const relations = db
    .prepare('SELECT DISTINCT relation FROM event_type WHERE run_id = ? AND relation IS NOT NULL')
    .pluck()
    .all(runId) as string[];
  for (const relation of relations) removeRange(`_ev_${relation}`, 'id', ranges.events);
  removeRange('_other_event', 'id', ranges.events);
  db.prepare('DELETE FROM event_field WHERE type_id IN (SELECT type_id FROM event_type WHERE run_id = ?)').run(runId);
  for (const { table, id } of DICTIONARY_TABLES) removeRange(table, id, ranges[table]);
  for (const { table } of RUN_TABLES) db.prepare(`DELETE FROM ${table} WHERE run_id = ?`).run(runId);
  db.prepare('DELETE FROM run WHERE run_id = ?').run(runId);
  // Its number names no other run later.
  db.prepare(
    `INSERT INTO store_info (key, value) VALUES ('${LAST_RUN_KEY}', ?)
     ON CONFLICT (key) DO UPDATE SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))`,
  ).run(String(runId));
}
