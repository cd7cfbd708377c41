/** What a task released last: a second release of the same lock is then known to be one too many. */
import type { LockInstance } from './class.ts';

/** Releases that a task remembers. */
const REMEMBERED = 8;

/** The last locks that a task released; overwritten in turn. */
export class ReleasedLocks {
  readonly #instances: LockInstance[] = [];
  readonly #events: number[] = [];
  #next = 0;

  add(instance: LockInstance, eventId: number): void {
    this.#instances[this.#next] = instance;
    this.#events[this.#next] = eventId;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** Event of the newest release of that lock; 0 when none is remembered. */
  eventOf(instance: LockInstance): number {
    let newest = 0;
    for (let i = 0; i < this.#instances.length; i++)
      if (this.#instances[i] === instance && this.#events[i] > newest) newest = this.#events[i];
    return newest;
  }

  clear(): void {
    this.#instances.length = 0;
    this.#events.length = 0;
    this.#next = 0;
  }
}
