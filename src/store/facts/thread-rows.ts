/** The tasks of a run, by what its facts say of them: counted while the facts are written, for SQL would sort millions of them. */
import { FACTS, type FactName, type FactRow } from '../../../schema/index.ts';
import { RowInserter } from '../row-inserter.ts';
import type { Connection } from '../store-file.ts';
import type { FactBatch } from './fact-recorder.ts';

interface Thread {
  comm: string;
  /** Names besides that one. */
  others: Set<string> | undefined;
  firstNs: number;
  lastNs: number;
  /** NaN: not recorded. */
  runningNs: number;
}

/** Positions of the columns of a fact that tell of a task. */
interface Columns {
  readonly width: number;
  readonly tid: number;
  readonly comm: number;
  readonly startNs: number;
  readonly endNs: number;
  readonly state: number;
}

function columnsOf(fact: FactName): Columns | undefined {
  const names = Object.keys((FACTS[fact] as FactRow).columns);
  const at = (name: string): number => names.indexOf(name);
  if (at('tid') < 0 || at('comm') < 0) return undefined;
  return {
    width: names.length,
    tid: at('tid'),
    comm: at('comm'),
    startNs: at('startNs'),
    endNs: at('endNs'),
    state: at('state'),
  };
}

export class ThreadRows {
  readonly #threads = new Map<number, Thread>();
  readonly #columns = new Map<FactName, Columns | undefined>();

  /** Counts the tasks of a batch, whatever its facts are. */
  note({ fact, rows, values, texts }: FactBatch): void {
    if (!this.#columns.has(fact)) this.#columns.set(fact, columnsOf(fact));
    const columns = this.#columns.get(fact);
    if (columns === undefined) return;
    const running = columns.state < 0 ? -1 : texts.indexOf('running');
    for (let row = 0, at = 0; row < rows; row++, at += columns.width) {
      const comm = texts[values[at + columns.comm]];
      // Undefined: NaN, of a fact that concerns no task.
      if (comm === undefined) continue;
      const startNs = values[at + columns.startNs];
      const thread = this.#seen(values[at + columns.tid], comm, startNs);
      if (running < 0 || values[at + columns.state] !== running) continue;
      const ranNs = values[at + columns.endNs] - startNs;
      // NaN: it runs when the capture ends.
      if (ranNs >= 0) thread.runningNs = (thread.runningNs >= 0 ? thread.runningNs : 0) + ranNs;
    }
  }

  #seen(tid: number, comm: string, startNs: number): Thread {
    let thread = this.#threads.get(tid);
    if (thread === undefined) {
      thread = { comm, others: undefined, firstNs: startNs, lastNs: startNs, runningNs: Number.NaN };
      this.#threads.set(tid, thread);
      return thread;
    }
    if (startNs < thread.firstNs) thread.firstNs = startNs;
    const later = startNs >= thread.lastNs;
    if (later) thread.lastNs = startNs;
    if (comm !== thread.comm) {
      thread.others ??= new Set();
      thread.others.add(later ? thread.comm : comm);
      if (later) thread.comm = comm;
      thread.others.delete(thread.comm);
    }
    return thread;
  }

  write(db: Connection, runId: number): void {
    const rows = new RowInserter(
      db,
      'thread',
      ['tid', 'comm', 'names', 'first_ns', 'running_ns'],
      [['run_id', String(runId)]],
    );
    for (const [tid, { comm, others, firstNs, runningNs }] of this.#threads)
      rows.row(tid, comm, 1 + (others?.size ?? 0), firstNs, runningNs);
    rows.flush();
  }
}
