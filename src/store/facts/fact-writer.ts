/** Writes batches of facts into their tables. */
import {
  domainColumn,
  FACT_NAMES,
  FACTS,
  type FactColumn,
  type FactName,
  type FactRow,
  sqlName,
} from '../../../schema/index.ts';
import { RowInserter } from '../row-inserter.ts';
import type { RunResults } from '../run-summary.ts';
import type { Connection } from '../store-file.ts';
import { DomainRows } from './domain-rows.ts';
import type { FactBatch } from './fact-recorder.ts';
import { ThreadRows } from './thread-rows.ts';

type Stored = FactColumn<unknown>['holds'] | 'domain';

interface TableWriter {
  readonly inserter: RowInserter;
  readonly holds: readonly Stored[];
  /** Whether the store numbers the facts. */
  readonly numbered: boolean;
  facts: number;
}

/** Table that keeps a fact: where it names a domain, a view of the fact's name shows it. */
export function factTable(fact: FactName): string {
  return domainColumn(FACTS[fact]) === undefined ? sqlName(fact) : `_${sqlName(fact)}`;
}

/** Tables whose rows name a domain by its number. */
const WITH_DOMAIN = FACT_NAMES.filter((fact) => domainColumn(FACTS[fact]) !== undefined).map(factTable);

export class FactWriter {
  readonly #db: Connection;
  readonly #runId: number;
  readonly #eventBase: number;
  readonly #writers = new Map<FactName, TableWriter>();
  readonly #domains = new DomainRows();
  readonly #threads = new ThreadRows();

  constructor(db: Connection, runId: number, eventBase: number) {
    this.#db = db;
    this.#runId = runId;
    this.#eventBase = eventBase;
    for (const fact of FACT_NAMES) {
      const row: FactRow = FACTS[fact];
      const domain = domainColumn(row);
      const columns = Object.entries(row.columns);
      const numbered = row.key === undefined;
      const names = columns.map(([name]) => (name === domain ? 'domain_id' : sqlName(name)));
      const inserter = new RowInserter(db, factTable(fact), numbered ? ['fact_no', ...names] : names, [
        ['run_id', String(runId)],
      ]);
      const holds = columns.map(([name, { holds }]): Stored => (name === domain ? 'domain' : holds));
      this.#writers.set(fact, { inserter, holds, numbered, facts: 0 });
    }
  }

  append(batch: FactBatch): void {
    const writer = this.#writers.get(batch.fact);
    if (writer === undefined) return;
    this.#threads.note(batch);
    const { inserter, holds, numbered } = writer;
    const source = batch.values;
    const { values } = inserter;
    let from = 0;
    for (let row = 0; row < batch.rows; row++) {
      let at = inserter.fill;
      if (numbered) values[at++] = ++writer.facts;
      for (let column = 0; column < holds.length; column++) {
        const value = source[from++];
        // NaN, the NULL of these batches, passes through every arm but that of texts; domains are never NULL.
        switch (holds[column]) {
          case 'text':
            values[at++] = Number.isNaN(value) ? value : batch.texts[value];
            break;
          case 'domain':
            values[at++] = this.#domains.idOf(batch.texts[value]);
            break;
          case 'event':
            values[at++] = this.#eventBase + value;
            break;
          default:
            values[at++] = value;
        }
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
    this.#domains.write(this.#db, this.#runId, renames, WITH_DOMAIN);
    this.#threads.write(this.#db, this.#runId);
  }
}

/** All facts of a run. */
export function removeFacts(db: Connection, runId: number): void {
  for (const table of [...FACT_NAMES.map(factTable), 'domain', 'thread'])
    db.prepare(`DELETE FROM ${table} WHERE run_id = ?`).run(runId);
}
