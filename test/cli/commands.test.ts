/** The command line: data on stdout, messages on stderr, exit statuses, and clear words for wrong use. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ReplayResult } from '../../schema/index.ts';
import { quiesce } from '../support/command-line.ts';
import { folderForEachTest, writeFileIn } from '../support/temporary-folder.ts';

const folder = folderForEachTest();

function file(name: string, content: string | Uint8Array = ''): string {
  return writeFileIn(folder.path, name, content);
}

const WAKEUPS = [
  '# tracer: nop',
  '          cat-7       [001] d..2.    12.000001: sched_waking: comm=sh pid=8 prio=120 target_cpu=000',
  '          cat-7       [001] d..2.    12.000002: sched_waking: comm=sh pid=9 prio=120 target_cpu=000',
  '',
].join('\n');
const CYCLE = new URL('../../samples/lock-cycle.trace.txt.zst', import.meta.url).pathname;

describe('quiesce replay', () => {
  it('prints the findings, stores the run, and says where', async () => {
    const db = join(folder.path, 'runs.db');
    const { status, out, err } = await quiesce('replay', CYCLE, '--db', db);
    expect(status).toBe(0);
    expect(err).toBe('');
    expect(out).toMatch(/^error: call_srcu\(\) called with &rq->__lock held → circular/);
    expect(out).toContain(`stored in ${db} as run 1`);
    for (const line of out.replaceAll(db, 'runs.db').split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    expect(existsSync(db)).toBe(true);
  });

  it('prints one JSON document with --json, and exits with 1 when --fail-on is reached', async () => {
    const { status, out } = await quiesce('replay', CYCLE, '--db', ':memory:', '--json', '--fail-on', 'error');
    const result = JSON.parse(out) as ReplayResult;
    expect(result.schema).toBe('quiesce.replay/2');
    expect(result.db).toBeNull();
    expect(result.findings.some((finding) => finding.kind === 'lock-inversion')).toBe(true);
    expect(status).toBe(1);
    const quiet = file('quiet.txt', WAKEUPS);
    expect((await quiesce('replay', quiet, '--db', ':memory:', '--fail-on', 'info')).status).toBe(0);
  });

  it('replays a store when it is given one', async () => {
    const db = join(folder.path, 'runs.db');
    const first = await quiesce('replay', CYCLE, '--db', db, '--json');
    const again = await quiesce('replay', db, '--json');
    expect(again.status).toBe(0);
    expect(JSON.parse(again.out).findings).toEqual(JSON.parse(first.out).findings);
    expect((await quiesce('replay', db, '--run', '7')).err).toMatch(/has no run 7; it has runs 1 to 1/);
    expect((await quiesce('replay', db, CYCLE)).err).toMatch(/a store is replayed alone/);
  });

  it('takes settings of the kernel and thresholds, and stores them with the run', async () => {
    const db = join(folder.path, 'runs.db');
    const capture = file('t.txt', WAKEUPS);
    const profile = 'hz=1000,rt=no,prove_rcu,rcu_stall_timeout=3,release=6.12.1';
    const args = ['--profile', profile, '--hung-task', '500ms', '--nmi-storm', '70%', '--json'];
    const { out } = await quiesce('replay', capture, '--db', db, ...args);
    const { run } = JSON.parse(out) as ReplayResult;
    expect(run.kernel).toMatchObject({ hz: 1000, rt: false, proveRcu: true, rcuStallTimeoutS: 3, release: '6.12.1' });
    expect(run.thresholds).toMatchObject({ hungTaskNs: 500e6, nmiStormShare: 0.7 });
    const again = JSON.parse((await quiesce('replay', db, '--json')).out) as ReplayResult;
    expect(again.run).toEqual(run);
  });

  it('shows control characters of names instead of sending them to the terminal', async () => {
    const name = 'evil\u001b[2Jname.txt';
    const { out } = await quiesce('replay', file(name, WAKEUPS), '--db', ':memory:');
    expect(out).not.toContain('\u001b');
    expect(out).toContain('evil\\x1b[2Jname.txt');
  });
});

describe('text without stamps', () => {
  it.each([
    ['an oops', 'BUG: kernel NULL pointer dereference, address: 0000000000000008\nOops: 0000 [#1] SMP NOPTI\n'],
    ['a quoted one', '> > Oops: 0000 [#1] SMP NOPTI\n'],
    ['a slab report', 'BUG numa_policy (Not tainted): Poison overwritten\n'],
    ['a syslog of one line', `Oct 12 23:25:16 ${'a-long-hostname-'.repeat(6)} kernel: mce: [Hardware Error]: logged\n`],
  ])('%s is a kernel log, although nothing in it is judged', async (_, text) => {
    const path = writeFileIn(folder.path, 'paste', text);
    expect((await quiesce('replay', path, '--db', ':memory:')).status).toBe(0);
  });
});

describe('input that cannot be read', () => {
  it.each([
    ['an empty file', '', /empty$/],
    ['a JPEG', Buffer.from('ffd8ffe000104a46494600010101006000600000ffdb0043', 'hex'), /no trace format recognised/],
    [
      'a line of three megabytes',
      'x'.repeat(3 << 20),
      /no trace record could be read|no line of this text is a kernel message or a trace record/,
    ],
  ])('%s: one line, status 3, no store left behind', async (_, content, reason) => {
    const db = join(folder.path, 'runs.db');
    const { status, out, err } = await quiesce('replay', file('capture', content), '--db', db);
    expect(status).toBe(3);
    expect(out).toBe('');
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(err.trimEnd()).toMatch(reason);
    expect(readdirSync(folder.path)).toEqual(['capture']);
  });

  it('names a file that is not there, and a folder', async () => {
    expect(await quiesce('replay', join(folder.path, 'none'))).toMatchObject({
      status: 3,
      err: expect.stringMatching(/no such file/),
    });
    expect(await quiesce('replay', folder.path)).toMatchObject({
      status: 3,
      err: expect.stringMatching(/is a directory/),
    });
  });
});

describe('a store that cannot be used', () => {
  it.each([
    [
      'in a folder that does not exist',
      (): string => join(folder.path, 'none', 'runs.db'),
      /its folder does not exist/,
    ],
    ['that is a folder', (): string => folder.path, /cannot be opened/],
    ['that is a letter', (): string => file('letter', 'dear aunt, '.repeat(20)), /is not a quiesce store/],
  ])('%s: one line, status 4', async (_, db, reason) => {
    const { status, err } = await quiesce('replay', file('t.txt', WAKEUPS), '--db', db());
    expect(status).toBe(4);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(err).toMatch(reason);
  });
});

describe('wrong use', () => {
  it.each([
    [['replya'], /unknown command 'replya'\n\(Did you mean replay\?\)/],
    [['replay'], /missing required argument 'capture'/],
    [['replay', '--jsn', 'x'], /unknown option '--jsn'\n\(Did you mean --json\?\)/],
    [['replay', 'x', '--profile', 'hertz=3'], /unknown key 'hertz'; known keys: release, hz, rt/],
    [['replay', 'x', '--profile', 'hz=fast'], /hz=fast: a positive number expected/],
    [['replay', 'x', '--profile', 'rt=perhaps'], /rt=perhaps: yes or no expected/],
    [['replay', 'x', '--hung-task', 'soon'], /soon: not a duration/],
    [['replay', 'x', '--nmi-storm', '120%'], /120%: not a share/],
    [['replay', 'x', '--fail-on', 'panic'], /one of info, warning, error expected/],
    [['replay', 'x', '--run', '1'], /--run: only with a store/],
    [['ingest', 'x', '--db', ':memory:'], /has to keep what it reads/],
    [['hist', 'x.db', 'nonsense'], /unknown metric 'nonsense'; metrics: rcu-gp/],
    [['hist', 'x.db', 'nmi', '--by', 'moon'], /cannot be grouped by 'moon'; columns: name, cpu/],
  ])('%j is answered with status 2 and a reason', async (args, reason) => {
    const { status, out, err } = await quiesce(...args);
    expect(err).toMatch(reason);
    expect(status).toBe(2);
    expect(out).toBe('');
  });

  it('prints help with examples for every verb, on standard output', async () => {
    for (const verb of ['replay', 'ingest', 'query', 'hist']) {
      const { status, out } = await quiesce(verb, '--help');
      expect(status).toBe(0);
      expect(out).toMatch(/Examples:\n {2}(\S+ .*\| )?quiesce /);
    }
  });
});

describe('quiesce query', () => {
  async function stored(): Promise<string> {
    const db = join(folder.path, 'runs.db');
    await quiesce('ingest', file('t.txt', WAKEUPS), '--db', db);
    return db;
  }

  it('answers as table, JSON, CSV and one object per line', async () => {
    const db = await stored();
    const sql = "SELECT id, pid, '0x' || 1 AS 'a,b', NULL AS n FROM sched_waking ORDER BY id";
    expect((await quiesce('query', db, sql)).out).toBe(
      'id  pid  a,b  n\n--  ---  ---  -\n 1    8  0x1\n 2    9  0x1\n',
    );
    expect(JSON.parse((await quiesce('query', db, sql, '--format', 'json')).out)).toEqual([
      { id: 1, pid: 8, 'a,b': '0x1', n: null },
      { id: 2, pid: 9, 'a,b': '0x1', n: null },
    ]);
    expect((await quiesce('query', db, sql, '--format', 'csv')).out).toBe('id,pid,"a,b",n\n1,8,0x1,\n2,9,0x1,\n');
    const lines = (await quiesce('query', db, sql, '--format', 'ndjson')).out.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).pid)).toEqual([8, 9]);
  });

  it('gives integers beyond 2^53 as strings in JSON, exactly', async () => {
    const db = await stored();
    const { out } = await quiesce('query', db, 'SELECT 9007199254740993 AS big, 5 AS small', '--format', 'json');
    expect(JSON.parse(out)).toEqual([{ big: '9007199254740993', small: 5 }]);
  });

  it('changes nothing, whatever the statement', async () => {
    const db = await stored();
    const before = readFileSync(db);
    const elsewhere = join(folder.path, 'elsewhere.db');
    for (const sql of [
      'DELETE FROM run',
      "INSERT INTO string VALUES (9999, 'x') RETURNING text",
      `ATTACH '${elsewhere}' AS x`,
      `VACUUM INTO '${elsewhere}'`,
      'DROP TABLE run',
      'PRAGMA user_version = 7',
      'SELECT 1; DELETE FROM run',
    ]) {
      const { status } = await quiesce('query', db, sql);
      expect([sql, status]).toEqual([sql, 2]);
    }
    expect(existsSync(elsewhere)).toBe(false);
    expect(readFileSync(db).equals(before)).toBe(true);
  });

  it('suggests tables when one is misspelt', async () => {
    const { status, err } = await quiesce('query', await stored(), 'SELECT * FROM shed_waking');
    expect(status).toBe(2);
    expect(err).toBe('quiesce: no such table: shed_waking (did you mean sched_waking?)\n');
  });
});

describe('quiesce rule', () => {
  it('prints a rule, lists all, and suggests those like an unknown one', async () => {
    const one = await quiesce('rule', 'R2.61');
    expect(one.out).toContain('R2.61  2.6 The decision, replayed');
    expect(one.out).toContain('inference from R2.43');
    expect((await quiesce('rule')).out).toContain(
      'W4      A grace period waits for a CPU whose quiescent state is pending',
    );
    const { rules } = JSON.parse((await quiesce('rule', 'L5.18', '--json')).out) as { rules: { source: string }[] };
    expect(rules[0].source).toBe('kernel/workqueue.c: process_one_work');
    const unknown = await quiesce('rule', 'R2.6x');
    expect(unknown.status).toBe(2);
    expect(unknown.err).toContain('there is no rule R2.6x; did you mean R2.6, R2.60, R2.61?');
  });
});

describe('quiesce formats', () => {
  it('lists what can be read', async () => {
    expect((await quiesce('formats')).out).toContain('ftrace text');
    const { formats } = JSON.parse((await quiesce('formats', '--json')).out) as { formats: { id: string }[] };
    expect(formats.map((format) => format.id)).toContain('console');
  });
});
