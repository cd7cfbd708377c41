/** The store as a file: whole or not at all, recognised, versioned, and clear about what is wrong. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { QueryConnection, SqlError } from '../../src/query/user-sql.ts';
import { StoreReader } from '../../src/store/run-reader.ts';
import { nextRunId, RunWriter } from '../../src/store/run-writer.ts';
import { StoreError } from '../../src/store/store-error.ts';
import { openForReading, openForWriting } from '../../src/store/store-file.ts';
import { makeBatches } from '../support/event-batches.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const folder = folderForEachTest();
let db: string;

beforeEach(() => {
  db = join(folder.path, 'runs.db');
});

const TRACE = [
  '# tracer: nop',
  '#',
  '          cat-7       [001] d..2.    12.000001: sched_waking: comm=sh pid=8 prio=120 target_cpu=000',
  '          cat-7       [001] d..2.    12.000002: sched_waking: comm=sh pid=9 prio=120 target_cpu=000',
  '',
].join('\n');

function trace(name = 'trace.txt'): { name: string; bytes: Uint8Array } {
  return { name, bytes: Buffer.from(TRACE) };
}

describe('a store', () => {
  it('collects runs one after another', async () => {
    await replayCaptures([trace('one')], { db });
    await replayCaptures([trace('two')], { db });
    const reader = new StoreReader(db);
    expect(reader.runIds()).toEqual([1, 2]);
    expect(reader.runIds().map((id) => [reader.runInfo(id).name, reader.runInfo(id).events])).toEqual([
      ['one', 2],
      ['two', 2],
    ]);
    reader.close();
  });

  it('is the same file, byte for byte, when the same captures are read again', async () => {
    const other = join(folder.path, 'again.db');
    const ingestedAt = '2026-12-01T00:00:00.000Z';
    await replayCaptures([trace()], { db, ingestedAt });
    await replayCaptures([trace()], { db: other, ingestedAt });
    expect(readFileSync(other).equals(readFileSync(db))).toBe(true);
  });

  it('that did not exist is gone when the ingest fails', async () => {
    const bad = { name: 'bad', bytes: new Uint8Array(0) };
    await expect(replayCaptures([trace(), bad], { db })).rejects.toThrow('bad: the file is empty');
    expect(existsSync(db)).toBe(false);
  });

  it('is as before when a later ingest ends in the middle', async () => {
    await replayCaptures([trace()], { db });
    const before = readFileSync(db);
    const line = TRACE.split('\n')[2];
    const controller = new AbortController();
    const long = { name: 'long', bytes: Buffer.from(`${line}\n`.repeat(20_000)) };
    const interrupted = replayCaptures([long], { db, signal: controller.signal, onProgress: () => controller.abort() });
    await expect(interrupted).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(readFileSync(db).equals(before)).toBe(true);
    expect(existsSync(`${db}-journal`)).toBe(false);
  });

  it('on a full disk is an error in words, and nothing stays behind', () => {
    const open = openForWriting(db, false);
    open.db.pragma('max_page_count = 80');
    const writer = new RunWriter(open.db, nextRunId(open.db));
    const events = Array.from({ length: 8000 }, (_, i) => ({
      tsNs: i,
      name: 'probe',
      fields: { a: i, b: 2 ** 40 + i },
    }));
    expect(() => {
      for (let round = 0; round < 20; round++) {
        const [batch] = makeBatches(events);
        if (round > 0) batch.delta = { strings: [], types: [], frames: [], stacks: [] };
        batch.firstEventId = round * 8000 + 1;
        writer.append(batch);
      }
    }).toThrow(/full/);
    open.abort();
    expect(existsSync(db)).toBe(false);
  });

  it('takes small pages for small captures and large ones for large captures', () => {
    for (const [large, size] of [
      [false, 8192],
      [true, 65536],
    ] as const) {
      const path = join(folder.path, `${size}.db`);
      openForWriting(path, large).commit();
      const open = new Database(path, { readonly: true });
      expect(open.pragma('page_size', { simple: true })).toBe(size);
      open.close();
    }
  });
});

describe('an event named like a table of the store', () => {
  it('has a view of its own', async () => {
    const names = ['event', 'run', 'stack', 'sqlite_master', '_event_1'];
    const lines = names.map((name, i) => `          cat-7       [001] d..2.    12.00000${i}: ${name}: a=${i}`);
    await replayCaptures([{ name: 'odd', bytes: Buffer.from(`# tracer: nop\n${lines.join('\n')}\n`) }], {
      db,
      rows: 'now',
    });
    const open = openForReading(db);
    const counted = open.prepare('SELECT name FROM event ORDER BY id').pluck().all();
    expect(counted).toEqual(names);
    const views = open.prepare('SELECT relation FROM event_table ORDER BY event_name').pluck().all() as string[];
    expect(views).not.toContain('event');
    for (const view of views) expect(open.prepare(`SELECT count(*) FROM "${view}"`).pluck().get()).toBe(1);
    open.close();
  });
});

describe('a query that asks for too much', () => {
  it('is wrong, not the file', async () => {
    await replayCaptures([trace()], { db });
    const connection = new QueryConnection(db);
    expect(() => [...connection.query('SELECT length(zeroblob(2000000000))').rows]).toThrow(SqlError);
    connection.close();
  });
});

describe('a file that is no store', () => {
  const refusal = (path: string): string => {
    try {
      openForReading(path).close();
    } catch (error) {
      expect(error).toBeInstanceOf(StoreError);
      return (error as Error).message;
    }
    throw new Error('was opened');
  };

  it('is refused by name and reason', () => {
    expect(refusal(join(folder.path, 'none.db'))).toMatch(/none\.db: no such file/);
    writeFileSync(db, 'this is a letter to my aunt, and it is long enough to be taken for a page');
    expect(refusal(db)).toMatch(/is not a quiesce store/);
    expect(() => openForWriting(db, false)).toThrow(/is not a quiesce store/);
    expect(statSync(db).size).toBeGreaterThan(0);
  });

  it('is left alone when it is the database of something else', () => {
    const other = new Database(db);
    other.exec('CREATE TABLE bookmark (url TEXT)');
    other.close();
    const before = readFileSync(db);
    expect(refusal(db)).toMatch(/not a quiesce store; choose another/);
    expect(() => openForWriting(db, false)).toThrow(/not a quiesce store/);
    expect(readFileSync(db).equals(before)).toBe(true);
  });

  it('is refused when a newer quiesce wrote it', () => {
    openForWriting(db, false).commit();
    const open = new Database(db);
    open.pragma('user_version = 99');
    open.close();
    expect(refusal(db)).toMatch(/written by a newer quiesce \(store version 99, this one knows \d+\)/);
    expect(() => openForWriting(db, false)).toThrow(/newer quiesce/);
  });

  it('is reported as damaged when its pages are', async () => {
    await replayCaptures([trace()], { db });
    const bytes = readFileSync(db);
    bytes.fill(0xa5, 8192);
    writeFileSync(db, bytes);
    expect(() => {
      const reader = new StoreReader(db);
      try {
        for (const _ of reader.batches(1));
      } finally {
        reader.close();
      }
    }).toThrow(/is damaged|is not a quiesce store/);
  });

  it('is reported as locked while another process writes', () => {
    const first = openForWriting(db, false);
    expect(() => openForWriting(db, false)).toThrow(/runs\.db: is locked by another process/);
    expect(existsSync(db)).toBe(true);
    first.abort();
    expect(existsSync(db)).toBe(false);
  });
});
