/** The door of a store: what was damaged, or made to do harm, is refused in one line, and runs nothing. */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replay } from '../../src/jobs/replay.ts';
import { openStore } from '../../src/jobs/store.ts';
import { openForReading, openForWriting } from '../../src/store/store-file.ts';
import { quiesce } from '../support/command-line.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SAMPLE = new URL('../../samples/nmi-storm.dmesg.txt', import.meta.url).pathname;
const folder = temporaryFolder();
afterAll(folder.remove);
const sound = join(folder.path, 'sound.db');
let copies = 0;

beforeAll(async () => {
  await replay(SAMPLE, { db: sound });
});

/** A copy of the sound store, changed by SQL. */
function changed(...statements: string[]): string {
  const path = join(folder.path, `changed-${copies++}.db`);
  copyFileSync(sound, path);
  const db = new Database(path);
  db.unsafeMode();
  db.pragma('writable_schema = ON');
  for (const statement of statements) db.exec(statement);
  db.close();
  return path;
}

const refusal = (path: string): string => {
  try {
    openForReading(path).close();
  } catch (error) {
    expect(error).toMatchObject({ name: 'StoreError' });
    return (error as Error).message;
  }
  throw new Error('was opened');
};

describe('the definitions of a store', () => {
  it.each([
    ['a trigger', 'CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM run; END', 'it has a trigger ("t")'],
    ['a virtual table', 'CREATE VIRTUAL TABLE v USING fts5(x)', 'it has a virtual table ("v")'],
    [
      'a view in the place of a table',
      'ALTER TABLE run RENAME TO old; CREATE VIEW run AS SELECT * FROM old',
      '"run" is not as written',
    ],
    ['a missing table', 'DROP TABLE finding', 'table "finding" is missing'],
    [
      'a computed column',
      'ALTER TABLE lost_event ADD COLUMN more INTEGER AS (abs(-9223372036854775808))',
      'table "lost_event" is not as written',
    ],
    [
      'a computed column of events',
      'ALTER TABLE _ev_console ADD COLUMN more INTEGER AS (zeroblob(900000000))',
      'table "_ev_console" is not as written',
    ],
    ['no version', 'PRAGMA user_version = 0', 'a store without a version'],
  ])('with %s are refused', (_, statement, words) => {
    const path = changed(statement);
    expect(refusal(path)).toContain(words);
    const before = readFileSync(path);
    expect(() => openForWriting(path, false)).toThrow(words);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('may be joined by an index or a view of the reader', () => {
    openForReading(changed('CREATE VIEW mine AS SELECT kind FROM finding')).close();
    openForReading(changed('CREATE INDEX mine ON lock_hold (tid)')).close();
  });

  it('of an empty file that something else has stamped are left alone', () => {
    const path = join(folder.path, 'stamped.db');
    const db = new Database(path);
    db.pragma('application_id = 7');
    db.close();
    expect(() => openForWriting(path, false)).toThrow('not a quiesce store');
    expect(existsSync(path)).toBe(true);
  });
});

describe('a journal', () => {
  it('that names another file is not applied', () => {
    const path = changed('SELECT 1');
    const victim = join(folder.path, 'victim');
    writeFileSync(victim, 'precious');
    const name = Buffer.from(victim);
    const tail = Buffer.alloc(4 + name.length + 16);
    name.copy(tail, 4);
    tail.writeUInt32BE(name.length, 4 + name.length);
    tail.writeUInt32BE(
      name.reduce((sum, byte) => sum + byte, 0),
      8 + name.length,
    );
    Buffer.from('d9d505f920a163d7', 'hex').copy(tail, 12 + name.length);
    writeFileSync(`${path}-journal`, Buffer.concat([Buffer.from('d9d505f920a163d7', 'hex'), Buffer.alloc(504), tail]));
    expect(() => openForWriting(path, false)).toThrow('its journal names another file');
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });
});

describe('the rows of a store', () => {
  /** Every verb that reads a store ends in words. */
  async function verbs(path: string): Promise<void> {
    const [id] = (await quiesce('query', path, 'SELECT finding_id FROM finding LIMIT 1', '--format', 'csv')).out
      .split('\n')
      .slice(1);
    for (const args of [
      ['replay', path],
      ['explain', path, id || 'x'],
      ['state', path, '--at', '0'],
      ['hist', path, 'nmi'],
      ['compare', path, '--with', path],
      ['export', path, '--format', 'sarif'],
      ['whatif', path],
      ['query', path, 'SELECT * FROM run'],
    ]) {
      const { status, err } = await quiesce(...args);
      expect([args[0], status, err]).not.toEqual([args[0], 70, err]);
      expect(err.split('\n').length, err).toBeLessThanOrEqual(3);
    }
  }

  it.each([
    ['run', "kernel = 'no JSON'"],
    ['run', "kernel_captured = '[]'"],
    ['run', "thresholds = '{}'"],
    ['run', "first_ns = 'early'"],
    ['run', "base_ns = x'00'"],
    ['run', 'string_base = 1000000'],
    ['run', 'type_base = -5'],
    ['finding', 'body = \'{"kind": "rcu-stall"}\''],
    ['finding', "body = 'null'"],
    ['finding', 'body = replace(body, \'"evidence":[\', \'"evidence":[7,\')'],
    ['assessment', "missing = '{'"],
    ['assessment', "kind = 'no-such-kind' WHERE kind = (SELECT min(kind) FROM assessment)"],
    ['import_issue', "kind = 'toString'"],
    ['log_report', "body = '{'"],
    ['log_report', 'body = \'{"kind": "rcu-stall", "tsNs": 1, "line": 1, "endLine": 2}\''],
    ['string', "text = x'ff'"],
    ['event_type', "shape = 'no-such-shape'"],
    ['event_page', "body = 'text'"],
    ['event_page', "body = x''"],
    ['snapshot', "body = x'00'"],
    ['histogram_bucket', 'bucket = 1e300'],
    ['histogram', "sum_ns = 'much'"],
    ['capture', 'path = 7'],
    ['context_flags', "text = x'00'"],
  ])('of table %s with %s end in one line', { timeout: 120_000 }, async (table, change) => {
    await verbs(changed(`UPDATE ${table} SET ${change}`));
  });

  it('are said to be damaged', () => {
    const store = openStore(changed("UPDATE finding SET body = '7'"));
    expect(() => store.findings()).toThrow(/is damaged: .*a finding: not as it was written/);
    store.close();
  });
});
