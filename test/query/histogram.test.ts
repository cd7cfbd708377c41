/** Histograms: bounded error, exact extremes, merging, and what the terminal shows. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration } from '../../schema/index.ts';
import { HistogramSet, OTHER_LABEL } from '../../src/histogram/histogram-set.ts';
import { bucketHigh, bucketLow, bucketOf, LogLinearHistogram } from '../../src/histogram/log-linear.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { histogramResult } from '../../src/query/histogram-result.ts';
import { metricHistograms } from '../../src/query/metric-histograms.ts';
import { QueryConnection } from '../../src/query/user-sql.ts';
import { histogramText } from '../../src/report/text/histogram-text.ts';

const nanoseconds = fc.oneof(fc.nat(200), fc.nat(1e9), fc.maxSafeInteger().map(Math.abs));

function of(values: readonly number[]): LogLinearHistogram {
  const histogram = new LogLinearHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

describe('a log-linear histogram', () => {
  it('puts every value into a bucket that is at most 1.6 % wide', () => {
    fc.assert(
      fc.property(nanoseconds, (value) => {
        const bucket = bucketOf(value);
        expect(bucketLow(bucket)).toBeLessThanOrEqual(value);
        expect(bucketHigh(bucket)).toBeGreaterThanOrEqual(value);
        expect(bucketHigh(bucket) - bucketLow(bucket)).toBeLessThanOrEqual(value / 64);
      }),
    );
  });

  it('has buckets without gaps', () => {
    for (let bucket = 0; bucket < 3000; bucket++) {
      expect(bucketLow(bucket + 1)).toBe(bucketHigh(bucket) + 1);
      expect(bucketOf(bucketLow(bucket))).toBe(bucket);
    }
  });

  it('knows percentiles to 1.6 %, and extremes, count and sum exactly', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(1e12), { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0.1, max: 100, noNaN: true }),
        (values, percent) => {
          const histogram = of(values);
          const sorted = [...values].sort((a, b) => a - b);
          const exact = sorted[Math.max(1, Math.ceil((percent / 100) * values.length)) - 1];
          expect(Math.abs((histogram.percentile(percent) ?? -1) - exact)).toBeLessThanOrEqual(exact / 64);
          expect([histogram.min, histogram.max, histogram.count]).toEqual([sorted[0], sorted.at(-1), values.length]);
          expect(histogram.sum).toBe(values.reduce((sum, value) => sum + value, 0));
        },
      ),
    );
  });

  it('merged from parts is that of the whole', () => {
    fc.assert(
      fc.property(fc.array(nanoseconds), fc.array(nanoseconds, { minLength: 1 }), (a, b) => {
        const merged = of(a);
        merged.merge(of(b));
        const whole = of([...a, ...b]);
        const buckets = (histogram: LogLinearHistogram) => {
          const list: [number, number][] = [];
          histogram.forEachBucket((bucket, count) => list.push([bucket, count]));
          return list;
        };
        expect(buckets(merged)).toEqual(buckets(whole));
        expect([merged.count, merged.min, merged.max]).toEqual([whole.count, whole.min, whole.max]);
      }),
    );
  });

  it('counts what ends before it began as nothing', () => {
    expect([of([-5]).min, of([-5]).max, of([-5]).count]).toEqual([0, 0, 1]);
  });

  it('of too many labels keeps the first ones apart and the rest together', () => {
    const set = new HistogramSet();
    for (let i = 0; i < 5000; i++) set.add('lock-hold', `lock ${i}`, 10);
    const labels = set.metrics.get('lock-hold');
    expect(labels?.size).toBe(4097);
    expect(labels?.get(OTHER_LABEL)?.count).toBe(5000 - 4096);
  });
});

describe('quiesce hist', () => {
  it('draws a bar per power of two, empty ones between full ones too', () => {
    const histogram = of([...Array(40).fill(1500), ...Array(10).fill(9000)]);
    histogram.openCount = 2;
    const text = histogramText({
      metric: 'nmi',
      title: 'NMI handlers',
      by: undefined,
      histograms: [{ label: '', histogram }],
    });
    expect(text).toBe(
      [
        'nmi: NMI handlers',
        '  50 values, 2 still open at the end  min 1.50 µs  p50 1.50 µs  p90 9.00 µs  p99 9.00 µs  p99.9 9.00 µs  max 9.00 µs',
        `  [1.02 µs, 2.05 µs) 40 |${'@'.repeat(40)}|`,
        `  [2.05 µs, 4.10 µs)  0 |${' '.repeat(40)}|`,
        `  [4.10 µs, 8.19 µs)  0 |${' '.repeat(40)}|`,
        `  [8.19 µs, 16.4 µs) 10 |${'@'.repeat(10)}${' '.repeat(30)}|`,
        '',
      ].join('\n'),
    );
  });

  it('counts stored histograms and facts alike, by label and by any other column', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'quiesce-hist-'));
    try {
      const db = join(folder, 'runs.db');
      const sample = new URL('../../samples/nmi-storm.trace.txt.zst', import.meta.url).pathname;
      await replayCaptures([sample], { db });
      const all = metricHistograms(db, { metric: 'nmi' }).histograms[0].histogram;
      const byName = metricHistograms(db, { metric: 'nmi', by: 'name' }).histograms;
      const byCpu = metricHistograms(db, { metric: 'nmi', by: 'cpu' }).histograms;
      for (const parts of [byName, byCpu]) {
        const sum = new LogLinearHistogram();
        for (const { histogram } of parts) sum.merge(histogram);
        expect([sum.count, sum.min, sum.max, sum.sum]).toEqual([all.count, all.min, all.max, all.sum]);
      }
      const connection = new QueryConnection(db);
      const [[count, longest]] = [
        ...connection.query("SELECT count(*), max(end_ns - start_ns) FROM context_span WHERE kind = 'nmi'").rows,
      ];
      connection.close();
      expect([BigInt(all.count), BigInt(all.max)]).toEqual([count, longest]);
      const json = histogramResult(metricHistograms(db, { metric: 'nmi' }));
      expect(json.histograms[0].p999_ns).toBe(all.percentile(99.9));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('durations in text', () => {
  it.each([
    [0, '0 ns'],
    [999, '999 ns'],
    [1000, '1.00 µs'],
    [999_960_000, '1.00 s'],
    [12_345_678, '12.3 ms'],
    [123_456_789_000, '123 s'],
    [-1500, '-1.50 µs'],
  ])('%d ns is %s', (ns, text) => expect(formatDuration(ns)).toBe(text));
});
