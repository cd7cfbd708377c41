/** Confidence intervals of ratios, by drawing blocks (and runs, where there are several) with replacement. */
import { type DivisionStatistics, type PooledBlocks, STATISTICS, type StatisticName } from './pooled-blocks.ts';
import type { SeededRandom } from './random.ts';

export const BOOTSTRAP_DRAWS = 1000;

/** From this many runs on a side, runs are drawn too: the interval then covers what differs from boot to boot. */
const RUNS_TO_DRAW = 3;

/** 95 % interval of head ÷ base. */
export type Interval = readonly [low: number, high: number];

export interface DrawnInterval {
  readonly interval: Interval;
  /** Twice the share of draws that show no change or one to the other side: at most 0.05 where the interval excludes 1. */
  readonly pValue: number;
}

/**
 * @param baseRuns positions of the blocks of each run of the base in `pooled.blocks`
 * @param headRuns the same of the head
 */
export function bootstrapIntervals(
  pooled: PooledBlocks,
  baseRuns: readonly Int32Array[],
  headRuns: readonly Int32Array[],
  random: SeededRandom,
  draws: number = BOOTSTRAP_DRAWS,
): Record<StatisticName, DrawnInterval> {
  const found: DivisionStatistics[] = [];
  for (let i = 0; i < draws; i++) found.push(pooled.drawn(drawSide(baseRuns, random), drawSide(headRuns, random)));
  return Object.fromEntries(
    STATISTICS.map((name) => {
      const sorted = Float64Array.from(found, (statistics) => statistics[name]).sort();
      const at = (share: number) => Math.exp(sorted[Math.round(share * (draws - 1))]);
      const notSlower = sorted.findLastIndex((change) => change <= 0) + 1;
      const notFaster = draws - sorted.filter((change) => change < 0).length;
      const pValue = Math.min(1, (2 * Math.min(notSlower, notFaster)) / draws);
      return [name, { interval: [at(0.025), at(0.975)], pValue }];
    }),
  ) as unknown as Record<StatisticName, DrawnInterval>;
}

function drawSide(runs: readonly Int32Array[], random: SeededRandom): Int32Array {
  const drawn: number[] = [];
  for (let i = 0; i < runs.length; i++) {
    const run = runs.length >= RUNS_TO_DRAW ? runs[random.below(runs.length)] : runs[i];
    for (let k = 0; k < run.length; k++) drawn.push(run[random.below(run.length)]);
  }
  return Int32Array.from(drawn);
}
