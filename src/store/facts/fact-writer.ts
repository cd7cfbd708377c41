/** Writes batches of facts into their tables. */
import { FACT_NAMES, FACTS, type FactColumn, type FactName, sqlName } from '../../../schema/index.ts';
import { RowInserter } from '../row-inserter.ts';
import type { RunResults } from '../run-summary.ts';
import type { Connection } from '../store-file.ts';
import type { FactBatch } from './fact-recorder.ts';

interface TableWriter {
  readonly inserter: RowInserter;
  readonly holds: readonly FactColumn<unknown>['holds'][];
}

export class FactWriter {
  readonly #db: Connection;
  readonly #runId: number;
  readonly #eventBase: number;
  readonly #writers = new Map<FactName, TableWriter>();

  constructor(db: Connection, runId: number, eventBase: number) {
    this.#db = db;
    this.#runId = runId;
    this.#eventBase = eventBase;
    for (const name of FACT_NAMES) {
      const { columns } = FACTS[name];
      const names = Object.keys(columns).map(sqlName);
      const inserter = new RowInserter(db, sqlName(name), names, [['run_id', String(runId)]]);
      this.#writers.set(name, {
        inserter,
        holds: Object.values<FactColumn<unknown>>(columns).map(({ holds }) => holds),
      });
    }
  }

  append(batch: FactBatch): void {
    const writer = this.#writers.get(batch.fact);
    if (writer === undefined) return;
    const { inserter, holds } = writer;
    const source = batch.values;
    const { values } = inserter;
    let from = 0;
    for (let row = 0; row < batch.rows; row++) {
      let at = inserter.fill;
      for (let column = 0; column < holds.length; column++) {
        const value = source[from++];
        // NaN, the NULL of these batches, passes through every arm but the text's.
        if (holds[column] === 'text') values[at++] = Number.isNaN(value) ? value : batch.texts[value];
        else values[at++] = holds[column] === 'event' ? this.#eventBase + value : value;
      }
      inserter.rowDone();
    }
  }

  /**
   * Writes what is left.
   * @param renames names of srcu_structs that later events made better: one struct has one name in all rows
   */
  finish(renames: RunResults['renames'] = []): void {
    for (const { inserter } of this.#writers.values()) inserter.flush();
    if (renames.length === 0) return;
    const names = JSON.stringify(Object.fromEntries(renames));
    for (const fact of FACT_NAMES)
      for (const [name, { domain }] of Object.entries<FactColumn<unknown>>(FACTS[fact].columns)) {
        if (!domain) continue;
        const column = sqlName(name);
        this.#db
          .prepare(
            `UPDATE ${sqlName(fact)} SET ${column} = renamed.value FROM json_each(?) AS renamed
             WHERE run_id = ? AND ${column} = renamed.key`,
          )
          .run(names, this.#runId);
      }
  }
}

/** All facts of a run. */
export function removeFacts(db: Connection, runId: number): void {
  for (const name of FACT_NAMES) db.prepare(`DELETE FROM ${sqlName(name)} WHERE run_id = ?`).run(runId);
}
