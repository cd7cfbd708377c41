/**
 * Waits for locks: from lock_contended/lock_acquired (LOCK_STAT) and contention_begin/end (every kernel since 5.19), joined by
 * task, since the two name the lock by different addresses (MODEL L5.3, L5.50, T18).
 */
import type { FactSink } from '../../../../schema/index.ts';
import type { LockInstance } from './class.ts';
import type { TaskLocks } from './held.ts';

/** contention_begin flags (include/trace/events/lock.h). */
const CONTENTION_SPIN = 1;
export const CONTENTION_READ = 2;
const CONTENTION_WRITE = 4;
const CONTENTION_RT = 8;
const CONTENTION_PERCPU = 16;
export const CONTENTION_MUTEX = 32;

/** The type of a lock that only contention events know, by their flags. */
export function contendedLockType(flags: number): string {
  const sides = flags & (CONTENTION_READ | CONTENTION_WRITE);
  if (flags & CONTENTION_MUTEX) return 'mutex';
  if (flags & CONTENTION_PERCPU) return 'percpu_rw_semaphore';
  if (flags & CONTENTION_RT) return sides ? 'rwbase_rt' : 'rt_mutex';
  if (flags & CONTENTION_SPIN) return sides ? 'rwlock' : 'spinlock';
  return sides ? 'rw_semaphore' : 'lock';
}

/** An open contention_begin. */
export interface OpenContention {
  readonly taskKey: number;
  readonly tid: number;
  readonly comm: number;
  /** The lock itself, not its lockdep map. */
  readonly address: LockInstance;
  readonly flags: number;
  readonly sinceNs: number;
  readonly eventId: number;
  readonly cpu: number;
  /** Class that the task was acquiring then, −1 without lock events. */
  readonly classId: number;
  /** Stack of the contention_begin, 0 without. */
  stack: number;
  /** The task that woke it last: the one that released the lock, once the waiter has it. −1 while it spins. */
  wakerTid: number;
}

/** A task that waits for a lock right now. */
export interface LockWaitState {
  readonly taskKey: number;
  readonly tid: number;
  readonly comm: number;
  /** Address of the lockdep map when lock events tell it, else of the lock itself. */
  readonly instance: LockInstance;
  readonly className: string;
  /** contention_begin flags, 0 without. */
  readonly flags: number;
  readonly sinceNs: number;
  readonly eventId: number;
  readonly read: boolean;
  /** `lockdep`: instance matches {@link LockHolder}s; `contention`: address only. */
  readonly source: 'lockdep' | 'contention';
  readonly stack: number;
}

/** A task that holds a lock. */
export interface LockHolder {
  readonly taskKey: number;
  readonly tid: number;
  readonly comm: number;
  readonly className: string;
  readonly instance: LockInstance;
  readonly sinceNs: number;
  readonly eventId: number;
  readonly read: boolean;
  readonly trylock: boolean;
  /** False while the task still waits for it. */
  readonly owned: boolean;
  readonly pseudo: boolean;
  /** Its release may have gone unrecorded (lock-trust.ts). */
  readonly doubtful: boolean;
}

/** Last task that got a contended lock at this address. */
interface LastOwner {
  taskKey: number;
  tid: number;
  sinceNs: number;
  eventId: number;
  read: boolean;
}

/** Who kept a waiter out, and how that is known. */
export interface LockOwner {
  /** −1 unknown. */
  readonly tid: number;
  /** `held`: lock events showed it as the owner · `released`: its wakeup let the waiter go on · `guessed`: it had got the lock last (L5.50). */
  readonly basis: 'held' | 'released' | 'guessed';
}

export const NO_OWNER: LockOwner = { tid: -1, basis: 'guessed' };

const MAX_ADDRESSES = 65536;

export class ContentionTable {
  readonly #open = new Map<number, OpenContention[]>();
  readonly #lastOwner = new Map<LockInstance, LastOwner>();
  /** Class by lock address, learned where lock events and contention events meet. */
  readonly classByAddress = new Map<LockInstance, number>();

  begin(contention: OpenContention): boolean {
    const open = this.#open.get(contention.taskKey);
    if (open === undefined) {
      this.#open.set(contention.taskKey, [contention]);
      return true;
    }
    // A mutex begins again after each spin or sleep: the first begin counts (L5.51, T60). Spinlocks taken while it sleeps nest.
    if (open.some((other) => other.address === contention.address)) return false;
    open.push(contention);
    return true;
  }

  /** Ends the innermost open contention of the task with that address. */
  end(taskKey: number, address: LockInstance): OpenContention | undefined {
    const open = this.#open.get(taskKey);
    if (open === undefined) return undefined;
    const index = open.findLastIndex((other) => other.address === address);
    if (index < 0) return undefined;
    const [ended] = open.splice(index, 1);
    if (open.length === 0) this.#open.delete(taskKey);
    return ended;
  }

  forget(taskKey: number): void {
    this.#open.delete(taskKey);
  }

  /** Open contentions, oldest first per task. */
  *open(): IterableIterator<OpenContention> {
    for (const list of this.#open.values()) yield* list;
  }

  openOf(taskKey: number): readonly OpenContention[] {
    return this.#open.get(taskKey) ?? [];
  }

  gotIt(address: LockInstance, taskKey: number, tid: number, nowNs: number, eventId: number, read: boolean): void {
    const owner = this.#lastOwner.get(address);
    if (owner) {
      owner.taskKey = taskKey;
      owner.tid = tid;
      owner.sinceNs = nowNs;
      owner.eventId = eventId;
      owner.read = read;
    } else if (this.#lastOwner.size < MAX_ADDRESSES)
      this.#lastOwner.set(address, { taskKey, tid, sinceNs: nowNs, eventId, read });
  }

  /** A task wakes another: if that one waits for a lock, perhaps because the lock is free. */
  woken(tid: number, wakerTid: number): void {
    const innermost = this.#open.get(tid)?.at(-1);
    if (innermost !== undefined) innermost.wakerTid = wakerTid;
  }

  /**
   * Who kept a waiter out that has just got the lock: the task that released it and so woke the waiter, or else the last one known to have
   * got it before, a guess (L5.50). Readers keep no readers out.
   */
  ownerDuring({ address, flags, sinceNs, taskKey, wakerTid }: OpenContention): LockOwner {
    if (wakerTid > 0) return { tid: wakerTid, basis: 'released' };
    const owner = this.#lastOwner.get(address);
    if (!owner || owner.taskKey === taskKey || owner.sinceNs > sinceNs) return NO_OWNER;
    return owner.read && flags & CONTENTION_READ ? NO_OWNER : { tid: owner.tid, basis: 'guessed' };
  }

  nameAddress(address: LockInstance, classId: number): void {
    if (this.classByAddress.size < MAX_ADDRESSES) this.classByAddress.set(address, classId);
  }
}

/** Shorter waits for a lock explain no sleep that anybody asks about. */
export const LONG_WAIT_NS = 1e8;
/** Long waits that are remembered for blame. */
const LONG_WAITS_KEPT = 4096;

/** A wait for a lock that is over. */
export interface PastLockWait {
  readonly lock: string;
  readonly tid: number;
  readonly startNs: number;
  readonly endNs: number;
  readonly owner: LockOwner;
}

/** Writes one wait, and remembers it when it was long. */
export function recordWait(
  facts: FactSink,
  past: PastLockWait[],
  className: string,
  classId: number,
  tid: number,
  startNs: number,
  endNs: number,
  owner: LockOwner,
): void {
  facts.lockWait({ classId, tid, startNs, endNs, ownerTid: owner.tid >= 0 ? owner.tid : null });
  facts.sample('lock-wait', className, endNs - startNs);
  if (endNs - startNs < LONG_WAIT_NS) return;
  past.push({ lock: className, tid, startNs, endNs, owner });
  if (past.length > LONG_WAITS_KEPT * 2) past.splice(0, LONG_WAITS_KEPT);
}

/** The same for a wait that lock events show, and whose owner they showed when it began. */
export function recordHeldWait(
  facts: FactSink,
  past: PastLockWait[],
  { name, classId }: { readonly name: string; readonly classId: number },
  tid: number,
  { contendedNs, ownerTid }: { readonly contendedNs: number; readonly ownerTid: number },
  endNs: number,
): void {
  recordWait(facts, past, name, classId, tid, contendedNs, endNs, { tid: ownerTid, basis: 'held' });
}

/** tid of a task key; idle tasks are 0. */
export function tidOf(task: Pick<TaskLocks, 'key'>): number {
  return Math.max(task.key, 0);
}
