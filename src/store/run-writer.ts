/** Writes one run: events, facts and, at the end, what is known of it as a whole. */
import type { EventBatch } from '../../schema/index.ts';
import { DictionaryRows, nextBases } from './events/dictionary-rows.ts';
import { EventCounter, type EventRows } from './events/event-counter.ts';
import { eventBase } from './events/event-id.ts';
import { EventRelations } from './events/event-relations.ts';
import { EventWriter } from './events/event-writer.ts';
import type { FactBatch } from './facts/fact-recorder.ts';
import { FactWriter, removeFacts } from './facts/fact-writer.ts';
import { quoted } from './identifiers.ts';
import { PageEncoder } from './pages/page-codec.ts';
import { ResultRows } from './result-rows.ts';
import { RowInserter } from './row-inserter.ts';
import { DEFAULT_ROWS, mayWait, type RowChoice } from './rows/row-choice.ts';
import type { Kept, RunResults, RunSummary } from './run-summary.ts';
import { writeSnapshot } from './snapshot-rows.ts';
import type { Connection } from './store-file.ts';

const CAPTURE_COLUMNS = [
  'path',
  'format',
  'clock',
  'ns_per_tick',
  'rate_from',
  'hostname',
  'bytes',
  'content_hash',
  'first_ns',
  'last_ns',
  'offset_ns',
  'offset_uncertainty_ns',
] as const;

/** Number of the next run of a store: none is given twice, whatever was removed. */
export function nextRunId(db: Connection): number {
  return db
    .prepare(
      `SELECT max(coalesce((SELECT max(run_id) FROM run), 0),
                  coalesce((SELECT CAST(value AS INTEGER) FROM store_info WHERE key = '${LAST_RUN_KEY}'), 0)) + 1`,
    )
    .pluck()
    .get() as number;
}

/** Key of store_info: the highest number that a run ever had, once that run has been removed. */
export const LAST_RUN_KEY = 'last_run';

export class RunWriter {
  readonly runId: number;
  readonly #db: Connection;
  readonly #base: number;
  readonly #dictionaryBases: ReturnType<typeof nextBases>;
  readonly #dictionary: DictionaryRows;
  readonly #relations: EventRelations;
  readonly #events: EventRows;
  readonly #kept: Kept;
  readonly #facts: FactWriter;
  readonly #pages: RowInserter;
  readonly #reports: RowInserter;
  readonly #encoder = new PageEncoder();
  #pageNo = 0;
  #records = 0;
  #lastNs = 0;
  #replayed = false;
  #stallTimeoutNs: number | null = null;

  /** @param db connection with an open transaction. */
  constructor(db: Connection, runId: number, kept: Kept = 'all', rows: RowChoice = DEFAULT_ROWS) {
    this.#db = db;
    this.#kept = kept;
    const withEvents = kept === 'all';
    this.runId = runId;
    this.#base = eventBase(this.runId);
    this.#dictionaryBases = nextBases(db);
    this.#dictionary = new DictionaryRows(db, this.#dictionaryBases, !withEvents);
    this.#relations = new EventRelations(db);
    this.#events = withEvents
      ? new EventWriter(
          db,
          this.#relations,
          { event: this.#base, ...this.#dictionaryBases },
          this.#dictionary.dictionary.strings,
          {
            relation: (type) => this.#relations.relation(type),
            // Kinds beyond those that have a table are rare, and of hostile captures.
            writes: (type, relation) => rows === 'now' || relation === undefined || !mayWait(type),
          },
        )
      : new EventCounter();
    this.#facts = new FactWriter(db, this.runId, this.#base);
    const run: readonly [string, string][] = [['run_id', String(this.runId)]];
    const pageColumns = ['page_no', 'first_event_id', 'records', 'first_ns', 'last_ns', 'body'];
    this.#pages = new RowInserter(db, 'event_page', pageColumns, run);
    const reportColumns = ['page_no', 'ts_ns', 'kind', 'line', 'end_line', 'cpu', 'body'];
    this.#reports = new RowInserter(db, 'log_report', reportColumns, run);
  }

  /** @param page the batch as a page, when another thread has encoded it already. */
  append(batch: EventBatch, page?: Uint8Array): void {
    this.#dictionary.apply(batch.delta);
    for (const type of batch.delta.types) this.#events.define(type);
    this.#events.append(batch);
    const first = batch.length > 0 ? batch.tsNs[0] : this.#lastNs;
    const last = batch.length > 0 ? batch.tsNs[batch.length - 1] : this.#lastNs;
    if (batch.length > 0) {
      this.#lastNs = Math.max(this.#lastNs, last);
      this.#records += batch.length;
    }
    if (this.#kept !== 'all') return;
    const body = page ?? this.#encoder.encode(batch);
    this.#pages.row(this.#pageNo, this.#base + batch.firstEventId, batch.length, first, last, body);
    // Large values: not kept waiting for company.
    this.#pages.flush();
    for (const report of batch.reports)
      this.#reports.row(
        this.#pageNo,
        report.tsNs,
        report.kind,
        report.line,
        report.endLine,
        report.cpu,
        JSON.stringify(report),
      );
    this.#pageNo++;
  }

  appendFacts(batch: FactBatch): void {
    // Metrics need them until their open intervals are counted.
    if (this.#kept !== 'findings') this.#facts.append(batch);
  }

  /**
   * Keeps the state of the replay after an event.
   * @param event position in the run
   * @param body of encodeSnapshot
   */
  appendSnapshot(event: number, tsNs: number, body: Uint8Array): void {
    if (this.#kept === 'all') writeSnapshot(this.#db, this.runId, event, tsNs, body);
  }

  /** Ends the events and facts of the run; the next run may begin. @param results undefined when the run was only stored. */
  finish(results: RunResults | undefined): void {
    this.#events.flush();
    this.#facts.finish(results?.renames);
    this.#reports.flush();
    this.#dictionary.finish(this.runId, this.#events);
    this.#relations.refreshViews();
    this.#writeLost();
    ResultRows.writeFlags(this.#db, this.#events.flagsSeen);
    if (results) {
      const histograms = this.#kept === 'findings' ? [] : results.histograms;
      new ResultRows(this.#db, this.runId, this.#base).write({ ...results, histograms });
    }
    if (this.#kept !== 'all') removeFacts(this.#db, this.runId);
    this.#replayed = results !== undefined;
    this.#stallTimeoutNs = results === undefined ? null : Math.round(results.stallTimeoutNs);
  }

  /** Writes what is known of the run as a whole, when its captures have been read to the end. Call once, after `finish`. */
  describe(summary: RunSummary): void {
    this.#writeRun(summary);
    const run: readonly [string, string][] = [['run_id', String(this.runId)]];
    const captures = new RowInserter(this.#db, 'capture', CAPTURE_COLUMNS, run);
    for (const capture of summary.captures) captures.row(...CAPTURE_COLUMNS.map((column) => capture[column]));
    captures.flush();
    const spans = new RowInserter(this.#db, 'cpu_span', ['cpu', 'of', 'first_ns', 'last_ns', 'recorded_ns'], run);
    for (const { cpu, of, firstNs, lastNs, recordedNs } of summary.cpuSpans)
      spans.row(cpu, of, firstNs, lastNs, recordedNs);
    spans.flush();
    const labels = new RowInserter(this.#db, 'run_label', ['key', 'value'], run);
    for (const [key, value] of Object.entries(summary.origin.labels)) labels.row(key, value);
    labels.flush();
    ResultRows.writeIssues(this.#db, this.runId, summary.issues);
  }

  #writeRun(summary: RunSummary): void {
    const { origin } = summary;
    const row = {
      run_id: this.runId,
      name: summary.name,
      boot: summary.boot,
      release: summary.kernel.release ?? null,
      kernel: JSON.stringify(summary.kernel),
      kernel_given: JSON.stringify(summary.kernelGiven),
      kernel_header: JSON.stringify(summary.kernelHeader),
      kernel_captured: JSON.stringify(summary.kernelCaptured),
      thresholds: JSON.stringify(summary.thresholds),
      thresholds_given: JSON.stringify(summary.thresholdsGiven),
      stall_timeout_ns: this.#stallTimeoutNs,
      cpus: summary.cpus,
      events: summary.events,
      records: this.#records,
      lost: summary.lost,
      first_ns: summary.firstNs,
      last_ns: summary.lastNs,
      base_ns: summary.baseNs,
      span_ns: summary.lastNs - summary.firstNs,
      first_event_id: this.#base + 1,
      last_event_id: this.#base + this.#records,
      replayed: this.#replayed ? 1 : 0,
      kept: origin.kept,
      ingested_at: origin.ingestedAt,
      tool_version: origin.toolVersion,
      host: origin.labels.host ?? summary.captures.find(({ hostname }) => hostname !== undefined)?.hostname ?? null,
      content_hash: origin.contentHash ?? null,
      string_base: this.#dictionaryBases.string,
      type_base: this.#dictionaryBases.type,
      frame_base: this.#dictionaryBases.frame,
      stack_base: this.#dictionaryBases.stack,
    };
    const names = Object.keys(row);
    this.#db
      .prepare(`INSERT INTO run (${names.join(', ')}) VALUES (${names.map((name) => `@${name}`).join(', ')})`)
      .run(row);
  }

  #writeLost(): void {
    const lost = this.#dictionary.dictionary.types.find((type) => type.name === 'quiesce_lost');
    const relation = lost && this.#events.viewOf(lost);
    if (!relation) return;
    this.#db
      .prepare(
        `INSERT INTO lost_event (event_id, run_id, ts_ns, cpu, count)
         SELECT id, ?, ts_ns, lost_cpu, nullif("count", 0) FROM ${quoted(relation.table)} WHERE id > ? AND id <= ?`,
      )
      .run(this.runId, this.#base, this.#base + this.#records);
  }
}
