/**
 * The narrow interface of a fleet: runs go in, reports ask in SQL. A back end is a way to keep rows and a dialect; the reports are the same
 * text for all of them, so they give the same answers.
 */
import { type FleetRun, type FleetTableName, type FleetValue, QuiesceError, RequestError } from '../../schema/index.ts';

/** What differs between SQLite, DuckDB and ClickHouse in the SQL that the reports use. */
export interface Dialect {
  /** What stands behind FROM. */
  table(name: FleetTableName): string;
  /** A string constant. */
  text(value: string): string;
  /** Condition: the text in the column has the other in it. */
  contains(column: string, value: string): string;
  /** `IN` in front of a subquery over all shards. */
  readonly inAll: string;
}

export type FleetRow = readonly FleetValue[];

/** Limits what is read before any row is: partitions that cannot matter. Days, both inclusive. */
export interface DaySpan {
  readonly since?: string;
  readonly until?: string;
}

/** What reports are made from. */
export interface FleetSource {
  readonly dialect: Dialect;
  /**
   * Rows of a SELECT, in no order. Values are text or numbers.
   * @throws FleetError
   */
  select(sql: string): Promise<readonly FleetRow[]>;
  close(): Promise<void>;
}

export interface PushResult {
  readonly pushed: number;
  /** Were there already. */
  readonly known: number;
}

/** Where runs are pushed to. */
export interface FleetSink {
  /**
   * Stores runs that are not there yet, each whole or not at all. What was interrupted may be repeated at any time.
   * @throws FleetError
   */
  push(runs: readonly FleetRun[]): Promise<PushResult>;
  close(): Promise<void>;
}

/** The fleet cannot be reached, read or written; `message` says what to do. */
export class FleetError extends QuiesceError {
  override readonly name = 'FleetError';
}

/** A wrong `--to`, report or label. */
export class FleetRequestError extends RequestError {
  override readonly name = 'FleetRequestError';
}
