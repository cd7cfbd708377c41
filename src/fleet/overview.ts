/** What the page of a fleet shows: the reports, trends per day, and what is new since yesterday. */
import type { FleetOverview, FleetTrend, MetricName } from '../../schema/index.ts';
import { bySeverityAndRuns, fleetIdentities } from './reports/findings.ts';
import { mergedHistograms } from './reports/histograms.ts';
import { runFleetReport } from './reports/index.ts';
import type { Scope } from './scope.ts';
import type { FleetSource } from './sink.ts';

const TREND_METRICS: readonly MetricName[] = ['rcu-gp', 'synchronize-rcu', 'runqueue-wait'];
const ROWS = { roots: 15, findings: 40, hosts: 15 };
const DAY_MS = 24 * 3600 * 1000;

/** @throws FleetError */
export async function fleetOverview(source: FleetSource, scope: Scope): Promise<FleetOverview> {
  const report = (name: string, limit?: number) => runFleetReport(source, name, scope, { ...(limit && { limit }) });
  const days = await report('days');
  const lastDay = String(days.rows.at(-1)?.[0] ?? '');
  const since = lastDay === '' ? '' : new Date(Date.parse(lastDay) - DAY_MS).toISOString().slice(0, 10);
  const identities = await fleetIdentities(source, scope, {});
  return {
    days,
    trends: await trends(source, scope),
    roots: await report('roots', ROWS.roots),
    findings: await report('findings', ROWS.findings),
    fresh: identities.filter((one) => one.first_seen.slice(0, 10) >= since).sort(bySeverityAndRuns),
    fresh_since: since,
    grace_periods: await report('grace-periods'),
    hosts: await report('slowest-hosts', ROWS.hosts),
    coverage: await report('coverage'),
  };
}

async function trends(source: FleetSource, scope: Scope): Promise<FleetTrend[]> {
  const merged = await mergedHistograms(source, scope, TREND_METRICS, ['metric', 'day']);
  return TREND_METRICS.map((metric) => ({
    metric,
    days: merged
      .filter(({ group, histogram }) => group[0] === metric && histogram.count > 0)
      .map(({ group, histogram }) => ({
        day: String(group[1]),
        n: histogram.count,
        p50_ns: histogram.percentile(50) ?? 0,
        p99_ns: histogram.percentile(99) ?? 0,
      }))
      .sort((a, b) => (a.day < b.day ? -1 : 1)),
  })).filter((trend) => trend.days.length > 0);
}
