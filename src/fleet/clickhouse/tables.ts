/** The tables in ClickHouse, in the subset of SQL that 18.16 and current servers share. */
import {
  FLEET_TABLE_NAMES,
  FLEET_TABLES,
  type FleetColumn,
  type FleetTableName,
  type FleetType,
} from '../../../schema/index.ts';
import type { ClickHouseTarget } from './url.ts';

const TYPES: Readonly<Record<FleetType, string>> = {
  day: 'Date',
  text: 'String',
  int: 'Int64',
  'int?': 'Nullable(Int64)',
};

/** Pushes that were begun: a run whose row in `run` is missing was interrupted and does not count. */
export const ATTEMPT_COLUMNS: readonly FleetColumn[] = [
  { name: 'run', type: 'text', about: 'run' },
  { name: 'day', type: 'day', about: 'its day' },
  { name: 'attempt', type: 'text', about: 'a number per push, random' },
];

interface Layout {
  readonly name: string;
  readonly columns: readonly FleetColumn[];
  readonly key: readonly string[];
}

export const CLICKHOUSE_TABLES: readonly Layout[] = [
  { name: 'attempt', columns: ATTEMPT_COLUMNS, key: ['run', 'attempt'] },
  ...FLEET_TABLE_NAMES.map((name: FleetTableName) => ({
    name,
    columns: FLEET_TABLES[name].columns,
    key: FLEET_TABLES[name].key,
  })),
];

/**
 * What makes the tables on one server; on a cluster it is run once on each. Replicas: replace `ReplacingMergeTree()` by
 * `ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/…', '{replica}')`.
 *
 * A partition is a month, so that old ones are dropped at once. Rows sent twice are merged away in time; until then
 * reports leave them out. All rows of a run are on one shard.
 */
export function clickHouseSchema({ database, cluster }: Pick<ClickHouseTarget, 'database' | 'cluster'>): string[] {
  const statements = [`CREATE DATABASE IF NOT EXISTS ${database}`];
  for (const { name, columns, key } of CLICKHOUSE_TABLES) {
    const local = cluster === undefined ? name : `${name}_local`;
    const list = columns.map((column) => `  ${column.name} ${TYPES[column.type]}`).join(',\n');
    statements.push(
      `CREATE TABLE IF NOT EXISTS ${database}.${local} (\n${list}\n) ENGINE = ReplacingMergeTree() PARTITION BY toYYYYMM(day) ORDER BY (${key.join(', ')})`,
    );
    if (cluster !== undefined)
      statements.push(
        `CREATE TABLE IF NOT EXISTS ${database}.${name} AS ${database}.${local} ENGINE = Distributed(${cluster}, ${database}, ${local}, cityHash64(run))`,
      );
  }
  return statements;
}
