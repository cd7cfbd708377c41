/** Replaces what a replay concluded about a run that is in the store already. */
import type { KernelProfile, Thresholds } from '../../schema/index.ts';
import { eventBase } from './events/event-id.ts';
import type { FactBatch } from './facts/fact-recorder.ts';
import { FactWriter, removeFacts } from './facts/fact-writer.ts';
import { ResultRows } from './result-rows.ts';
import type { RunResults } from './run-summary.ts';
import { writeSnapshot } from './snapshot-rows.ts';
import type { Connection } from './store-file.ts';

const RESULT_TABLES = [
  'finding',
  'root_cause',
  'finding_evidence',
  'chain_link',
  'assessment',
  'histogram',
  'histogram_bucket',
  'variant_result',
  'snapshot',
];

export class ResultWriter {
  readonly #db: Connection;
  readonly #runId: number;
  readonly #facts: FactWriter;

  /** @param db connection with an open transaction. The old facts and results of the run go at once. */
  constructor(db: Connection, runId: number) {
    this.#db = db;
    this.#runId = runId;
    removeFacts(db, runId);
    for (const table of RESULT_TABLES) db.prepare(`DELETE FROM ${table} WHERE run_id = ?`).run(runId);
    this.#facts = new FactWriter(db, runId, eventBase(runId));
  }

  appendFacts(batch: FactBatch): void {
    this.#facts.append(batch);
  }

  /** As {@link RunWriter.appendSnapshot}. */
  appendSnapshot(event: number, tsNs: number, body: Uint8Array): void {
    writeSnapshot(this.#db, this.#runId, event, tsNs, body);
  }

  finish(
    results: RunResults,
    given: { readonly profile: KernelProfile; readonly thresholds: Partial<Thresholds> },
    kernel: KernelProfile,
    thresholds: Thresholds,
  ): void {
    this.#facts.finish(results.renames);
    new ResultRows(this.#db, this.#runId, eventBase(this.#runId)).write(results);
    this.#db
      .prepare(
        'UPDATE run SET replayed = 1, release = ?, kernel = ?, kernel_given = ?, thresholds = ?, thresholds_given = ?, stall_timeout_ns = ? WHERE run_id = ?',
      )
      .run(
        kernel.release ?? null,
        JSON.stringify(kernel),
        JSON.stringify(given.profile),
        JSON.stringify(thresholds),
        JSON.stringify(given.thresholds),
        Math.round(results.stallTimeoutNs),
        this.#runId,
      );
  }
}
