/** Writes batches of facts into their tables. */
import { FACT_TABLES, type FactBatch, type FactTableName, factColumns } from './fact-tables.ts';
import { RowInserter } from './row-inserter.ts';
import type { Connection } from './store-file.ts';

interface TableWriter {
  readonly inserter: RowInserter;
  readonly kinds: readonly string[];
}

export class FactWriter {
  readonly #eventBase: number;
  readonly #writers = new Map<FactTableName, TableWriter>();

  constructor(db: Connection, runId: number, eventBase: number) {
    this.#eventBase = eventBase;
    for (const table of Object.keys(FACT_TABLES) as FactTableName[]) {
      const { names, kinds } = factColumns(table);
      const inserter = new RowInserter(db, table, names, [['run_id', String(runId)]]);
      this.#writers.set(table, { inserter, kinds });
    }
  }

  append(batch: FactBatch): void {
    const writer = this.#writers.get(batch.table);
    if (writer === undefined) return;
    const { inserter, kinds } = writer;
    const source = batch.values;
    const { values } = inserter;
    let from = 0;
    for (let row = 0; row < batch.rows; row++) {
      let at = inserter.fill;
      for (let column = 0; column < kinds.length; column++) {
        const value = source[from++];
        // NaN, the NULL of these batches, passes through every arm but the text's.
        if (kinds[column] === 't') values[at++] = Number.isNaN(value) ? value : batch.texts[value];
        else values[at++] = kinds[column] === 'e' ? this.#eventBase + value : value;
      }
      inserter.rowDone();
    }
  }

  flush(): void {
    for (const { inserter } of this.#writers.values()) inserter.flush();
  }
}
