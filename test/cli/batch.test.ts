/** `quiesce batch`: many captures, one store. Runs dist/, which `npm test` builds first. */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BatchResult } from '../../schema/index.ts';
import { glob } from '../../src/jobs/batch/glob.ts';
import { replay } from '../../src/jobs/replay.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { RUN_TABLES } from '../../src/store/runs/run-tables.ts';
import { MAIN, requireBuild } from '../support/built-command.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const sample = (name: string): string => new URL(`../../samples/${name}`, import.meta.url).pathname;
const folder = folderForEachTest();
const path = (name: string): string => join(folder.path, name);

beforeAll(requireBuild);

/** Three folders as a farm leaves them, one of them with nothing to read. */
beforeEach(() => {
  for (const name of ['storm', 'cycle', 'reader', 'nothing']) mkdirSync(path(`runs/${name}`), { recursive: true });
  copyFileSync(sample('nmi-storm.trace.dat'), path('runs/storm/trace.dat'));
  copyFileSync(sample('nmi-storm.dmesg.txt'), path('runs/storm/dmesg.txt'));
  // Of two of a kind the usual name is meant.
  copyFileSync(sample('nmi-storm.trace.dat'), path('runs/storm/old.dat'));
  copyFileSync(sample('nmi-storm.trace.txt.zst'), path('runs/storm/trace.txt.zst'));
  writeFileSync(path('runs/storm/README.md'), 'The same as text: nothing to replay.\n');
  copyFileSync(sample('lock-cycle.trace.txt.zst'), path('runs/cycle/trace.txt.zst'));
  copyFileSync(sample('preempted-reader.trace.txt.zst'), path('runs/reader/trace.txt.zst'));
});

function quiesce(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: folder.path,
    encoding: 'utf8',
  });
  return { status, out: stdout, err: stderr };
}

/** Runs a command that is killed once it has said of so many runs that they are stored. */
async function killed(args: readonly string[], after: number): Promise<{ status: number | null; lines: number }> {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder.path, stdio: ['ignore', 'pipe', 'inherit'] });
  let lines = 0;
  child.stdout.on('data', (data: Buffer) => {
    lines += (data.toString().match(/ events /g) ?? []).length;
    if (lines >= after) child.kill('SIGKILL');
  });
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { status, lines };
}

function rows(db: string, sql: string): unknown[][] {
  const open = new Database(path(db), { readonly: true });
  try {
    expect(open.pragma('integrity_check', { simple: true })).toBe('ok');
    return open.prepare(sql).raw().all() as unknown[][];
  } finally {
    open.close();
  }
}

describe('quiesce batch', () => {
  it('stores a run per folder, says what failed, and does nothing twice', async () => {
    const first = quiesce('batch', 'runs/*/', '--db', 'farm.db', '-j', '2', '--label', 'job=nightly', '--json');
    expect(first.status, first.err).toBe(3);
    const result = JSON.parse(first.out) as BatchResult;
    expect(result).toMatchObject({ schema: 'quiesce.batch/1', stored: 3, present: 0, failed: 1 });
    expect(result.items.find(({ outcome }) => outcome === 'failed')).toMatchObject({
      name: 'nothing',
      error: 'runs/nothing: no capture in it',
    });
    expect(
      rows('farm.db', "SELECT name FROM run JOIN run_label USING (run_id) WHERE key = 'job' ORDER BY name"),
    ).toEqual([['cycle'], ['reader'], ['storm']]);
    // The recording and its log; neither the text of the same trace nor the README.
    expect(
      rows('farm.db', "SELECT path FROM capture JOIN run USING (run_id) WHERE name = 'storm' ORDER BY path"),
    ).toEqual([['runs/storm/dmesg.txt'], ['runs/storm/trace.dat']]);
    const again = quiesce('batch', 'runs/*/', '--db', 'farm.db', '-j', '2');
    expect(again.out).toMatch(/^4 captures: 0 stored in farm\.db, 3 there already, 1 failed$/m);
    expect(rows('farm.db', 'SELECT count(*) FROM run')).toEqual([[3]]);

    // What was merged is what a replay of the captures stores.
    const [[storm]] = rows('farm.db', "SELECT run_id FROM run WHERE name = 'storm'");
    const captures = [path('runs/storm/trace.dat'), path('runs/storm/dmesg.txt')];
    const direct = await replayCaptures(captures, { db: path('one.db'), threads: 1 });
    const stored = await replay(path('farm.db'), { run: storm as number });
    expect(stored.findings).toEqual(direct.findings);
    for (const table of ['grace_period', 'context_span', 'finding_evidence', 'histogram_bucket', 'event_page'])
      expect([table, ...rows('farm.db', `SELECT count(*) FROM ${table} WHERE run_id = ${storm}`)]).toEqual([
        table,
        ...rows('one.db', `SELECT count(*) FROM ${table}`),
      ]);
    const events = (db: string, run: unknown): unknown[][] =>
      rows(db, `SELECT ts_ns, cpu, tid, comm, name, context FROM event WHERE run_id = ${run} ORDER BY id LIMIT 500`);
    for (const db of ['farm.db', 'one.db']) expect(quiesce('rows', db).status).toBe(0);
    expect(events('farm.db', storm)).toEqual(events('one.db', 1));
  });

  it('keeps as little as asked for, and says so when more is wanted', () => {
    quiesce('batch', 'runs/storm/', '--db', 'small.db', '--keep', 'findings');
    expect(rows('small.db', 'SELECT count(*) FROM finding')).not.toEqual([[0]]);
    for (const table of ['event_page', 'event', 'context_span', 'histogram', 'string'])
      expect([table, ...rows('small.db', `SELECT count(*) FROM ${table}`)]).toEqual([table, [0]]);
    quiesce('batch', 'runs/storm/', '--db', 'metrics.db', '--keep', 'metrics');
    expect(rows('metrics.db', 'SELECT count(*) FROM histogram')).not.toEqual([[0]]);
    const { status, err } = quiesce('replay', 'small.db');
    expect(err).toBe(
      'quiesce: small.db: run 1 was kept without its events (--keep findings); give its captures instead\n',
    );
    expect(status).toBe(4);
  });

  it('takes a manifest', () => {
    writeFileSync(
      path('runs/all.txt'),
      '# night of 1 December\nstorm/trace.dat "storm/dmesg.txt" kernel=6.12.1 commit=1a2b3c # both\n\ncycle job=locks\n',
    );
    expect(quiesce('batch', '--manifest', 'runs/all.txt', '--db', 'farm.db').status).toBe(0);
    expect(
      rows(
        'farm.db',
        "SELECT name, group_concat(key || '=' || value) FROM run JOIN run_label USING (run_id) GROUP BY name",
      ),
    ).toEqual([
      ['cycle', 'job=locks'],
      ['storm/trace.dat', 'commit=1a2b3c,kernel=6.12.1'],
    ]);
    writeFileSync(path('runs/bad.txt'), 'kernel=6.12\n');
    expect(quiesce('batch', '--manifest', 'runs/bad.txt', '--db', 'farm.db')).toMatchObject({
      status: 2,
      err: 'quiesce: runs/bad.txt:1: labels without a capture\n',
    });
  });

  it('goes on where it was killed', { timeout: 120_000 }, async () => {
    for (let i = 0; i < 6; i++) {
      mkdirSync(path(`runs/n${i}`));
      writeFileSync(path(`runs/n${i}/dmesg.txt`), `${readFileSync(sample('nmi-storm.dmesg.txt'), 'utf8')}# ${i}\n`);
    }
    const args = ['batch', 'runs/n*/', '--db', 'farm.db', '-j', '2'];
    let stored = 0;
    for (let round = 0; round < 10; round++) {
      const { status, lines } = await killed(args, round < 3 ? 2 : Number.POSITIVE_INFINITY);
      stored += lines;
      if (status === 0) break;
    }
    expect(rows('farm.db', 'SELECT count(*), count(DISTINCT content_hash) FROM run')).toEqual([[6, 6]]);
    // A run may be stored and its line not printed.
    expect(stored).toBeLessThanOrEqual(6);
  });

  it('judges as new what it had stored before it was killed, until it has ended', { timeout: 60_000 }, async () => {
    expect(quiesce('batch', 'runs/cycle/', '--db', 'farm.db').status).toBe(0);
    const args = [
      'batch',
      'runs/storm/',
      'runs/cycle/',
      'runs/reader/',
      '--db',
      'farm.db',
      '-j',
      '1',
      '--fail-on',
      'new:error',
    ];
    await killed(args, 1);
    const { status, err } = quiesce(...args);
    expect(status).toBe(1);
    const runs = new Set([...err.matchAll(/new: run (\d+)/g)].map(([, run]) => Number(run)));
    // Run 1 was there before; runs 2 and 3 were stored before and after the kill.
    expect([...runs].sort()).toEqual([2, 3]);
    expect(quiesce(...args)).toMatchObject({ status: 0, err: '' });
  });
});

describe('patterns', () => {
  it('match as in a shell', () => {
    const found = (pattern: string): string[] =>
      glob(path(pattern)).map((match) => match.slice(folder.path.length + 1));
    expect(found('runs/*/trace.*')).toEqual([
      'runs/cycle/trace.txt.zst',
      'runs/reader/trace.txt.zst',
      'runs/storm/trace.dat',
      'runs/storm/trace.txt.zst',
    ]);
    expect(found('runs/[rs]*/')).toEqual(['runs/reader', 'runs/storm']);
    expect(found('runs/[!rs]*')).toEqual(['runs/cycle', 'runs/nothing']);
    expect(found('**/dmesg.???')).toEqual(['runs/storm/dmesg.txt']);
    expect(found('runs/(storm)/*')).toEqual([]);
  });
});

describe('the tables of a run', () => {
  it('are all known to what removes and copies runs', async () => {
    await replayCaptures([sample('nmi-storm.dmesg.txt')], { db: path('one.db'), threads: 1 });
    const withRun = rows(
      'one.db',
      "SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' AND c.name = 'run_id'",
    ).flat();
    const own = ['run', 'event_type'];
    expect(withRun.filter((name) => !own.includes(name as string)).sort()).toEqual(
      RUN_TABLES.map(({ table }) => table).sort(),
    );
  });
});
