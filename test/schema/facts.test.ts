/** The table of facts, and the SQL file that spells its tables for readers and for SQLite: one follows from the other. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FACTS, type FactRow, NO_FACTS, sqlName } from '../../schema/index.ts';

const STORE_SQL = fileURLToPath(new URL('../../schema/migrations/0001-store.sql', import.meta.url));

const ROWS: readonly (readonly [string, FactRow])[] = Object.entries(FACTS);

const RUN_ID = ['run_id', 'INTEGER NOT NULL REFERENCES run', ''] as const;

/** CREATE TABLE of a fact, its doc as comments, columns aligned. */
function tableSql(name: string, { doc, columns, key }: FactRow): string {
  const cells = Object.entries(columns).map(([column, { holds, nullable, doc }]) => [
    sqlName(column),
    `${holds === 'text' ? 'TEXT' : 'INTEGER'}${nullable ? '' : ' NOT NULL'}`,
    doc,
  ]);
  const after = (i: number): string => (i < cells.length || key ? ',' : '');
  const nameWidth = Math.max(...[RUN_ID, ...cells].map(([column]) => column.length));
  const typeWidth = Math.max(...cells.map(([, type], i) => type.length + after(i + 1).length));
  const lines = [RUN_ID, ...cells].map(([column, type, doc], i) => {
    const definition = `  ${column.padEnd(nameWidth)} ${`${type}${after(i)}`.padEnd(typeWidth)}`;
    return (doc === '' ? definition : `${definition} -- ${doc}`).trimEnd();
  });
  const primary = key && `  PRIMARY KEY (${['run_id', ...key.map(sqlName)].join(', ')})`;
  const end = primary === undefined ? ');' : ') WITHOUT ROWID;';
  return [`-- ${doc}`, `CREATE TABLE ${sqlName(name)} (`, ...lines, ...(primary ? [primary] : []), end].join('\n');
}

/** The file, with the tables of the rows between its headings. */
function withFactTables(sql: string): string {
  const parts = /^([\s\S]*\n-- ── Facts:.*\n\n)[\s\S]*(\n\n-- ── Results ──[\s\S]*)$/.exec(sql);
  if (parts === null) throw new Error(`${STORE_SQL} has no longer the headings Facts and Results`);
  return `${parts[1]}${ROWS.map(([name, row]) => tableSql(name, row)).join('\n\n')}${parts[2]}`;
}

describe('the table of facts', () => {
  // After a change of a row: npm test -- test/schema/facts -u
  it('is what the store has as tables', async () => {
    await expect(withFactTables(readFileSync(STORE_SQL, 'utf8'))).toMatchFileSnapshot(STORE_SQL);
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
