/** The page of a fleet, and what the command line does with the rest. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { fleetOverview } from '../../src/fleet/overview.ts';
import { openRunsSource } from '../../src/fleet/store-source.ts';
import { fleetPage } from '../../src/report/fleet/fleet-page.ts';
import { quiesce } from '../support/command-line.ts';
import { memoryConnection } from '../support/memory-connection.ts';
import { plainRun } from '../support/plain-run.ts';
import { buildStore } from '../support/sample-store.ts';
import { folderOfTest, temporaryFolder } from '../support/temporary-folder.ts';

const EVIL = '</style><script>alert(1)</script>" onload="x';

describe('the page of a fleet', () => {
  const page = async (): Promise<string> => {
    const runs = [
      plainRun({ run: 'a', day: '2026-11-01', host: EVIL }),
      plainRun({
        run: 'b',
        day: '2026-11-09',
        kernel: EVIL,
        identities: ['rcu-stall rcu_preempt', `deadlock ${EVIL}`],
      }),
    ];
    const source = openRunsSource(memoryConnection(), runs);
    const overview = await fleetOverview(source, {});
    await source.close();
    return fleetPage(overview, { version: '0', command: `quiesce fleet report --to ${EVIL}` });
  };

  it('runs nothing and fetches nothing, whatever names are in it', async () => {
    const text = await page();
    expect(text).toMatch(
      /content="default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'"/,
    );
    expect(text).not.toMatch(/<script|https?:|\son\w+="/);
    expect(text.match(/<\/style>/g)).toHaveLength(1);
    expect(text).toContain('&lt;script&gt;');
  });

  it('says what is new since the day before the last', async () => {
    const text = await page();
    const fresh = text.slice(text.indexOf('New since 2026-11-08'), text.indexOf('Trends'));
    expect(fresh).toContain('title of deadlock');
    expect(fresh).not.toContain('rcu-stall');
    expect(text).toContain('<polyline class="p99"');
  });

  it('of a fleet without runs says so', async () => {
    const source = openRunsSource(memoryConnection(), []);
    expect(fleetPage(await fleetOverview(source, {}), { version: '0', command: '' })).toContain('No run was ingested.');
    await source.close();
  });
});

describe('quiesce fleet', () => {
  const folder = temporaryFolder();
  const db = join(folder.path, 'farm.db');
  const lake = join(folder.path, 'lake');
  beforeAll(async () => {
    await buildStore(db, ['srcu-deadlock.trace.txt.zst', 'healthy.trace.txt.zst']);
    return folder.remove;
  });

  it('pushes a store once', async () => {
    const first = await quiesce('fleet', 'push', db, '--to', lake, '--label', 'job=1');
    expect(first).toEqual({ status: 0, out: `${lake}: 2 runs pushed\n`, err: '' });
    const again = await quiesce('fleet', 'push', `${db}#1`, '--to', lake, '--label', 'job=1');
    expect(again.out).toBe(`${lake}: 0 runs pushed, 1 run there already\n`);
    // Under another label it is another run.
    expect((await quiesce('fleet', 'push', `${db}#1`, '--to', lake, '--label', 'job=2')).out).toContain('1 run pushed');
  });

  it('reports in every form', async () => {
    const table = await quiesce('fleet', 'report', 'findings', '--to', lake);
    expect(table.out).toMatch(/^severity +runs +rate +first seen/);
    const json = JSON.parse((await quiesce('fleet', 'report', 'findings', '--to', lake, '--json')).out);
    expect(json).toMatchObject({ schema: 'quiesce.fleet-report/1', report: 'findings' });
    const csv = await quiesce('fleet', 'report', 'days', '--to', lake, '--format', 'csv');
    expect(csv.out).toMatch(/^day,runs,hosts,with_errors,errors,warnings,lost\n\d{4}-\d\d-\d\d,3,/);
    const page = join(folderOfTest(), 'fleet.html');
    expect((await quiesce('fleet', 'report', '--html', '-o', page, '--to', lake)).status).toBe(0);
    expect(readFileSync(page, 'utf8')).toContain('<h1>Fleet: 3 runs');
  });

  it('gates with exit statuses', async () => {
    // The deadlock is in job 2 and in job 1.
    expect((await quiesce('fleet', 'gate', '--to', lake, '--head', 'job=2')).status).toBe(0);
    const fresh = join(folderOfTest(), 'lake');
    await quiesce('fleet', 'push', `${db}#2`, '--to', fresh, '--label', 'job=1');
    await quiesce('fleet', 'push', `${db}#1`, '--to', fresh, '--label', 'job=2');
    const failed = await quiesce('fleet', 'gate', '--to', fresh, '--head', 'job=2');
    expect(failed.status).toBe(1);
    expect(failed.out).toMatch(/^1 run judged against 1 run\n\nnew error {2}/);
    const { new: found } = JSON.parse((await quiesce('fleet', 'gate', '--to', fresh, '--head', 'job=2', '--json')).out);
    const known = join(folderOfTest(), 'known.txt');
    writeFileSync(known, `# seen\n${found.map(({ identity }: { identity: string }) => identity).join('\n')}\n`);
    expect((await quiesce('fleet', 'gate', '--to', fresh, '--head', 'job=2', '--known', known)).status).toBe(0);
    expect((await quiesce('fleet', 'gate', '--to', fresh, '--head', 'job=2', '--fail-on', 'never')).status).toBe(0);
    expect((await quiesce('fleet', 'gate', '--to', fresh, '--head', 'job=3')).status).toBe(2);
  });

  it.each([
    [['report', 'findngs', '--to', lake], 2, "no report is named 'findngs'"],
    [['report', '--to', lake], 2, 'name a report'],
    [['report', 'days', '--to', lake, '--since', 'yesterday'], 2, 'yesterday: no day; write 2026-12-01 or 30d'],
    [['report', 'days', '--to', join(lake, 'none')], 4, 'is no lake'],
    [['report', 'regressions', '--to', lake], 2, 'regressions compares two labels'],
    [['report', 'regressions', '--to', lake, '--base', 'job=1'], 2, '--base and --head go together'],
    [['push', db, '--to', db], 2, 'is a store'],
    [['push', '/none.db', '--to', lake], 4, '/none.db'],
    [['report', 'days', '--to', 'clickhouse://127.0.0.1:1/x'], 4, 'cannot be reached (ECONNREFUSED)'],
  ] as const)('%j is refused', async (args, status, message) => {
    const answer = await quiesce('fleet', ...args);
    expect([answer.status, answer.err]).toEqual([status, expect.stringContaining(message)]);
    expect(answer.err.trimEnd().split('\n')).toHaveLength(1);
  });
});
