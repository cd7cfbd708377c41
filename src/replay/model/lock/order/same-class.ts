/**
 * Locks of one class held together (lockdep.c check_deadlock): one and the same address again is a recursion, which addresses prove;
 * two addresses are legal with a subclass or a nest_lock, which events do not carry (MODEL L5.29). The order of addresses is kept, which
 * lockdep itself cannot see.
 */
import type { LockClass, LockInstance } from '../class.ts';
import {
  HELD_DUBIOUS,
  HELD_OWNED,
  HELD_READ,
  HELD_RECURSIVE,
  HELD_TRY,
  type HeldLock,
  type TaskLocks,
} from '../held.ts';
import type { Acquisition } from './witness.ts';

/** How far a second acquisition of one address is known to have happened while the first one lasted. */
export type RecursionProof =
  /** The task asked, and nothing shows that it went on. */
  | 'asking'
  /** One release followed, a second one not yet. */
  | 'released-once'
  /** Two releases followed: both acquisitions were held. */
  | 'released-twice'
  /** It got an exclusive lock that it held: the release in between was not recorded. */
  | 'refuted';

export interface SameClassNesting {
  readonly classId: number;
  readonly sameInstance: boolean;
  /** Both are readers: no recursion where the second one is a recursive reader (read=2). */
  readonly readers: 'none' | 'fair' | 'recursive';
  readonly heldInstance: LockInstance;
  readonly instance: LockInstance;
  readonly heldEvent: number;
  readonly acquireEvent: number;
  readonly tsNs: number;
  readonly taskKey: number;
  readonly comm: number;
  stack: number;
  count: number;
  proof: RecursionProof;
}

/** Address `from` was held while address `to` of the same class was acquired. */
export interface AddressOrder {
  readonly classId: number;
  readonly from: LockInstance;
  readonly to: LockInstance;
  readonly fromRead: boolean;
  readonly toRead: boolean;
  readonly heldEvent: number;
  readonly acquireEvent: number;
  readonly tsNs: number;
  readonly taskKey: number;
  readonly comm: number;
  stack: number;
  count: number;
  /** Exclusive locks held every time, the first one of the two left out. */
  guards: LockInstance[];
}

const MAX_ORDERS = 8192;
const MAX_OPEN = 64;

export class SameClassNestings {
  readonly all: SameClassNesting[] = [];
  readonly orders: AddressOrder[] = [];
  readonly #byKey = new Map<number, SameClassNesting>();
  readonly #orders = new Map<LockInstance, Map<LockInstance, AddressOrder>>();
  /** Recursions whose releases are awaited. */
  readonly #open: SameClassNesting[] = [];
  /** What the newest acquisition showed for the first time: its stack may follow. */
  readonly latest: { readonly acquireEvent: number; stack: number }[] = [];

  /** An acquisition begins. */
  begin(): void {
    if (this.latest.length > 0) this.latest.length = 0;
  }

  /** Of a class of which the task holds a lock, before it is judged and pushed. */
  acquiring(task: TaskLocks, acquisition: Acquisition, cls: LockClass, isLock: (classId: number) => boolean): void {
    if (acquisition.how & HELD_TRY || !cls.checked) return;
    for (let i = task.depth - 1; i >= 0; i--) {
      const held = task.entries[i];
      if (held.classId !== cls.classId || held.how & HELD_DUBIOUS) continue;
      this.#note(task, held, acquisition, cls);
      if (cls.isLock && held.instance !== acquisition.instance && held.context === acquisition.context)
        this.#order(task, held, acquisition, isLock);
    }
  }

  #note(task: TaskLocks, held: HeldLock, acquisition: Acquisition, cls: LockClass): void {
    const { how, instance, eventId, tsNs, stack } = acquisition;
    const both = (how & HELD_READ) !== 0 && (held.how & HELD_READ) !== 0;
    const readers = both ? (how & HELD_RECURSIVE ? 'recursive' : 'fair') : 'none';
    const sameInstance = held.instance === instance;
    const key = cls.classId * 8 + (sameInstance ? 4 : 0) + (both ? (readers === 'recursive' ? 2 : 1) : 0);
    const known = this.#byKey.get(key);
    if (known !== undefined && known.proof !== 'refuted') {
      known.count++;
      return;
    }
    const made: SameClassNesting = {
      classId: cls.classId,
      sameInstance,
      readers,
      heldInstance: held.instance,
      instance,
      heldEvent: held.eventId,
      acquireEvent: eventId,
      tsNs,
      taskKey: task.key,
      comm: task.comm,
      stack,
      count: 1,
      proof: 'asking',
    };
    if (known !== undefined) this.all.splice(this.all.indexOf(known), 1);
    this.#byKey.set(key, made);
    this.all.push(made);
    this.latest.push(made);
    if (sameInstance && this.#open.length < MAX_OPEN) this.#open.push(made);
  }

  #order(task: TaskLocks, held: HeldLock, acquisition: Acquisition, isLock: (classId: number) => boolean): void {
    let list = this.#orders.get(held.instance);
    if (list === undefined) {
      if (this.orders.length >= MAX_ORDERS) return;
      list = new Map();
      this.#orders.set(held.instance, list);
    }
    const guards: LockInstance[] = [];
    for (let i = 0; i < task.depth; i++) {
      const entry = task.entries[i];
      if (entry !== held && !(entry.how & HELD_READ) && entry.how & HELD_OWNED && isLock(entry.classId))
        guards.push(entry.instance);
    }
    const known = list.get(acquisition.instance);
    if (known !== undefined) {
      known.count++;
      known.guards = known.guards.filter((guard) => guards.includes(guard));
      return;
    }
    if (this.orders.length >= MAX_ORDERS) return;
    const made: AddressOrder = {
      classId: held.classId,
      from: held.instance,
      to: acquisition.instance,
      fromRead: (held.how & HELD_READ) !== 0,
      toRead: (acquisition.how & HELD_READ) !== 0,
      heldEvent: held.eventId,
      acquireEvent: acquisition.eventId,
      tsNs: acquisition.tsNs,
      taskKey: task.key,
      comm: task.comm,
      stack: acquisition.stack,
      count: 1,
      guards,
    };
    list.set(acquisition.instance, made);
    this.orders.push(made);
    this.latest.push(made);
  }

  /** The task owns the lock that it asked for. */
  owned(task: TaskLocks, entry: HeldLock): void {
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const open = this.#open[i];
      // Readers and maps do not keep their own task out.
      if (open.acquireEvent === entry.eventId && open.taskKey === task.key && open.readers === 'none')
        this.#close(i, 'refuted');
    }
  }

  /** @param blocks whether the class is a lock that keeps its own owner out */
  released(task: TaskLocks, instance: LockInstance, blocks: boolean): void {
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const open = this.#open[i];
      if (open.taskKey !== task.key || open.instance !== instance) continue;
      if (open.proof === 'released-once') this.#close(i, 'released-twice');
      else if (blocks && open.readers === 'none') this.#close(i, 'refuted');
      else open.proof = 'released-once';
    }
  }

  /** Events of the task were lost: nothing is known of its releases. */
  doubt(task: TaskLocks): void {
    for (let i = this.#open.length - 1; i >= 0; i--) if (this.#open[i].taskKey === task.key) this.#close(i, 'refuted');
  }

  get waiting(): boolean {
    return this.#open.length > 0;
  }

  #close(index: number, proof: RecursionProof): void {
    this.#open[index].proof = proof;
    this.#open.splice(index, 1);
  }
}
