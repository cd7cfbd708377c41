/** Reads runs back: what is known of them, their dictionary, their pages in order, their verdicts. */
import type {
  Assessment,
  DiagnosticCode,
  DictionaryDelta,
  EventBatch,
  Finding,
  ImportIssue,
  ImportSummary,
  KernelProfile,
  LogReport,
  RunInfo,
  Thresholds,
} from '../../schema/index.ts';
import { type DictionaryBases, readDictionary } from './events/dictionary-rows.ts';
import { eventBase } from './events/event-id.ts';
import { EventPositions } from './events/event-positions.ts';
import { BatchCheck } from './pages/batch-check.ts';
import { decodePage } from './pages/page-codec.ts';
import { KEPT, type Kept } from './run-summary.ts';
import { type StoredSnapshot, snapshotsUpTo } from './snapshot-rows.ts';
import { readError, StoreError } from './store-error.ts';
import { type Connection, openForReading } from './store-file.ts';
import {
  ASSESSMENT_STATUS,
  checkedRow,
  DIAGNOSTIC_CODE,
  FINDING_KIND,
  INTEGER,
  NUMBER,
  oneOf,
  orNull,
  parsedFinding,
  parsedGivenThresholds,
  parsedProfile,
  parsedReport,
  parsedTexts,
  parsedThresholds,
  TEXT,
} from './stored-values.ts';

interface RunRow {
  readonly run_id: number;
  readonly name: string;
  readonly boot: number;
  readonly kernel: string;
  readonly kernel_given: string;
  readonly kernel_header: string;
  readonly kernel_captured: string;
  readonly thresholds: string;
  readonly thresholds_given: string;
  readonly cpus: number;
  readonly events: number;
  readonly records: number;
  readonly lost: number;
  readonly first_ns: number;
  readonly last_ns: number;
  readonly base_ns: string;
  readonly replayed: number;
  readonly kept: string;
  readonly string_base: number;
  readonly type_base: number;
  readonly frame_base: number;
  readonly stack_base: number;
}

const RUN_COLUMNS = {
  run_id: INTEGER,
  name: TEXT,
  boot: INTEGER,
  cpus: INTEGER,
  events: INTEGER,
  records: INTEGER,
  lost: INTEGER,
  first_ns: NUMBER,
  last_ns: NUMBER,
  base_ns: (value: unknown) => typeof value === 'string' && /^-?\d{1,19}$/.test(value),
  replayed: INTEGER,
  kept: oneOf(KEPT),
  string_base: INTEGER,
  type_base: INTEGER,
  frame_base: INTEGER,
  stack_base: INTEGER,
};

interface IssueRow {
  readonly capture: string;
  readonly kind: DiagnosticCode;
  readonly count: number;
  readonly first_line: number | null;
  readonly first_byte: number | null;
  readonly first_text: string;
}

const ISSUE_COLUMNS = {
  capture: TEXT,
  kind: DIAGNOSTIC_CODE,
  count: INTEGER,
  first_line: orNull(INTEGER),
  first_byte: orNull(INTEGER),
  first_text: TEXT,
};

const CAPTURE_COLUMNS = {
  path: TEXT,
  format: TEXT,
  clock: orNull(TEXT),
  ns_per_tick: orNull(NUMBER),
  rate_from: orNull(TEXT),
  first_ns: orNull(NUMBER),
  last_ns: orNull(NUMBER),
  offset_ns: orNull(NUMBER),
  offset_uncertainty_ns: orNull(NUMBER),
};

const ASSESSMENT_COLUMNS = { kind: FINDING_KIND, status: ASSESSMENT_STATUS, missing: TEXT, note: TEXT };

/** Settings of a stored run that a replay from the store starts with. */
export interface RunSettings {
  readonly given: KernelProfile;
  readonly header: KernelProfile;
  readonly captured: KernelProfile;
  /** Those that the user gave. */
  readonly thresholds: Partial<Thresholds>;
  readonly cpus: number;
  readonly records: number;
  readonly replayed: boolean;
  readonly kept: Kept;
}

/** A store opened for reading. Every method throws StoreError when the file is damaged. */
export class StoreReader {
  readonly path: string;
  readonly #db: Connection;

  /**
   * @param db a connection that is open already; {@link close} closes it.
   * @throws StoreError when the file is missing, not a store, locked, damaged or too new.
   */
  constructor(path: string, db: Connection = openForReading(path)) {
    this.path = path;
    this.#db = db;
  }

  close(): void {
    this.#db.close();
  }

  #guarded<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw readError(this.path, error);
    }
  }

  #row(runId: number): RunRow {
    const row = this.#guarded(() => {
      const found = this.#db.prepare('SELECT *, CAST(base_ns AS TEXT) AS base_ns FROM run WHERE run_id = ?').get(runId);
      return found === undefined ? undefined : checkedRow<RunRow>(found, 'run', RUN_COLUMNS);
    });
    if (row === undefined) throw new StoreError(`${this.path}: has no run ${runId}; it has ${this.#describeRuns()}`);
    return row;
  }

  /** @throws StoreError when the run was kept without its events */
  #rowWithEvents(runId: number): RunRow {
    const row = this.#row(runId);
    if (row.kept !== 'all')
      throw new StoreError(
        `${this.path}: run ${runId} was kept without its events (--keep ${row.kept}); give its captures instead`,
      );
    return row;
  }

  #describeRuns(): string {
    const ids = this.runIds();
    return ids.length === 0 ? 'no runs' : `runs ${ids[0]} to ${ids[ids.length - 1]}`;
  }

  /** In the order of ingest. */
  runIds(): number[] {
    return this.#guarded(() => this.#db.prepare('SELECT run_id FROM run ORDER BY run_id').pluck().all() as number[]);
  }

  runInfo(runId: number): RunInfo {
    const row = this.#row(runId);
    const captures = this.#guarded(() =>
      this.#db
        .prepare(
          'SELECT path, format, clock, ns_per_tick, rate_from, offset_ns, offset_uncertainty_ns, first_ns, last_ns FROM capture WHERE run_id = ? ORDER BY capture_id',
        )
        .all(runId)
        .map((row) => checkedRow<Record<string, unknown>>(row, 'capture', CAPTURE_COLUMNS)),
    );
    return {
      run_id: runId,
      name: row.name,
      captures: captures.map(withoutNulls) as unknown as RunInfo['captures'],
      kernel: this.#guarded(() => parsedProfile(row.kernel)),
      thresholds: this.#guarded(() => parsedThresholds(row.thresholds)),
      cpus: row.cpus,
      events: row.events,
      first_ns: row.first_ns,
      last_ns: row.last_ns,
      base_ns: row.base_ns,
    };
  }

  settings(runId: number): RunSettings {
    const row = this.#row(runId);
    return {
      given: this.#guarded(() => parsedProfile(row.kernel_given)),
      header: this.#guarded(() => parsedProfile(row.kernel_header)),
      captured: this.#guarded(() => parsedProfile(row.kernel_captured)),
      thresholds: this.#guarded(() => parsedGivenThresholds(row.thresholds_given)),
      cpus: row.cpus,
      records: row.records,
      replayed: row.replayed === 1,
      kept: row.kept as Kept,
    };
  }

  importSummary(runId: number): ImportSummary {
    const row = this.#row(runId);
    const issues = this.#guarded(() =>
      this.#db
        .prepare('SELECT * FROM import_issue WHERE run_id = ? ORDER BY rowid')
        .all(runId)
        .map((row) => checkedRow<IssueRow>(row, 'import_issue', ISSUE_COLUMNS)),
    );
    return {
      events: row.events,
      lost: row.lost,
      issues: issues.map(({ capture, kind, count, first_line, first_byte, first_text }): ImportIssue => {
        const place = first_line !== null ? { line: first_line } : { byte: first_byte ?? 0 };
        return { kind, capture, count, first: { ...place, text: first_text } };
      }),
    };
  }

  findings(runId: number): Finding[] {
    return this.#guarded(() =>
      (
        this.#db.prepare('SELECT body FROM finding WHERE run_id = ? ORDER BY position').pluck().all(runId) as string[]
      ).map((body) => parsedFinding(body)),
    );
  }

  assessments(runId: number): Assessment[] {
    return this.#guarded(() =>
      this.#db
        .prepare('SELECT kind, status, missing, note FROM assessment WHERE run_id = ?')
        .all(runId)
        .map((found) => {
          const row = checkedRow<Assessment>(found, 'assessment', ASSESSMENT_COLUMNS);
          return { ...row, missing: parsedTexts(row.missing, 'an assessment') };
        }),
    );
  }

  /** What is added to the ids of the run's dictionary in the tables. */
  dictionaryBases(runId: number): DictionaryBases {
    const row = this.#row(runId);
    return { string: row.string_base, type: row.type_base, frame: row.frame_base, stack: row.stack_base };
  }

  /** Everything that the run's events refer to, with the ids that they had when the captures were read. */
  dictionary(runId: number): DictionaryDelta {
    this.#rowWithEvents(runId);
    return this.#guarded(() => {
      const next = this.#db
        .prepare('SELECT string_base, type_base, frame_base, stack_base FROM run WHERE run_id > ? ORDER BY run_id')
        .get(runId) as Pick<RunRow, 'string_base' | 'type_base' | 'frame_base' | 'stack_base'> | undefined;
      const end = {
        string: next?.string_base ?? Number.MAX_SAFE_INTEGER,
        type: next?.type_base ?? Number.MAX_SAFE_INTEGER,
        frame: next?.frame_base ?? Number.MAX_SAFE_INTEGER,
        stack: next?.stack_base ?? Number.MAX_SAFE_INTEGER,
      };
      return readDictionary(this.#db, runId, this.dictionaryBases(runId), end);
    });
  }

  /**
   * The run's batches as they were appended, in order; the first one carries the whole dictionary.
   * @param fromPage page to begin with
   * @throws StoreError on a damaged page, which it names.
   */
  *batches(runId: number, fromPage = 0): Generator<EventBatch> {
    const dictionary = this.dictionary(runId);
    const check = new BatchCheck(dictionary);
    const pages = this.#db.prepare(
      'SELECT page_no, body FROM event_page WHERE run_id = ? AND page_no >= ? ORDER BY page_no LIMIT 16',
    );
    const reports = this.#db
      .prepare('SELECT body FROM log_report WHERE run_id = ? AND page_no = ? ORDER BY report_id')
      .pluck();
    const reportPages = new Set(
      this.#guarded(
        () =>
          this.#db.prepare('SELECT DISTINCT page_no FROM log_report WHERE run_id = ?').pluck().all(runId) as number[],
      ),
    );
    let next = fromPage;
    for (;;) {
      const rows = this.#guarded(() => pages.all(runId, next) as { page_no: number; body: Uint8Array }[]);
      if (rows.length === 0) return;
      for (const { page_no, body } of rows) {
        const batch = this.#decode(runId, page_no, body, check);
        if (page_no === fromPage) batch.delta = dictionary;
        if (reportPages.has(page_no))
          batch.reports = this.#guarded(() =>
            (reports.all(runId, page_no) as string[]).map((text) => parsedReport(text)),
          );
        yield batch;
        next = page_no + 1;
      }
    }
  }

  /** Reports of the kernel log that came with pages before this one. */
  reportsBefore(runId: number, pageNo: number): LogReport[] {
    return this.#guarded(() =>
      (
        this.#db
          .prepare('SELECT body FROM log_report WHERE run_id = ? AND page_no < ? ORDER BY report_id')
          .pluck()
          .all(runId, pageNo) as string[]
      ).map((text) => parsedReport(text)),
    );
  }

  /** Snapshots that reach no further than an event (its position in the run), latest first. */
  snapshots(runId: number, event: number): StoredSnapshot[] {
    return this.#guarded(() => snapshotsUpTo(this.#db, runId, event));
  }

  /** @throws StoreError */
  positions(runId: number): EventPositions {
    this.#rowWithEvents(runId);
    return new EventPositions(this.#db, runId, this.pageReader(runId));
  }

  /** Reads single pages of a run, without its dictionary; undefined behind the last one. */
  pageReader(runId: number): (pageNo: number) => EventBatch | undefined {
    let check: BatchCheck | undefined;
    return (pageNo) => {
      check ??= new BatchCheck(this.dictionary(runId));
      const body = this.#guarded(() =>
        this.#db.prepare('SELECT body FROM event_page WHERE run_id = ? AND page_no = ?').pluck().get(runId, pageNo),
      ) as Uint8Array | undefined;
      return body && this.#decode(runId, pageNo, body, check);
    };
  }

  #decode(runId: number, pageNo: number, body: Uint8Array, check: BatchCheck): EventBatch {
    try {
      if (!(body instanceof Uint8Array)) throw new RangeError('no bytes');
      const batch = decodePage(body);
      check.check(batch);
      return batch;
    } catch (error) {
      throw new StoreError(
        `${this.path}: run ${runId}, page ${pageNo} is damaged (${(error as Error).message}); ingest the captures again into a new file`,
      );
    }
  }

  /** Id of the event at a position of a run, as in the event tables. */
  static eventId(runId: number, position: number): number {
    return eventBase(runId) + position;
  }
}

function withoutNulls(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}
