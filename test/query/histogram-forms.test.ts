/** Histograms by other groupings, over time, and as HdrHistogram reads them; the metrics that are measured beside the verdicts. */

import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { METRIC_TABLES } from '../../schema/index.ts';
import { hdrBase64, hdrLog } from '../../src/histogram/hdr-log.ts';
import { bucketOf, LogLinearHistogram } from '../../src/histogram/log-linear.ts';
import { metricHeatMaps } from '../../src/query/metric-heat-map.ts';
import { groupingsOf, metricHistograms, metricTable } from '../../src/query/metric-histograms.ts';
import { QueryConnection } from '../../src/query/user-sql.ts';
import { heatMapText } from '../../src/report/text/heat-map.ts';
import { quiesce } from '../support/command-line.ts';
import { replayText } from '../support/replay-capture.ts';
import { buildStore } from '../support/sample-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let db: string;
let cycle: string;

beforeAll(async () => {
  db = await buildStore(join(folder.path, 'runs.db'), ['healthy.trace.txt.zst', 'nmi-storm.trace.txt.zst']);
  cycle = await buildStore(join(folder.path, 'cycle.db'), ['lock-cycle.trace.txt.zst']);
});
afterAll(() => folder.remove());

function of(values: readonly number[]): LogLinearHistogram {
  const histogram = new LogLinearHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

/** Reads the V2 encoding as HdrHistogram's AbstractHistogram.decodeFromByteBuffer does: value of each bucket, and its count. */
function decodeHdr(base64: string): { counts: Map<number, number>; highest: bigint; digits: number } {
  const framed = Buffer.from(base64, 'base64');
  expect(framed.readInt32BE(0)).toBe(0x1c849314);
  expect(framed.readInt32BE(4)).toBe(framed.length - 8);
  const bytes = inflateSync(framed.subarray(8));
  expect(bytes.readInt32BE(0)).toBe(0x1c849313);
  expect(bytes.readInt32BE(4)).toBe(bytes.length - 40);
  expect(bytes.readInt32BE(8)).toBe(0);
  const digits = bytes.readInt32BE(12);
  expect(bytes.readBigInt64BE(16)).toBe(1n);
  expect(bytes.readDoubleBE(32)).toBe(1);
  const counts = new Map<number, number>();
  let index = 0;
  for (let at = 40; at < bytes.length; ) {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) break;
    }
    const count = Number((value >> 1n) ^ -(value & 1n));
    if (count < 0) index -= count;
    else {
      if (count > 0) counts.set(valueAt(index), count);
      index++;
    }
  }
  return { counts, highest: bytes.readBigInt64BE(24), digits };
}

/** valueFromIndex for lowest discernible value 1 and 256 sub-buckets (two digits). */
function valueAt(index: number): number {
  let bucket = Math.floor(index / 128) - 1;
  let sub = (index % 128) + 128;
  if (bucket < 0) {
    sub -= 128;
    bucket = 0;
  }
  return sub * 2 ** bucket;
}

describe('the HdrHistogram form', () => {
  it('holds every bucket with its count, and nothing moves to another bucket', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1e12), { minLength: 1, maxLength: 200 }), (values) => {
        const histogram = of(values);
        const { counts, highest, digits } = decodeHdr(hdrBase64(histogram));
        expect(digits).toBe(2);
        expect(Number(highest)).toBe(Math.max(2, ...values));
        const expected = new Map<number, number>();
        histogram.forEachBucket((bucket, count) => {
          expected.set(bucket, count);
        });
        const read = new Map([...counts].map(([value, count]) => [bucketOf(value), count]));
        expect(read).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  it('is read back by the libraries of other languages: this is what hdr-histogram-js 3.0.1 decodes to 30 values up to 13757317119', () => {
    const { histograms } = metricHistograms(db, { metric: 'rcu-gp', run: 2 });
    const { counts } = decodeHdr(hdrBase64(histograms[0].histogram));
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(30);
    expect(Math.max(...counts.keys())).toBeLessThanOrEqual(13757317119);
  });

  it('comes as a histogram log with one tagged line per histogram', async () => {
    const { out } = await quiesce('hist', db, 'softirq', '--by', 'handler', '--run', '2', '--format', 'hdr');
    const lines = out.trimEnd().split('\n');
    expect(lines[1]).toBe('#[Histogram log format version 1.3]');
    expect(lines[2]).toBe('#[StartTime: 27.004 (seconds since epoch)]');
    const entries = lines
      .slice(4)
      .map((line) => /^Tag=(\w+),([\d.]+),([\d.]+),([\d.]+),(HISTFAAA\S+)$/.exec(line)?.slice(1));
    expect(entries.map((entry) => entry?.[0])).toEqual(expect.arrayContaining(['RCU', 'SCHED', 'TIMER']));
    expect(entries[0]?.slice(1, 3)).toEqual(['27.004', '17.640']);
    expect(hdrLog([{ tag: 'a, b\nc', startS: 1, lengthS: 2, histogram: of([]) }], 'x')).toContain(
      '\nTag=a_b_c,1.000,2.000,0.000,HISTF',
    );
  });
});

describe('groupings', () => {
  it('go by the names that people use', () => {
    const labels = (path: string, metric: string, by: string) =>
      metricHistograms(path, { metric, by, run: 'all' }).histograms.map(({ label }) => label);
    expect(labels(db, 'synchronize-srcu', 'task')).toContain('lab_upd/0');
    expect(labels(db, 'synchronize-rcu', 'domain')).toEqual(['rcu_preempt']);
    expect(labels(db, 'rcu-gp', 'domain')).toEqual(['rcu_preempt']);
    expect(labels(db, 'nmi', 'cpu')).toEqual(['1']);
    expect(labels(db, 'workqueue-run', 'function')).toContain('process_srcu');
    expect(labels(cycle, 'lock-hold', 'class')).toContain('&rq->__lock');
    expect(labels(cycle, 'lock-hold', 'task').length).toBeGreaterThan(3);
    expect(labels(db, 'hardirq', 'run').sort()).toEqual(['1', '2']);
  });

  it('that a metric does not have are named', () => {
    expect(() => metricHistograms(db, { metric: 'nmi', by: 'class' })).toThrow(
      "nmi cannot be grouped by 'class'; columns: name, cpu, run_id, handler, run",
    );
    expect(() => metricTable('nmis')).toThrow(/unknown metric 'nmis'; metrics: rcu-gp, /);
  });

  it('add up to the whole, for every metric and grouping, over all runs', () => {
    for (const table of METRIC_TABLES) {
      const whole = metricHistograms(db, { metric: table.metric, run: 'all' }).histograms[0];
      for (const by of groupingsOf(table)) {
        const parts = metricHistograms(db, { metric: table.metric, by, run: 'all' }).histograms;
        const total = parts.reduce((sum, { histogram }) => sum + histogram.count, 0);
        // A task that the capture shows as runnable from its beginning on was woken by nobody.
        expect([table.metric, by, Math.abs(total - (whole?.histogram.count ?? 0)) <= 1]).toEqual([
          table.metric,
          by,
          true,
        ]);
      }
    }
  });

  it('merge runs exactly: two runs together are the sum of both', () => {
    const [both] = metricHistograms(db, { metric: 'hardirq', run: 'all' }).histograms;
    const parts = [1, 2].map((run) => metricHistograms(db, { metric: 'hardirq', run }).histograms[0].histogram);
    const merged = new LogLinearHistogram();
    for (const part of parts) merged.merge(part);
    expect(hdrBase64(both.histogram)).toBe(hdrBase64(merged));
    expect([both.histogram.count, both.histogram.sum]).toEqual([merged.count, merged.sum]);
  });
});

describe('a heat map', () => {
  it('counts what SQL counts, slice by slice', () => {
    const [map] = metricHeatMaps(db, { metric: 'nmi', run: 2, slices: 20 });
    const connection = new QueryConnection(db);
    const [[first, last]] = [...connection.query('SELECT first_ns, last_ns FROM run WHERE run_id = 2').rows].map(
      (row) => row.map(Number),
    );
    expect(map.fromNs).toBe(first);
    expect(map.sliceNs).toBe(Math.ceil((last - first + 1) / 20));
    const bySlice = map.open.map((_, slice) => map.rows.reduce((sum, { counts }) => sum + counts[slice], 0));
    for (const slice of [0, 3, 10, 19]) {
      const from = first + slice * map.sliceNs;
      const [[count]] = [
        ...connection.query(
          `SELECT count(*) FROM context_span WHERE run_id = 2 AND kind = 'nmi' AND start_ns >= ${from} AND start_ns < ${from + map.sliceNs}`,
        ).rows,
      ];
      expect([slice, bySlice[slice]]).toEqual([slice, Number(count)]);
    }
    connection.close();
    expect(map.count).toBe(4870);
    expect(map.rows.map(({ lowNs, highNs }) => highNs / lowNs)).toEqual(map.rows.map(() => 2));
  });

  it('is drawn with the longest on top, open intervals above them', () => {
    const map = {
      metric: 'rcu-gp',
      title: 'RCU grace periods',
      label: '',
      fromNs: 5e9,
      sliceNs: 1e9,
      slices: 6,
      rows: [
        { lowNs: 1048576, highNs: 2097152, counts: [300, 20, 5, 1, 0, 0] },
        { lowNs: 2097152, highNs: 4194304, counts: [0, 0, 0, 0, 1, 0] },
      ],
      open: [0, 0, 0, 0, 0, 1],
      count: 328,
    };
    expect(heatMapText([map], undefined)).toBe(`rcu-gp: RCU grace periods
  328 values, by the time at which they began; a column is 1.00 s
          still open |     ·|
  [2.10 ms, 4.19 ms) |    · |
  [1.05 ms, 2.10 ms) |█▒░·  |
                     5.000000 11.000000
                     · 1+  ░ 4+  ▒ 16+  ▓ 64+  █ 256+
`);
  });

  it('comes from the command line as text, JSON, CSV, per grouping', async () => {
    const text = await quiesce('hist', db, 'runqueue-wait', '--over', 'time', '--slices', '40');
    expect(text.status).toBe(0);
    for (const line of text.out.split('\n').filter((l) => l.includes('|')))
      expect(line.slice(line.indexOf('|') + 1, -1)).toHaveLength(40);
    const { out } = await quiesce('hist', db, 'nmi', '--over', 'time', '--json', '--by', 'handler');
    const json = JSON.parse(out);
    expect(json).toMatchObject({
      schema: 'quiesce.heatmap/1',
      by: 'handler',
      maps: [{ metric: 'nmi', slices: 72, count: 2435 }, { count: 2435 }],
    });
    expect((await quiesce('hist', db, 'nmi', '--over', 'time', '--format', 'csv')).out).toMatch(
      /^metric,label,time_ns,low_ns,high_ns,count\nnmi,,2\d{10},/,
    );
    expect(await quiesce('hist', db, 'nmi', '--over', 'time', '--run', 'all')).toMatchObject({ status: 2 });
    expect(await quiesce('hist', db, 'nmi', '--over', 'time', '--slices', '0')).toMatchObject({ status: 2 });
  });
});

describe('metrics measured beside the verdicts', () => {
  it('are those of the documentation', () => {
    expect(METRIC_TABLES.map(({ metric }) => metric)).toEqual(
      expect.arrayContaining([
        'rcu-gp',
        'rcu-gp-expedited',
        'synchronize-rcu',
        'srcu-gp',
        'synchronize-srcu',
        'call-rcu',
        'rcu-stall',
        'nmi',
        'hardirq',
        'softirq',
        'lock-wait',
        'lock-hold',
        'runqueue-wait',
        'blocked',
        'workqueue-queue',
        'workqueue-run',
      ]),
    );
  });

  it('call-rcu is the time from rcu_callback to rcu_invoke_callback of the same rcu_head (R2.25)', async () => {
    const { facts } = await replayText(`# tracer: nop
          a-1   [000] d....  10.000000: rcu_callback: rcu_preempt rhp=0x10 func=free_a 1
          a-1   [000] d....  10.000100: rcu_callback: rcu_preempt rhp=0x20 func=free_b 2
     <idle>-0   [001] ..s1.  10.005000: rcu_invoke_callback: rcu_preempt rhp=0x10 func=free_a
          a-1   [000] d....  10.006000: rcu_callback: rcu_preempt rhp=0x10 func=free_c 2
     <idle>-0   [001] ..s1.  10.009000: rcu_invoke_callback: rcu_preempt rhp=0x10 func=free_c
     <idle>-0   [001] ..s1.  10.009100: rcu_invoke_callback: rcu_preempt rhp=0x99 func=never_queued
`);
    expect(facts.callbacks).toEqual([
      { flavor: 'rcu_preempt', function: 'free_a', queuedNs: 10.0e9, invokedNs: 10.005e9, cpu: 1 },
      { flavor: 'rcu_preempt', function: 'free_c', queuedNs: 10.006e9, invokedNs: 10.009e9, cpu: 1 },
      { flavor: 'rcu_preempt', function: 'free_b', queuedNs: 10.0001e9, invokedNs: null, cpu: null },
    ]);
    expect(facts.samples.filter(([metric]) => metric === 'call-rcu')).toEqual([
      ['call-rcu', 'free_a', 5e6],
      ['call-rcu', 'free_c', 3e6],
    ]);
  });

  it('srcu-gp: in healthy use every grace period of the patched SRCU holds at least two of RCU (O11)', () => {
    const connection = new QueryConnection(db);
    const rows = [
      ...connection.query(`SELECT s.end_ns - s.start_ns,
          (SELECT count(*) FROM grace_period AS r WHERE r.run_id = s.run_id AND r.flavor = 'rcu_preempt' AND r.end_ns > s.start_ns AND r.start_ns < s.end_ns)
        FROM grace_period AS s WHERE s.run_id = 1 AND s.flavor GLOB '*srcu*' AND s.end_ns IS NOT NULL`).rows,
    ].map((row) => row.map(Number));
    connection.close();
    expect(rows).toHaveLength(13);
    for (const [durationNs, rcuGracePeriods] of rows) {
      expect(durationNs).toBeGreaterThan(30e6);
      expect(durationNs).toBeLessThan(46e6);
      expect(rcuGracePeriods).toBeGreaterThanOrEqual(2);
    }
  });

  it('rcu-stall is how long the stalls lasted, by cause', () => {
    const { histograms } = metricHistograms(db, { metric: 'rcu-stall', by: 'cause', run: 2 });
    expect(histograms.map(({ label, histogram }) => [label, histogram.max])).toEqual([['nmi-storm', 13697591000]]);
  });
});
