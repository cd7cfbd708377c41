/** The comparison of benchmarks: ratios, an exact test, and honest words when there are too few trials. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type Baseline,
  baselineOf,
  changesSince,
  permutationP,
  readBaseline,
  saveBaseline,
  smallestP,
} from '../../bench/baseline.ts';
import { changeTable, scalingTable, summaries } from '../../bench/tables.ts';
import type { Row, Trial } from '../../bench/trials.ts';
import { folderOfTest } from '../support/temporary-folder.ts';

const trial = (cpuMs: number, events = 1000, peakMib = 100): Trial => ({
  events,
  wallNs: cpuMs * 1e6,
  cpuNs: cpuMs * 1e6,
  peakBytes: peakMib << 20,
});
const row = (name: Row['case'], cpuMs: readonly number[], input = '/x/healthy-1000000.txt'): Row => ({
  input,
  case: name,
  title: name,
  trials: cpuMs.map((ms) => trial(ms)),
});
const baseline = (ratios: readonly number[], peak_mib = 100): Baseline => ({
  schema: 'quiesce.bench/1',
  rows: [{ input: 'a.txt', case: 'parse', events: 5, ratios, peak_mib }],
});

describe('a benchmark baseline', () => {
  it('holds ratios to the yardstick of the same trial: a machine that is twice as slow changes nothing', () => {
    const { rows } = baselineOf([row('yardstick', [10, 20, 40]), row('parse', [30, 60, 120])]);
    expect(rows).toEqual([
      { input: 'healthy-1000000.txt', case: 'parse', events: 1000, ratios: [3, 3, 3], peak_mib: 100 },
    ]);
  });

  it('is read back as it was saved', () => {
    const path = join(folderOfTest(), 'baseline.json');
    saveBaseline(path, baseline([1, 2]));
    expect(readBaseline(path)).toEqual(baseline([1, 2]));
  });
});

describe('changes since a baseline', () => {
  const verdict = (before: readonly number[], now: readonly number[]) =>
    changesSince(baseline(before), baseline(now))[0].verdict;

  it('are worse, better, or the same', () => {
    expect(verdict([1, 1.01, 0.99, 1.02, 0.98], [1.2, 1.21, 1.19, 1.22, 1.18])).toBe('worse');
    expect(verdict([1.2, 1.21, 1.19, 1.22, 1.18], [1, 1.01, 0.99, 1.02, 0.98])).toBe('better');
    expect(verdict([1, 1.1, 0.9, 1.2, 0.8], [1.05, 1.15, 0.95, 1.25, 0.85])).toBe('same');
    // Sure, but too small to matter.
    expect(verdict([1, 1.001, 0.999, 1.002, 0.998], [1.02, 1.021, 1.019, 1.022, 1.018])).toBe('same');
  });

  it('are not claimed from three trials', () => {
    expect(verdict([1, 1.01, 0.99], [1.2, 1.21, 1.19])).toBe('too-few');
    expect(smallestP(3, 3)).toBeCloseTo(0.1);
    expect(smallestP(5, 5)).toBeCloseTo(2 / 252);
  });

  it('include memory', () => {
    expect(changesSince(baseline([1, 1], 100), baseline([1, 1], 120))[0].verdict).toBe('more-memory');
    expect(changesSince(baseline([1, 1], 100), baseline([1, 1], 110))[0].verdict).toBe('same');
  });

  it('leave out what one side does not have', () => {
    expect(changesSince({ schema: 'quiesce.bench/1', rows: [] }, baseline([1]))).toEqual([]);
  });

  it('are tested exactly', () => {
    expect(permutationP([1, 1.01, 0.99, 1.02, 0.98], [1.2, 1.21, 1.19, 1.22, 1.18])).toBeCloseTo(2 / 252);
    expect(permutationP([1, 2, 3], [1, 2, 3])).toBe(1);
  });

  it('show as a table', () => {
    expect(changeTable(changesSince(baseline([2, 2, 2, 2, 2]), baseline([3, 3, 3, 3, 3])))).toMatch(
      /a\.txt {2}parse {4}2\.00 {2}3\.00 {2}\+50\.0 % {2}0\.008 {2}100 → 100 MiB {4}worse/,
    );
  });
});

describe('the scaling curve', () => {
  it('is the cost per event relative to the smallest capture', () => {
    const small: Row = {
      input: '/x/healthy-1000000.txt',
      case: 'whole',
      title: 'whole',
      trials: [trial(1000, 1_000_000)],
    };
    const large: Row = {
      input: '/x/healthy-10000000.txt',
      case: 'whole',
      title: 'whole',
      trials: [trial(11_000, 10_000_000)],
    };
    expect(
      scalingTable(summaries([small, large]))
        .split('\n')
        .slice(1),
    ).toEqual([
      'healthy  whole   1000000        1.00 µs           1.00 ×      100 MiB',
      'healthy  whole  10000000        1.10 µs           1.10 ×      100 MiB',
    ]);
  });
});
