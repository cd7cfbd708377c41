/** Locks by their slow paths: contention_begin and contention_end, which need no lockdep (MODEL L5.50, L5.51). */
import { type EventCursor, fieldsOf } from '../../../../schema/index.ts';
import type { World } from '../../core/world.ts';
import { addressText, type LockClass, type LockInstance, WAIT_MUTEX } from './class.ts';
import type { LockEvents } from './events.ts';
import { HELD_OWNED, type HeldLock, newestWaiting, type TaskLocks } from './held.ts';
import {
  CONTENTION_MUTEX,
  CONTENTION_READ,
  ContentionTable,
  contendedLockType,
  type OpenContention,
  recordWait,
  tidOf,
} from './wait.ts';

const CONTENTION_BEGIN = fieldsOf('contention_begin');
const CONTENTION_END = fieldsOf('contention_end');
/** Classes made for locks that only their address tells apart; the rest share one per type. */
const MAX_ADDRESS_CLASSES = 4096;

export class ContentionEvents {
  readonly #world: World;
  readonly #events: LockEvents;
  readonly table = new ContentionTable();
  #addressed = 0;

  constructor(world: World, events: LockEvents) {
    this.#world = world;
    this.#events = events;
  }

  /** @returns the contention, when it begins here and does not go on */
  begin(event: EventCursor): OpenContention | undefined {
    const task = this.#events.tasks.at(event);
    if (task === undefined) return undefined;
    const flags = event.int(CONTENTION_BEGIN.flags);
    const entry = this.#events.acquisitions > 0 ? this.#waitingEntry(task) : undefined;
    const contention: OpenContention = {
      taskKey: task.key,
      tid: event.tid,
      comm: event.comm,
      address: event.key(CONTENTION_BEGIN.lock_addr),
      flags,
      sinceNs: event.tsNs,
      eventId: event.eventId,
      cpu: event.cpu,
      classId: entry?.classId ?? -1,
      stack: event.stack,
      wakerTid: -1,
    };
    const begun = this.table.begin(contention) ? contention : undefined;
    if (entry === undefined) return begun;
    entry.how &= ~HELD_OWNED;
    this.#events.startWait(task, entry, event.tsNs, event.eventId);
    this.table.nameAddress(contention.address, entry.classId);
    if (flags & CONTENTION_MUTEX) this.#events.table.classes[entry.classId].noteEvidence(WAIT_MUTEX, event.eventId);
    return begun;
  }

  /** The entry whose slow path runs: the newest that is not owned; without LOCK_STAT the newest that is no wait_lock. */
  #waitingEntry(task: TaskLocks): HeldLock | undefined {
    if (this.#events.lockStat) return newestWaiting(task);
    for (let i = task.depth - 1; i >= 0; i--) {
      const cls = this.#events.table.classes[task.entries[i].classId];
      if (cls.isLock && !cls.slowPath) return task.entries[i];
    }
    return undefined;
  }

  end(event: EventCursor): void {
    const task = this.#events.tasks.at(event);
    if (task === undefined) return;
    const address = event.key(CONTENTION_END.lock_addr);
    const ended = this.table.end(task.key, address);
    const got = event.int(CONTENTION_END.ret) === 0;
    if (ended !== undefined && ended.classId < 0 && this.#events.acquisitions === 0) {
      const cls = this.classOf(ended.address, ended.flags);
      recordWait(
        this.#world.facts,
        this.#events.pastWaits,
        cls.name,
        cls.classId,
        tidOf(task),
        ended.sinceNs,
        event.tsNs,
        this.table.ownerDuring(ended),
      );
    }
    const read = ended !== undefined && (ended.flags & CONTENTION_READ) !== 0;
    if (got) this.table.gotIt(address, task.key, event.tid, event.tsNs, event.eventId, read);
    if (!got || ended === undefined || ended.classId < 0 || this.#events.lockStat) return;
    const entry = newestWaiting(task);
    if (entry?.classId === ended.classId) this.#events.owned(task, entry, event.tsNs, event.eventId);
  }

  /** A class for a lock that only contention events know. */
  classOf(address: LockInstance, flags: number): LockClass {
    const type = contendedLockType(flags);
    const name = `${type}@${addressText(address)}`;
    const known = this.#events.table.find(name);
    if (known) return known;
    return this.#events.table.named(this.#addressed++ < MAX_ADDRESS_CLASSES ? name : `${type}@(others)`);
  }
}
