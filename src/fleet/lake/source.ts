/** Reports from a lake: views over its files in DuckDB, which runs in this process. */
import type { FleetTableName } from '../../../schema/index.ts';
import { DUCKDB } from '../dialects.ts';
import { optionalPackage } from '../optional-package.ts';
import { type DaySpan, FleetError, type FleetRow, type FleetSource } from '../sink.ts';
import { fileOf, plainValue } from './files.ts';
import { type Batch, batches } from './folder.ts';

const DUCKDB_PACKAGE = '@duckdb/node-api@1.5.6-r.1';

/**
 * @param span days that are read; the others are not opened
 * @throws FleetError
 */
export async function openLakeSource(root: string, span: DaySpan = {}): Promise<FleetSource> {
  const { DuckDBInstance } = await optionalPackage(
    () => import('@duckdb/node-api'),
    DUCKDB_PACKAGE,
    'reports from a Parquet lake',
  );
  const found = batches(root, span);
  if (found.length === 0)
    throw new FleetError(`${root}: holds no run${span.since || span.until ? ' of these days' : ''}`);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  // A view is made when a report names its table: each looks at all files.
  const asked = new Set<FleetTableName>();
  const made = new Set<FleetTableName>();
  const select = async (sql: string): Promise<FleetRow[]> => {
    try {
      for (const name of asked) if (!made.has(name)) await connection.run(viewOf(name, found));
      for (const name of asked) made.add(name);
      const reader = await connection.runAndReadAll(sql);
      return reader.getRows().map((row) => row.map(plainValue));
    } catch (error) {
      throw new FleetError(`${root}: ${(error as Error).message.split('\n')[0]}`);
    }
  };
  return {
    dialect: {
      ...DUCKDB,
      table(name) {
        asked.add(name);
        return DUCKDB.table(name);
      },
    },
    select,
    close: async () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

function viewOf(name: FleetTableName, found: readonly Batch[]): string {
  const files = found.map(({ folder }) => DUCKDB.text(fileOf(folder, name))).join(', ');
  return `CREATE VIEW ${DUCKDB.table(name)} AS SELECT * FROM read_parquet([${files}], hive_partitioning = false)`;
}
