/** Names of tasks, as the events show them. */
import type { Dictionary, EventBatch } from '../../schema/index.ts';
import type { Connection } from '../store/store-file.ts';

/** Larger numbers are no pids (PID_MAX_LIMIT). */
const MOST_TIDS = 2 ** 22;
/** What ftrace prints for a task whose name it has lost. */
const UNKNOWN = '<...>';

export class TaskNames {
  /** String id of the latest name by tid. */
  #names = new Int32Array(4096);
  readonly #dictionary: Dictionary;
  readonly #unknown: number;

  constructor(dictionary: Dictionary) {
    this.#dictionary = dictionary;
    this.#unknown = dictionary.strings.indexOf(UNKNOWN);
  }

  /** @returns whether the task has a name that was not known */
  see(batch: EventBatch, index: number): boolean {
    const tid = batch.tid[index];
    const comm = batch.comm[index];
    if (tid <= 0 || tid >= MOST_TIDS || comm === 0 || comm === this.#unknown) return false;
    if (tid >= this.#names.length) this.#grow(tid);
    if (this.#names[tid] === comm) return false;
    this.#names[tid] = comm;
    return true;
  }

  of(tid: number): string | undefined {
    const id = this.#names[tid] ?? 0;
    return id === 0 ? undefined : this.#dictionary.string(id);
  }

  #grow(tid: number): void {
    const names = new Int32Array(Math.min(MOST_TIDS, 2 ** Math.ceil(Math.log2(tid + 1))));
    names.set(this.#names);
    this.#names = names;
  }
}

/** Names from the states of tasks, where no event is read. */
export function storedTaskNames(db: Connection, runId: number): (tid: number) => string | undefined {
  const names = new Map(
    db.prepare('SELECT tid, comm FROM task_state WHERE run_id = ? GROUP BY tid, comm').raw().all(runId) as [
      number,
      string,
    ][],
  );
  return (tid) => names.get(tid);
}
