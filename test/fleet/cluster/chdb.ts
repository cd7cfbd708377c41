/**
 * chDB: a current ClickHouse inside of this process, for the dialect. The package is too large for the dependencies (545 MB); environment
 * QUIESCE_CHDB is a folder in which `npm install chdb` was run.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type ClickHouseConnection, plainRows, tabSeparated } from '../../../src/fleet/clickhouse/connection.ts';
import { clickHouseSchema } from '../../../src/fleet/clickhouse/tables.ts';

interface Session {
  query(sql: string, format?: string): string;
  insert(rows: { table: string; values: string; format: 'TabSeparated'; columns: readonly string[] }): Promise<unknown>;
  close(): void;
}

export function chdbFolder(): string | undefined {
  const folder = process.env.QUIESCE_CHDB;
  return folder !== undefined && existsSync(join(folder, 'node_modules/chdb')) ? folder : undefined;
}

/** A database with the tables. @param data folder for its files */
export function openChdb(folder: string, data: string): ClickHouseConnection {
  const { Session } = createRequire(join(folder, 'package.json'))('chdb') as { Session: new (path: string) => Session };
  const session = new Session(data);
  for (const statement of clickHouseSchema({ database: 'fleet' })) session.query(statement);
  session.query('USE fleet');
  return {
    select: async (sql) => plainRows(JSON.parse(session.query(sql, 'JSONCompact'))),
    insert: async (table, columns, rows) => {
      await session.insert({ table: `fleet.${table}`, values: tabSeparated(rows), format: 'TabSeparated', columns });
    },
    command: async (sql) => {
      session.query(sql);
    },
    close: async () => undefined,
  };
}
