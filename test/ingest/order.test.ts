/** Records in time order: within a capture (bounded window) and between captures. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventBatch } from '../../schema/index.ts';
import { mergeByTime } from '../../src/ingest/merge.ts';
import { Reorder } from '../../src/ingest/reorder.ts';
import { type MadeEvent, makeBatches } from '../support/event-batches.ts';

interface Row {
  readonly boot: number;
  readonly ns: number;
  /** Where the record was in its capture. */
  readonly n: number;
  readonly text: string;
  readonly wide: bigint;
}

/** Records that can be told apart, with a text and a 64-bit value each. */
function events(times: readonly number[], lane = 0, boots?: readonly number[]): MadeEvent[] {
  return times.map((tsNs, n) => ({
    tsNs,
    name: 'probe',
    cpu: lane,
    fields: { n, t: { text: `${lane}.${n}` }, w: 2n ** 60n + 1n + 2n * BigInt(n) },
    types: { w: 'int' as const },
    boot: boots?.[n] ?? 0,
  }));
}

function rows(batches: readonly EventBatch[]): Row[] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.length }, (_, i): Row => {
      const cell = batch.cellStart(i);
      return {
        boot: batch.boot,
        ns: batch.tsNs[i],
        n: batch.cellValue[cell],
        text: batch.texts[batch.cellValue[cell + 1]],
        wide: batch.wide[batch.cellValue[cell + 2]],
      };
    }),
  );
}

function reordered(batches: readonly EventBatch[]): { rows: Row[]; late: number } {
  let late = 0;
  const reorder = new Reorder((count) => {
    late += count;
  });
  const out = batches.flatMap((batch) => reorder.push(batch));
  return { rows: rows([...out, ...reorder.finish()]), late };
}

async function merged(lanes: readonly EventBatch[][]): Promise<Row[]> {
  async function* lane(batches: readonly EventBatch[]): AsyncGenerator<EventBatch> {
    yield* batches;
  }
  const out: EventBatch[] = [];
  for await (const batch of mergeByTime(lanes.map(lane))) out.push(batch);
  return rows(out);
}

const times = fc.array(fc.nat(50), { minLength: 1, maxLength: 80 });

describe('a capture whose records are slightly out of order', () => {
  it('comes out sorted when no record is later than the window, equal times as they came (E0.5, E0.7)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(9), { minLength: 1, maxLength: 120 }),
        fc.integer({ min: 12, max: 30 }),
        (jitter, per) => {
          // Each record is at most 9 behind the clock, and a batch is longer than that.
          const given = jitter.map((late, i) => i + 10 - late);
          const result = reordered(makeBatches(events(given), per));
          const expected = given.map((ns, n) => ({ ns, n })).sort((a, b) => a.ns - b.ns || a.n - b.n);
          expect(result.rows.map(({ ns, n }) => ({ ns, n }))).toEqual(expected);
          expect(result.late).toBe(0);
        },
      ),
    );
  });

  it('keeps every record with its own fields, however late it comes', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 10 }), (given, per) => {
        const result = reordered(makeBatches(events(given), per));
        expect(result.rows.map((row) => row.n).sort((a, b) => a - b)).toEqual(given.map((_, n) => n));
        for (const row of result.rows) {
          expect(row.ns).toBe(given[row.n]);
          expect(row.text).toBe(`0.${row.n}`);
          expect(row.wide).toBe(2n ** 60n + 1n + 2n * BigInt(row.n));
        }
      }),
    );
  });

  it('counts the records that come later than the window', () => {
    const given = [...Array(30).keys()].map((i) => 100 + i);
    given[25] = 3;
    const result = reordered(makeBatches(events(given), 5));
    expect(result.late).toBe(1);
    expect(result.rows).toHaveLength(30);
  });

  it('does not sort a boot into the one before', () => {
    const result = reordered(makeBatches(events([50, 60, 1, 2], 0, [0, 0, 1, 1]), 8));
    expect(result.rows.map(({ boot, ns }) => [boot, ns])).toEqual([
      [0, 50],
      [0, 60],
      [1, 1],
      [1, 2],
    ]);
    expect(result.late).toBe(0);
  });
});

describe('captures of one run', () => {
  it('merge by time; at equal times the capture named first comes first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(times, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 20 }),
        async (lanes, per) => {
          const sorted = lanes.map((lane) => [...lane].sort((a, b) => a - b));
          const result = await merged(sorted.map((lane, i) => makeBatches(events(lane, i), per)));
          const expected = sorted
            .flatMap((lane, i) => lane.map((ns, n) => ({ ns, i, n })))
            .sort((a, b) => a.ns - b.ns || a.i - b.i || a.n - b.n)
            .map(({ i, n }) => `${i}.${n}`);
          expect(result.map((row) => row.text)).toEqual(expected);
        },
      ),
    );
  });

  it('merge boot by boot', async () => {
    const log = makeBatches(events([5, 9, 1, 7], 0, [0, 0, 1, 1]), 8);
    const trace = makeBatches(events([3, 8], 1, [1, 1]), 8);
    expect((await merged([log, trace])).map(({ boot, ns, text }) => [boot, ns, text])).toEqual([
      [0, 5, '0.0'],
      [0, 9, '0.1'],
      [1, 1, '0.2'],
      [1, 3, '1.0'],
      [1, 7, '0.3'],
      [1, 8, '1.1'],
    ]);
  });
});
