/** The Parquet files of a batch. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BasicType } from 'hyparquet-writer';
import {
  FLEET_TABLE_NAMES,
  FLEET_TABLES,
  type FleetRun,
  type FleetTableName,
  type FleetType,
  type FleetValue,
} from '../../../schema/index.ts';

const PARQUET_TYPES: Readonly<Record<FleetType, BasicType>> = {
  day: 'STRING',
  text: 'STRING',
  int: 'INT64',
  'int?': 'INT64',
};

/** Rows of a row group: readers skip groups whose metric is another. */
const GROUP_ROWS = 20_000;

export const fileOf = (folder: string, table: FleetTableName): string => join(folder, `${table}.parquet`);

type Row = readonly FleetValue[];

/** Writes a file per table into an empty folder. */
export async function batchWriter(): Promise<(folder: string, runs: readonly FleetRun[]) => void> {
  const { parquetWriteFile } = await import('hyparquet-writer');
  return (folder, runs) => {
    for (const name of FLEET_TABLE_NAMES) {
      const { columns, key } = FLEET_TABLES[name];
      const rows = runs
        .flatMap((run) => run.rows[name])
        .sort(
          byKey(
            columns.map((column) => column.name),
            key,
          ),
        );
      parquetWriteFile({
        filename: fileOf(folder, name),
        columnData: columns.map(({ name: column, type }, i) => ({
          name: column,
          type: PARQUET_TYPES[type],
          nullable: type === 'int?',
          data: rows.map((row) => (typeof row[i] === 'number' ? BigInt(row[i]) : row[i])),
        })),
        rowGroupSize: GROUP_ROWS,
      });
    }
  };
}

function byKey(columns: readonly string[], key: readonly string[]): (a: Row, b: Row) => number {
  const positions = key.map((name) => columns.indexOf(name));
  return (a, b) => {
    for (const i of positions) {
      const left = a[i] as string | number;
      const right = b[i] as string | number;
      if (left < right) return -1;
      if (left > right) return 1;
    }
    return 0;
  };
}

/** The runs of a batch, without DuckDB: pushing needs none. */
export async function runsOf(folder: string): Promise<string[]> {
  const { parquetReadObjects } = await import('hyparquet');
  const bytes = readFileSync(fileOf(folder, 'run'));
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const rows = await parquetReadObjects({ file, columns: ['run'] });
  return rows.map((row) => String(row.run));
}
