/** The three dialects in which reports are asked. */
import type { FleetTableName } from '../../schema/index.ts';
import type { Dialect } from './sink.ts';

const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const withoutNul = (value: string): string => value.replaceAll('\0', '');

/** Temporary tables of a store (src/fleet/store-source.ts). */
export const SQLITE: Dialect = {
  table: (name) => `fleet_${name}`,
  text: (value) => quoted(withoutNul(value)),
  contains: (column, value) => `instr(${column}, ${quoted(withoutNul(value))}) > 0`,
  inAll: 'IN',
};

/** Views over the files of a lake. */
export const DUCKDB: Dialect = {
  table: (name) => `"${name}"`,
  text: (value) => quoted(withoutNul(value)),
  contains: (column, value) => `contains(${column}, ${quoted(withoutNul(value))})`,
  inAll: 'IN',
};

/** The escapes of ClickHouse's strings; 18.16 does not read a doubled apostrophe as one. */
export function clickHouseText(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\0', '\\0')}'`;
}

/** @param source what stands behind FROM for a table: rows of pushes that were repeated are left out there */
export function clickHouse(source: (name: FleetTableName) => string): Dialect {
  return {
    table: source,
    text: clickHouseText,
    contains: (column, value) => `position(${column}, ${clickHouseText(value)}) > 0`,
    // Runs are sharded by hash: every shard could answer for its own, but only the modern dialect may be told so.
    inAll: 'GLOBAL IN',
  };
}
