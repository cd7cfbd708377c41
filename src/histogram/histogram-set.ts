/** Histograms of a run: one per metric and label. */
import { LogLinearHistogram } from './log-linear.ts';

/** Labels kept apart per metric; what comes later is counted under {@link OTHER_LABEL}. */
const MAX_LABELS = 4096;
export const OTHER_LABEL = '(other)';

/** A histogram as plain data: it crosses threads and becomes rows. */
export interface HistogramRow {
  readonly metric: string;
  readonly label: string;
  readonly count: number;
  readonly openCount: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly sum: number;
  /** Bucket and count, in turn. */
  readonly buckets: readonly number[];
}

export class HistogramSet {
  readonly metrics = new Map<string, Map<string, LogLinearHistogram>>();
  // Samples of one metric, and of one label, often come in a row.
  #lastMetric = '';
  #labels = new Map<string, LogLinearHistogram>();
  #lastLabel = '';
  #last = new LogLinearHistogram();

  add(metric: string, label: string, value: number): void {
    if (metric !== this.#lastMetric || label !== this.#lastLabel || this.#last.count === 0) {
      const known = metric === this.#lastMetric ? this.#labels.get(label) : undefined;
      this.#last = known ?? this.histogram(metric, label);
      if (known === undefined) this.#labels = this.metrics.get(metric) as Map<string, LogLinearHistogram>;
      this.#lastMetric = metric;
      this.#lastLabel = label;
    }
    this.#last.add(value);
  }

  /** The histogram of a metric and label, made when it is not there. */
  histogram(metric: string, label: string): LogLinearHistogram {
    let labels = this.metrics.get(metric);
    if (labels === undefined) {
      labels = new Map();
      this.metrics.set(metric, labels);
    }
    let histogram = labels.get(label);
    if (histogram === undefined) {
      if (labels.size >= MAX_LABELS && label !== OTHER_LABEL) return this.histogram(metric, OTHER_LABEL);
      histogram = new LogLinearHistogram();
      labels.set(label, histogram);
    }
    return histogram;
  }

  /** @param renames labels that are another's: their samples are that one's */
  rows(renames: readonly (readonly [from: string, to: string])[] = []): HistogramRow[] {
    for (const labels of this.metrics.values())
      for (const [from, to] of renames) {
        const moved = labels.get(from);
        if (moved === undefined) continue;
        labels.delete(from);
        const known = labels.get(to);
        if (known === undefined) labels.set(to, moved);
        else known.merge(moved);
      }
    const rows: HistogramRow[] = [];
    for (const [metric, labels] of this.metrics)
      for (const [label, h] of labels) {
        const buckets: number[] = [];
        h.forEachBucket((bucket, count) => buckets.push(bucket, count));
        const { count, openCount, sum } = h;
        rows.push({
          metric,
          label,
          count,
          openCount,
          min: count ? h.min : null,
          max: count ? h.max : null,
          sum,
          buckets,
        });
      }
    return rows;
  }
}
