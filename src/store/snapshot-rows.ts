/** The snapshots of a run: written while it is stored, looked up by the event that is to be reached. */
import { eventBase } from './events/event-id.ts';
import { decodeSnapshot } from './snapshot-codec.ts';
import type { Connection } from './store-file.ts';

/** A snapshot that was kept; its bytes are read when the state is asked for. */
export interface StoredSnapshot {
  /** Position in the run of the last event that it includes. */
  readonly event: number;
  readonly tsNs: number;
  /** @throws Error telling what is wrong with the bytes */
  state(): unknown;
}

/** @param body of encodeSnapshot */
export function writeSnapshot(db: Connection, runId: number, event: number, tsNs: number, body: Uint8Array): void {
  db.prepare('INSERT OR REPLACE INTO snapshot (run_id, event_id, ts_ns, body) VALUES (?, ?, ?, ?)').run(
    runId,
    eventBase(runId) + event,
    tsNs,
    body,
  );
}

/** Snapshots that reach no further than an event, latest first. */
export function snapshotsUpTo(db: Connection, runId: number, event: number): StoredSnapshot[] {
  const base = eventBase(runId);
  const rows = db
    .prepare('SELECT event_id, ts_ns FROM snapshot WHERE run_id = ? AND event_id <= ? ORDER BY event_id DESC')
    .raw()
    .all(runId, base + event) as [number, number][];
  const body = db.prepare('SELECT body FROM snapshot WHERE run_id = ? AND event_id = ?').pluck();
  return rows.map(([id, tsNs]) => ({
    event: id - base,
    tsNs,
    state: () => decodeSnapshot(body.get(runId, id) as Uint8Array),
  }));
}
