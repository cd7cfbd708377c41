/** Ids that belong to one run: its events, and its part of each dictionary table. */
import { StoreError } from '../store-error.ts';
import type { Connection } from '../store-file.ts';
import { DICTIONARY_TABLES } from './run-tables.ts';

/** From `first` up to, not including, `end`. */
export interface IdRange {
  readonly first: number;
  readonly end: number;
}

export interface RunRanges {
  readonly events: IdRange;
  readonly string: IdRange;
  readonly frame: IdRange;
  readonly _stack: IdRange;
  readonly event_type: IdRange;
}

/**
 * @param schema `main`, or the name of an attached store
 * @throws StoreError when there is no such run
 */
export function rangesOf(db: Connection, path: string, runId: number, schema = 'main'): RunRanges {
  const row = db.prepare(`SELECT * FROM ${schema}.run WHERE run_id = ?`).get(runId) as
    | Record<string, number>
    | undefined;
  if (row === undefined) throw new StoreError(`${path}: has no run ${runId}`);
  const next = db.prepare(`SELECT * FROM ${schema}.run WHERE run_id > ? ORDER BY run_id LIMIT 1`).get(runId) as
    | Record<string, number>
    | undefined;
  const part = ({ base }: (typeof DICTIONARY_TABLES)[number]): IdRange => ({
    first: row[base],
    end: next?.[base] ?? Number.MAX_SAFE_INTEGER,
  });
  const [string, frame, _stack, event_type] = DICTIONARY_TABLES.map(part);
  return {
    events: { first: row.first_event_id, end: row.last_event_id + 1 },
    string,
    frame,
    _stack,
    event_type,
  };
}
