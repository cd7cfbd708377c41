/** Reports from a lake: views over its files in DuckDB, which runs in this process. */
import { FLEET_TABLE_NAMES } from '../../../schema/index.ts';
import { DUCKDB } from '../dialects.ts';
import { optionalPackage } from '../optional-package.ts';
import { type DaySpan, FleetError, type FleetRow, type FleetSource } from '../sink.ts';
import { fileOf } from './files.ts';
import { batches } from './folder.ts';

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
  const select = async (sql: string): Promise<FleetRow[]> => {
    try {
      const reader = await connection.runAndReadAll(sql);
      return reader.getRows().map((row) => row.map(plainValue));
    } catch (error) {
      throw new FleetError(`${root}: ${(error as Error).message.split('\n')[0]}`);
    }
  };
  for (const name of FLEET_TABLE_NAMES) {
    const files = found.map(({ folder }) => DUCKDB.text(fileOf(folder, name))).join(', ');
    await connection.run(`CREATE VIEW "${name}" AS SELECT * FROM read_parquet([${files}], hive_partitioning = false)`);
  }
  return {
    dialect: DUCKDB,
    select,
    close: async () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Sums are wider than what was added; all of ours are below 2^53. */
function plainValue(value: unknown): string | number | null {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  return typeof value === 'bigint' ? Number(value) : String(value);
}
