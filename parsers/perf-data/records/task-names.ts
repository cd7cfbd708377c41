/** Names of tasks as the recording's own COMM, FORK records tell them, the way perf shows them (tools/perf/util/thread.c). */
import type { DictionaryWriter } from '../../dictionary-writer.ts';

/** pid_max of a 64-bit kernel. Larger numbers are damage, or a namespace trick; they are kept in a map. */
const DENSE_TIDS = 1 << 22;

export class TaskNames {
  readonly #dictionary: DictionaryWriter;
  /** String id + 1 by tid; 0 = not known yet. */
  #dense = new Int32Array(1 << 16);
  readonly #sparse = new Map<number, number>();

  constructor(dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
    this.set(0, dictionary.string('swapper'));
  }

  /** String id of the task's name; `:tid` when the recording never named it. */
  comm(tid: number): number {
    if (tid >= 0 && tid < this.#dense.length) {
      const known = this.#dense[tid];
      if (known !== 0) return known - 1;
    }
    return this.#slow(tid);
  }

  #slow(tid: number): number {
    const known = this.#lookup(tid);
    if (known !== undefined) return known;
    const made = this.#dictionary.string(`:${tid}`);
    this.set(tid, made);
    return made;
  }

  #lookup(tid: number): number | undefined {
    if (tid < 0 || tid >= DENSE_TIDS) return this.#sparse.get(tid);
    const entry = tid < this.#dense.length ? this.#dense[tid] : 0;
    return entry === 0 ? undefined : entry - 1;
  }

  set(tid: number, comm: number): void {
    if (tid < 0 || tid >= DENSE_TIDS) {
      this.#sparse.set(tid, comm);
      return;
    }
    if (tid >= this.#dense.length) {
      const grown = new Int32Array(Math.min(DENSE_TIDS, Math.max(tid + 1, this.#dense.length * 2)));
      grown.set(this.#dense);
      this.#dense = grown;
    }
    this.#dense[tid] = comm + 1;
  }

  /** A new task begins with its parent's name. */
  fork(parentTid: number, childTid: number): void {
    this.set(childTid, this.comm(parentTid));
  }
}
