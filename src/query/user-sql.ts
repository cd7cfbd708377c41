/** SQL as the user types it, on a connection that cannot write. Rows that are still in pages are made before they are read. */
import { RequestError } from '../../schema/index.ts';
import type { EventSpan } from '../store/rows/row-filler.ts';
import { RowSupply, type SupplyOptions } from '../store/rows/row-supply.ts';
import { StoreError, storeError } from '../store/store-error.ts';
import { type Connection, openForReading, type Statement } from '../store/store-file.ts';
import { nearestNames } from './name-suggestion.ts';

/** A value as SQLite holds it; integers are exact. */
export type SqlValue = null | bigint | number | string | Uint8Array;

export interface SqlRows {
  readonly columns: readonly string[];
  readonly rows: Iterable<readonly SqlValue[]>;
}

/** The statement is wrong, or would write. `message` is one line. */
export class SqlError extends RequestError {
  override readonly name = 'SqlError';
}

/** Errors of the statement; those of the file have other codes. */
const OF_STATEMENT: ReadonlySet<string> = new Set([
  'SQLITE_ERROR',
  'SQLITE_MISMATCH',
  'SQLITE_TOOBIG',
  'SQLITE_RANGE',
  'SQLITE_AUTH',
  'SQLITE_NOMEM',
]);

/** Kept prepared. */
const MOST_STATEMENTS = 64;

/** A connection to ask a store anything. */
export class QueryConnection {
  readonly path: string;
  readonly #db: Connection;
  readonly #rows: RowSupply;
  readonly #statements = new Map<string, Statement>();

  /** @throws StoreError */
  constructor(path: string, options: SupplyOptions = {}) {
    this.path = path;
    this.#db = openForReading(path);
    this.#rows = new RowSupply(this.#db, path, options);
    // The file is opened read-only; this covers databases that a statement attaches.
    this.#db.pragma('query_only = 1');
  }

  close(): void {
    this.#db.close();
  }

  /**
   * Prepares one SELECT (or EXPLAIN, or a PRAGMA that answers). Rows are read while they are iterated.
   * @param values of the statement's named parameters, without the colon
   * @throws SqlError when the statement is wrong or is not a question
   * @throws StoreError when the file is damaged or locked
   */
  query(sql: string, values?: Readonly<Record<string, SqlValue>>): SqlRows {
    const statement = this.#guarded(() => {
      this.#rows.provideFor(sql, values);
      return this.#prepared(sql);
    });
    if (!statement.reader || !statement.readonly)
      throw new SqlError('the store is opened read-only: only statements that return rows are run');
    const columns = statement.columns().map((column) => column.name);
    return {
      columns,
      rows: this.#iterate(
        () => this.#prepared(sql).iterate(...(values ? [values] : [])) as IterableIterator<SqlValue[]>,
      ),
    };
  }

  /** The views of events join many tables: preparing a statement takes longer than running it. */
  #prepared(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined && !known.busy) return known;
    const statement = this.#db.prepare(sql);
    if (statement.reader) statement.safeIntegers(true).raw(true);
    if (this.#statements.size < MOST_STATEMENTS) this.#statements.set(sql, statement);
    return statement;
  }

  /**
   * Runs queries that read only events of these spans of a run (positions, both included): whole kinds of events stay in their pages.
   * @throws StoreError
   */
  withEvents<T>(runId: number, spans: readonly EventSpan[], read: () => T): T {
    return this.#rows.withEvents(runId, spans, read);
  }

  /** Whether a table or view of that name exists. */
  hasRelation(name: string): boolean {
    return this.#guarded(
      () =>
        this.#db.prepare("SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?").get(name) !==
        undefined,
    );
  }

  /** Whether a table or view has that column. */
  hasColumn(relation: string, column: string): boolean {
    return this.#guarded(
      () => this.#db.prepare('SELECT 1 FROM pragma_table_info(?) WHERE name = ?').get(relation, column) !== undefined,
    );
  }

  *#iterate(start: () => IterableIterator<SqlValue[]>): Generator<SqlValue[]> {
    const rows = this.#guarded(start);
    try {
      for (;;) {
        const next = this.#guarded(() => rows.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      // A caller that stops early must not leave the connection busy.
      rows.return?.();
    }
  }

  #guarded<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof Error)) return error;
    const { code } = error as { code?: unknown };
    const ofStatement = typeof code === 'string' && OF_STATEMENT.has(code);
    if (ofStatement || error instanceof RangeError || error instanceof TypeError)
      return new SqlError(`${error.message}${this.#suggestion(error.message)}`);
    const converted = storeError(this.path, error);
    if (converted instanceof StoreError && code === 'SQLITE_READONLY')
      return new SqlError('the store is opened read-only: only statements that return rows are run');
    return converted;
  }

  /** Tables and views with a name like the one that is missing. */
  #suggestion(message: string): string {
    const missing = /^no such table: (?:\w+\.)?(.+)$/.exec(message)?.[1];
    if (missing === undefined) return '';
    const names = this.#db
      .prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT GLOB '_*' ORDER BY name")
      .pluck()
      .all() as string[];
    const near = nearestNames(missing, names);
    return near.length > 0
      ? ` (did you mean ${near.join(', ')}?)`
      : '; SELECT name, events FROM event_type lists the kinds of events';
  }
}
