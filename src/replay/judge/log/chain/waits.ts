/**
 * Who waits for which lock, and who has it, from hung-task reports alone (MODEL W22, W23): the kernel's blocker line, or the lists of
 * held locks. lockdep notes a lock before the task waits for it, so the last entry of a waiter's list is what it wants.
 */
import type { LogTask } from '../../../../../schema/index.ts';
import type { WaitResource } from '../../../knowledge/stack/wait-frames.ts';
import { ONE_TROUBLE_NS } from '../../../knowledge/thresholds.ts';
import type { LogHung } from '../../../model/log/hung.ts';
import type { HeldLocks, LogPlace } from '../../../model/log/log.ts';
import type { LogRecord } from '../../../record/log-record.ts';

export interface LockWanted {
  /** Class name, or what kind of lock it is when nothing names it. */
  readonly name: string;
  readonly owner: LogTask | undefined;
  /** Why this owner: the kernel says so, or the lists do. */
  readonly why: string;
  /** The report that says it. */
  readonly place: LogPlace | undefined;
}

const LOCK_RESOURCES: ReadonlySet<WaitResource | undefined> = new Set(['mutex', 'rwsem', 'rt-lock', 'semaphore']);

const WORDS: Partial<Record<WaitResource, string>> = {
  mutex: 'a mutex',
  rwsem: 'an rw-semaphore',
  'rt-lock': 'an rtmutex',
  semaphore: 'a semaphore',
};

export class LogWaits {
  readonly #log: LogRecord;

  constructor(log: LogRecord) {
    this.#log = log;
  }

  /** The wait of a task, the one nearest to `tsNs` when it had several. */
  hungTask(tid: number, tsNs: number): LogHung | undefined {
    let best: LogHung | undefined;
    const distance = (hung: LogHung): number => Math.abs(hung.last.tsNs - tsNs);
    for (const hung of this.#log.hung)
      if (hung.tid === tid && !hung.last.cannotDie && (!best || distance(hung) < distance(best))) best = hung;
    return best;
  }

  /** The lock that a hung task waits for; undefined when it waits for something else. */
  lockOf(hung: LogHung): LockWanted | undefined {
    const { resource } = hung.verdict;
    if (!LOCK_RESOURCES.has(resource) && !hung.last.blocker) return undefined;
    const list = this.#listOf(hung);
    const wanted = LOCK_RESOURCES.has(resource) ? list?.locks.at(-1) : undefined;
    const name = wanted?.name ?? WORDS[resource ?? 'mutex'] ?? hung.last.blocker?.on ?? 'a lock';
    if (hung.last.blocker) {
      const { owner } = hung.last.blocker;
      const why = owner
        ? `the kernel names ${owner.comm}:${owner.tid} as its likely owner`
        : 'the kernel found no owner';
      return { name, owner, why, place: hung.last };
    }
    const owners = wanted?.address === undefined ? [] : this.#holders(hung.tid, wanted.address);
    const [owner] = owners;
    if (owners.length !== 1)
      return {
        name,
        owner: undefined,
        why:
          owners.length === 0
            ? 'no list of held locks shows its owner'
            : `held by ${owners.length} tasks at once (readers)`,
        place: list,
      };
    return {
      name,
      owner: owner.task,
      why: `${owner.task.comm}:${owner.task.tid} is listed with it and does not wait for it`,
      place: owner,
    };
  }

  /** Workers that are reported as blocked in a work item while the task waits in flush_work() or a related call: its work is one of theirs (W24). */
  flushed(hung: LogHung): LogHung[] {
    if (hung.verdict.resource !== 'flush') return [];
    return this.#log.hung.filter(
      (other) =>
        other.last.workqueue !== undefined &&
        other.tid !== hung.tid &&
        !other.last.cannotDie &&
        other.sinceNs <= hung.last.tsNs + ONE_TROUBLE_NS &&
        other.last.tsNs >= hung.sinceNs - ONE_TROUBLE_NS,
    );
  }

  /** Tasks inside SRCU read-side sections, as far as lists of held locks show them. */
  srcuReaders(
    domain: string | undefined,
  ): { readonly task: LogTask; readonly domain: string; readonly place: LogPlace }[] {
    const readers: { task: LogTask; domain: string; place: LogPlace }[] = [];
    for (const list of this.#log.held.values())
      for (const { name } of list.locks)
        if (/srcu/.test(name) && !/lock|mutex|usage|work/.test(name) && (domain === undefined || domain === name))
          readers.push({ task: list.task, domain: name, place: list });
    return readers;
  }

  /** A list taken while the task was in this wait. */
  #listOf(hung: LogHung): HeldLocks | undefined {
    const list = this.#log.held.get(hung.tid);
    return list && list.task.comm === hung.comm && list.tsNs >= hung.sinceNs ? list : undefined;
  }

  #holders(waiter: number, address: string): HeldLocks[] {
    return [...this.#log.held.values()].filter((list) => {
      if (list.task.tid === waiter) return false;
      const at = list.locks.findLastIndex((lock) => lock.address === address);
      if (at < 0) return false;
      // Another waiter has the lock at the end of its list, too.
      const other = this.hungTask(list.task.tid, list.tsNs);
      const waits = other !== undefined && LOCK_RESOURCES.has(other.verdict.resource);
      return !(waits && at === list.locks.length - 1);
    });
  }
}
