/**
 * Rows of pages in temporary tables of one connection, under the names of the tables of the file, with views over them: the answer is right
 * although the store cannot be written.
 */
import { EventRelations } from '../events/event-relations.ts';
import { quoted } from '../identifiers.ts';
import type { Connection } from '../store-file.ts';
import { pendingTypes, pendingViews } from './pending-rows.ts';
import { type EventSpan, type FillProgress, RowFiller } from './row-filler.ts';

export class TemporaryRows {
  readonly #db: Connection;
  readonly #path: string;
  /** Views of which every row is here. */
  readonly #provided = new Set<string>();
  #dataVersion: number | undefined;

  /** @param db connection that reads the file */
  constructor(db: Connection, path: string) {
    this.#db = db;
    this.#path = path;
  }

  /** Makes the rows of these views, beside those that are here. */
  provide(views: ReadonlySet<string>, onProgress?: (progress: FillProgress) => void): void {
    this.#changed(() => {
      const missing = new Set([...views].filter((view) => !this.#provided.has(view)));
      const relations = this.#renewTables([...missing], 'with the rows that the file has');
      const types = pendingTypes(this.#db).filter(({ relation }) => relation !== null && missing.has(relation));
      new RowFiller(this.#db, this.#path, relations).fill(types, onProgress);
      for (const view of missing) this.#provided.add(view);
      relations.createTemporaryViews(this.#stillPending());
    });
  }

  /** Makes the rows of some events of a run, of every kind; `clear` before anything else is asked. */
  provideSpans(runId: number, spans: readonly EventSpan[]): void {
    this.#changed(() => {
      const types = pendingTypes(this.#db).filter((type) => type.runId === runId && type.relation !== null);
      const views = new Set(types.flatMap(({ relation }) => relation ?? []));
      const relations = this.#renewTables([...views], 'empty');
      new RowFiller(this.#db, this.#path, relations).fillSpans(runId, types, spans);
      relations.createTemporaryViews(new Set());
    });
  }

  /** Drops what another process has made old. */
  refresh(): void {
    if (this.#dataVersion !== undefined && this.#version() !== this.#dataVersion) this.clear();
  }

  clear(): void {
    if (this.#dataVersion === undefined) return;
    this.#changed(() => this.#drop(['view', 'table']));
    this.#provided.clear();
    this.#dataVersion = undefined;
  }

  #version(): number {
    return Number(this.#db.pragma('data_version', { simple: true }));
  }

  #stillPending(): Set<string> {
    const pending = pendingViews(this.#db);
    for (const view of this.#provided) pending.delete(view);
    return pending;
  }

  /** One look at the file, whoever writes to it meanwhile. */
  #changed(change: () => void): void {
    const db = this.#db;
    const queryOnly = db.pragma('query_only', { simple: true });
    db.pragma('query_only = 0');
    // There may be more rows than memory.
    if (this.#dataVersion === undefined) db.pragma('temp_store = FILE');
    try {
      db.exec('BEGIN');
      change();
      this.#dataVersion = this.#version();
      db.exec('COMMIT');
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    } finally {
      db.pragma(`query_only = ${queryOnly}`);
    }
  }

  #renewTables(views: readonly string[], how: 'empty' | 'with the rows that the file has'): EventRelations {
    const relations = new EventRelations(this.#db);
    this.#drop(['view']);
    const definition = this.#db.prepare("SELECT sql FROM main.sqlite_master WHERE type = 'table' AND name = ?").pluck();
    for (const view of views) {
      const table = quoted(`_ev_${view}`);
      const sql = definition.get(`_ev_${view}`) as string;
      this.#db.exec(sql.replace(/^CREATE TABLE/, 'CREATE TEMP TABLE'));
      if (how !== 'empty') this.#db.exec(`INSERT INTO temp.${table} SELECT * FROM main.${table}`);
    }
    return relations;
  }

  #drop(kinds: readonly ('view' | 'table')[]): void {
    for (const kind of kinds) {
      const names = this.#db
        .prepare('SELECT name FROM sqlite_temp_master WHERE type = ?')
        .pluck()
        .all(kind) as string[];
      for (const name of names) this.#db.exec(`DROP ${kind} temp.${quoted(name)}`);
    }
  }
}
