/** The table of facts, and the SQL file that spells its tables for readers and for SQLite: one follows from the other. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { FACTS, type FactRow, NO_FACTS, sqlName } from '../../schema/index.ts';
import { migrations } from '../../src/store/migrations.ts';
import { factTablesSql } from '../support/fact-tables.ts';

const FACTS_SQL = fileURLToPath(new URL('../../schema/migrations/0003-facts.sql', import.meta.url));

const ROWS: readonly (readonly [string, FactRow])[] = Object.entries(FACTS);

/** The file, with the tables of the rows between its headings. */
function withFactTables(sql: string): string {
  const parts = /^([\s\S]*\n-- ── Facts:.*\n\n)[\s\S]*?(-- ── Views over them ──[\s\S]*)$/.exec(sql);
  if (parts === null) throw new Error(`${FACTS_SQL} has no longer the headings of its parts`);
  return `${parts[1]}${factTablesSql()}\n\n${parts[2]}`;
}

describe('the table of facts', () => {
  // After a change of a row: npm test -- test/schema/facts -u
  it('is what the store has as tables', async () => {
    await expect(withFactTables(readFileSync(FACTS_SQL, 'utf8'))).toMatchFileSnapshot(FACTS_SQL);
  });

  it('has columns for each, as it says', () => {
    const db = new Database(':memory:');
    for (const { sql } of migrations()) db.exec(sql);
    for (const [name, { columns }] of ROWS)
      expect(db.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(sqlName(name))).toEqual(
        expect.arrayContaining(['run_id', ...Object.keys(columns).map(sqlName)]),
      );
    db.close();
  });

  it.each(ROWS)('names one domain in %s at most', (_, { columns }) => {
    expect(Object.values(columns).filter(({ domain }) => domain).length).toBeLessThan(2);
  });

  it.each(ROWS)('says in the names of %s which columns are times', (_, { columns }) => {
    for (const [column, { unit }] of Object.entries(columns))
      expect([column, unit === 'ns']).toEqual([column, /Ns$/.test(column)]);
  });

  it.each(ROWS)('says what %s is', (_, { doc }) => {
    expect(doc).toMatch(/^[A-Z].*[.…]$/);
  });

  it('gives the sink a method for each', () => {
    expect(Object.keys(NO_FACTS)).toEqual([...ROWS.map(([name]) => name), 'sample', 'openSample']);
  });
});
