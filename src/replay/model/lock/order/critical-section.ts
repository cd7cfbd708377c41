/**
 * What deadlock prediction remembers of the past, in bounded memory.
 *
 * The closure of Tunç, Mathur, Pavlogiannis, Viswanathan ("Sound Dynamic Deadlock Prediction in Linear Time", PLDI 2023) asks: when
 * two threads' prefixes both take lock ℓ, has the earlier critical section been left? Only sections that are open where a prefix can
 * end matter: at a stored witness, at a fork, at a release that the closure had to add. Those are *pinned*; for each pinned
 * section the first later acquisition of its lock by every other thread is kept. Everything else of the past is irrelevant to the
 * closure, so this loses nothing until the limit is reached; then {@link SectionHistory.complete} turns false.
 */
import type { LockInstance } from '../class.ts';

/** One life of a task (a tid is reused). */
export interface ThreadLife {
  readonly threadId: number;
  readonly parent: ThreadLife | undefined;
  /** Event id of the fork in the parent (0: the thread was there before the capture). */
  readonly forkEvent: number;
  /** What the parent held at the fork. */
  readonly forkSections: readonly CriticalSection[];
  /** Locks held since before the capture, known from their release. */
  readonly heldBefore: { readonly instance: LockInstance; readonly releaseEvent: number }[];
}

/** A pinned critical section. Positions are event ids: they order a thread's events and all acquisitions of a lock alike. */
export interface CriticalSection {
  readonly thread: ThreadLife;
  readonly instance: LockInstance;
  readonly read: boolean;
  readonly acquireEvent: number;
  /** Infinity while open; NaN when a gap swallowed the release. */
  releaseEvent: number;
  /** What the thread still held right after the release. */
  heldAtRelease: readonly CriticalSection[];
}

/** Acquisitions of one pinned lock by one thread: the first after each pin, ascending. Readers do not exclude readers. */
interface Acquisitions {
  readonly any: number[];
  readonly exclusive: number[];
}

interface InstanceHistory {
  /** Newest pinned acquisition of this lock. */
  lastPin: number;
  readonly byThread: Map<number, Acquisitions>;
  /** The thread that took it last, and its acquisitions: most locks are taken again by the same one. */
  lastThread: number;
  lastLists: Acquisitions;
}

/** Entries of all histories together; 8 bytes each plus a map slot per lock and thread. */
const MAX_ENTRIES = 400_000;
const FILTER_BITS = 1 << 16;

export class SectionHistory {
  readonly #instances = new Map<LockInstance, InstanceHistory>();
  /** Addresses that may be pinned, by hash: most acquisitions are of locks that are not. */
  readonly #filter = new Uint8Array(FILTER_BITS >> 3);
  #entries = 0;
  /** False once something had to be left out: "no" and "yes" can no longer be proved where it matters. */
  complete = true;

  /** Starts to watch a lock from this acquisition on. */
  pin(section: CriticalSection, hash: number): void {
    const bit = hash & (FILTER_BITS - 1);
    this.#filter[bit >> 3] |= 1 << (bit & 7);
    let history = this.#instances.get(section.instance);
    if (history === undefined) {
      if (this.#entries >= MAX_ENTRIES) {
        this.complete = false;
        return;
      }
      this.#entries++;
      history = { lastPin: 0, byThread: new Map(), lastThread: -1, lastLists: { any: [], exclusive: [] } };
      this.#instances.set(section.instance, history);
    }
    if (section.acquireEvent > history.lastPin) history.lastPin = section.acquireEvent;
  }

  /** Every acquisition of a real lock passes here. */
  acquired(instance: LockInstance, hash: number, thread: ThreadLife, eventId: number, read: boolean): void {
    const bit = hash & (FILTER_BITS - 1);
    if (!(this.#filter[bit >> 3] & (1 << (bit & 7)))) return;
    const history = this.#instances.get(instance);
    if (history === undefined) return;
    const { threadId } = thread;
    const lists = threadId === history.lastThread ? history.lastLists : listsOf(history, threadId);
    this.#push(lists.any, history.lastPin, eventId);
    if (!read) this.#push(lists.exclusive, history.lastPin, eventId);
  }

  #push(list: number[], lastPin: number, eventId: number): void {
    if (list.length > 0 && list[list.length - 1] > lastPin) return;
    if (this.#entries >= MAX_ENTRIES) {
      this.complete = false;
      return;
    }
    this.#entries++;
    list.push(eventId);
  }

  /** First conflicting acquisition of the section's lock by that thread after the section began; Infinity when there is none. */
  firstAfter(section: CriticalSection, threadId: number): number {
    const lists = this.#instances.get(section.instance)?.byThread.get(threadId);
    if (lists === undefined) return Number.POSITIVE_INFINITY;
    const list = section.read ? lists.exclusive : lists.any;
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle] > section.acquireEvent) high = middle;
      else low = middle + 1;
    }
    return low < list.length ? list[low] : Number.POSITIVE_INFINITY;
  }
}

function listsOf(history: InstanceHistory, threadId: number): Acquisitions {
  let lists = history.byThread.get(threadId);
  if (lists === undefined) {
    lists = { any: [], exclusive: [] };
    history.byThread.set(threadId, lists);
  }
  history.lastThread = threadId;
  history.lastLists = lists;
  return lists;
}
