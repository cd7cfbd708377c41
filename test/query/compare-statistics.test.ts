/** The statistics of comparisons: honest when nothing changed, able to see what did. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JudgeOptions, judgeMetrics, type MetricPair, type Verdict } from '../../src/compare/metric-verdict.ts';
import { holmCorrected } from '../../src/compare/permutation.ts';
import { SeededRandom } from '../../src/compare/random.ts';
import {
  BlockCollector,
  type BlockedSamples,
  decorrelated,
  MAX_BLOCKS,
  mergedPairs,
  neighbourCorrelation,
} from '../../src/compare/sample-blocks.ts';
import { bucketOf, LogLinearHistogram } from '../../src/histogram/log-linear.ts';
import { replayFile } from '../support/replay-capture.ts';

const OPTIONS: JudgeOptions = { threshold: 0.05, alpha: 0.005, intervals: 'needed' };

function collected(values: Iterable<number | null>): BlockedSamples {
  const collector = new BlockCollector();
  for (const value of values) collector.add(value);
  return collector.finish();
}

/** Normally distributed, from a seed. */
class Gauss {
  readonly random: SeededRandom;
  constructor(seed: string) {
    this.random = new SeededRandom(seed);
  }
  next(): number {
    return Math.sqrt(-2 * Math.log(1 - this.random.uniform())) * Math.cos(2 * Math.PI * this.random.uniform());
  }
  /** Log-normal durations around 20 ms; neighbours have correlation `rho`. */
  *durations(count: number, sigma: number, rho: number, scale: number): Generator<number> {
    let level = this.next();
    for (let i = 0; i < count; i++) {
      level = rho * level + Math.sqrt(1 - rho * rho) * this.next();
      yield scale * 20e6 * Math.exp(sigma * level);
    }
  }
}

function verdictOf(pair: Omit<MetricPair, 'key'>, key = 'rcu-gp'): Verdict {
  return judgeMetrics([{ key, ...pair }], OPTIONS)[0].verdict;
}

describe('a comparison of a run with itself', () => {
  it('raises fewer false alarms than one in a hundred over 1,000 random splits of a real run', {
    timeout: 120_000,
  }, async () => {
    const { facts } = await replayFile(new URL('../../samples/healthy.trace.txt.zst', import.meta.url).pathname);
    const byMetric = new Map<string, number[]>();
    for (const [metric, , valueNs] of facts.samples) byMetric.set(metric, [...(byMetric.get(metric) ?? []), valueNs]);
    const metrics = [...byMetric].filter(([, values]) => values.length >= 40);
    expect(metrics.length).toBeGreaterThanOrEqual(5);
    const random = new SeededRandom('which half');
    const SPLITS = 1000;
    let alarms = 0;
    for (let split = 0; split < SPLITS; split++) {
      const pairs = metrics.map(([key, values]): MetricPair => {
        const [base, head] = [new BlockCollector(), new BlockCollector()];
        for (const value of values) (random.uniform() < 0.5 ? base : head).add(value);
        return { key, base: [base.finish()], head: [head.finish()] };
      });
      if (judgeMetrics(pairs, OPTIONS).some(({ verdict }) => verdict !== 'same')) alarms++;
    }
    expect(alarms / SPLITS).toBeLessThan(0.01);
  });

  it('is not misled by bursts: neighbours that resemble each other count as one stretch', () => {
    const gauss = new Gauss('bursts');
    let alarms = 0;
    const TRIALS = 100;
    for (let trial = 0; trial < TRIALS; trial++) {
      const side = () => [collected(gauss.durations(600, 0.6, 0.9, 1))];
      if (verdictOf({ base: side(), head: side() }, `trial ${trial}`) !== 'same') alarms++;
    }
    // A test that takes these samples as independent ones raises an alarm in every third trial.
    expect(alarms).toBeLessThanOrEqual(2);
  });
});

describe('a change of 20 %', () => {
  it('is seen with 1,000 samples per side whose logarithms spread by 0.6, among six metrics', () => {
    const gauss = new Gauss('power');
    const TRIALS = 25;
    let seen = 0;
    for (let trial = 0; trial < TRIALS; trial++) {
      const pairs = Array.from({ length: 6 }, (_, i): MetricPair => {
        const count = i === 0 ? 1000 : 30;
        const side = (scale: number) => [collected(gauss.durations(count, 0.6, 0, scale))];
        return { key: `metric ${i} of trial ${trial}`, base: side(1), head: side(i === 0 ? 1.2 : 1) };
      });
      if (judgeMetrics(pairs, OPTIONS)[0].verdict === 'regressed') seen++;
    }
    expect(seen / TRIALS).toBeGreaterThanOrEqual(0.95);
  });

  it('is an improvement the other way round', () => {
    const gauss = new Gauss('better');
    const side = (scale: number) => [collected(gauss.durations(3000, 0.4, 0, scale))];
    expect(verdictOf({ base: side(1.2), head: side(1) })).toBe('improved');
  });
});

describe('what counts as a change', () => {
  it('is at least the threshold: 3 % is the same however sure it is', () => {
    const gauss = new Gauss('small');
    const side = (scale: number) => [collected(gauss.durations(5000, 0.1, 0, scale))];
    const [{ verdict, statistics }] = judgeMetrics([{ key: 'nmi', base: side(1), head: side(1.03) }], OPTIONS);
    expect(statistics[0].pValue).toBeLessThan(0.005);
    expect(verdict).toBe('same');
  });

  it('can lie in the tail alone', () => {
    const gauss = new Gauss('tail');
    const side = (slow: number) => {
      const values = [...gauss.durations(4000, 0.2, 0, 1)].map((value, i) => (i % 40 === 7 ? value * slow : value));
      return [collected(values)];
    };
    const [{ verdict, statistics }] = judgeMetrics([{ key: 'nmi', base: side(1), head: side(12) }], OPTIONS);
    expect(verdict).toBe('regressed');
    expect(statistics[0].statistic).toBe('p99');
    expect(statistics[0].ratio).toBeGreaterThan(5);
  });

  it('can lie in the mean alone: a slow mode that becomes four times as frequent moves neither median nor tail', () => {
    const gauss = new Gauss('modes');
    const side = (slowShare: number) => {
      const values: number[] = [];
      for (const value of gauss.durations(3000, 0.02, 0, 1))
        values.push(gauss.random.uniform() < slowShare ? value * 50 : value);
      return [collected(values)];
    };
    const [{ verdict, statistics }] = judgeMetrics([{ key: 'nmi', base: side(0.1), head: side(0.4) }], OPTIONS);
    expect(verdict).toBe('regressed');
    expect(statistics[0].statistic).toBe('mean');
  });

  it('must exceed the differences between runs of one side', () => {
    const gauss = new Gauss('boots');
    const run = (scale: number) => collected(gauss.durations(2000, 0.3, 0, scale));
    const base = [run(1), run(1.5), run(1.1)];
    const [close] = judgeMetrics([{ key: 'rcu-gp', base, head: [run(1.5), run(1.6), run(1.4)] }], OPTIONS);
    expect(close.verdict).toBe('same');
    const [far] = judgeMetrics([{ key: 'rcu-gp', base, head: [run(3), run(3.3), run(2.8)] }], OPTIONS);
    expect(far.verdict).toBe('regressed');
  });

  it('takes runs as the unit where there are eight on a side', () => {
    const gauss = new Gauss('many boots');
    const side = (scale: number) =>
      Array.from({ length: 10 }, () => collected(gauss.durations(50, 0.2, 0, scale * (1 + 0.1 * gauss.next()))));
    expect(verdictOf({ base: side(1), head: side(1) })).toBe('same');
    expect(verdictOf({ base: side(1), head: side(2) })).toBe('regressed');
  });

  it('needs samples: too few of them say nothing', () => {
    const few = [collected([1e6, 2e6, 3e6, 4e6, 5e6])];
    const many = [collected(new Gauss('many').durations(100, 0.3, 0, 1))];
    expect(verdictOf({ base: few, head: many })).toBe('too-few');
    expect(verdictOf({ base: [], head: many })).toBe('too-few');
    const [{ note }] = judgeMetrics([{ key: 'rcu-gp', base: [], head: many }], OPTIONS);
    expect(note).toBe('fewer than 10 samples on a side');
  });

  it('is the same in every run of the program, and whatever else is compared', () => {
    const gauss = new Gauss('again');
    const pair = (key: string): MetricPair => ({
      key,
      base: [collected(gauss.durations(100, 0.5, 0, 1))],
      head: [collected(gauss.durations(100, 0.5, 0, 1.3))],
    });
    const pairs = [pair('rcu-gp'), pair('nmi')];
    expect(judgeMetrics(pairs, { ...OPTIONS, intervals: 'all' })).toEqual(
      judgeMetrics(pairs, { ...OPTIONS, intervals: 'all' }),
    );
    const [, second] = judgeMetrics(pairs, { ...OPTIONS, intervals: 'all' });
    const [alone] = judgeMetrics([pairs[1]], { ...OPTIONS, intervals: 'all' });
    expect(alone.statistics.map(({ ratio }) => ratio)).toEqual(second.statistics.map(({ ratio }) => ratio));
  });

  it('comes with a 95 % interval around the ratio', () => {
    const gauss = new Gauss('interval');
    const side = (scale: number) => [collected(gauss.durations(500, 0.5, 0, scale))];
    const [{ statistics }] = judgeMetrics([{ key: 'nmi', base: side(1), head: side(1.5) }], {
      ...OPTIONS,
      intervals: 'all',
    });
    for (const { ratio, ci95 } of statistics) {
      expect(ci95?.[0]).toBeLessThan(ratio);
      expect(ci95?.[1]).toBeGreaterThan(ratio);
    }
    const [low, high] = statistics.find(({ statistic }) => statistic === 'p50')?.ci95 ?? [0, 0];
    expect(low).toBeGreaterThan(1.2);
    expect(high).toBeLessThan(1.9);
  });
});

describe('interval and p-value', () => {
  it('agree: 1 is outside of the interval where p is at most 0.05, and only there', () => {
    const gauss = new Gauss('agree');
    for (let trial = 0; trial < 12; trial++) {
      // Many tests at once: the correction makes large p-values of intervals that exclude 1.
      const pairs = Array.from(
        { length: 8 },
        (_, i): MetricPair => ({
          key: `trial ${trial}, ${i}`,
          base: [collected(gauss.durations(150, 0.8, 0.3, 1))],
          head: [collected(gauss.durations(150, 0.8, 0.3, 1 + i * 0.06))],
        }),
      );
      for (const { statistics } of judgeMetrics(pairs, { ...OPTIONS, intervals: 'all' }))
        for (const { ci95, pValue } of statistics) {
          const [low, high] = ci95 as readonly [number, number];
          expect([low > 1 || high < 1, low, high, pValue]).toEqual([pValue <= 0.05, low, high, pValue]);
        }
    }
  });

  it('tell what is shown to be the same from what is only not shown to differ', () => {
    const gauss = new Gauss('equivalent');
    const judge = (samples: number) => {
      const side = () => [collected(gauss.durations(samples, 0.1, 0, 1))];
      const [{ verdict, statistics }] = judgeMetrics([{ key: 'nmi', base: side(), head: side() }], {
        ...OPTIONS,
        intervals: 'all',
      });
      return [verdict, statistics.every(({ equivalent }) => equivalent)];
    };
    expect(judge(4000)).toEqual(['same', true]);
    expect(judge(20)).toEqual(['same', false]);
  });
});

describe("Holm's correction", () => {
  it('multiplies the smallest p-value by the number of tests, the next by one less, and never falls', () => {
    expect(holmCorrected([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06]);
    expect(holmCorrected([0.9, 0.6])).toEqual([1, 1]);
    expect(holmCorrected([])).toEqual([]);
  });
});

describe('blocks of samples', () => {
  it('hold every sample once, in order, in 32 to 64 blocks of one size when there are enough', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1, maxLength: 1000 }), (values) => {
        const { blocks, count, minNs, maxNs, sumNs } = collected(values);
        expect(count).toBe(values.length);
        expect(minNs).toBe(Math.min(...values));
        expect(maxNs).toBe(Math.max(...values));
        expect(sumNs).toBe(values.reduce((sum, value) => sum + value, 0));
        expect(blocks.length).toBeLessThanOrEqual(MAX_BLOCKS);
        if (values.length >= MAX_BLOCKS) expect(blocks.length).toBeGreaterThanOrEqual(MAX_BLOCKS / 2);
        let at = 0;
        for (const block of blocks) {
          const expected = new Map<number, number>();
          for (const value of values.slice(at, at + block.samples))
            expected.set(bucketOf(value), (expected.get(bucketOf(value)) ?? 0) + 1);
          expect([...block.buckets]).toEqual([...expected.keys()].sort((a, b) => a - b));
          expect([...block.counts]).toEqual([...block.buckets].map((bucket) => expected.get(bucket)));
          at += block.samples;
        }
        expect(at).toBe(values.length);
      }),
      { numRuns: 50 },
    );
  });

  it('merge to the histogram of all samples, exactly', () => {
    const values = [...new Gauss('merge').durations(5000, 1, 0.5, 1)].map(Math.floor);
    const direct = new LogLinearHistogram();
    for (const value of values) direct.add(value);
    const merged = new LogLinearHistogram();
    for (const { buckets, counts } of collected(values).blocks)
      buckets.forEach((bucket, i) => {
        merged.addBucket(bucket, counts[i]);
      });
    const listed = (histogram: LogLinearHistogram) => {
      const found: [number, number][] = [];
      histogram.forEachBucket((bucket, count) => {
        found.push([bucket, count]);
      });
      return found;
    };
    expect(listed(merged)).toEqual(listed(direct));
  });

  it('count open intervals apart, and negative durations as 0', () => {
    const { count, openCount, minNs } = collected([5, null, -3, null]);
    expect([count, openCount, minNs]).toEqual([2, 2, 0]);
  });

  it('grow until neighbours tell nothing about each other, but leave at least ten', () => {
    const gauss = new Gauss('correlated');
    const bursty = collected(gauss.durations(6000, 0.6, 0.99, 1)).blocks;
    expect(neighbourCorrelation(bursty)).toBeGreaterThan(0.3);
    expect(decorrelated(bursty).length).toBeLessThan(bursty.length);
    expect(decorrelated(bursty).length).toBeGreaterThanOrEqual(10);
    const independent = collected(Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? 1e6 : 2e6))).blocks;
    expect(decorrelated(independent)).toBe(independent);
    expect(mergedPairs(independent.slice(0, 5)).map(({ samples }) => samples)).toEqual([2, 2, 1]);
  });
});
