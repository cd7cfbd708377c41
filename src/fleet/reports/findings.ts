/** Findings of the fleet by identity, and by root cause. */
import type { FleetIdentity, FleetValue, Severity } from '../../../schema/index.ts';
import { oneOf, type Scope, where } from '../scope.ts';
import type { FleetSource } from '../sink.ts';
import { byText, column, type FleetReport, type ReportOptions, share } from './report.ts';

const SEVERITIES: readonly Severity[] = ['info', 'warning', 'error'];
/** For the largest of them in SQL. */
export const SEVERITY_RANK = "CASE WHEN severity = 'error' THEN 2 WHEN severity = 'warning' THEN 1 ELSE 0 END";

/** All identities of the scope, in no order. */
export async function fleetIdentities(
  source: FleetSource,
  scope: Scope,
  { kinds }: ReportOptions,
): Promise<FleetIdentity[]> {
  const { dialect } = source;
  const ofKinds = kinds === undefined ? [] : [oneOf(dialect, 'kind', kinds)];
  const rows = await source.select(
    `SELECT identity, kind, max(${SEVERITY_RANK}) AS worst, min(root) AS one_root, min(title) AS one_title, min(ingested_at) AS first_seen, max(ingested_at) AS last_seen, count(*) AS finding_count, count(DISTINCT run) AS run_count, count(DISTINCT host) AS host_count, count(DISTINCT kernel) AS kernel_count, max(amount_ns) AS worst_ns FROM ${dialect.table('finding')}${where(dialect, 'finding', scope, ...ofKinds)} GROUP BY identity, kind`,
  );
  return rows.map((row) => ({
    identity: String(row[0]),
    kind: String(row[1]),
    severity: SEVERITIES[Number(row[2])],
    root: String(row[3]),
    title: String(row[4]),
    first_seen: String(row[5]),
    last_seen: String(row[6]),
    findings: Number(row[7]),
    runs: Number(row[8]),
    hosts: Number(row[9]),
    kernels: Number(row[10]),
    worst_ns: Number(row[11]),
  }));
}

/** How many runs of the scope could have shown a kind, wholly or in part. */
export async function assessedRuns(source: FleetSource, scope: Scope): Promise<Map<string, number>> {
  const { dialect } = source;
  const shown = oneOf(dialect, 'status', ['assessed', 'partial']);
  const rows = await source.select(
    `SELECT kind, count(DISTINCT run) AS run_count FROM ${dialect.table('assessment')}${where(dialect, 'assessment', scope, shown)} GROUP BY kind`,
  );
  return new Map(rows.map(([kind, runs]) => [String(kind), Number(runs)]));
}

const severityRank = (severity: Severity): number => SEVERITIES.indexOf(severity);

export const bySeverityAndRuns = (a: FleetIdentity, b: FleetIdentity): number =>
  severityRank(b.severity) - severityRank(a.severity) || b.runs - a.runs || byText(a.identity, b.identity);

export const FINDINGS_REPORT: FleetReport = {
  name: 'findings',
  title: 'findings by identity: first and last seen, in how many runs, how often among those that could show it',
  limit: 100,
  columns: [
    column('severity', 'text', 'the worst that was found'),
    column('runs', 'count', 'runs that have it'),
    column('rate', 'share', 'of the runs that could have shown the kind'),
    column('first_seen', 'time', 'ingest of the first run that has it'),
    column('last_seen', 'time', 'ingest of the last'),
    column('findings', 'count', 'a run may have several'),
    column('hosts', 'count', 'machines'),
    column('kernels', 'count', 'kernels'),
    column('worst_ns', 'duration', 'longest time that it blocked somebody, or lasted'),
    column('identity', 'text', 'kind, locks or domain, task, root: the same for one bug in every boot'),
  ],
  async rows(source, scope, options) {
    const [found, assessed] = [await fleetIdentities(source, scope, options), await assessedRuns(source, scope)];
    return {
      rows: found.sort(bySeverityAndRuns).map((one): FleetValue[] => [
        one.severity,
        one.runs,
        // What the kernel log reported needs no assessment.
        share(one.runs, Math.max(one.runs, assessed.get(one.kind) ?? 0)),
        one.first_seen,
        one.last_seen,
        one.findings,
        one.hosts,
        one.kernels,
        one.worst_ns,
        one.identity,
      ]),
    };
  },
};

export const ROOTS_REPORT: FleetReport = {
  name: 'roots',
  title: 'root causes: what is to blame, for how many findings in how many runs',
  limit: 50,
  columns: [
    column('root', 'text', 'root cause, by the identity of its first finding'),
    column('runs', 'count', 'runs'),
    column('findings', 'count', 'findings that it explains'),
    column('kinds', 'count', 'kinds among them'),
    column('hosts', 'count', 'machines'),
    column('first_seen', 'time', 'ingest of the first run'),
    column('last_seen', 'time', 'ingest of the last'),
    column('worst_ns', 'duration', 'longest'),
  ],
  async rows(source, scope, { kinds }) {
    const { dialect } = source;
    const ofKinds = kinds === undefined ? [] : [oneOf(dialect, 'kind', kinds)];
    const rows = await source.select(
      `SELECT root, count(DISTINCT run) AS run_count, count(*) AS finding_count, count(DISTINCT kind) AS kind_count, count(DISTINCT host) AS host_count, min(ingested_at) AS first_seen, max(ingested_at) AS last_seen, max(amount_ns) AS worst_ns FROM ${dialect.table('finding')}${where(dialect, 'finding', scope, ...ofKinds)} GROUP BY root`,
    );
    return { rows: [...rows].sort((a, b) => Number(b[1]) - Number(a[1]) || byText(a[0], b[0])) };
  },
};
