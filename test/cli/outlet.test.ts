/** What the command prints: nothing that a terminal acts on, and errors of writing are errors. Runs dist/, which `npm test` builds first. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inert } from '../../src/cli/terminal/outlet.ts';
import { MAIN, requireBuild } from '../support/built-command.ts';
import { quiesce } from '../support/command-line.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SAMPLE = new URL('../../samples/nmi-storm.dmesg.txt', import.meta.url).pathname;
const HOSTILE = new URL('../fixtures/hostile/', import.meta.url).pathname;
const folder = temporaryFolder();
afterAll(folder.remove);
const db = join(folder.path, 'r.db');

beforeAll(async () => {
  requireBuild();
  await quiesce('replay', SAMPLE, '--db', db);
});

/** Runs a shell command in the folder, with `quiesce` defined. */
function shell(command: string): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['-c', `quiesce() { "${process.execPath}" "${MAIN}" "$@"; }\n${command}`],
    { cwd: folder.path, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } },
  );
  return { status, out: stdout, err: stderr };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there.
const ACTIVE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

describe('text on its way out', () => {
  it('keeps our own colours on a terminal that has them, and nothing else', () => {
    expect(inert('\u001b[1mbold\u001b[22m\n', true)).toBe('\u001b[1mbold\u001b[22m\n');
    expect(inert('\u001b[1mbold\u001b[22m\n')).toBe('\\u001b[1mbold\\u001b[22m\n');
    expect(inert('\u001b[2J\u001b]0;x\u0007\u009b1m\u2028\u202e\u007f', true)).toBe(
      '\\u001b[2J\\u001b]0;x\\u0007\\u009b1m\\u2028\\u202e\\u007f',
    );
    expect(JSON.parse(inert(JSON.stringify('a\u2028\u009b\u202e')))).toBe('a\u2028\u009b\u202e');
  });
});

describe('hostile names', () => {
  const evil = 'e\u001b[31m\u009b2J\u202e\u2028\nquiesce: fine';

  it('are inert in the messages of every verb', async () => {
    for (const args of [
      ['replay', `./${evil}`],
      ['ingest', `./${evil}`, '--db', db],
      ['query', `./${evil}`, 'SELECT 1'],
      ['query', db, `SELECT * FROM "${evil}"`],
      ['query', db, '--named', evil],
      ['explain', db, evil],
      ['state', `./${evil}`, '--at', '1'],
      ['hist', db, evil],
      ['compare', `./${evil}`, '--with', db],
      ['export', `./${evil}`, '--format', 'sarif'],
      ['whatif', db, '--variant', evil],
      ['doctor', `./${evil}`],
      ['rule', evil],
      [evil],
    ]) {
      const { status, err } = await quiesce(...args);
      expect(status, args[0]).not.toBe(0);
      expect(status, err).not.toBe(70);
      // The last barrier is that of the process; here is what comes to it.
      expect(inert(err).split('\n').length, err).toBeLessThanOrEqual(4);
      expect(inert(err)).not.toMatch(ACTIVE);
    }
  });

  it('are inert in a run name, a finding and every form of rows', async () => {
    const crafted = join(folder.path, 'crafted.db');
    copyFileSync(db, crafted);
    const open = new Database(crafted);
    open.prepare('UPDATE run SET name = ?').run(evil);
    open.prepare("UPDATE finding SET title = ?, body = json_set(body, '$.title', ?)").run(evil, evil);
    const id = open.prepare('SELECT finding_id FROM finding').pluck().get() as string;
    open.close();
    const rows = 'SELECT name, title FROM run JOIN finding USING (run_id)';
    for (const args of [
      ['replay', crafted],
      ['replay', crafted, '--json'],
      ['explain', crafted, id],
      ['explain', crafted, id, '--format', 'md'],
      ['state', crafted, '--at', 'event:5'],
      ['compare', crafted, '--with', crafted],
      ['export', crafted, '--format', 'sarif'],
      ['export', crafted, '--format', 'junit'],
      ['query', crafted, rows],
      ...['csv', 'json', 'ndjson'].map((format) => ['query', crafted, rows, '--format', format]),
    ]) {
      const { out, err } = await quiesce(...args);
      expect(out.length, err).toBeGreaterThan(0);
      expect(inert(out + err), args.join(' ')).not.toMatch(ACTIVE);
      expect(out.split('\n'), args.join(' ')).not.toContain('quiesce: fine');
    }
    const { out } = shell(`quiesce query crafted.db '${rows}' --format ndjson`);
    expect(out).not.toMatch(ACTIVE);
    expect(JSON.parse(out.split('\n')[0])).toEqual({ name: evil, title: evil });
  });

  it('of captures are inert in every verb', () => {
    for (const name of ['hostile.txt', 'hostile.dmesg']) {
      const capture = join(HOSTILE, name);
      for (const command of [
        `replay '${capture}' --db h.db`,
        `replay '${capture}' --json --db :memory:`,
        `doctor '${capture}'`,
      ]) {
        const { status, out, err } = shell(`quiesce ${command}`);
        expect(status, err).toBe(0);
        expect(out + err, command).not.toMatch(ACTIVE);
      }
    }
    const { out } = shell("quiesce query h.db 'SELECT * FROM event' --format csv");
    expect(out).not.toMatch(ACTIVE);
  });
});

describe('rows as CSV', () => {
  it('are no formulas, numbers stay numbers', async () => {
    const sql = "SELECT '=1+1' AS a, '+x' AS b, '-x' AS c, '@x' AS d, -5 AS e, 'x=1' AS f, 'p\nq' AS \"=g\"";
    const { out } = await quiesce('query', db, sql, '--format', 'csv');
    expect(out).toBe("a,b,c,d,e,f,'=g\n'=1+1,'+x,'-x,'@x,-5,x=1,p\\x0aq\n");
  });
});

describe('output that cannot be written', () => {
  it('is an error of its own: one line, status 4', () => {
    const { status, err } = shell(`quiesce replay '${SAMPLE}' --db :memory: --fail-on info > /dev/full`);
    expect(err).toBe('quiesce: standard output: no space left on the device\n');
    expect(status).toBe(4);
    const file = shell('quiesce export r.db --format sarif -o /dev/full');
    expect(file.err).toBe('quiesce: /dev/full: cannot be written: no space left on the device\n');
    expect(file.status).toBe(4);
  });

  it('because its reader has gone leaves the status of the verdict', () => {
    for (const [options, expected] of [
      ['--fail-on info', 1],
      ['', 0],
    ] as const) {
      const { err, out } = shell(
        `quiesce replay '${SAMPLE}' --db :memory: ${options} | true; echo "\${PIPESTATUS[0]}"`,
      );
      expect([err, out]).toEqual(['', `${expected}\n`]);
    }
  });

  it('replaces a file as a whole, or not at all', () => {
    writeFileSync(join(folder.path, 'old.json'), 'old');
    const { status } = shell('ulimit -f 0; quiesce export r.db --format sarif -o old.json');
    expect(status).toBe(4);
    expect(readFileSync(join(folder.path, 'old.json'), 'utf8')).toBe('old');
    expect(shell('ls | grep new').out).toBe('');
  });
});

describe('paths that cannot be opened', () => {
  it('are told in one line, status 3 for captures, 4 for stores', async () => {
    const loop = join(folder.path, 'loop');
    symlinkSync('loop', loop);
    for (const [path, words] of [
      [loop, 'too many symbolic links'],
      [join(folder.path, 'x'.repeat(300)), 'the name is too long'],
      [`${SAMPLE}/below`, 'a part of the path is no directory'],
      [folder.path, 'is a directory'],
      [join(folder.path, 'none'), 'no such file'],
    ]) {
      for (const args of [['replay'], ['doctor'], ['whatif'], ['compare', '--with', db]]) {
        const { status, err } = await quiesce(args[0], path, ...args.slice(1));
        expect([args[0], err.split('\n').length, status], err).toEqual([args[0], 2, 3]);
        expect(err).toContain(words);
      }
      // A store or a capture: what is not there is neither.
      const { status, err } = await quiesce('query', path, 'SELECT 1');
      expect([err.split('\n').length, status], err).toEqual([2, 3]);
    }
  });

  it.skipIf(process.getuid?.() === 0)('without permission are told so (needs a user other than root)', async () => {
    const path = join(folder.path, 'secret');
    writeFileSync(path, '', { mode: 0 });
    const { status, err } = await quiesce('replay', path);
    expect([status, err]).toEqual([3, `quiesce: ${path}: permission denied\n`]);
  });
});
