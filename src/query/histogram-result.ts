/** Histograms of a metric as plain data. */
import type { HistogramResult } from '../../schema/index.ts';
import { bucketHigh, bucketLow } from '../histogram/log-linear.ts';
import type { MetricHistograms } from './metric-histograms.ts';

/** `quiesce.hist/1`: percentiles and buckets of each histogram. */
export function histogramResult(result: MetricHistograms): HistogramResult {
  return {
    schema: 'quiesce.hist/1',
    metric: result.metric,
    title: result.title,
    by: result.by ?? null,
    histograms: result.histograms.map(({ label, histogram }) => {
      const percentile = (percent: number) => histogram.percentile(percent) ?? null;
      const buckets: { low_ns: number; high_ns: number; count: number }[] = [];
      histogram.forEachBucket((bucket, count) => {
        buckets.push({ low_ns: bucketLow(bucket), high_ns: bucketHigh(bucket), count });
      });
      return {
        label,
        count: histogram.count,
        open: histogram.openCount,
        min_ns: histogram.count === 0 ? null : histogram.min,
        p50_ns: percentile(50),
        p90_ns: percentile(90),
        p99_ns: percentile(99),
        p999_ns: percentile(99.9),
        max_ns: histogram.count === 0 ? null : histogram.max,
        sum_ns: histogram.sum,
        buckets,
      };
    }),
  };
}
