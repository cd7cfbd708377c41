/** The offset between the clocks of a log and a trace, from the lines that both have. */
import { describe, expect, it } from 'vitest';
import { agree } from '../../src/ingest/clock-alignment.ts';

describe('the offset between two clocks', () => {
  it('is the median, and its uncertainty what the lines differ by', () => {
    expect(agree([1000_000, 1002_000, 1004_000], 0)).toMatchObject({
      offsetNs: 1002_000,
      uncertaintyNs: 2000,
      matches: 3,
    });
  });

  it('ignores lines that agree by coincidence', () => {
    const offsets = [5_000_000, 5_000_400, 5_000_800, 5_000_200, 9e9];
    expect(agree(offsets, 0)).toMatchObject({ offsetNs: 5_000_300, matches: 4 });
  });

  it('is never claimed to be better than the microseconds of text', () => {
    expect(agree([7_000], 0)).toMatchObject({ offsetNs: 7_000, uncertaintyNs: 1000 });
  });
});
