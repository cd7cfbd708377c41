/** docs/SCHEMA.md is what the store is, its joins run, and other programs read the store. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildStore } from '../support/sample-store.ts';
import { JOINS, schemaDoc } from '../support/schema-doc.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const path = join(folder.path, 'runs.db');
let db: Database.Database;

beforeAll(async () => {
  await buildStore(path, ['nmi-storm.trace.dat', 'lock-cycle.trace.txt.zst'], 'now');
  db = new Database(path, { readonly: true });
});
afterAll(() => {
  db.close();
  folder.remove();
});

const columnsOf = (relation: string): { name: string; type: string }[] =>
  db.prepare('SELECT name, type FROM pragma_table_info(?)').all(relation) as { name: string; type: string }[];

describe('docs/SCHEMA.md', () => {
  // After a change of the SQL: npm test -- test/docs/schema -u
  it('is made from the comments of the SQL', async () => {
    await expect(schemaDoc(columnsOf)).toMatchFileSnapshot('../../docs/SCHEMA.md');
  });

  it.each(JOINS)('%s', (_, sql) => {
    expect(db.prepare(sql).all().length).toBeGreaterThan(0);
  });
});

describe('views', () => {
  it('declare the types of their columns', () => {
    const views = db.prepare("SELECT name FROM sqlite_master WHERE type = 'view'").pluck().all() as string[];
    const untyped = views.flatMap((view) =>
      columnsOf(view)
        .filter(({ type }) => type === '')
        .map(({ name }) => `${view}.${name}`),
    );
    expect(untyped).toEqual([]);
  });

  it('of events touch the events of one run, and are in order of time without sorting', () => {
    const plan = (sql: string): string =>
      (db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[]).map(({ detail }) => detail).join('\n');
    for (const view of ['event', 'sched_switch']) {
      expect(plan(`SELECT id, ts_ns FROM ${view} WHERE run_id = 2`)).not.toContain('SCAN');
      expect(plan(`SELECT * FROM ${view} ORDER BY id DESC LIMIT 3`)).not.toContain('TEMP B-TREE');
    }
    const last = db.prepare('SELECT run_id, ts_ns FROM event ORDER BY id DESC LIMIT 1').get();
    expect(last).toEqual(db.prepare('SELECT run_id, last_ns AS ts_ns FROM run WHERE run_id = 2').get());
  });

  it('count events as counting them does', () => {
    const counted = db
      .prepare(
        "SELECT run_id, name, count(*) AS events FROM event WHERE name <> 'quiesce_lost' GROUP BY run_id, name ORDER BY run_id, name",
      )
      .all();
    expect(db.prepare('SELECT * FROM event_count WHERE events > 0 ORDER BY run_id, name').all()).toEqual(counted);
  });

  it('keep the names of fields that are free', () => {
    expect(columnsOf('lock_acquire').map(({ name }) => name)).toContain('name');
  });
});

/** What another program says of the store. */
const QUESTION = 'SELECT run_id, count(*) AS n, max(ts_ns) AS last FROM sched_switch WHERE run_id = 1 GROUP BY run_id';

const python = spawnSync('python3', ['-c', 'import sqlite3'], { encoding: 'utf8' });
const noPython = python.status === 0 ? undefined : 'python3 with sqlite3 is not here';

async function duckdb(): Promise<{ rows(sql: string): Promise<unknown[][]> } | string> {
  try {
    const name = '@duckdb/node-api';
    const { DuckDBInstance } = (await import(name)) as {
      DuckDBInstance: {
        create(
          path: string,
        ): Promise<{ connect(): Promise<{ runAndReadAll(sql: string): Promise<{ getRows(): unknown[][] }> }> }>;
      };
    };
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    // What is not installed is not fetched.
    await connection.runAndReadAll('SET autoinstall_known_extensions = false');
    await connection.runAndReadAll('LOAD sqlite');
    return { rows: async (sql) => (await connection.runAndReadAll(sql)).getRows() };
  } catch (error) {
    return `DuckDB with its extension sqlite is not here: ${(error as Error).message.split('\n')[0]}`;
  }
}
const duck = await duckdb();

describe('other programs', () => {
  it.skipIf(noPython !== undefined)(`read it: Python${noPython === undefined ? '' : ` (skipped: ${noPython})`}`, () => {
    const script = `import sqlite3, json, sys\ndb = sqlite3.connect(sys.argv[1])\nprint(json.dumps(db.execute(sys.argv[2]).fetchall()))`;
    const { stdout, stderr } = spawnSync('python3', ['-c', script, path, QUESTION], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(db.prepare(QUESTION).raw().all());
  });

  it.skipIf(typeof duck === 'string')(
    `read it: DuckDB${typeof duck === 'string' ? ` (skipped: ${duck})` : ''}`,
    async () => {
      if (typeof duck === 'string') return;
      await duck.rows(`ATTACH '${path}' AS store (TYPE sqlite, READ_ONLY)`);
      const answer = await duck.rows(QUESTION.replace('sched_switch', 'store.sched_switch'));
      expect(answer.map((row) => row.map(Number))).toEqual(db.prepare(QUESTION).raw().all());
    },
  );
});
