/** Reports from a store: the same rows as a push would send, in temporary tables of its connection. */
import { FLEET_TABLE_NAMES, FLEET_TABLES, type FleetRun, type FleetType } from '../../schema/index.ts';
import { type Connection, openForReading } from '../store/store-file.ts';
import { collectRuns } from './collect.ts';
import { SQLITE } from './dialects.ts';
import type { FleetRow, FleetSource } from './sink.ts';

const SQLITE_TYPES: Readonly<Record<FleetType, string>> = {
  day: 'TEXT NOT NULL',
  text: 'TEXT NOT NULL',
  int: 'INTEGER NOT NULL',
  'int?': 'INTEGER',
};

/** Runs of stores, as a fleet of its own. @throws StoreError */
export function openStoreSource(paths: readonly string[]): FleetSource {
  function* runs(): Generator<FleetRun> {
    for (const path of paths) yield* collectRuns(path);
  }
  return openRunsSource(openForReading(paths[0]), runs());
}

/** @param db a connection that is closed with the source; its file is not written to */
export function openRunsSource(db: Connection, runs: Iterable<FleetRun>): FleetSource {
  db.pragma('temp_store = MEMORY');
  for (const name of FLEET_TABLE_NAMES) {
    const columns = FLEET_TABLES[name].columns.map((column) => `${column.name} ${SQLITE_TYPES[column.type]}`);
    db.exec(`CREATE TEMP TABLE fleet_${name} (${columns.join(', ')})`);
  }
  const inserts = FLEET_TABLE_NAMES.map((name) => ({
    name,
    insert: db.prepare(`INSERT INTO fleet_${name} VALUES (${FLEET_TABLES[name].columns.map(() => '?').join(', ')})`),
  }));
  const known = new Set<string>();
  for (const run of runs) {
    if (known.has(run.run)) continue;
    known.add(run.run);
    db.exec('BEGIN');
    for (const { name, insert } of inserts) for (const row of run.rows[name]) insert.run(...row);
    db.exec('COMMIT');
  }
  return {
    dialect: SQLITE,
    select: async (sql) => db.prepare(sql).raw().all() as FleetRow[],
    close: async () => {
      db.close();
    },
  };
}
