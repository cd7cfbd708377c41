/** A store opened for reading, for programs: its runs with their verdicts, events, states and numbers. */
import {
  type Assessment,
  Dictionary,
  FINDING_KINDS,
  type Finding,
  type HistogramResult,
  type ImportSummary,
  RequestError,
  type RunInfo,
  type StateResult,
} from '../../schema/index.ts';
import { type Explanation, explainFinding } from '../query/explain.ts';
import { histogramResult } from '../query/histogram-result.ts';
import { metricHistograms } from '../query/metric-histograms.ts';
import { type QueryArguments, runNamedQuery } from '../query/named-catalog.ts';
import { QueryConnection, type SqlRows, type SqlValue } from '../query/user-sql.ts';
import type { InstantFilter } from '../replay/instant/instant.ts';
import { StoreReader } from '../store/run-reader.ts';
import { type Instant, StoredStates } from './stored-states.ts';
import { EventDecoder, type EventSelection, type TraceEvent } from './trace-event.ts';

/** A run as the store knows it. */
export interface StoredRun extends RunInfo {
  readonly run_id: number;
  /** False when it was only stored so far: it has events, and no findings. */
  readonly replayed: boolean;
}

export interface StoredEventsOptions extends EventSelection {
  /** Default: the latest run. */
  readonly run?: number;
  /** Events from this instant on, ns. */
  readonly fromNs?: number;
  /** Events up to this instant, ns, itself included. */
  readonly toNs?: number;
}

export interface HistogramOptions {
  /** One histogram per value of this column: a CPU, task, lock class, … */
  readonly by?: string;
  /** Default: the latest run; `all` adds the runs up. */
  readonly run?: number | 'all';
}

/** A row of a statement by column. Whole numbers are numbers, and bigint beyond 2^53. */
export type Row = Readonly<Record<string, SqlValue>>;

/** Where a method takes `run`, the default is the latest one. Every method throws StoreError when the file is damaged or locked. */
export class Store implements Disposable {
  readonly path: string;
  readonly #reader: StoreReader;
  #connection: QueryConnection | undefined;
  readonly #states = new Map<number, StoredStates>();

  /** @throws StoreError when the file is missing, not a store, locked, damaged or of a newer version */
  constructor(path: string) {
    this.path = path;
    this.#reader = new StoreReader(path);
  }

  close(): void {
    for (const states of this.#states.values()) states.close();
    this.#connection?.close();
    this.#reader.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** In the order in which they were stored. */
  runs(): StoredRun[] {
    return this.#reader.runIds().map((id) => this.run(id));
  }

  run(run?: number): StoredRun {
    const id = this.#id(run);
    return { ...this.#reader.runInfo(id), run_id: id, replayed: this.#reader.settings(id).replayed };
  }

  findings(run?: number): Finding[] {
    return this.#reader.findings(this.#id(run));
  }

  /** For each kind of finding, whether the recording could decide it. */
  assessments(run?: number): Assessment[] {
    const found = this.#reader.assessments(this.#id(run));
    return found.sort((a, b) => FINDING_KINDS.indexOf(a.kind) - FINDING_KINDS.indexOf(b.kind));
  }

  /** What was read, lost and skipped when the run was stored. */
  importSummary(run?: number): ImportSummary {
    return this.#reader.importSummary(this.#id(run));
  }

  /**
   * A finding with the events and log lines that prove it.
   * @param id of the finding, or the beginning of one
   * @param run default: the latest run that has it
   * @throws RequestError naming the findings there are
   */
  explain(id: string, run?: number): Explanation {
    return explainFinding(this.#sql(), id, run);
  }

  /** Decoded events of a run in time order, read while they are iterated. */
  *events(options: StoredEventsOptions = {}): Generator<TraceEvent, void, undefined> {
    const { fromNs = Number.NEGATIVE_INFINITY, toNs = Number.POSITIVE_INFINITY } = options;
    const run = this.#id(options.run);
    const first = fromNs === Number.NEGATIVE_INFINITY ? 0 : this.#reader.positions(run).pageBeyond(fromNs - 1)?.pageNo;
    if (first === undefined) return;
    const dictionary = new Dictionary();
    const decoder = new EventDecoder(dictionary, options);
    for (const batch of this.#reader.batches(run, first)) {
      dictionary.apply(batch.delta);
      if (batch.length > 0 && batch.tsNs[0] > toNs) return;
      for (const event of decoder.events(batch)) if (event.ts_ns >= fromNs && event.ts_ns <= toNs) yield event;
    }
  }

  /**
   * What runs, who holds what, what is in flight and who waits for whom.
   * @param instant ns on the run's timeline (everything up to it has happened), or right after an event
   * @throws RequestError when the run does not reach there
   */
  stateAt(instant: Instant, filter: InstantFilter & { readonly run?: number } = {}): StateResult {
    const { run, ...only } = filter;
    const id = this.#id(run);
    const states = this.#states.get(id) ?? new StoredStates(this.path, id);
    this.#states.set(id, states);
    return states.at(typeof instant === 'number' ? { tsNs: instant } : instant, only);
  }

  /**
   * Rows of one SELECT, read while they are iterated. The tables and views are documented in the store itself.
   * @param values of named parameters (`:name`), without the colon
   * @throws RequestError when the statement is wrong or would write
   */
  query(sql: string, values?: Readonly<Record<string, SqlValue>>): Iterable<Row> {
    return rowObjects(this.#sql().query(sql, values));
  }

  /**
   * Rows of a query of the library; {@link namedQueries} lists it.
   * @throws RequestError when the name or an argument is wrong, or the store lacks events that the query reads
   */
  namedQuery(name: string, args: QueryArguments = {}): Iterable<Row> {
    return rowObjects(runNamedQuery(this.#sql(), name, args));
  }

  /** @throws RequestError naming the metrics or columns that there are */
  histogram(metric: string, options: HistogramOptions = {}): HistogramResult {
    return histogramResult(metricHistograms(this.path, { ...options, metric }));
  }

  #id(run: number | undefined): number {
    const id = run ?? this.#reader.runIds().at(-1);
    if (id === undefined) throw new RequestError(`${this.path}: holds no run; ingest a capture first`);
    return id;
  }

  #sql(): QueryConnection {
    this.#connection ??= new QueryConnection(this.path);
    return this.#connection;
  }
}

function* rowObjects({ columns, rows }: SqlRows): Generator<Row> {
  for (const row of rows) yield Object.fromEntries(columns.map((column, i) => [column, plainNumber(row[i])]));
}

function plainNumber(value: SqlValue): SqlValue {
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/**
 * Opens a store for reading. Close it after use.
 * @throws StoreError when the file is missing, not a store, locked, damaged or of a newer version
 */
export function openStore(path: string): Store {
  return new Store(path);
}

/**
 * The state of a stored run at an instant; of many instants, keep the store open: {@link Store.stateAt}.
 * @param store a path, or a store that is open
 * @param instant ns on the run's timeline, or `{ event }`: right after that event
 * @throws StoreError
 * @throws RequestError when the run does not reach there
 */
export function stateAt(
  store: string | Store,
  instant: Instant,
  filter: InstantFilter & { readonly run?: number } = {},
): StateResult {
  if (typeof store !== 'string') return store.stateAt(instant, filter);
  const opened = openStore(store);
  try {
    return opened.stateAt(instant, filter);
  } finally {
    opened.close();
  }
}
