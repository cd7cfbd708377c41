/** Histograms of many runs, added up by the back end: buckets by sum, extremes by minimum and maximum. */
import { LogLinearHistogram } from '../../histogram/log-linear.ts';
import { oneOf, type Scope, where } from '../scope.ts';
import type { FleetRow, FleetSource } from '../sink.ts';

export interface MergedHistogram {
  /** Values of the grouping columns. */
  readonly group: FleetRow;
  readonly runs: number;
  readonly histogram: LogLinearHistogram;
}

/**
 * @param by columns that tables histogram and bucket share
 * @returns one histogram per group, in no order
 */
export async function mergedHistograms(
  source: FleetSource,
  scope: Scope,
  metrics: readonly string[],
  by: readonly string[],
): Promise<MergedHistogram[]> {
  const { dialect } = source;
  const group = by.join(', ');
  const ofMetrics = oneOf(dialect, 'metric', metrics);
  const heads = await source.select(
    `SELECT ${group}, count(DISTINCT run) AS run_count, sum(open_n) AS open_sum, min(min_ns) AS lowest, max(max_ns) AS highest, sum(sum_ns) AS total FROM ${dialect.table('histogram')}${where(dialect, 'histogram', scope, ofMetrics)} GROUP BY ${group}`,
  );
  const buckets = await source.select(
    `SELECT ${group}, bucket, sum(n) AS n_sum FROM ${dialect.table('bucket')}${where(dialect, 'bucket', scope, ofMetrics)} GROUP BY ${group}, bucket`,
  );
  const merged = new Map<string, MergedHistogram>();
  for (const row of heads) {
    const [runs, open, lowest, highest, total] = row.slice(by.length) as (number | null)[];
    const histogram = new LogLinearHistogram();
    histogram.openCount = open ?? 0;
    histogram.sum = total ?? 0;
    if (lowest !== null) histogram.min = lowest;
    if (highest !== null) histogram.max = highest;
    const values = row.slice(0, by.length);
    merged.set(JSON.stringify(values), { group: values, runs: runs ?? 0, histogram });
  }
  for (const row of buckets) {
    const [bucket, n] = row.slice(by.length) as number[];
    merged.get(JSON.stringify(row.slice(0, by.length)))?.histogram.addBucket(bucket, n);
  }
  return [...merged.values()];
}
