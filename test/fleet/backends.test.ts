/**
 * One fleet in a store, a lake and ClickHouse: every named report gives the same rows. ClickHouse is a cluster of two shards (Debian's
 * server, see cluster/); without it, and without chDB, the tests of these are skipped by name.
 */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetReportResult, FleetRun } from '../../schema/index.ts';
import { collectRuns } from '../../src/fleet/collect.ts';
import { FLEET_REPORTS, runFleetReport } from '../../src/fleet/reports/index.ts';
import type { ReportOptions } from '../../src/fleet/reports/report.ts';
import type { Scope } from '../../src/fleet/scope.ts';
import type { FleetSource } from '../../src/fleet/sink.ts';
import { openRunsSource } from '../../src/fleet/store-source.ts';
import { openForReading } from '../../src/store/store-file.ts';
import { buildStore } from '../support/sample-store.ts';
import { syntheticRuns } from '../support/synthetic-fleet.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { fleetBackEnds } from './cluster/back-ends.ts';

/** Every report, and scopes and options that take other ways through it. */
const QUESTIONS: readonly (readonly [name: string, scope: Scope, options: ReportOptions])[] = [
  ...FLEET_REPORTS.filter(({ name }) => name !== 'regressions').map(({ name }) => [name, {}, {}] as const),
  ['grace-periods', { since: '2026-11-10', until: '2026-11-20' }, { metrics: ['synchronize-rcu', 'runqueue-wait'] }],
  ['grace-periods', { labels: [{ key: 'host', value: 'node-0003' }] }, {}],
  ['findings', { labels: [{ key: 'kernel', value: '6.12.1' }] }, { kinds: ['rcu-stall', 'blocked-sync'] }],
  ['findings', { labels: [{ key: 'job', value: 'it\'s \\ "no" %_ job' }] }, {}],
  ['coverage', { since: '2026-11-28' }, {}],
  ['slowest', {}, { metrics: ['hardirq', 'nmi'], limit: 3 }],
  [
    'regressions',
    {},
    { base: [{ key: 'kernel', value: '6.12.1' }], head: [{ key: 'kernel', value: '6.12.3' }], newest: 12 },
  ],
];

const folder = temporaryFolder();
let runs: FleetRun[];
let store: string;
let fromStore: FleetSource;

beforeAll(async () => {
  store = await buildStore(join(folder.path, 'real.db'), [
    'nmi-storm.trace.txt.zst',
    'healthy.trace.txt.zst',
    'srcu-deadlock.trace.txt.zst',
  ]);
  const real = [...collectRuns(store)];
  runs = [...syntheticRuns(real, { runs: 90, lastDay: '2026-11-30', days: 30, hosts: 9, kernels: 4 })];
  fromStore = openRunsSource(openForReading(store), runs);
});

afterAll(async () => {
  await fromStore.close();
  folder.remove();
});

async function answers(source: FleetSource): Promise<FleetReportResult[]> {
  const results: FleetReportResult[] = [];
  for (const [name, scope, options] of QUESTIONS) results.push(await runFleetReport(source, name, scope, options));
  return results;
}

describe.each(fleetBackEnds())('reports from $name', ({ open, skip }) => {
  it.skipIf(skip)('are those from a store, row by row', { timeout: 120_000 }, async () => {
    const backEnd = await open(folder.path);
    try {
      const sink = await backEnd.sink();
      // Twice, and overlapping: what is there is left out.
      expect(await sink.push(runs.slice(0, 60))).toEqual({ pushed: 60, known: 0 });
      expect(await sink.push(runs)).toEqual({ pushed: 30, known: 60 });
      expect(await sink.push(runs)).toEqual({ pushed: 0, known: 90 });
      await sink.close();
      const source = await backEnd.source();
      try {
        const expected = await answers(fromStore);
        const found = await answers(source);
        for (const [i, result] of found.entries()) expect(result, JSON.stringify(QUESTIONS[i])).toEqual(expected[i]);
        // What is compared is not nothing.
        for (const { report, rows } of expected.filter((_, i) => QUESTIONS[i][1].labels?.[0].key !== 'job'))
          expect(rows.length, report).toBeGreaterThan(0);
      } finally {
        await source.close();
      }
    } finally {
      await backEnd.stop();
    }
  });
});
