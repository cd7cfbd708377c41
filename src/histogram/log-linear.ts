/**
 * Log-linear (HDR) histogram of non-negative integers: 64 equal buckets per power of two, so a value is known to 1.6 %.
 * Count, minimum, maximum and sum are exact. Two histograms merge by adding counts.
 */

const SUB_BITS = 6;
const SUB_BUCKETS = 1 << SUB_BITS;
const TWO_32 = 4294967296;

/** Number of the bucket that counts `value` (a safe integer ≥ 0). Values below 64 have a bucket each. */
export function bucketOf(value: number): number {
  if (value < SUB_BUCKETS) return value;
  if (value < TWO_32) {
    // Shifts: the power below takes ten times as long, and most durations are shorter than 4 s.
    const shift = 31 - SUB_BITS - Math.clz32(value);
    return shift * SUB_BUCKETS + (value >>> shift);
  }
  const shift = 63 - SUB_BITS - Math.clz32(value / TWO_32);
  return shift * SUB_BUCKETS + Math.floor(value / 2 ** shift);
}

/** Smallest value that a bucket counts. */
export function bucketLow(bucket: number): number {
  if (bucket < SUB_BUCKETS * 2) return bucket;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  return (bucket - shift * SUB_BUCKETS) * 2 ** shift;
}

/** Largest value that a bucket counts. */
export function bucketHigh(bucket: number): number {
  return bucketLow(bucket + 1) - 1;
}

export class LogLinearHistogram {
  count = 0;
  /** Intervals that had not ended; they are in no bucket. */
  openCount = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  #counts = new Float64Array(0);

  /** Counts one value. Negative values (clocks that step back) count as 0, fractions are cut, more than a safe integer is the greatest one. */
  add(value: number): void {
    const v = value > 0 ? Math.floor(Math.min(value, Number.MAX_SAFE_INTEGER)) : 0;
    this.addBucket(bucketOf(v), 1);
    this.sum += v;
    if (v < this.min) this.min = v;
    if (v > this.max) this.max = v;
  }

  /** Adds to a bucket and to the count only; the caller sets sum, min and max. */
  addBucket(bucket: number, count: number): void {
    if (bucket >= this.#counts.length) {
      const grown = new Float64Array(Math.max(bucket + 1, this.#counts.length * 2, SUB_BUCKETS));
      grown.set(this.#counts);
      this.#counts = grown;
    }
    this.#counts[bucket] += count;
    this.count += count;
  }

  merge(other: LogLinearHistogram): void {
    other.forEachBucket((bucket, count) => {
      this.addBucket(bucket, count);
    });
    this.openCount += other.openCount;
    this.sum += other.sum;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
  }

  /** Visits the buckets that are not empty, in order of value. */
  forEachBucket(visit: (bucket: number, count: number) => void): void {
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      const count = this.#counts[bucket];
      if (count > 0) visit(bucket, count);
    }
  }

  /**
   * The value below or at which `percent` of all values lie: the middle of its bucket, never outside the exact minimum and
   * maximum. Undefined when nothing was counted.
   */
  percentile(percent: number): number | undefined {
    if (this.count === 0) return undefined;
    const rank = Math.max(1, Math.ceil((percent / 100) * this.count));
    if (rank >= this.count) return this.max;
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket];
      if (seen >= rank) {
        const middle = Math.floor((bucketLow(bucket) + bucketHigh(bucket)) / 2);
        return Math.min(this.max, Math.max(this.min, middle));
      }
    }
    return this.max;
  }
}
