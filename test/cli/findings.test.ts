/** `quiesce findings`, and gates: what is new, what could not be decided, what is known and until when. */
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AcrossResult } from '../../schema/index.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { correlatedLabels } from '../../src/query/across/label-correlation.ts';
import { quiesce } from '../support/command-line.ts';
import { folderForEachTest, writeFileIn } from '../support/temporary-folder.ts';

const sample = (name: string): string => new URL(`../../samples/${name}`, import.meta.url).pathname;
const CYCLE = sample('lock-cycle.trace.txt.zst');
const FIXED = sample('lock-cycle-fixed.trace.txt.zst');
const READER = sample('preempted-reader.trace.txt.zst');
const folder = folderForEachTest();
let db: string;

async function add(capture: string, day: number, labels: Record<string, string>): Promise<void> {
  await replayCaptures([capture], {
    db,
    threads: 1,
    keep: 'findings',
    labels,
    ingestedAt: `2026-11-0${day}T00:00:00.000Z`,
  });
}

beforeEach(() => {
  db = join(folder.path, 'farm.db');
});

describe('quiesce findings', () => {
  it('follows a problem over runs', async () => {
    await add(FIXED, 1, { kernel: '6.11' });
    await add(CYCLE, 2, { kernel: '6.12' });
    await add(CYCLE, 3, { kernel: '6.12' });
    const across = async (...args: string[]): Promise<AcrossResult> =>
      JSON.parse((await quiesce('findings', db, '--json', ...args)).out) as AcrossResult;
    const all = await across('--across', '--by', 'finding', '--kind', 'lock-inversion');
    expect(all).toMatchObject({
      schema: 'quiesce.findings/1',
      runs: 3,
      findings: [{ kind: 'lock-inversion', runs: 2, assessed_runs: 3, first_run: 2, last_run: 3, severity: 'error' }],
    });
    expect(all.findings[0]).toMatchObject({
      first_seen: '2026-11-02T00:00:00.000Z',
      last_seen: '2026-11-03T00:00:00.000Z',
    });
    expect((await across('--across', '--since', '2026-11-03')).runs).toBe(1);
    expect((await across('--across', '--label', 'kernel=6.11')).findings).toEqual([]);
    expect((await across()).runs).toBe(1);
    const list = await quiesce('findings', db, '--across', '--by', 'finding', '--format', 'list');
    expect(list.out.split('\n')).toContain(all.findings[0].identity);
    const text = await quiesce('findings', db, '--across');
    expect(text.out).toMatch(/2 of 3 runs that could show it \(67 %\)/);
  });

  it('names a label only where chance does not explain it', () => {
    const run = (kernel: string, host: string, shows: boolean) => ({
      labels: new Map([
        ['kernel', kernel],
        ['host', host],
      ]),
      shows,
    });
    const runs = [
      ...Array.from({ length: 12 }, (_, i) => run('6.13', `h${i % 2}`, true)),
      ...Array.from({ length: 30 }, (_, i) => run('6.12', `h${i % 2}`, i === 0)),
    ];
    expect(correlatedLabels(runs)).toEqual([
      expect.objectContaining({ key: 'kernel', value: '6.13', runs: 12, runs_with: 12, other_runs: 30, other_with: 1 }),
    ]);
    expect(correlatedLabels(runs)[0].p_value).toBeLessThan(1e-8);
    // C(5,3)·C(5,0)/C(10,3) = 1/12.
    const few = [
      ...Array(3).fill(run('a', 'x', true)),
      ...Array(2).fill(run('b', 'x', true)),
      ...Array(5).fill(run('b', 'x', false)),
    ];
    expect(correlatedLabels(few)).toEqual([]);
  });
});

describe('gates', () => {
  it('fail on what is new', async () => {
    await add(CYCLE, 1, {});
    const gate = (...args: string[]) => quiesce('replay', ...args, '--fail-on', 'new:error', '--json');
    expect((await gate(CYCLE, '--db', db)).status).toBe(0);
    const found = await gate(READER, '--db', db);
    expect(found.status).toBe(1);
    expect(found.err).toMatch(/^quiesce: new: \w+-[\w-]+: /);
    expect(await gate(READER, '--db', ':memory:')).toMatchObject({
      status: 2,
      err: 'quiesce: --fail-on new:…: nothing to compare with; --db with earlier runs, or --against\n',
    });
    // Against a list, a baseline, a store.
    const list = (await quiesce('findings', db, '--across', '--by', 'finding', '--format', 'list')).out;
    const known = writeFileIn(folder.path, 'known.txt', `# seen on master\n${list}`);
    const baseline = join(folder.path, 'base.json');
    await quiesce('baseline', 'save', READER, '-o', baseline);
    for (const against of [known, baseline, db])
      expect([against, (await gate(READER, '--db', ':memory:', '--against', against)).status]).toEqual([against, 0]);
    expect((await gate(CYCLE, '--db', ':memory:', '--against', baseline)).status).toBe(1);
  });

  it('fail where the recording could not have shown it', async () => {
    const { status, err } = await quiesce(
      'replay',
      CYCLE,
      '--db',
      ':memory:',
      '--require',
      'assessed:rcu-stall',
      '--json',
    );
    expect(status).toBe(1);
    expect(err).toMatch(/^quiesce: required: rcu-stall is not-assessed; missing: /);
    expect(
      (await quiesce('replay', CYCLE, '--db', ':memory:', '--require', 'assessed:lock-inversion', '--json')).status,
    ).toBe(0);
    expect((await quiesce('replay', CYCLE, '--require', 'rcu-stall')).status).toBe(2);
  });

  it('know issues with an owner, a link, and a last day', async () => {
    const known = (expires: string): string =>
      writeFileIn(
        folder.path,
        'known.json',
        JSON.stringify({
          suppressions: [
            {
              reason: 'test module',
              owner: 'locking team',
              link: 'https://bugs/17',
              expires,
              identity: 'lock-inversion *',
            },
          ],
        }),
      );
    const replay = (file: string, ...args: string[]) =>
      quiesce('replay', CYCLE, '--db', ':memory:', '--suppress', file, '--fail-on', 'error', ...args);
    const holds = await replay(known('2999-12-31'));
    expect(holds).toMatchObject({ status: 0, err: '' });
    expect(holds.out).toMatch(/test module \(locking team,\s+https:\/\/bugs\/17\)/);
    const over = await replay(known('2026-01-31'), '--json');
    expect(over.status).toBe(1);
    expect(over.err).toMatch(
      /known\.json: suppressions\[0\] \(locking team\) expired on 2026-01-31 and holds no longer: test module\n/,
    );
    expect((await replay(known('soon'))).err).toMatch(/"expires" must be a day, as 2026-12-31\n$/);
  });
});
