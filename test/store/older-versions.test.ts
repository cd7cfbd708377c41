/** Stores of older versions are brought up to date when they are opened, and then say what they said before. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FACT_NAMES, FACTS, type FactName, type FactRow, sqlName } from '../../schema/index.ts';
import { namedQueries, runNamedQuery } from '../../src/query/named-catalog.ts';
import { QueryConnection } from '../../src/query/user-sql.ts';
import { factTable } from '../../src/store/facts/fact-writer.ts';
import { migrations, newestVersion } from '../../src/store/migrations.ts';
import { mergeStore } from '../../src/store/runs/merge.ts';
import { buildStore } from '../support/sample-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const newest = join(folder.path, 'newest.db');

beforeAll(() =>
  buildStore(newest, ['nmi-storm.trace.dat', 'lock-cycle.trace.txt.zst', 'preempted-reader.trace.txt.zst'], 'now'),
);
afterAll(() => folder.remove());

/** What the queries of the library answer. */
function answers(path: string): Map<string, unknown> {
  const connection = new QueryConnection(path);
  try {
    const answer = (name: string): unknown => {
      try {
        return [...runNamedQuery(connection, name).rows];
      } catch (error) {
        // Events that were not recorded, an argument that is missing.
        return (error as Error).message;
      }
    };
    const tables = ['thread', 'span', 'cpu'].map(
      (table) => [table, [...connection.query(`SELECT * FROM ${table} ORDER BY 1, 2, 3, 4, 5`).rows]] as const,
    );
    return new Map([...namedQueries().map(({ name }) => [name, answer(name)] as const), ...tables]);
  } finally {
    connection.close();
  }
}

/** The store as an older quiesce wrote it: the tables of that version, filled from what the views of this one show. */
function asVersion(path: string, version: number): string {
  copyFileSync(newest, path);
  const old = new Database(':memory:');
  for (const migration of migrations()) if (migration.version <= version) old.exec(migration.sql);
  const definition = old.prepare('SELECT sql FROM sqlite_master WHERE name = ?').pluck();
  const db = new Database(path);
  db.exec('BEGIN; DROP VIEW span; DROP VIEW cpu; DROP TABLE thread');
  for (const fact of FACT_NAMES.filter((name: FactName) => (FACTS[name] as FactRow).key === undefined)) {
    const name = sqlName(fact);
    const columns = ['run_id', ...Object.keys(FACTS[fact].columns).map(sqlName)].join(', ');
    db.exec(`CREATE TEMP TABLE kept AS SELECT ${columns} FROM ${name} ORDER BY run_id, fact_no`);
    if (factTable(fact) !== name) db.exec(`DROP VIEW ${name}`);
    db.exec(`DROP TABLE ${factTable(fact)}; ${definition.get(name)}`);
    db.exec(`INSERT INTO ${name} (${columns}) SELECT * FROM temp.kept ORDER BY rowid; DROP TABLE temp.kept`);
  }
  db.exec(`DROP TABLE domain; ${definition.get('span')}; ${definition.get('thread')}`);
  if (version < 2) db.exec('DROP INDEX event_type_without_rows; ALTER TABLE event_type DROP COLUMN has_rows');
  db.prepare("UPDATE store_info SET value = ? WHERE key = 'schema'").run(String(version));
  db.exec(`PRAGMA user_version = ${version}; COMMIT`);
  db.close();
  old.close();
  return path;
}

function versionOf(path: string): unknown {
  const db = new Database(path, { readonly: true });
  const version = db.pragma('user_version', { simple: true });
  db.close();
  return version;
}

describe.each([1, 2])('a store of version %s', (version) => {
  it('answers as before', () => {
    const path = asVersion(join(folder.path, `v${version}.db`), version);
    expect(versionOf(path)).toBe(version);
    expect(answers(path)).toEqual(answers(newest));
    expect(versionOf(path)).toBe(newestVersion());
  });

  it('gets more runs, and gives its own to another', async () => {
    const path = asVersion(join(folder.path, `more${version}.db`), version);
    await buildStore(path, ['healthy.trace.txt.zst']);
    const target = join(folder.path, `merged${version}.db`);
    const other = asVersion(join(folder.path, `other${version}.db`), version);
    const merged = await mergeStore(target, other);
    expect(merged.filter(({ added }) => added).length).toBe(3);
    expect(answers(target)).toEqual(answers(newest));
  });
});

describe('facts', () => {
  it('of one run are found by its number alone', () => {
    const db = new Database(newest, { readonly: true });
    for (const fact of FACT_NAMES.filter((name) => name !== 'lockClass')) {
      const plan = db
        .prepare(`EXPLAIN QUERY PLAN SELECT * FROM ${sqlName(fact)} WHERE run_id = 2`)
        .all()
        .map((row) => (row as { detail: string }).detail);
      expect([fact, plan[0]]).toEqual([fact, expect.stringMatching(/^SEARCH .* USING PRIMARY KEY \(run_id=\?\)/)]);
    }
    db.close();
  });

  it('name each domain once', () => {
    const db = new Database(newest, { readonly: true });
    const named = FACT_NAMES.filter((fact) => factTable(fact) !== sqlName(fact))
      .map((fact) => `SELECT run_id, domain_id FROM ${factTable(fact)}`)
      .join(' UNION ');
    const domains = 'SELECT run_id, domain_id FROM domain';
    expect(db.prepare(`SELECT count(*) FROM (${domains} EXCEPT SELECT * FROM (${named}))`).pluck().get()).toBe(0);
    expect(db.prepare(`SELECT count(*) FROM (SELECT * FROM (${named}) EXCEPT ${domains})`).pluck().get()).toBe(0);
    db.close();
  });
});
