/**
 * Sleeping where it is forbidden (MODEL 5.9, D6.5): a task that leaves the CPU to sleep with preemption disabled beyond what the
 * scheduler itself disables, or while it holds spinlocks.
 */
import { CTX_KNOWN, type EventCursor, preemptDepth } from '../../../../../schema/index.ts';
import { RUNQUEUE_LOCK } from '../../../knowledge/lock/names.ts';
import { type LockClass, WAIT_PREEMPTIBLE, WAIT_SPIN_FRAME } from '../class.ts';
import { CONTEXT_TASK, HELD_OWNED, type TaskLocks } from '../held.ts';

export interface AtomicSleep {
  readonly taskKey: number;
  readonly comm: number;
  readonly cpu: number;
  readonly tsNs: number;
  readonly eventId: number;
  /** Preemption depth that the record shows; −1 without flags. */
  readonly preemptDepth: number;
  /** Classes held in task context and owned, the run queue left out (L5.17), with their acquisitions. */
  readonly held: readonly { readonly classId: number; readonly eventId: number }[];
  stack: number;
  count: number;
}

/** At sched_switch: schedule()'s own preempt_disable() and the run-queue lock (kernel/sched/core.c, in_atomic_preempt_off). */
const SCHEDULER_DEPTH = 2;
const MAX_SITES = 256;

/** prev_state letters of a task that goes to sleep: not R, R+ (preempted), and not the last switch of a dying task. */
export function sleeps(state: string): boolean {
  const letter = state.charCodeAt(0);
  return state !== '' && letter !== 0x52 && letter !== 0x58 && letter !== 0x5a && !state.endsWith('+');
}

const spins = (cls: LockClass): boolean =>
  (cls.rule.inner === 'raw' || (cls.evidence & WAIT_SPIN_FRAME) !== 0) && !(cls.evidence & WAIT_PREEMPTIBLE);

export class AtomicSleeps {
  readonly all: AtomicSleep[] = [];
  readonly #byPath = new Map<number, AtomicSleep>();

  /** sched_switch of a task that goes to sleep. Returns the record when a stack may still be added to it. */
  switchOut(event: EventCursor, task: TaskLocks, classes: readonly LockClass[]): AtomicSleep | undefined {
    const depth = event.flags & CTX_KNOWN ? preemptDepth(event.flags) : -1;
    if (depth >= 0 && depth <= SCHEDULER_DEPTH) return undefined;
    const held: { classId: number; eventId: number }[] = [];
    for (let i = 0; i < task.depth; i++) {
      const entry = task.entries[i];
      const cls = classes[entry.classId];
      if (entry.context !== CONTEXT_TASK || !cls.isLock || cls.name === RUNQUEUE_LOCK) continue;
      if (entry.how & HELD_OWNED) held.push({ classId: entry.classId, eventId: entry.eventId });
    }
    if (held.length === 0) return undefined;
    // Without flags only the lock's own type can tell: a sleeper may well hold mutexes.
    if (depth < 0 && !held.some((entry) => spins(classes[entry.classId]))) return undefined;
    const path = held.reduce((hash, entry) => Math.imul(hash ^ entry.classId, 0x9e3779b1), task.key);
    const known = this.#byPath.get(path);
    if (known !== undefined) {
      known.count++;
      return undefined;
    }
    if (this.all.length >= MAX_SITES) return undefined;
    const made: AtomicSleep = {
      taskKey: task.key,
      comm: task.comm,
      cpu: event.cpu,
      tsNs: event.tsNs,
      eventId: event.eventId,
      preemptDepth: depth,
      held,
      stack: event.stack,
      count: 1,
    };
    this.#byPath.set(path, made);
    this.all.push(made);
    return made;
  }
}
