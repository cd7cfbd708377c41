/**
 * Facts on their way from the models to their tables. A recorder on the models' side packs them into batches of numbers and texts,
 * which may cross a thread; the writer on the store's side binds them.
 */
import type {
  CallbackFact,
  ContextSpanFact,
  FactSink,
  GracePeriodFact,
  LockClassFact,
  LockEdgeFact,
  LockHoldFact,
  LockWaitFact,
  MetricName,
  RcuBlockerFact,
  SrcuReaderFact,
  SyncWaitFact,
  SyncWaitPhaseFact,
  TaskStateFact,
  WaitEdgeFact,
  WorkItemFact,
} from '../../schema/index.ts';
import { HistogramSet } from '../histogram/histogram-set.ts';

/** `n` number or NULL · `t` text or NULL · `e` event id of the run, stored as event.id, or NULL. */
type ColumnKind = 'n' | 't' | 'e';

/** Columns of each fact table after run_id, in the order in which the recorder writes them. */
export const FACT_TABLES = {
  grace_period:
    'flavor:t gp_seq:t expedited:n request_ns:n start_ns:n init_done_ns:n last_report_ns:n end_ns:n confidence:t holdouts:t',
  sync_wait: 'api:t domain:t comm:t tid:n start_ns:n end_ns:n metric:t root_kind:t confidence:t',
  sync_wait_phase: 'api:t domain:t tid:n wait_ns:n phase:t start_ns:n end_ns:n',
  srcu_reader: 'domain:t comm:t tid:n start_ns:n end_ns:n',
  rcu_blocker: 'flavor:t gp_seq:t cpu:n tid:n comm:t start_ns:n end_ns:n nmi_ns:n hardirq_ns:n softirq_ns:n cause:t',
  context_span: 'cpu:n kind:t name:t start_ns:n end_ns:n',
  task_state: 'tid:n comm:t state:t cpu:n start_ns:n end_ns:n',
  work_item: 'work:t function:t workqueue:t queued_ns:n activated_ns:n start_ns:n end_ns:n tid:n cpu:n',
  callback: 'flavor:t function:t queued_ns:n invoked_ns:n cpu:n',
  lock_class: 'class_id:n name:t instances:n wait_type:t usage:t',
  lock_hold: 'class_id:n tid:n cpu:n read:n trylock:n start_ns:n end_ns:n',
  lock_wait: 'class_id:n tid:n start_ns:n end_ns:n owner_tid:n',
  lock_edge: 'from_class:n to_class:n dependency:t count:n held_event:e acquire_event:e tid:n context:t',
  wait_edge: 'rule:t from_node:t to_node:t start_ns:n end_ns:n',
} as const satisfies Record<string, string>;

export type FactTableName = keyof typeof FACT_TABLES;

export interface FactColumns {
  readonly names: readonly string[];
  readonly kinds: readonly ColumnKind[];
}

export function factColumns(table: FactTableName): FactColumns {
  const columns = FACT_TABLES[table].split(' ').map((column) => column.split(':'));
  return { names: columns.map(([name]) => name), kinds: columns.map(([, kind]) => kind as ColumnKind) };
}

/** Rows of one fact table. Texts are indexes into `texts`; NaN is NULL. */
export interface FactBatch {
  readonly table: FactTableName;
  readonly rows: number;
  readonly values: Float64Array;
  readonly texts: readonly string[];
}

const ROWS_PER_BATCH = 2048;

/** Collects rows of one table. */
class FactBuffer {
  readonly table: FactTableName;
  readonly #width: number;
  #values: Float64Array;
  #at = 0;
  #texts: string[] = [];
  readonly #textIndex = new Map<string, number>();

  constructor(table: FactTableName) {
    this.table = table;
    this.#width = factColumns(table).names.length;
    this.#values = new Float64Array(this.#width * ROWS_PER_BATCH);
  }

  num(value: number | null): this {
    this.#values[this.#at++] = value ?? Number.NaN;
    return this;
  }

  flag(value: boolean): this {
    this.#values[this.#at++] = value ? 1 : 0;
    return this;
  }

  text(text: string | null): this {
    if (text === null) {
      this.#values[this.#at++] = Number.NaN;
      return this;
    }
    let index = this.#textIndex.get(text);
    if (index === undefined) {
      index = this.#texts.length;
      this.#texts.push(text);
      this.#textIndex.set(text, index);
    }
    this.#values[this.#at++] = index;
    return this;
  }

  get full(): boolean {
    return this.#at === this.#values.length;
  }

  /** The rows so far, or undefined when there are none. */
  take(): FactBatch | undefined {
    if (this.#at === 0) return undefined;
    const batch = {
      table: this.table,
      rows: this.#at / this.#width,
      values: this.#values.subarray(0, this.#at),
      texts: this.#texts,
    };
    this.#values = new Float64Array(this.#width * ROWS_PER_BATCH);
    this.#at = 0;
    this.#texts = [];
    this.#textIndex.clear();
    return batch;
  }
}

/** The models' fact sink: hands full batches of facts to `emit`, keeps histograms of the samples. */
export class FactRecorder implements FactSink {
  readonly histograms = new HistogramSet();
  readonly #emit: (batch: FactBatch) => void;
  readonly #buffers = new Map<FactTableName, FactBuffer>();
  readonly #lockHold: FactBuffer;
  readonly #contextSpan: FactBuffer;
  readonly #taskState: FactBuffer;

  constructor(emit: (batch: FactBatch) => void) {
    this.#emit = emit;
    for (const table of Object.keys(FACT_TABLES) as FactTableName[]) this.#buffers.set(table, new FactBuffer(table));
    this.#lockHold = this.#buffer('lock_hold');
    this.#contextSpan = this.#buffer('context_span');
    this.#taskState = this.#buffer('task_state');
  }

  #buffer(table: FactTableName): FactBuffer {
    return this.#buffers.get(table) as FactBuffer;
  }

  #done(buffer: FactBuffer): void {
    if (!buffer.full) return;
    const batch = buffer.take();
    if (batch) this.#emit(batch);
  }

  /** Hands out what is left; call at the end of the run. */
  flush(): void {
    for (const buffer of this.#buffers.values()) {
      const batch = buffer.take();
      if (batch) this.#emit(batch);
    }
  }

  gracePeriod(f: GracePeriodFact): void {
    const row = this.#buffer('grace_period').text(f.flavor).text(f.gpSeq).flag(f.expedited);
    row.num(f.requestNs).num(f.startNs).num(f.initDoneNs).num(f.lastReportNs).num(f.endNs);
    this.#done(row.text(f.confidence).text(f.holdouts));
  }

  syncWait(f: SyncWaitFact): void {
    const row = this.#buffer('sync_wait').text(f.api).text(f.domain).text(f.comm).num(f.tid).num(f.startNs);
    this.#done(row.num(f.endNs).text(f.metric).text(f.rootKind).text(f.confidence));
  }

  syncWaitPhase(f: SyncWaitPhaseFact): void {
    const row = this.#buffer('sync_wait_phase').text(f.api).text(f.domain).num(f.tid).num(f.waitNs);
    this.#done(row.text(f.phase).num(f.startNs).num(f.endNs));
  }

  srcuReader(f: SrcuReaderFact): void {
    this.#done(this.#buffer('srcu_reader').text(f.domain).text(f.comm).num(f.tid).num(f.startNs).num(f.endNs));
  }

  rcuBlocker(f: RcuBlockerFact): void {
    const row = this.#buffer('rcu_blocker').text(f.flavor).text(f.gpSeq).num(f.cpu).num(f.tid).text(f.comm);
    row.num(f.startNs).num(f.endNs).num(f.nmiNs).num(f.hardirqNs).num(f.softirqNs);
    this.#done(row.text(f.cause));
  }

  contextSpan(f: ContextSpanFact): void {
    this.#done(this.#contextSpan.num(f.cpu).text(f.kind).text(f.name).num(f.startNs).num(f.endNs));
  }

  taskState(f: TaskStateFact): void {
    this.#done(this.#taskState.num(f.tid).text(f.comm).text(f.state).num(f.cpu).num(f.startNs).num(f.endNs));
  }

  workItem(f: WorkItemFact): void {
    const row = this.#buffer('work_item').text(f.work).text(f.function).text(f.workqueue);
    row.num(f.queuedNs).num(f.activatedNs).num(f.startNs).num(f.endNs);
    this.#done(row.num(f.tid).num(f.cpu));
  }

  callback(f: CallbackFact): void {
    this.#done(this.#buffer('callback').text(f.flavor).text(f.function).num(f.queuedNs).num(f.invokedNs).num(f.cpu));
  }

  lockClass(f: LockClassFact): void {
    const row = this.#buffer('lock_class').num(f.classId).text(f.name).num(f.instances);
    this.#done(row.text(f.waitType).text(f.usage));
  }

  lockHold(f: LockHoldFact): void {
    const row = this.#lockHold.num(f.classId).num(f.tid).num(f.cpu).flag(f.read).flag(f.trylock);
    this.#done(row.num(f.startNs).num(f.endNs));
  }

  lockWait(f: LockWaitFact): void {
    this.#done(this.#buffer('lock_wait').num(f.classId).num(f.tid).num(f.startNs).num(f.endNs).num(f.ownerTid));
  }

  lockEdge(f: LockEdgeFact): void {
    const row = this.#buffer('lock_edge').num(f.fromClass).num(f.toClass).text(f.dependency).num(f.count);
    this.#done(row.num(f.heldEvent).num(f.acquireEvent).num(f.tid).text(f.context));
  }

  waitEdge(f: WaitEdgeFact): void {
    this.#done(this.#buffer('wait_edge').text(f.rule).text(f.fromNode).text(f.toNode).num(f.startNs).num(f.endNs));
  }

  sample(metric: MetricName, by: string, valueNs: number): void {
    this.histograms.add(metric, by, valueNs);
  }

  openSample(metric: MetricName, by: string): void {
    this.histograms.histogram(metric, by).openCount++;
  }
}
