/** Blocks of both sides over one set of buckets, and the statistics of any division of them into base and head. */
import { bucketMiddle, type SampleBlock } from './sample-blocks.ts';

/** Statistics that a division of the blocks is judged by, in the order of {@link DivisionStatistics}. */
export const STATISTICS = ['p50', 'tail', 'mean'] as const;
export type StatisticName = (typeof STATISTICS)[number];

/** Logarithms of head over base, and the rank sum. */
export interface DivisionStatistics {
  /** P(head > base) − ½, ties shared: the rank-sum statistic of Mann and Whitney. */
  readonly rank: number;
  readonly p50: number;
  readonly tail: number;
  readonly mean: number;
}

interface IndexedBlock {
  /** Positions in the common list of buckets. */
  readonly at: Int32Array;
  readonly counts: Float64Array;
  readonly samples: number;
}

export class PooledBlocks {
  /** Blocks of the base first, then those of the head. */
  readonly blocks: readonly IndexedBlock[];
  readonly baseBlocks: number;
  readonly headSamples: number;
  readonly #values: Float64Array;
  readonly #total: Float64Array;
  readonly #samples: number;
  readonly #tailPercent: number | undefined;
  readonly #head: Float64Array;
  readonly #base: Float64Array;

  /** @param tailPercent percentile that stands for the tail; undefined when there are too few samples for one */
  constructor(base: readonly SampleBlock[], head: readonly SampleBlock[], tailPercent: number | undefined) {
    const all = [...base, ...head];
    const buckets = [...new Set(all.flatMap((block) => [...block.buckets]))].sort((a, b) => a - b);
    const position = new Map(buckets.map((bucket, i) => [bucket, i]));
    this.blocks = all.map(({ buckets: used, counts, samples }) => ({
      at: Int32Array.from(used, (bucket) => position.get(bucket) as number),
      counts,
      samples,
    }));
    this.baseBlocks = base.length;
    this.headSamples = head.reduce((sum, block) => sum + block.samples, 0);
    this.#values = Float64Array.from(buckets, bucketMiddle);
    this.#tailPercent = tailPercent;
    this.#total = new Float64Array(buckets.length);
    this.#head = new Float64Array(buckets.length);
    this.#base = new Float64Array(buckets.length);
    for (const block of this.blocks) add(this.#total, block);
    this.#samples = all.reduce((sum, block) => sum + block.samples, 0);
  }

  /** Statistics of the division as it is. */
  observed(): DivisionStatistics {
    const order = Int32Array.from(this.blocks.keys());
    return this.#divide(order, this.baseBlocks, order.length);
  }

  /**
   * Statistics when the head is made of the first blocks in `order`, as many as it takes to have the head's number of samples, and
   * the base of the others.
   */
  shuffled(order: Int32Array): DivisionStatistics {
    let samples = 0;
    let end = 0;
    while (samples < this.headSamples && end < order.length - 1) samples += this.blocks[order[end++]].samples;
    return this.#divide(order, 0, end);
  }

  #divide(order: Int32Array, from: number, to: number): DivisionStatistics {
    const head = this.#head.fill(0);
    let headSamples = 0;
    for (let i = from; i < to; i++) {
      add(head, this.blocks[order[i]]);
      headSamples += this.blocks[order[i]].samples;
    }
    return this.#statistics(this.#total, this.#samples - headSamples, head, headSamples, 1);
  }

  /** Statistics of a base and a head drawn with replacement; positions in `blocks`. */
  drawn(baseDraw: Int32Array, headDraw: Int32Array): DivisionStatistics {
    let baseSamples = 0;
    let headSamples = 0;
    this.#base.fill(0);
    this.#head.fill(0);
    for (const position of baseDraw) {
      add(this.#base, this.blocks[position]);
      baseSamples += this.blocks[position].samples;
    }
    for (const position of headDraw) {
      add(this.#head, this.blocks[position]);
      headSamples += this.blocks[position].samples;
    }
    return this.#statistics(this.#base, baseSamples, this.#head, headSamples, 0);
  }

  /** @param headInBase 1: `base` counts the samples of the head too */
  #statistics(
    base: Float64Array,
    baseSamples: number,
    head: Float64Array,
    headSamples: number,
    headInBase: 0 | 1,
  ): DivisionStatistics {
    const values = this.#values;
    const tail = this.#tailPercent ?? 100;
    const baseHalf = rankOf(50, baseSamples);
    const headHalf = rankOf(50, headSamples);
    const baseTail = rankOf(tail, baseSamples);
    const headTail = rankOf(tail, headSamples);
    let ranks = 0;
    let baseSeen = 0;
    let headSeen = 0;
    let baseSum = 0;
    let headSum = 0;
    let baseP50 = 0;
    let headP50 = 0;
    let baseP = 0;
    let headP = 0;
    // One pass: the percentile is the value of the bucket in which its rank is reached.
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      const inHead = head[i];
      const inBase = base[i] - headInBase * inHead;
      ranks += inHead * (baseSeen + inBase / 2);
      if (baseSeen < baseHalf) baseP50 = value;
      if (headSeen < headHalf) headP50 = value;
      if (baseSeen < baseTail) baseP = value;
      if (headSeen < headTail) headP = value;
      baseSeen += inBase;
      headSeen += inHead;
      baseSum += inBase * value;
      headSum += inHead * value;
    }
    return {
      rank: ranks / (baseSamples * headSamples) - 0.5,
      p50: logRatio(headP50, baseP50),
      tail: this.#tailPercent === undefined ? 0 : logRatio(headP, baseP),
      mean: logRatio(headSum / headSamples, baseSum / baseSamples),
    };
  }
}

function rankOf(percent: number, samples: number): number {
  return Math.max(1, Math.ceil((percent / 100) * samples));
}

function add(sums: Float64Array, block: IndexedBlock): void {
  const { at, counts } = block;
  for (let i = 0; i < at.length; i++) sums[at[i]] += counts[i];
}

/** A nanosecond is added to both: durations of 0 occur where the clock is coarse. */
function logRatio(head: number, base: number): number {
  return Math.log((head + 1) / (base + 1));
}
