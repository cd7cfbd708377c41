/** What the fleet could have seen, and how it goes from day to day. */
import { FINDING_KINDS, type FleetValue } from '../../../schema/index.ts';
import { where } from '../scope.ts';
import { byText, column, type FleetReport, share } from './report.ts';

export const COVERAGE_REPORT: FleetReport = {
  name: 'coverage',
  title: 'how many runs could have shown each kind of finding, and how many have it',
  limit: 1000,
  columns: [
    column('kind', 'text', 'kind of finding'),
    column('runs', 'count', 'runs'),
    column('assessed', 'count', 'recorded what decides it'),
    column('partial', 'count', 'recorded a part'),
    column('not_assessed', 'count', 'could not have shown it'),
    column('found', 'count', 'runs that have such a finding'),
    column('coverage', 'share', 'assessed of all runs'),
  ],
  async rows(source, scope) {
    const { dialect } = source;
    const statuses = await source.select(
      `SELECT kind, status, count(DISTINCT run) AS run_count FROM ${dialect.table('assessment')}${where(dialect, 'assessment', scope)} GROUP BY kind, status`,
    );
    const found = await source.select(
      `SELECT kind, count(DISTINCT run) AS run_count FROM ${dialect.table('finding')}${where(dialect, 'finding', scope)} GROUP BY kind`,
    );
    const order: readonly string[] = FINDING_KINDS;
    const kinds = [...new Set([...statuses, ...found].map(([kind]) => String(kind)))].sort(
      (a, b) => order.indexOf(a) - order.indexOf(b) || byText(a, b),
    );
    const runs = (kind: string, status: string): number =>
      Number(statuses.find((row) => row[0] === kind && row[1] === status)?.[2] ?? 0);
    const rows = kinds.map((kind): FleetValue[] => {
      const [assessed, partial, not] = ['assessed', 'partial', 'not-assessed'].map((status) => runs(kind, status));
      const all = assessed + partial + not;
      return [
        kind,
        all,
        assessed,
        partial,
        not,
        Number(found.find((row) => row[0] === kind)?.[1] ?? 0),
        share(assessed, all),
      ];
    });
    return { rows };
  },
};

export const DAYS_REPORT: FleetReport = {
  name: 'days',
  title: 'runs and findings per day of ingest',
  limit: 1000,
  columns: [
    column('day', 'text', 'UTC'),
    column('runs', 'count', 'runs'),
    column('hosts', 'count', 'machines'),
    column('with_errors', 'count', 'runs with a finding of severity error'),
    column('errors', 'count', 'such findings'),
    column('warnings', 'count', 'findings of severity warning'),
    column('lost', 'count', 'events that recorders lost'),
  ],
  async rows(source, scope) {
    const { dialect } = source;
    const rows = await source.select(
      `SELECT day, count(DISTINCT run) AS run_count, count(DISTINCT host) AS host_count, sum(CASE WHEN errors > 0 THEN 1 ELSE 0 END) AS bad, sum(errors) AS error_sum, sum(warnings) AS warning_sum, sum(lost) AS lost_sum FROM ${dialect.table('run')}${where(dialect, 'run', scope)} GROUP BY day`,
    );
    return { rows: [...rows].sort((a, b) => byText(a[0], b[0])) };
  },
};

/** What keeps others from running. */
const HELD_UP_BY = ['nmi', 'hardirq', 'softirq', 'lock-hold', 'workqueue-run'];

export const SLOWEST_REPORT: FleetReport = {
  name: 'slowest',
  title:
    'the slowest handlers, lock classes, tasks and work functions (--metric; default: interrupts, locks held, work)',
  limit: 20,
  columns: [
    column('metric', 'text', 'latency'),
    column('label', 'text', 'handler, lock class, task, work function, …'),
    column('runs', 'count', 'runs in which it was among the slowest'),
    column('n', 'count', 'finished intervals in those runs'),
    column('max_ns', 'duration', 'longest'),
    column('mean_ns', 'duration', 'mean'),
  ],
  async rows(source, scope, { metrics = HELD_UP_BY }) {
    const { dialect } = source;
    const ofMetrics = `metric IN (${metrics.map((metric) => dialect.text(metric)).join(', ')})`;
    const rows = await source.select(
      `SELECT metric, label, count(DISTINCT run) AS run_count, sum(n) AS n_sum, max(max_ns) AS longest, sum(sum_ns) AS total FROM ${dialect.table('slowest')}${where(dialect, 'slowest', scope, ofMetrics)} GROUP BY metric, label`,
    );
    return {
      rows: rows
        .map(([metric, label, runs, n, longest, total]): FleetValue[] => [
          metric,
          label,
          runs,
          n,
          longest,
          Math.round(Number(total) / Math.max(1, Number(n))),
        ])
        .sort((a, b) => Number(b[4]) - Number(a[4]) || byText(a[0], b[0]) || byText(a[1], b[1])),
    };
  },
};
