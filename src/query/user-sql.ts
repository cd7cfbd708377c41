/** SQL as the user types it, on a connection that cannot write. */
import { StoreError, storeError } from '../store/store-error.ts';
import { type Connection, openForReading } from '../store/store-file.ts';

/** A value as SQLite holds it; integers are exact. */
export type SqlValue = null | bigint | number | string | Uint8Array;

export interface SqlRows {
  readonly columns: readonly string[];
  readonly rows: Iterable<readonly SqlValue[]>;
}

/** The statement is wrong, or would write. `message` is one line. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
}

export class QueryConnection {
  readonly path: string;
  readonly #db: Connection;

  /** @throws StoreError */
  constructor(path: string) {
    this.path = path;
    this.#db = openForReading(path);
    // The file is opened read-only; this covers databases that a statement attaches.
    this.#db.pragma('query_only = 1');
  }

  close(): void {
    this.#db.close();
  }

  /**
   * Prepares one SELECT (or EXPLAIN, or a PRAGMA that answers). Rows are read while they are iterated.
   * @throws SqlError when the statement is wrong or is not a question
   * @throws StoreError when the file is damaged or locked
   */
  query(sql: string): SqlRows {
    const statement = this.#guarded(() => this.#db.prepare(sql));
    if (!statement.reader || !statement.readonly)
      throw new SqlError('the store is opened read-only: only statements that return rows are run');
    statement.safeIntegers(true).raw(true);
    const columns = statement.columns().map((column) => column.name);
    return { columns, rows: this.#rows(() => statement.iterate() as IterableIterator<SqlValue[]>) };
  }

  *#rows(start: () => IterableIterator<SqlValue[]>): Generator<SqlValue[]> {
    const rows = this.#guarded(start);
    for (;;) {
      const next = this.#guarded(() => rows.next());
      if (next.done) return;
      yield next.value;
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
    // Errors of the statement have the plain code; those of the file have codes of their own.
    if (code === 'SQLITE_ERROR' || error instanceof RangeError || error instanceof TypeError)
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
    const near = names
      .map((name) => ({ name, distance: editDistance(name.toLowerCase(), missing.toLowerCase()) }))
      .filter(({ name, distance }) => distance <= 3 || name.includes(missing))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, 3);
    return near.length > 0
      ? ` (did you mean ${near.map(({ name }) => name).join(', ')}?)`
      : '; SELECT name, events FROM event_type lists the kinds of events';
  }
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let k = 1; k <= b.length; k++)
      next[k] = Math.min(row[k] + 1, next[k - 1] + 1, row[k - 1] + (a[i - 1] === b[k - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}
