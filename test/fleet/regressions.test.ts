/** Regressions of a fleet are those of `quiesce compare`: same runs, same numbers. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compareRuns } from '../../src/compare/compare-runs.ts';
import { readStoreRuns } from '../../src/compare/run-record.ts';
import { collectRuns } from '../../src/fleet/collect.ts';
import { runFleetReport } from '../../src/fleet/reports/index.ts';
import { openRunsSource } from '../../src/fleet/store-source.ts';
import { memoryConnection } from '../support/memory-connection.ts';
import { buildStore, textCapture } from '../support/sample-store.ts';
import { folderOfTest } from '../support/temporary-folder.ts';

/** Grace periods of about that length, one after another. */
function capture(no: number, lengthUs: number): string {
  const lines = ['# tracer: nop', '#'];
  let atUs = 1_000_000;
  for (let gp = 0; gp < 40; gp++) {
    const length = lengthUs + ((gp * 7919 + no * 104_729) % 997);
    const seq = 4 * gp + 1;
    for (const [offset, event] of [
      [0, 'start'],
      [length, 'end'],
    ] as const)
      lines.push(
        `          <idle>-0     [000] d..1 ${((atUs + offset) / 1e6).toFixed(6)}: rcu_grace_period: rcu_preempt ${seq} ${event}`,
      );
    atUs += length + 500;
  }
  return `${lines.join('\n')}\n`;
}

it('are those of compare', async () => {
  const folder = folderOfTest();
  const side = (name: string, lengthUs: number) =>
    buildStore(
      join(folder, `${name}.db`),
      Array.from({ length: 9 }, (_, no) => textCapture(`${name}${no}`, capture(no, lengthUs))),
    );
  const [base, head] = [await side('base', 10_000), await side('head', 13_000)];
  const compared = compareRuns(readStoreRuns(base, undefined), readStoreRuns(head, undefined));
  const expected = compared.metrics.find(({ metric }) => metric === 'rcu-gp');
  expect(expected?.verdict).toBe('regressed');

  const labelled = (path: string, job: string) => [...collectRuns(path, { labels: { job } })];
  const source = openRunsSource(memoryConnection(), [...labelled(base, 'old'), ...labelled(head, 'new')]);
  const { columns, rows } = await runFleetReport(
    source,
    'regressions',
    {},
    {
      base: [{ key: 'job', value: 'old' }],
      head: [{ key: 'job', value: 'new' }],
      metrics: compared.metrics.map(({ metric }) => metric),
    },
  );
  await source.close();
  const row = rows.find(([metric]) => metric === 'rcu-gp') ?? [];
  const found = Object.fromEntries(columns.map(({ name }, i) => [name, row[i]]));
  expect(found).toMatchObject({
    verdict: 'regressed',
    statistic: expected?.statistic,
    ratio: Number(expected?.ratio?.toPrecision(6)),
    base_runs: 9,
    base_n: expected?.base.n,
    base_p50_ns: expected?.base.p50,
    base_p99_ns: expected?.base.p99,
    head_n: expected?.head.n,
    head_p50_ns: expected?.head.p50,
    head_p99_ns: expected?.head.p99,
  });
  expect(found.p_value).toBe(Number(expected?.p_value?.toPrecision(6)));
});
