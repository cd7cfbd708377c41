/** What a store says of its runs, without their events. */
import { RequestError, type StoredRun } from '../../../schema/index.ts';
import { readError } from '../store-error.ts';
import { type Connection, openForReading } from '../store-file.ts';

/** Runs that are meant; everything given must hold. */
export interface RunFilter {
  readonly ids?: readonly number[];
  /** Labels and their values. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Stored at or after this time, UTC in ISO 8601. */
  readonly since?: string;
}

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

/** Runs in the order of ingest. @throws StoreError */
export function listRuns(path: string, filter: RunFilter = {}): StoredRun[] {
  return reading(path, (db) => storedRuns(db, path, filter));
}

type RunRow = Omit<StoredRun, 'labels' | 'replayed' | 'findings'> & {
  readonly labels: string;
  readonly replayed: number;
  readonly errors: number;
  readonly warnings: number;
  readonly infos: number;
};

/** @throws RequestError when a run that is asked for by its number is not there */
export function storedRuns(db: Connection, path: string, { ids, labels = {}, since }: RunFilter): StoredRun[] {
  const conditions: string[] = [];
  const values: string[] = [];
  if (ids) {
    const known = new Set(db.prepare('SELECT run_id FROM run').pluck().all() as number[]);
    const missing = ids.find((id) => !known.has(id));
    if (missing !== undefined) throw new RequestError(`${path}: has no run ${missing}`);
    conditions.push('run_id IN (SELECT value FROM json_each(?))');
    values.push(JSON.stringify(ids));
  }
  for (const [key, value] of Object.entries(labels)) {
    conditions.push('EXISTS (SELECT 1 FROM run_label AS l WHERE l.run_id = r.run_id AND key = ? AND value = ?)');
    values.push(key, value);
  }
  if (since !== undefined) {
    conditions.push('ingested_at >= ?');
    values.push(since);
  }
  const count = (severity: string): string =>
    `(SELECT count(*) FROM finding AS f WHERE f.run_id = r.run_id AND severity = '${severity}')`;
  const rows = db
    .prepare(
      `SELECT run_id, name, boot, ingested_at, tool_version, kept, replayed, host, release, content_hash, cpus, events, lost, span_ns,
              ${count('error')} AS errors, ${count('warning')} AS warnings, ${count('info')} AS infos,
              (SELECT title FROM root_cause AS c WHERE c.run_id = r.run_id AND position = 1) AS title,
              (SELECT json_group_object(key, value) FROM run_label AS l WHERE l.run_id = r.run_id) AS labels
       FROM run AS r ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''} ORDER BY run_id`,
    )
    .all(...values) as RunRow[];
  return rows.map(({ labels, replayed, errors, warnings, infos, ...row }) => ({
    ...row,
    labels: JSON.parse(labels) as Record<string, string>,
    replayed: replayed === 1,
    findings: { error: errors, warning: warnings, info: infos },
  }));
}
