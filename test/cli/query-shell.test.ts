/** The shell of `quiesce query DB`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runQueryShell, type ShellStreams } from '../../src/cli/shell/query-shell.ts';
import { parseDotCommand, splitStatements } from '../../src/query/shell-language.ts';
import { fittedTable } from '../../src/report/text/fitted-table.ts';
import { quiesce } from '../support/command-line.ts';
import { buildStore } from '../support/sample-store.ts';
import { folderOfTest, temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let db: string;

beforeAll(async () => {
  db = await buildStore(join(folder.path, 'storm.db'), ['nmi-storm.trace.txt.zst']);
});
afterAll(() => folder.remove());

describe('statements', () => {
  it('end at semicolons outside of quotes and comments', () => {
    expect(splitStatements('SELECT \';\'; SELECT ";" -- ; not here\n, `;`, [;] /* ; */; SELECT 3')).toEqual({
      statements: ["SELECT ';';", 'SELECT ";" -- ; not here\n, `;`, [;] /* ; */;'],
      rest: ' SELECT 3',
    });
    expect(splitStatements("SELECT 'it''s'; x")).toEqual({ statements: ["SELECT 'it''s';"], rest: ' x' });
    expect(splitStatements("SELECT 'open; ")).toEqual({ statements: [], rest: "SELECT 'open; " });
    expect(splitStatements(' ;; -- nothing\n ; ')).toEqual({ statements: [], rest: '' });
  });

  it('are found whatever is typed: nothing is lost, nothing hangs', () => {
    const piece = fc.constantFrom("'", '"', '`', '[', ']', '--', '\n', '/*', '*/', ';', 'a', ' ');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join('');
        const { statements, rest } = splitStatements(text);
        for (const statement of [...statements, rest.trim()]) expect(text).toContain(statement);
        for (const statement of statements) expect(statement.endsWith(';')).toBe(true);
      }),
    );
  });
});

describe('dot commands', () => {
  it('have a name and arguments; quotes keep blanks together', () => {
    expect(parseDotCommand('.named waits limit=5 task="lab upd"')).toEqual({
      name: 'named',
      args: ['waits', 'limit=5', 'task=lab upd'],
    });
    expect(parseDotCommand('  .quit')).toEqual({ name: 'quit', args: [] });
    expect(parseDotCommand('SELECT .5')).toBeUndefined();
  });
});

describe('a table in the terminal', () => {
  it('is never wider than the terminal', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.array(fc.oneof(fc.string({ maxLength: 90 }), fc.integer(), fc.constant(null)), {
            minLength: 3,
            maxLength: 3,
          }),
          { maxLength: 5 },
        ),
        fc.integer({ min: 30, max: 120 }),
        (rows, width) => {
          for (const line of fittedTable(['a', 'second', 'a_long_name'], rows, width).split('\n'))
            expect(line.length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  it('cuts the widest columns, aligns numbers right, and shows control characters', () => {
    const rows = [
      ['x'.repeat(60), 5, 'short'],
      ['\u001b[31m', 1234, null],
    ];
    expect(fittedTable(['text', 'n', 'end'], rows, 40)).toBe(
      `text                            n  end
${'─'.repeat(27)}  ${'─'.repeat(4)}  ${'─'.repeat(5)}
${'x'.repeat(26)}…     5  short
\\x1b[31m                     1234
`,
    );
  });

  it('becomes a block per row when there are too many columns', () => {
    const columns = Array.from({ length: 20 }, (_, i) => `column_${i}`);
    const text = fittedTable(columns, [columns.map((_, i) => i)], 40);
    expect(text).toContain('── 1 ──');
    expect(text).toMatch(/^column_19 {2}19$/m);
  });
});

interface Shell {
  readonly out: string;
  readonly messages: string;
  readonly answered: boolean;
}

/** Types text into the shell. */
async function typed(
  text: string,
  options: Partial<ShellStreams> = {},
  format: 'table' | 'csv' = 'table',
): Promise<Shell> {
  const input = new PassThrough();
  const output = Object.assign(new PassThrough(), { columns: 80 });
  const errors = new PassThrough();
  input.end(text);
  const answered = await runQueryShell(db, format, { input, output, errors, interactive: false, ...options });
  return { out: String(output.read() ?? ''), messages: String(errors.read() ?? ''), answered };
}

describe('the shell, reading from a pipe', () => {
  it('answers statement after statement, also over several lines and without the last semicolon', async () => {
    const { out, messages, answered } = await typed('SELECT 1 AS a;\nSELECT\n  2 AS b\n;SELECT 3 AS c', {}, 'csv');
    expect(out).toBe('a\n1\nb\n2\nc\n3\n');
    expect(messages).toBe('');
    expect(answered).toBe(true);
  });

  it('goes on after a wrong statement, and says that there was one', async () => {
    const { out, messages, answered } = await typed(
      'SELEC 1;\nSELECT 5 AS five;\nSELECT * FROM sched_swich;\n',
      {},
      'csv',
    );
    expect(out).toBe('five\n5\n');
    expect(messages).toBe('near "SELEC": syntax error\nno such table: sched_swich (did you mean sched_switch?)\n');
    expect(answered).toBe(false);
  });

  it('cannot write, whatever is typed', async () => {
    const before = readFileSync(db);
    const { messages } = await typed(
      "DELETE FROM run;\nCREATE TABLE x (y);\nATTACH 'z.db' AS z;\nPRAGMA user_version = 9;\nVACUUM;\n",
    );
    expect(messages.split('\n').filter(Boolean)).toHaveLength(5);
    expect(messages).toContain('the store is opened read-only');
    expect(readFileSync(db).equals(before)).toBe(true);
  });

  it('runs the query library', async () => {
    const { out } = await typed('.format csv\n.named longest-grace-periods limit=1 flavor=rcu_preempt\n');
    expect(out).toContain('1,rcu_preempt,521,0,28.710218,13697591000,0,CPU 1,observed');
    expect((await typed('.named longest-grace-periods limit\n')).messages).toBe('limit: name=value expected\n');
    expect((await typed('.named waits limits=2\n')).messages).toContain("has no parameter 'limits'");
    expect((await typed('.queries\n')).out).toContain('longest-grace-periods');
    expect((await typed('.describe waits\n')).out).toContain('Parameters');
  });

  it('shows tables and their definitions with the comments', async () => {
    const tables = (await typed('.tables grace_period\n')).out;
    expect(tables.trim().split(/\s+/)).toEqual([
      'grace_period',
      'rcu_future_grace_period',
      'rcu_grace_period',
      'rcu_grace_period_init',
    ]);
    expect((await typed('.tables\n')).out).toMatch(/sched_switch/);
    const { out } = await typed('.schema grace_period\n');
    expect(out).toContain('CREATE VIEW grace_period');
    expect(out).toContain('-- first request for it');
    expect((await typed('.schema nothing\n')).messages).toContain("no table or view is named 'nothing'");
  });

  it('explains itself', async () => {
    const { out } = await typed('.help\n');
    for (const name of ['.tables', '.schema', '.queries', '.named', '.format', '.limit', '.quit'])
      expect(out).toContain(name);
    expect((await typed('.frobnicate\n')).messages).toBe('.frobnicate: no such command; .help lists them\n');
    expect((await typed('.format xml\n')).messages).toContain('formats: table, json, csv, ndjson');
    expect((await typed('.quit\nSELECT 1;\n')).out).toBe('');
  });
});

describe('the shell on a terminal', () => {
  it('shows at most .limit rows, says how many, and keeps what was typed', async () => {
    const historyFile = join(folderOfTest(), 'state', 'history');
    const { out, messages } = await typed('.limit 3\nSELECT id, name FROM event;\nSELECT 1 AS one;\n.quit\n', {
      interactive: true,
      historyFile,
    });
    expect(messages).toMatch(/3 rows and more \(\.limit 3\), /);
    expect(messages).toMatch(/1 row, /);
    expect(messages).toContain('read-only. .help for help');
    expect(out).toContain('__srcu_read_lock');
    expect(readFileSync(historyFile, 'utf8')).toBe('.limit 3\nSELECT id, name FROM event;\nSELECT 1 AS one;\n.quit\n');
    await typed('SELECT 2;\n', { interactive: true, historyFile });
    expect(readFileSync(historyFile, 'utf8')).toContain('.limit 3\n');
  });

  it('works without a place for its history', async () => {
    const folder = folderOfTest();
    writeFileSync(join(folder, 'file'), '');
    expect(
      (await typed('SELECT 1;\n', { interactive: true, historyFile: join(folder, 'file', 'history') })).answered,
    ).toBe(true);
  });
});

describe('a statement that takes too long', () => {
  it('is stopped with its process, and the next one runs', async () => {
    // Processes run compiled code: `npm test` builds dist/ first.
    const compiled = new URL('../../dist/src/cli/shell/statement-runner.js', import.meta.url).href;
    const { ProcessRunner } = (await import(compiled)) as typeof import('../../src/cli/shell/statement-runner.ts');
    const runner = new ProcessRunner(db);
    try {
      const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n';
      const running = runner.run({ kind: 'sql', sql: endless }, 10);
      setTimeout(() => runner.stop(), 100);
      await expect(running).rejects.toThrow('stopped');
      expect((await runner.run({ kind: 'sql', sql: 'SELECT 7 AS n' }, 10)).rows).toEqual([[7n]]);
      await expect(runner.run({ kind: 'sql', sql: 'SELEC' }, 10)).rejects.toMatchObject({ name: 'SqlError' });
      expect((await runner.run({ kind: 'named', name: 'runs', args: {} }, 10)).rows).toHaveLength(1);
    } finally {
      runner.close();
    }
    expect(() => new ProcessRunner('/nowhere.db')).toThrow('no such file');
  });
});

describe('quiesce query without a statement', () => {
  it('opens no shell where there is no input to read', async () => {
    expect(await quiesce('query', db)).toMatchObject({
      status: 2,
      err: expect.stringContaining('a statement or --named expected'),
    });
  });

  it('lists and explains the library, and runs it', async () => {
    expect((await quiesce('query', '--list')).out).toMatch(/^Grace periods$/m);
    expect((await quiesce('query', db, '--list')).out).toContain('slowest-synchronize-calls');
    expect(JSON.parse((await quiesce('query', '--list', '--format', 'json')).out)).toMatchObject({
      schema: 'quiesce.queries/1',
    });
    expect((await quiesce('query', '--describe', 'waits')).out).toMatch(/^ {2}duration_ns +ns: until/m);
    const { out } = await quiesce(
      'query',
      db,
      '--named',
      'longest-grace-periods',
      '--param',
      'limit=1',
      '--param',
      'flavor=rcu_preempt',
      '--format',
      'csv',
    );
    expect(out.split('\n')[1]).toBe('1,rcu_preempt,521,0,28.710218,13697591000,0,CPU 1,observed');
  });

  it('says what is wrong with its arguments', async () => {
    const wrong = async (...args: string[]) => (await quiesce('query', ...args)).err;
    expect(await wrong()).toContain('name a store');
    expect(await wrong(db, '--named', 'wait')).toContain('did you mean waits');
    expect(await wrong(db, 'SELECT 1', '--named', 'waits')).toContain('not both');
    expect(await wrong(db, 'SELECT 1', '--param', 'a=1')).toContain('only with --named');
    expect(await wrong(db, '--named', 'waits', '--param', 'limit')).toContain('name=value expected');
  });
});
