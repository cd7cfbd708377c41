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
  fileProblem,
} from '../../../schema/index.ts';
import { FleetError } from '../sink.ts';

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
  const rows = await readRows(folder, 'run', ['run']);
  return rows.map(([run]) => String(run));
}

/** A batch as it was pushed. */
export async function readBatch({
  day,
  folder,
}: {
  readonly day: string;
  readonly folder: string;
}): Promise<FleetRun[]> {
  const byRun = new Map<string, Record<FleetTableName, Row[]>>();
  const names = new Map<string, string>();
  for (const name of ['run', ...FLEET_TABLE_NAMES.filter((table) => table !== 'run')] as const) {
    const columns: string[] = FLEET_TABLES[name].columns.map((column) => column.name);
    const runAt = columns.indexOf('run');
    for (const row of await readRows(folder, name, columns)) {
      const run = String(row[runAt]);
      if (name === 'run') {
        byRun.set(run, { assessment: [], finding: [], histogram: [], bucket: [], slowest: [], run: [] });
        names.set(run, String(row[columns.indexOf('name')]));
      }
      byRun.get(run)?.[name].push(row);
    }
  }
  return [...byRun].map(([run, rows]) => ({ run, day, name: names.get(run) ?? '', rows }));
}

async function readRows(folder: string, table: FleetTableName, columns: string[]): Promise<Row[]> {
  const path = fileOf(folder, table);
  const { parquetReadObjects } = await import('hyparquet');
  try {
    const bytes = readFileSync(path);
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    const rows = await parquetReadObjects({ file, columns });
    return rows.map((row) => columns.map((name) => plainValue(row[name])));
  } catch (error) {
    const code = (error as { code?: string }).code;
    throw new FleetError(
      `${path}: ${code === undefined ? `is damaged (${(error as Error).message})` : fileProblem(error)}; move its folder away and push these runs again`,
    );
  }
}

/** 64-bit integers come as bigints; all of ours are below 2^53. */
export function plainValue(value: unknown): FleetValue {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (value === undefined) return null;
  return typeof value === 'bigint' ? Number(value) : String(value);
}
