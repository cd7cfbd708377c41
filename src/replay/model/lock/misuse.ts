/**
 * Locks released or left behind against their rules (MODEL L5.22, L5.23), where the recording is whole enough to prove it: an unlock of what
 * this task had released already, and what is still held where nothing may be.
 */
import type { EventCursor, LockMisuseKind } from '../../../../schema/index.ts';
import { RUNQUEUE_LOCK } from '../../knowledge/lock/names.ts';
import { type LockClass, type LockInstance, withoutAddress } from './class.ts';
import { CONTEXT_TASK, HELD_DUBIOUS, HELD_OWNED, type HeldLock, type TaskLocks } from './held.ts';

export interface LockMisuseRecord {
  readonly misuse: LockMisuseKind;
  readonly classId: number;
  readonly instance: LockInstance;
  readonly taskKey: number;
  readonly comm: number;
  readonly tsNs: number;
  readonly eventId: number;
  /** The release before, or the acquisition of what is still held. */
  readonly earlierEvent: number;
  count: number;
}

const MAX_RECORDS = 256;

export class LockMisuses {
  readonly all: LockMisuseRecord[] = [];
  readonly #known = new Map<string, LockMisuseRecord>();
  readonly #classes: readonly LockClass[];

  constructor(classes: readonly LockClass[]) {
    this.#classes = classes;
  }

  /** A release of what the task does not hold, and what it has released before. No other task holds it: that would be a hand-over. */
  unbalanced(task: TaskLocks, cls: LockClass, instance: LockInstance, event: EventCursor): void {
    const earlierEvent = task.released.eventOf(instance);
    if (!cls.isLock || earlierEvent === 0 || instance === withoutAddress(cls)) return;
    this.#add('unbalanced-unlock', task, cls.classId, instance, earlierEvent, event);
  }

  /**
   * The task is at a point where it may hold no lock.
   * @param since only what was acquired after that event counts
   */
  stillHeld(misuse: LockMisuseKind, task: TaskLocks, event: EventCursor, since = 0): void {
    // A release that matched nothing, earlier: what seems held may be held by another name or context.
    if (task.unmatched) return;
    for (let i = 0; i < task.depth; i++) {
      const entry = task.entries[i];
      if (entry.eventId > since && this.#leftBehind(entry))
        this.#add(misuse, task, entry.classId, entry.instance, entry.eventId, event);
    }
  }

  #leftBehind({ classId, context, how }: HeldLock): boolean {
    const cls = this.#classes[classId];
    return (
      context === CONTEXT_TASK &&
      (how & (HELD_OWNED | HELD_DUBIOUS)) === HELD_OWNED &&
      cls.isLock &&
      cls.name !== RUNQUEUE_LOCK
    );
  }

  #add(
    misuse: LockMisuseKind,
    task: TaskLocks,
    classId: number,
    instance: LockInstance,
    earlierEvent: number,
    event: EventCursor,
  ): void {
    const key = `${misuse} ${classId} ${task.key}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      known.count++;
      return;
    }
    if (this.all.length >= MAX_RECORDS) return;
    const { tsNs, eventId } = event;
    const made = {
      misuse,
      classId,
      instance,
      taskKey: task.key,
      comm: task.comm,
      tsNs,
      eventId,
      earlierEvent,
      count: 1,
    };
    this.#known.set(key, made);
    this.all.push(made);
  }
}
