/** Percentiles of latencies: per kernel and week, and per host. */
import type { FleetReportColumn, FleetValue } from '../../../schema/index.ts';
import { mergedHistograms } from './histograms.ts';
import { byText, column, type FleetReport } from './report.ts';

const GRACE_PERIODS = ['rcu-gp', 'rcu-gp-expedited', 'srcu-gp'];

const COUNTS: readonly FleetReportColumn[] = [
  column('runs', 'count', 'runs that have any'),
  column('n', 'count', 'finished intervals'),
  column('open', 'count', 'not over when their recording ended; in no percentile'),
  column('p50_ns', 'duration', 'median, to 1.6 %, as all percentiles'),
  column('p90_ns', 'duration', '90 % are shorter'),
  column('p99_ns', 'duration', '99 % are shorter'),
  column('max_ns', 'duration', 'longest, exact'),
];

export const GRACE_PERIOD_REPORT: FleetReport = {
  name: 'grace-periods',
  title: 'percentiles of grace periods per kernel and week (other latencies with --metric)',
  limit: 1000,
  columns: [
    column('metric', 'text', 'rcu-gp, …'),
    column('label', 'text', 'RCU flavour or srcu_struct'),
    column('kernel', 'text', 'label kernel, else release'),
    column('week', 'text', 'Monday of the week of ingest'),
    ...COUNTS,
  ],
  async rows(source, scope, { metrics = GRACE_PERIODS }) {
    const merged = await mergedHistograms(source, scope, metrics, ['metric', 'label', 'kernel', 'week']);
    const rows = merged.map(({ group, runs, histogram }): FleetValue[] => [
      ...group,
      runs,
      histogram.count,
      histogram.openCount,
      ...[50, 90, 99].map((percent) => histogram.percentile(percent) ?? null),
      histogram.count > 0 ? histogram.max : null,
    ]);
    return { rows: rows.sort((a, b) => firstDifference(a, b, 4)) };
  },
};

export const SLOWEST_HOSTS: FleetReport = {
  name: 'slowest-hosts',
  title: 'hosts by the 99th percentile of a latency (rcu-gp, others with --metric)',
  limit: 20,
  columns: [column('host', 'text', 'label host, else the machine that the recording names'), ...COUNTS],
  async rows(source, scope, { metrics = ['rcu-gp'] }) {
    const merged = await mergedHistograms(source, scope, metrics, ['host']);
    const rows = merged
      .filter(({ histogram }) => histogram.count + histogram.openCount > 0)
      .map(({ group, runs, histogram }): FleetValue[] => [
        ...group,
        runs,
        histogram.count,
        histogram.openCount,
        ...[50, 90, 99].map((percent) => histogram.percentile(percent) ?? null),
        histogram.count > 0 ? histogram.max : null,
      ]);
    const p99 = 6;
    return { rows: rows.sort((a, b) => Number(b[p99]) - Number(a[p99]) || byText(a[0], b[0])) };
  },
};

/** By the first columns, one after another. */
function firstDifference(a: readonly FleetValue[], b: readonly FleetValue[], columns: number): number {
  for (let i = 0; i < columns; i++) {
    const order = byText(a[i], b[i]);
    if (order !== 0) return order;
  }
  return 0;
}
