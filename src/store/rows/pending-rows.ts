/** Kinds of events whose rows are still in pages. */
import type { Connection } from '../store-file.ts';

/** Version of the store that came to know it; in older ones every event has its row. */
const SINCE_VERSION = 2;

/** An event type of a run. */
export interface PendingType {
  readonly runId: number;
  readonly typeId: number;
  readonly name: string;
  /** View that is to show the rows; null: other_event. */
  readonly relation: string | null;
  readonly events: number;
}

function knowsRows(db: Connection): boolean {
  return Number(db.pragma('user_version', { simple: true })) >= SINCE_VERSION;
}

/** Whether there are any. */
export function anyPending(db: Connection): boolean {
  return knowsRows(db) && db.prepare('SELECT 1 FROM event_type WHERE has_rows = 0 LIMIT 1').get() !== undefined;
}

/** All of them, by run. */
export function pendingTypes(db: Connection): PendingType[] {
  if (!knowsRows(db)) return [];
  return db
    .prepare(
      `SELECT run_id AS runId, type_id AS typeId, name, relation, events FROM event_type WHERE has_rows = 0
       ORDER BY run_id, type_id`,
    )
    .all() as PendingType[];
}

/** Views of which rows are missing. */
export function pendingViews(db: Connection): Set<string> {
  if (!knowsRows(db)) return new Set();
  return new Set(
    db
      .prepare('SELECT DISTINCT relation FROM event_type WHERE has_rows = 0 AND relation IS NOT NULL')
      .pluck()
      .all() as string[],
  );
}
