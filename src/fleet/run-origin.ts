/** Where a run of a store comes from: what names it in a fleet. */
import type { Connection } from '../store/store-file.ts';

export interface RunOrigin {
  /** Of what was recorded. */
  readonly contentHash: string;
  readonly boot: number;
  /** UTC, `2026-12-01T03:00:00Z`. */
  readonly ingestedAt: string;
  readonly labels: Readonly<Record<string, string>>;
  /** '' when nothing names it. */
  readonly host: string;
  /** Version of quiesce. */
  readonly tool: string;
}

interface OriginRow {
  readonly boot: number;
  readonly ingested_at: string;
  readonly tool_version: string;
  readonly host: string | null;
  readonly content_hash: string | null;
  readonly events: number;
  readonly last_ns: number;
}

export function runOrigin(db: Connection, runId: number): RunOrigin {
  const run = db
    .prepare('SELECT boot, ingested_at, tool_version, host, content_hash, events, last_ns FROM run WHERE run_id = ?')
    .get(runId) as OriginRow;
  const labels = db.prepare('SELECT key, value FROM run_label WHERE run_id = ? ORDER BY key').raw().all(runId);
  return {
    // What was read from a pipe has no hash of its bytes: the instant of its ingest tells it from others.
    contentHash: run.content_hash ?? `pipe ${run.ingested_at} ${run.events} ${run.last_ns}`,
    boot: run.boot,
    ingestedAt: `${run.ingested_at.slice(0, 19)}Z`,
    labels: Object.fromEntries(labels as [string, string][]),
    host: run.host ?? '',
    tool: run.tool_version,
  };
}

/** Identity of the root cause of each finding of a run, in the order of the findings. */
export function rootsOfFindings(db: Connection, runId: number): string[] {
  return db
    .prepare(
      'SELECT coalesce((SELECT c.identity FROM root_cause AS c WHERE c.run_id = f.run_id AND c.position = f.root), f.identity) FROM finding AS f WHERE f.run_id = ? ORDER BY f.position',
    )
    .pluck()
    .all(runId) as string[];
}
