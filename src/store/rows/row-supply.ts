/** Sees to it that the rows that a statement reads are there before it runs. */
import { StoreError } from '../store-error.ts';
import type { Connection } from '../store-file.ts';
import { fillRowsNow } from './fill-rows.ts';
import { anyPending, pendingViews } from './pending-rows.ts';
import type { EventSpan, FillProgress } from './row-filler.ts';
import { tablesRead } from './statement-tables.ts';
import { TemporaryRows } from './temporary-rows.ts';

export interface SupplyOptions {
  /** Called while rows are made. */
  readonly onProgress?: (progress: FillProgress) => void;
  /** False: rows are made for this connection alone, and the file stays as it is. Default: true, as far as the file can be written. */
  readonly keepRows?: boolean;
}

export class RowSupply {
  readonly #db: Connection;
  readonly #path: string;
  readonly #options: SupplyOptions;
  readonly #temporary: TemporaryRows;
  /** What is read now needs no more than the connection has. */
  #provided = false;

  /** @param db connection that reads the file */
  constructor(db: Connection, path: string, options: SupplyOptions = {}) {
    this.#db = db;
    this.#path = path;
    this.#options = options;
    this.#temporary = new TemporaryRows(db, path);
  }

  /**
   * Into the file; for this connection alone, when the file cannot be written.
   * @param values of the statement's parameters
   * @throws StoreError when a page is damaged, or while another statement of the connection is being read
   */
  provideFor(sql: string, values?: Readonly<Record<string, unknown>>): void {
    if (this.#provided || !anyPending(this.#db)) return;
    this.#temporary.refresh();
    const pending = pendingViews(this.#db);
    const read = tablesRead(this.#db, sql, values);
    const views = new Set([...pending].filter((view) => read.has(`_ev_${view}`)));
    if (views.size === 0) return;
    const { onProgress, keepRows = true } = this.#options;
    const wanted = ({ relation }: { readonly relation: string | null }): boolean =>
      relation !== null && views.has(relation);
    if (keepRows && fillRowsNow(this.#path, wanted, onProgress)) return;
    this.#unlessBusy(() => this.#temporary.provide(views, onProgress));
  }

  /**
   * Runs statements that read only events of these spans of a run, without bringing whole kinds.
   * @throws StoreError
   */
  withEvents<T>(runId: number, spans: readonly EventSpan[], read: () => T): T {
    // Within another one, the rows are there.
    if (this.#provided || !anyPending(this.#db)) return read();
    this.#temporary.clear();
    this.#unlessBusy(() => this.#temporary.provideSpans(runId, spans));
    this.#provided = true;
    try {
      return read();
    } finally {
      this.#provided = false;
      this.#temporary.clear();
    }
  }

  /** better-sqlite3 changes nothing on a connection that is being read. */
  #unlessBusy(change: () => void): void {
    try {
      change();
    } catch (error) {
      if (error instanceof TypeError && error.message.includes('busy'))
        throw new StoreError(
          `${this.#path}: rows of this statement are still in pages, and cannot be made while another one is read; run quiesce rows ${this.#path}`,
        );
      throw error;
    }
  }
}
