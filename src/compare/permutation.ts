/** Permutation test: how often does chance alone divide the blocks as unevenly as base and head are? */
import type { DivisionStatistics, PooledBlocks, StatisticName } from './pooled-blocks.ts';
import type { SeededRandom } from './random.ts';

const FEWEST_SHUFFLES = 9_999;
const MOST_SHUFFLES = 199_999;

/**
 * Enough shuffles for a corrected p-value to get below `alpha` when no shuffle reaches what was observed: the smallest p-value that can
 * be found is one in this many, twice that for the middle, which is tested twice.
 */
export function shufflesFor(tests: number, alpha: number): number {
  return Math.min(MOST_SHUFFLES, Math.max(FEWEST_SHUFFLES, Math.ceil((2.5 * tests) / alpha)));
}

/** Shuffling ends early when every statistic was reached this often: its p-value is large, and known well enough (Besag and Clifford). */
const ENOUGH_HITS = 10;

/** Rounding must not make a shuffle that equals the observation fall short of it. */
const SLACK = 1e-9;

/**
 * What the shuffles are compared by. For the middle both the rank sum and the median: the first sees a shift with fewer samples, the
 * second sees what the reported ratio says. The smaller p-value counts twice, because there were two chances.
 */
const TESTED: Readonly<Record<StatisticName, readonly (keyof DivisionStatistics)[]>> = {
  p50: ['rank', 'p50'],
  tail: ['tail'],
  mean: ['mean'],
};

/**
 * Two-sided p-values of the statistics asked for.
 * @param shuffles most shuffles to make
 */
export function permutationPValues(
  pooled: PooledBlocks,
  observed: DivisionStatistics,
  names: readonly StatisticName[],
  random: SeededRandom,
  shuffles: number,
): Map<StatisticName, number> {
  const order = Int32Array.from(pooled.blocks.keys());
  const keys = names.flatMap((name) => TESTED[name]);
  const hits = keys.map(() => 0);
  const pValues = new Map<keyof DivisionStatistics, number>();
  for (let made = 1; made <= shuffles && pValues.size < keys.length; made++) {
    random.shuffle(order);
    const chance = pooled.shuffled(order);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (hits[i] === ENOUGH_HITS || Math.abs(chance[key]) < Math.abs(observed[key]) - SLACK) continue;
      if (++hits[i] === ENOUGH_HITS) pValues.set(key, ENOUGH_HITS / made);
    }
  }
  keys.forEach((key, i) => {
    if (!pValues.has(key)) pValues.set(key, (hits[i] + 1) / (shuffles + 1));
  });
  return new Map(
    names.map((name) => {
      const smallest = Math.min(...TESTED[name].map((key) => pValues.get(key) as number));
      return [name, Math.min(1, smallest * TESTED[name].length)];
    }),
  );
}

/**
 * Holm's correction for many tests: the chance that any of them is a false alarm stays below the level that one corrected p-value is
 * compared with.
 */
export function holmCorrected(pValues: readonly number[]): number[] {
  const order = [...pValues.keys()].sort((a, b) => pValues[a] - pValues[b]);
  const corrected = new Array<number>(pValues.length);
  let running = 0;
  order.forEach((index, rank) => {
    running = Math.max(running, Math.min(1, pValues[index] * (pValues.length - rank)));
    corrected[index] = running;
  });
  return corrected;
}
