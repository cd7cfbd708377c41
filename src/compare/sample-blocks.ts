/**
 * Samples of a metric as short histograms of consecutive samples. Latencies come in bursts: a thousand slow interrupts of one storm
 * are one observation, not a thousand. Tests that shuffle whole blocks instead of samples keep that in mind, and a few dozen blocks
 * fit into a baseline file where the samples would not.
 */
import { bucketHigh, bucketLow, bucketOf } from '../histogram/log-linear.ts';

/** A collector ends with half as many blocks to this many. */
export const MAX_BLOCKS = 64;

/** Consecutive samples: buckets of the log-linear histogram, ascending, and how many samples each counts. */
export interface SampleBlock {
  readonly buckets: Uint16Array;
  readonly counts: Float64Array;
  readonly samples: number;
}

/** The samples of one metric in one run. */
export interface BlockedSamples {
  /** In order of time. */
  readonly blocks: readonly SampleBlock[];
  readonly count: number;
  /** Intervals still open at the end of the capture; in no block. */
  readonly openCount: number;
  /** Exact; 0 when there are no samples. */
  readonly minNs: number;
  readonly maxNs: number;
  readonly sumNs: number;
}

/** Middle of a bucket: what its samples count as. */
export function bucketMiddle(bucket: number): number {
  return (bucketLow(bucket) + bucketHigh(bucket)) / 2;
}

/** Takes samples in order of time; doubles the size of its blocks whenever there are too many of them. */
export class BlockCollector {
  #blocks: SampleBlock[] = [];
  #blockSize = 1;
  #pending: number[] = [];
  #count = 0;
  #openCount = 0;
  #minNs = Number.POSITIVE_INFINITY;
  #maxNs = 0;
  #sumNs = 0;

  /** @param valueNs null: not over when the capture ended */
  add(valueNs: number | null): void {
    if (valueNs === null) {
      this.#openCount++;
      return;
    }
    // A clock that steps back makes no negative durations.
    const value = valueNs > 0 ? Math.floor(valueNs) : 0;
    this.#count++;
    this.#sumNs += value;
    if (value < this.#minNs) this.#minNs = value;
    if (value > this.#maxNs) this.#maxNs = value;
    this.#pending.push(bucketOf(value));
    if (this.#pending.length >= this.#blockSize) this.#close();
  }

  #close(): void {
    this.#blocks.push(countedBlock(this.#pending));
    this.#pending = [];
    if (this.#blocks.length <= MAX_BLOCKS) return;
    this.#blockSize *= 2;
    // The odd one out is the beginning of the next block.
    const odd = this.#blocks.length % 2 === 1 ? this.#blocks.pop() : undefined;
    this.#blocks = mergedPairs(this.#blocks);
    odd?.buckets.forEach((bucket, i) => {
      for (let n = 0; n < odd.counts[i]; n++) this.#pending.push(bucket);
    });
  }

  finish(): BlockedSamples {
    const rest = this.#pending.length > 0 ? countedBlock(this.#pending) : undefined;
    const blocks = [...this.#blocks];
    if (rest) {
      // A small rest would weigh as much as a block in a shuffle.
      const last = rest.samples * 2 < this.#blockSize ? blocks.pop() : undefined;
      blocks.push(last ? mergeBlocks(last, rest) : rest);
    }
    return {
      blocks,
      count: this.#count,
      openCount: this.#openCount,
      minNs: this.#count > 0 ? this.#minNs : 0,
      maxNs: this.#maxNs,
      sumNs: this.#sumNs,
    };
  }
}

function countedBlock(samples: readonly number[]): SampleBlock {
  const sorted = Uint16Array.from(samples).sort();
  const buckets: number[] = [];
  const counts: number[] = [];
  for (const bucket of sorted) {
    if (buckets[buckets.length - 1] === bucket) counts[counts.length - 1]++;
    else {
      buckets.push(bucket);
      counts.push(1);
    }
  }
  return { buckets: Uint16Array.from(buckets), counts: Float64Array.from(counts), samples: samples.length };
}

/** Two neighbours as one. */
export function mergeBlocks(a: SampleBlock, b: SampleBlock): SampleBlock {
  const buckets: number[] = [];
  const counts: number[] = [];
  let i = 0;
  let k = 0;
  while (i < a.buckets.length || k < b.buckets.length) {
    const left = i < a.buckets.length ? a.buckets[i] : Number.POSITIVE_INFINITY;
    const right = k < b.buckets.length ? b.buckets[k] : Number.POSITIVE_INFINITY;
    buckets.push(Math.min(left, right));
    counts.push((left <= right ? a.counts[i++] : 0) + (right <= left ? b.counts[k++] : 0));
  }
  return {
    buckets: Uint16Array.from(buckets),
    counts: Float64Array.from(counts),
    samples: a.samples + b.samples,
  };
}

/** Neighbours 1 and 2, 3 and 4, … merged; a last odd one stays as it is. */
export function mergedPairs(blocks: readonly SampleBlock[]): SampleBlock[] {
  const merged: SampleBlock[] = [];
  for (let i = 0; i < blocks.length; i += 2)
    merged.push(i + 1 < blocks.length ? mergeBlocks(blocks[i], blocks[i + 1]) : blocks[i]);
  return merged;
}

/** Blocks are merged no further than to this many: fewer could not reach a small p-value. */
const FEWEST_AFTER_MERGING = 10;

/** Correlation that makes blocks merge, in standard errors of what unrelated blocks show. A merge too many costs little. */
const MERGE_FROM = 0.5;

/**
 * The blocks, merged until neighbours tell nothing about each other: shuffling is allowed only among blocks that could have come
 * in any order. What is correlated over a tenth of a run cannot be distinguished from a trend.
 */
export function decorrelated(blocks: readonly SampleBlock[]): readonly SampleBlock[] {
  let current = blocks;
  while (
    current.length >= FEWEST_AFTER_MERGING * 2 &&
    neighbourCorrelation(current) > MERGE_FROM / Math.sqrt(current.length)
  )
    current = mergedPairs(current);
  return current;
}

/** Lag-1 autocorrelation of the blocks' mean log values. */
export function neighbourCorrelation(blocks: readonly SampleBlock[]): number {
  const levels = blocks.map((block) => {
    let sum = 0;
    for (let i = 0; i < block.buckets.length; i++) sum += block.counts[i] * Math.log1p(bucketMiddle(block.buckets[i]));
    return sum / block.samples;
  });
  const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
  let variance = 0;
  let covariance = 0;
  for (let i = 0; i < levels.length; i++) {
    variance += (levels[i] - mean) ** 2;
    if (i > 0) covariance += (levels[i] - mean) * (levels[i - 1] - mean);
  }
  return variance === 0 ? 0 : covariance / variance;
}
