/** Histograms in the terminal: bars per power of two, like the kernel's own tools, and percentiles. */

import { bucketHigh, bucketLow, type LogLinearHistogram } from '../../histogram/log-linear.ts';
import type { MetricHistograms } from '../../query/metric-histograms.ts';
import { formatCount, plural, printable, type TimeFormat, timeFormat } from './text-format.ts';

const BAR_WIDTH = 40;
const PERCENTILES = [50, 90, 99, 99.9] as const;

/** Counts per power of two: `low` ≤ value < `high`. */
interface Octave {
  readonly low: number;
  readonly high: number;
  count: number;
}

function octaves(histogram: LogLinearHistogram): Octave[] {
  const found: Octave[] = [];
  histogram.forEachBucket((bucket, count) => {
    const value = bucketLow(bucket);
    const low = value === 0 ? 0 : 2 ** Math.floor(Math.log2(value));
    let last = found.at(-1);
    // Empty octaves between two full ones are drawn: a gap is information.
    while (last && last.low < low) {
      last = { low: last.high, high: last.high * 2, count: 0 };
      found.push(last);
    }
    if (last === undefined) {
      last = { low, high: low === 0 ? 1 : low * 2, count: 0 };
      found.push(last);
    }
    last.count += count;
  });
  return found;
}

export function histogramText(result: MetricHistograms): string {
  const time = timeFormat(result.timeUnit);
  const blocks = result.histograms.map(({ label, histogram }) => {
    const name = result.by === undefined ? result.metric : `${result.metric} ${result.by}=${printable(label)}`;
    return [`${name}: ${result.title}`, `  ${summary(histogram, time)}`, ...bars(histogram, time)].join('\n');
  });
  if (blocks.length === 0) return `${result.metric}: ${result.title}\n  nothing recorded\n`;
  return `${blocks.join('\n\n')}\n`;
}

function summary(histogram: LogLinearHistogram, time: TimeFormat): string {
  const open = histogram.openCount > 0 ? `, ${formatCount(histogram.openCount)} still open at the end` : '';
  if (histogram.count === 0) return `no finished interval${open}`;
  const percentiles = PERCENTILES.map((p) => `p${p} ${time.length(histogram.percentile(p) ?? 0)}`);
  return [
    `${plural(histogram.count, 'value')}${open}`,
    `min ${time.length(histogram.min)}`,
    ...percentiles,
    `max ${time.length(histogram.max)}`,
  ].join('  ');
}

function bars(histogram: LogLinearHistogram, time: TimeFormat): string[] {
  const rows = octaves(histogram);
  const most = Math.max(1, ...rows.map((row) => row.count));
  const ranges = rows.map(({ low, high }) => `[${time.length(low)}, ${time.length(high)})`);
  const rangeWidth = Math.max(0, ...ranges.map((range) => range.length));
  const countWidth = Math.max(0, ...rows.map((row) => formatCount(row.count).length));
  return rows.map(({ count }, i) => {
    const filled = count === 0 ? 0 : Math.max(1, Math.round((count / most) * BAR_WIDTH));
    return `  ${ranges[i].padEnd(rangeWidth)} ${formatCount(count).padStart(countWidth)} |${'@'.repeat(filled).padEnd(BAR_WIDTH)}|`;
  });
}

export const HISTOGRAM_COLUMNS = ['metric', 'label', 'low_ns', 'high_ns', 'count'] as const;

/** One row per bucket, for CSV and NDJSON. */
export function* histogramRows(result: MetricHistograms): Generator<(string | number)[]> {
  for (const { label, histogram } of result.histograms) {
    const rows: (string | number)[][] = [];
    histogram.forEachBucket((bucket, count) => {
      rows.push([result.metric, label, bucketLow(bucket), bucketHigh(bucket), count]);
    });
    yield* rows;
  }
}
