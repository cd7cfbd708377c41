/**
 * Which class was acquired under which, for the wait-type check (MODEL L5.32). Other than the dependency graph it knows every
 * pair of one context, unchecked readers included, and the interrupt contexts themselves; an override ends the walk.
 */

import { CONTEXT_HARDIRQ, CONTEXT_SOFTIRQ, type HeldLock, type TaskLocks } from '../held.ts';
import type { Acquisition } from './witness.ts';

/** Stand-ins for the context's own limit, in the place of a held class. */
export const UNDER_HARDIRQ = -1;
export const UNDER_SOFTIRQ = -2;

export interface NestingInstance {
  readonly eventId: number;
  readonly tsNs: number;
  readonly taskKey: number;
  readonly comm: number;
  readonly cpu: number;
  readonly context: number;
  /** Event flags of the acquisition. */
  readonly flags: number;
  /** Acquisition of the held lock, 0 for a context. */
  readonly heldEvent: number;
  /** When it was acquired, and when the task had come onto its CPU: see spansAbsence(). */
  readonly heldNs: number;
  readonly heldCpu: number;
  readonly arrivedNs: number;
  /** Classes that count at this acquisition, oldest first. */
  readonly heldClasses: readonly number[];
  stack: number;
}

export interface Nesting {
  /** Class number, or UNDER_*. */
  readonly held: number;
  readonly acquired: number;
  count: number;
  readonly first: NestingInstance;
  /** First one with preemption or interrupts visibly off; undefined while flags never showed that. */
  atomic: NestingInstance | undefined;
}

export class NestingTable {
  readonly all: Nesting[] = [];
  /** By acquired class: held class + 2 → nesting. */
  readonly #byAcquired: (Map<number, Nesting> | undefined)[] = [];

  /**
   * Notes a blocking acquisition of a real lock under what the task holds in this context. `from` is the oldest entry that
   * counts: everything below a wait-type override is out of sight.
   */
  note(task: TaskLocks, from: number, acquisition: Acquisition, atomic: boolean): void {
    let table = this.#byAcquired[acquisition.cls.classId];
    if (table === undefined) {
      table = new Map();
      this.#byAcquired[acquisition.cls.classId] = table;
    }
    for (let i = task.depth - 1; i >= from; i--) {
      const entry = task.entries[i];
      this.#add(table, entry.classId, task, from, acquisition, atomic, entry);
    }
    if (acquisition.context & CONTEXT_HARDIRQ)
      this.#add(table, UNDER_HARDIRQ, task, from, acquisition, atomic, undefined);
    else if (acquisition.context & CONTEXT_SOFTIRQ)
      this.#add(table, UNDER_SOFTIRQ, task, from, acquisition, atomic, undefined);
  }

  /** Forgets what was first seen since `sinceNs` and rests on a hold of which `doubtful` says that it may have ended unseen (E0.4). */
  forget(sinceNs: number, doubtful: (first: NestingInstance) => boolean): void {
    for (let i = this.all.length - 1; i >= 0 && this.all[i].first.tsNs >= sinceNs; i--) {
      const { first, held, acquired } = this.all[i];
      if (!doubtful(first)) continue;
      this.all.splice(i, 1);
      this.#byAcquired[acquired]?.delete(held + 2);
    }
  }

  #add(
    table: Map<number, Nesting>,
    held: number,
    task: TaskLocks,
    from: number,
    acquisition: Acquisition,
    atomic: boolean,
    entry: HeldLock | undefined,
  ): void {
    const known = table.get(held + 2);
    if (known !== undefined) {
      known.count++;
      if (atomic && known.atomic === undefined) known.atomic = instanceOf(task, from, acquisition, entry);
      return;
    }
    const first = instanceOf(task, from, acquisition, entry);
    const made: Nesting = {
      held,
      acquired: acquisition.cls.classId,
      count: 1,
      first,
      atomic: atomic ? first : undefined,
    };
    table.set(held + 2, made);
    this.all.push(made);
  }
}

function instanceOf(
  task: TaskLocks,
  from: number,
  acquisition: Acquisition,
  entry: HeldLock | undefined,
): NestingInstance {
  return {
    eventId: acquisition.eventId,
    tsNs: acquisition.tsNs,
    taskKey: task.key,
    comm: task.comm,
    cpu: acquisition.cpu,
    context: acquisition.context,
    flags: acquisition.flags,
    heldEvent: entry?.eventId ?? 0,
    heldNs: entry?.sinceNs ?? acquisition.tsNs,
    heldCpu: entry?.cpu ?? acquisition.cpu,
    arrivedNs: task.arrivedNs,
    heldClasses: task.entries.slice(from, task.depth).map((held) => held.classId),
    stack: acquisition.stack,
  };
}
