/**
 * Which witness times come before which via wake-ups, forks and thread order (happens-before via sched_waking). Prediction by
 * definition keeps locks and forks only; a wake-up may be what the code waits for, or an accident of this run. So this decides no
 * verdict: it prefers patterns without such an order and tells when there is none.
 *
 * Bit sets over a bounded number of witness times: one per live thread, one copied per witness time.
 */
import type { ThreadLife } from './critical-section.ts';

const MAX_TIMES = 4096;
const WORDS = MAX_TIMES >> 5;

export class WakeOrder {
  readonly #threads = new Map<number, Uint32Array>();
  /** What came before each witness time, by its index. */
  readonly #before: Uint32Array[] = [];
  readonly #thread: number[] = [];

  /** A witness time of this thread; −1 when there are too many already. */
  note(thread: ThreadLife): number {
    const index = this.#before.length;
    if (index >= MAX_TIMES) return -1;
    const own = this.#of(thread);
    this.#before.push(own.slice());
    this.#thread.push(thread.threadId);
    own[index >> 5] |= 1 << (index & 31);
    return index;
  }

  /** `to` goes on because of `from`. */
  order(from: ThreadLife, to: ThreadLife): void {
    const source = this.#threads.get(from.threadId);
    if (source === undefined) return;
    const target = this.#of(to);
    const words = (this.#before.length + 31) >> 5;
    for (let i = 0; i < words; i++) target[i] |= source[i];
  }

  forget(thread: ThreadLife): void {
    this.#threads.delete(thread.threadId);
  }

  /** Whether witness time `first` had to be over before witness time `second` of another thread. */
  precedes(first: number, second: number): boolean {
    if (first < 0 || second < 0 || this.#thread[first] === this.#thread[second]) return false;
    return (this.#before[second][first >> 5] & (1 << (first & 31))) !== 0;
  }

  #of(thread: ThreadLife): Uint32Array {
    let bits = this.#threads.get(thread.threadId);
    if (bits === undefined) {
      bits = new Uint32Array(WORDS);
      this.#threads.set(thread.threadId, bits);
    }
    return bits;
  }
}
