/** Findings over the runs of a store: when first, when last, how often, and with which labels. */
import type { AcrossResult, FindingAcross, Severity } from '../../../schema/index.ts';
import { type RunFilter, reading, storedRuns } from '../../store/runs/run-list.ts';
import type { Connection } from '../../store/store-file.ts';
import { correlatedLabels } from './label-correlation.ts';

export interface AcrossOptions extends RunFilter {
  readonly by: AcrossResult['by'];
  /** Kinds of findings; by root: of the root or of one of its findings. */
  readonly kinds?: readonly string[];
  /** The latest run alone. */
  readonly latest?: boolean;
}

interface FindingRow {
  readonly run_id: number;
  readonly identity: string;
  readonly kind: string;
  readonly severity: Severity;
  readonly title: string;
  readonly count: number;
  /** Kind whose assessment tells whether another run could show it. */
  readonly assessed_kind: string;
}

interface Seen {
  worst: Severity;
  count: number;
  last: FindingRow;
  readonly runs: number[];
}

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info'];

/** By root: what one cause did in a run is one row, whatever hangs on it. */
const ROWS: Readonly<Record<AcrossResult['by'], string>> = {
  root: `SELECT c.run_id, c.identity, c.kind, c.severity, c.title, c.findings AS count, f.kind AS assessed_kind
    FROM root_cause AS c
    JOIN finding AS f ON f.run_id = c.run_id AND f.position =
      (SELECT min(position) FROM finding WHERE run_id = c.run_id AND root = c.position)
    WHERE (:kinds IS NULL OR EXISTS (
      SELECT 1 FROM finding AS k JOIN json_each(:kinds) AS j ON k.kind = j.value OR c.kind = j.value
      WHERE k.run_id = c.run_id AND k.root = c.position))
    ORDER BY c.run_id`,
  finding: `SELECT run_id, identity, kind, severity, title, count(*) AS count, kind AS assessed_kind
    FROM finding WHERE :kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds))
    GROUP BY run_id, identity ORDER BY run_id`,
};

/** @throws StoreError */
export function findingsAcross(path: string, options: AcrossOptions): AcrossResult {
  return reading(path, (db) => across(db, path, options));
}

function across(db: Connection, path: string, { by, kinds, latest, ...filter }: AcrossOptions): AcrossResult {
  const all = storedRuns(db, path, filter).filter(({ replayed }) => replayed);
  const runs = latest ? all.slice(-1) : all;
  const byId = new Map(runs.map((run) => [run.run_id, run] as const));
  const seen = new Map<string, Seen>();
  const rows = db.prepare(ROWS[by]).iterate({ kinds: kinds ? JSON.stringify(kinds) : null });
  for (const row of rows as IterableIterator<FindingRow>) {
    if (!byId.has(row.run_id)) continue;
    const known = seen.get(row.identity);
    if (known === undefined)
      seen.set(row.identity, { worst: row.severity, count: row.count, last: row, runs: [row.run_id] });
    else {
      if (SEVERITIES.indexOf(row.severity) < SEVERITIES.indexOf(known.worst)) known.worst = row.severity;
      known.count += row.count;
      known.last = row;
      if (known.runs[known.runs.length - 1] !== row.run_id) known.runs.push(row.run_id);
    }
  }
  const labels = new Map(
    runs.map(({ run_id, labels, host, release, tool_version }) => {
      const own: [string, string][] = [['tool_version', tool_version]];
      if (host !== null) own.push(['host', host]);
      if (release !== null) own.push(['release', release]);
      return [run_id, new Map([...own, ...Object.entries(labels)])] as const;
    }),
  );
  const assessed = assessedRuns(db);
  const findings = [...seen].map(([identity, { worst, count, last, runs: showing }]): FindingAcross => {
    const shows = new Set(showing);
    const could = runs.filter(({ run_id }) => shows.has(run_id) || assessed.get(last.assessed_kind)?.has(run_id));
    const time = (id: number): string => byId.get(id)?.ingested_at ?? '';
    const byTime = [...showing].sort((a, b) => (time(a) < time(b) ? -1 : time(a) > time(b) ? 1 : a - b));
    const [first, final] = [byTime[0], byTime[byTime.length - 1]];
    return {
      identity,
      kind: last.kind,
      severity: worst,
      title: last.title,
      runs: showing.length,
      count,
      assessed_runs: could.length,
      first_run: first,
      first_seen: time(first),
      last_run: final,
      last_seen: time(final),
      labels: correlatedLabels(
        could.map(({ run_id }) => ({ labels: labels.get(run_id) ?? new Map(), shows: shows.has(run_id) })),
      ),
    };
  });
  findings.sort(
    (a, b) =>
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
      b.runs - a.runs ||
      (a.identity < b.identity ? -1 : 1),
  );
  return { schema: 'quiesce.findings/1', db: path, by, runs: runs.length, findings };
}

/** By kind: runs that could decide it, wholly or in part. */
function assessedRuns(db: Connection): Map<string, Set<number>> {
  const found = new Map<string, Set<number>>();
  const rows = db.prepare("SELECT kind, run_id FROM assessment WHERE status <> 'not-assessed'").raw().iterate();
  for (const [kind, runId] of rows as IterableIterator<[string, number]>) {
    const runs = found.get(kind) ?? new Set();
    runs.add(runId);
    found.set(kind, runs);
  }
  return found;
}

/** Identities of the findings of a store. @param below only runs before this number @throws StoreError */
export function knownIdentities(path: string, below = Number.MAX_SAFE_INTEGER): Set<string> {
  return reading(
    path,
    (db) =>
      new Set(db.prepare('SELECT DISTINCT identity FROM finding WHERE run_id < ?').pluck().all(below) as string[]),
  );
}
