/** schema/layout.sql is what the migrations make of an empty store. */
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { migrations } from '../../src/store/migrations.ts';

const HEAD = `-- The layout of a store of version ${migrations().length}, as a new one gets it. Made from schema/migrations by npm test -- test/store/layout -u`;

// After a change of the migrations: npm test -- test/store/layout -u
it('is what the migrations make of an empty store', async () => {
  const db = new Database(':memory:');
  for (const { sql } of migrations()) db.exec(sql);
  const statements = db.prepare('SELECT sql FROM sqlite_master WHERE sql IS NOT NULL').pluck().all() as string[];
  expect(db.prepare('SELECT count(*) FROM store_info').pluck().get()).toBe(0);
  db.close();
  await expect(`${[HEAD, ...statements.map((sql) => `${sql};`)].join('\n\n')}\n`).toMatchFileSnapshot(
    '../../schema/layout.sql',
  );
});
