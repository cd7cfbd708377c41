/**
 * Is a metric slower or faster in the head than in the base? Three statistics are tested: the middle (median and rank sum), the tail (p99, or a lower percentile when there are few samples), and the mean.
 *
 * A change counts when chance does not explain it (permutation of blocks, corrected for all tests of the comparison), when it is
 * large enough to matter, when the confidence interval excludes "no change", and when runs of one side do not differ as much among
 * themselves.
 */
import { BOOTSTRAP_DRAWS, bootstrapIntervals, type DrawnInterval, type Interval } from './bootstrap.ts';
import { holmCorrected, permutationPValues, shufflesFor } from './permutation.ts';
import { type DivisionStatistics, PooledBlocks, STATISTICS, type StatisticName } from './pooled-blocks.ts';
import { SeededRandom } from './random.ts';
import { type BlockedSamples, decorrelated, mergeBlocks, type SampleBlock } from './sample-blocks.ts';

export type Verdict = 'regressed' | 'improved' | 'same' | 'too-few';

/** The samples of a metric on one side: one entry per run that has any. */
export type SideSamples = readonly BlockedSamples[];

export interface JudgeOptions {
  /** Smallest change that matters, as a share. */
  readonly threshold: number;
  /** Corrected p-value up to which a change is not put down to chance. */
  readonly alpha: number;
  /** Intervals of every metric, or only of those where a verdict depends on it. Default: all. */
  readonly intervals?: 'all' | 'needed';
}

export const DEFAULT_THRESHOLD = 0.05;
export const DEFAULT_ALPHA = 0.005;

/** Fewer samples on a side are too few for any verdict. */
export const FEWEST_SAMPLES = 10;
/** Fewer independent blocks on a side are too few: the shuffles could not reach a small p-value. */
export const FEWEST_BLOCKS = 8;
/** From this many runs on both sides, a run is one block: boots differ more than stretches of one boot. */
export const RUNS_AS_BLOCKS = 8;

/** Samples on the smaller side from which a percentile stands for the tail: at least ten samples lie above it. */
const TAILS: readonly (readonly [samples: number, percent: number])[] = [
  [1000, 99],
  [200, 95],
  [100, 90],
];

export interface StatisticResult {
  readonly statistic: string;
  /** Head ÷ base. */
  readonly ratio: number;
  readonly ci95: Interval | null;
  /** Corrected for all tests of the comparison. */
  readonly pValue: number;
  readonly verdict: Exclude<Verdict, 'too-few'>;
  /** The whole interval lies within the smallest change that matters: the two sides are shown to be the same, not only not shown to differ. */
  readonly equivalent: boolean;
}

export interface MetricVerdict {
  readonly verdict: Verdict;
  /** What the verdict rests on; the first that changed, else p50. Empty when too few. */
  readonly statistics: readonly StatisticResult[];
  /** Why the numbers are weaker than they look, or why there is no verdict. */
  readonly note: string;
}

interface Prepared {
  readonly pooled: PooledBlocks;
  readonly names: readonly StatisticName[];
  readonly tailPercent: number | undefined;
  readonly baseRuns: readonly Int32Array[];
  readonly headRuns: readonly Int32Array[];
  readonly observed: DivisionStatistics;
  readonly random: SeededRandom;
}

/** A metric of both sides. */
export interface MetricPair {
  /** `rcu-gp`, or `lock-hold/&rq->__lock` when split by label. */
  readonly key: string;
  readonly base: SideSamples;
  readonly head: SideSamples;
}

/** Judges all metrics together, because the correction needs to know how many tests there are. Results in the order of `pairs`. */
export function judgeMetrics(pairs: readonly MetricPair[], options: JudgeOptions): MetricVerdict[] {
  const prepared = pairs.map(prepare);
  const tested = prepared.filter((one) => typeof one !== 'string');
  const tests = tested.reduce((sum, one) => sum + one.names.length, 0);
  const shuffles = shufflesFor(tests, options.alpha);
  const corrected = holmCorrected(
    tested.flatMap(({ pooled, observed, names, random }) => {
      const found = permutationPValues(pooled, observed, names, random, shuffles);
      return names.map((name) => found.get(name) as number);
    }),
  );
  let next = 0;
  return prepared.map((one, i): MetricVerdict => {
    if (typeof one === 'string') return { verdict: 'too-few', statistics: [], note: one };
    const pValues = corrected.slice(next, next + one.names.length);
    next += one.names.length;
    return conclude(pairs[i], one, pValues, options);
  });
}

/** @returns a sentence when there is too little to judge */
function prepare({ key, base, head }: MetricPair): Prepared | string {
  const baseSamples = total(base);
  const headSamples = total(head);
  const fewest = Math.min(baseSamples, headSamples);
  if (fewest < FEWEST_SAMPLES) return `fewer than ${FEWEST_SAMPLES} samples on a side`;
  const asRuns = base.length >= RUNS_AS_BLOCKS && head.length >= RUNS_AS_BLOCKS;
  const baseBlocks = base.map((run) => sideBlocks(run, asRuns));
  const headBlocks = head.map((run) => sideBlocks(run, asRuns));
  if (Math.min(baseBlocks.flat().length, headBlocks.flat().length) < FEWEST_BLOCKS)
    return `fewer than ${FEWEST_BLOCKS} independent stretches on a side`;
  const tailPercent = TAILS.find(([samples]) => fewest >= samples)?.[1];
  const pooled = new PooledBlocks(baseBlocks.flat(), headBlocks.flat(), tailPercent);
  const names = STATISTICS.filter((name) => name !== 'tail' || tailPercent !== undefined);
  return {
    pooled,
    names,
    tailPercent,
    baseRuns: positions(baseBlocks, 0),
    headRuns: positions(headBlocks, baseBlocks.flat().length),
    observed: pooled.observed(),
    random: new SeededRandom(key),
  };
}

function total(side: SideSamples): number {
  return side.reduce((sum, run) => sum + run.count, 0);
}

function sideBlocks(run: BlockedSamples, asOne: boolean): readonly SampleBlock[] {
  if (!asOne || run.blocks.length === 0) return decorrelated(run.blocks);
  return [run.blocks.reduce(mergeBlocks)];
}

/** Positions of each run's blocks when all are laid out one after another from `start`. */
function positions(runs: readonly (readonly SampleBlock[])[], start: number): Int32Array[] {
  let next = start;
  return runs.map((blocks) => Int32Array.from(blocks, () => next++)).filter((run) => run.length > 0);
}

function conclude(
  pair: MetricPair,
  one: Prepared,
  pValues: readonly number[],
  { threshold, alpha, intervals: wanted = 'all' }: JudgeOptions,
): MetricVerdict {
  const { names, observed } = one;
  const limit = Math.log1p(threshold);
  const changed = names.map((name, i) => pValues[i] <= alpha && Math.abs(observed[name]) >= limit);
  const intervals =
    wanted === 'all' || changed.includes(true)
      ? bootstrapIntervals(one.pooled, one.baseRuns, one.headRuns, one.random)
      : undefined;
  let note = '';
  const statistics = names.map((name, i): StatisticResult => {
    const change = observed[name];
    const { ci95: interval, pValue } = agreeing(intervals?.[name], pValues[i]);
    let verdict: StatisticResult['verdict'] = 'same';
    if (changed[i] && interval !== null && (change > 0 ? interval[0] > 1 : interval[1] < 1)) {
      const noise = Math.max(spread(pair.base, one, name), spread(pair.head, one, name));
      if (Math.abs(change) > noise) verdict = change > 0 ? 'regressed' : 'improved';
      else note = 'runs of one side differ as much among themselves';
    }
    const statistic = name === 'tail' ? `p${one.tailPercent}` : name;
    const equivalent =
      verdict === 'same' && interval !== null && Math.log(interval[0]) > -limit && Math.log(interval[1]) < limit;
    return { statistic, ratio: Math.exp(change), ci95: interval, pValue, verdict, equivalent };
  });
  const slower = statistics.filter((result) => result.verdict === 'regressed');
  const faster = statistics.filter((result) => result.verdict === 'improved');
  const deciding = slower[0] ?? faster[0];
  if (slower.length > 0 && faster.length > 0)
    note = `${slower[0].statistic} is slower, ${faster[0].statistic} is faster`;
  return {
    verdict: deciding?.verdict ?? 'same',
    statistics: deciding ? [deciding, ...statistics.filter((result) => result !== deciding)] : statistics,
    note,
  };
}

/** Level of a 95 % interval. */
const LEVEL = 0.05;

/**
 * Interval and p-value that do not contradict each other: 1 is outside of the interval where p is at most 0.05, and only there. They come from two methods, and one is
 * corrected for all tests; where one of them does not exclude "no change", neither does the other.
 */
function agreeing(
  drawn: DrawnInterval | undefined,
  corrected: number,
): { readonly ci95: Interval | null; readonly pValue: number } {
  if (drawn === undefined) return { ci95: null, pValue: corrected };
  const [low, high] = drawn.interval;
  if (corrected > LEVEL) return { ci95: [Math.min(low, 1), Math.max(high, 1)], pValue: corrected };
  if (low > 1 || high < 1) return { ci95: drawn.interval, pValue: corrected };
  // The draws that decide this are those beyond the bounds.
  return { ci95: drawn.interval, pValue: Math.max(corrected, drawn.pValue, LEVEL + 1 / BOOTSTRAP_DRAWS) };
}

/** Largest change between two runs of one side: what a difference between boots looks like. 0 with one run, or with many. */
function spread(side: SideSamples, { tailPercent }: Prepared, name: StatisticName): number {
  const runs = side.filter((run) => run.count >= FEWEST_SAMPLES);
  if (runs.length < 2 || runs.length >= RUNS_AS_BLOCKS) return 0;
  let largest = 0;
  for (let i = 0; i < runs.length; i++)
    for (let k = i + 1; k < runs.length; k++)
      largest = Math.max(
        largest,
        Math.abs(new PooledBlocks(runs[i].blocks, runs[k].blocks, tailPercent).observed()[name]),
      );
  return largest;
}
