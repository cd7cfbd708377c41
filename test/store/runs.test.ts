/** Runs that are labelled, removed, merged and pruned: the others stay as they are. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { replay } from '../../src/jobs/replay.ts';
import { removeRuns } from '../../src/store/runs/change-runs.ts';
import { mergeStore } from '../../src/store/runs/merge.ts';
import { listRuns } from '../../src/store/runs/run-list.ts';
import { quiesce } from '../support/command-line.ts';
import { buildStore } from '../support/sample-store.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const SAMPLES = ['lock-cycle.trace.txt.zst', 'preempted-reader.trace.txt.zst', 'nmi-storm.trace.dat'];
const folder = folderForEachTest();
let db: string;

beforeEach(async () => {
  db = join(folder.path, 'runs.db');
  await buildStore(db, SAMPLES);
});

/** Rows of every table by their number. */
function tables(path: string): Map<string, number> {
  const open = new Database(path, { readonly: true });
  try {
    expect(open.pragma('integrity_check', { simple: true })).toBe('ok');
    const names = open.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as string[];
    return new Map(
      names.map((name) => [
        name,
        open
          .prepare(`SELECT count(*) FROM "${name.replaceAll('"', '""')}"`)
          .pluck()
          .get() as number,
      ]),
    );
  } finally {
    open.close();
  }
}

describe('a run that is removed', () => {
  it('leaves nothing behind, and the others as they were', async () => {
    const before = await replay(db, { run: 3 });
    const removed = await removeRuns(db, { ids: [2] }, undefined);
    expect(removed.map(({ name }) => name)).toEqual(['samples/preempted-reader.trace.txt.zst']);
    expect(listRuns(db).map(({ run_id }) => run_id)).toEqual([1, 3]);
    expect((await replay(db, { run: 3 })).findings).toEqual(before.findings);
    // As many rows as when it had never been there, but for what all runs share.
    const never = await buildStore(join(folder.path, 'never.db'), [SAMPLES[0], SAMPLES[2]]);
    const shared = /^(event_table|event_column|context_flags|store_info)$/;
    const rows = (path: string): unknown =>
      [...tables(path)].filter(([name, count]) => count > 0 && !shared.test(name)).sort();
    expect(rows(db)).toEqual(rows(never));
  });

  it('gives its number to no other', async () => {
    await removeRuns(db, { ids: [3] }, undefined);
    await buildStore(db, [SAMPLES[2]]);
    expect(listRuns(db).map(({ run_id }) => run_id)).toEqual([1, 2, 4]);
  });

  it('stays when another that was asked for is not there', async () => {
    const before = readFileSync(db);
    await expect(removeRuns(db, { ids: [1, 9] }, undefined)).rejects.toThrow(`${db}: has no run 9`);
    expect(readFileSync(db).equals(before)).toBe(true);
  });
});

describe('stores that are merged', () => {
  it('have each run once, and replay to the same', async () => {
    const other = await buildStore(join(folder.path, 'other.db'), ['srcu-deadlock.trace.txt.zst', SAMPLES[0]]);
    const before = readFileSync(other);
    expect(await mergeStore(db, other)).toMatchObject([
      { from: 1, to: 4, added: true },
      { from: 2, to: 1, added: false },
    ]);
    expect(readFileSync(other).equals(before)).toBe(true);
    expect((await replay(db, { run: 4 })).findings).toEqual((await replay(other, { run: 1 })).findings);
  });

  it('become one where there was none', async () => {
    const all = join(folder.path, 'all.db');
    await mergeStore(all, db);
    expect([...tables(all)].sort()).toEqual([...tables(db)].sort());
  });
});

describe('quiesce runs', () => {
  it('labels, lists and prunes', async () => {
    expect((await quiesce('runs', 'label', db, '1-2', 'job=nightly,kernel=6.12', '--json')).status).toBe(0);
    await quiesce('runs', 'label', db, '2', '--unset', 'kernel');
    const listed = await quiesce('runs', 'list', db, '--label', 'job=nightly', '--json');
    expect(JSON.parse(listed.out)).toMatchObject({
      schema: 'quiesce.runs/1',
      runs: [
        { run_id: 1, labels: { job: 'nightly', kernel: '6.12' }, kept: 'all' },
        { run_id: 2, labels: { job: 'nightly' } },
      ],
    });
    expect((await quiesce('runs', 'prune', db)).err).toBe('quiesce: nothing says what is old: --older, --keep-last\n');
    expect((await quiesce('runs', 'prune', db, '--older', '1d')).out).toBe('0 runs removed\n');
    expect((await quiesce('runs', 'prune', db, '--keep-last', '1', '--dry-run')).out).toContain('preempted-reader');
    expect((await quiesce('runs', 'prune', db, '--keep-last', '1')).out).toMatch(/^2 runs removed;/);
    expect(listRuns(db).map(({ run_id }) => run_id)).toEqual([3]);
    expect((await quiesce('runs', 'vacuum', db)).out).toMatch(/ before, .* after\n$/);
    expect((await quiesce('runs', 'show', db, '3')).out).toMatch(/^run {7}3\nname {6}samples\/nmi-storm\.trace\.dat\n/);
    expect(await quiesce('runs', 'merge', db, db)).toMatchObject({
      status: 2,
      err: expect.stringContaining('is the store that the others are merged into'),
    });
    expect(await quiesce('runs', 'show', db, '1')).toMatchObject({ status: 2, err: `quiesce: ${db}: has no run 1\n` });
  });
});
