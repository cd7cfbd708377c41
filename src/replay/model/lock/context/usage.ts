/**
 * Interrupt usage of lock classes (MODEL L5.40): used inside hardirq or softirq, held or taken with them enabled.
 * Enabled-bits need proof: context flags, preemptirq events, or an interrupt that arrives while the lock is held (L5.43).
 */
import { CTX_BH_OFF, CTX_IRQS_KNOWN, CTX_IRQS_OFF, CTX_KNOWN } from '../../../../../schema/index.ts';
import type { LockClass } from '../class.ts';
import { USAGE_IN, USAGE_ON, USAGE_READ, USAGE_SOFTIRQ } from '../class.ts';
import {
  CONTEXT_HARDIRQ,
  CONTEXT_SOFTIRQ,
  CONTEXT_TASK,
  HELD_DUBIOUS,
  HELD_IRQS_OFF,
  HELD_MARKED_ON,
  HELD_READ,
  HELD_TRY,
  type TaskLocks,
} from '../held.ts';
import type { Acquisition } from '../order/witness.ts';

/** Whether the flags prove that hardirqs are enabled. */
export function irqsEnabled(flags: number): boolean {
  return (flags & (CTX_KNOWN | CTX_IRQS_KNOWN | CTX_IRQS_OFF)) === (CTX_KNOWN | CTX_IRQS_KNOWN);
}

/** Whether the flags prove that softirqs are enabled too: bottom halves on, and not inside an interrupt. */
export function softirqsEnabled(flags: number): boolean {
  return irqsEnabled(flags) && !(flags & CTX_BH_OFF);
}

/** Usage bits of one acquisition (lockdep.c mark_usage): try acquisitions set no IN bit, interrupts set no ON bit of their own kind. */
export function markAcquisition(acquisition: Acquisition, taskKey: number, comm: number): void {
  const { how, context, flags } = acquisition;
  const read = how & HELD_READ ? USAGE_READ : 0;
  if (!(how & HELD_TRY)) {
    if (context & CONTEXT_HARDIRQ) mark(acquisition, USAGE_IN + read, taskKey, comm);
    if (context & CONTEXT_SOFTIRQ) mark(acquisition, USAGE_SOFTIRQ + USAGE_IN + read, taskKey, comm);
  }
  if (context & CONTEXT_HARDIRQ || !irqsEnabled(flags)) return;
  mark(acquisition, USAGE_ON + read, taskKey, comm);
  if (!(context & CONTEXT_SOFTIRQ) && softirqsEnabled(flags))
    mark(acquisition, USAGE_SOFTIRQ + USAGE_ON + read, taskKey, comm);
}

function mark(acquisition: Acquisition, bit: number, taskKey: number, comm: number): void {
  const { cls, instance, eventId, tsNs, stack } = acquisition;
  cls.markUsage(bit, instance, eventId, tsNs, taskKey, comm, stack);
}

/**
 * Interrupts are enabled now: so they are for every lock that the task holds in task context (lockdep.c mark_held_locks).
 * @param softirqs whether softirqs are known to be enabled as well.
 */
export function markHeldEnabled(
  task: TaskLocks,
  classes: readonly LockClass[],
  softirqs: boolean,
  eventId: number,
  nowNs: number,
): void {
  for (let i = 0; i < task.depth; i++) {
    const entry = task.entries[i];
    if (entry.context !== CONTEXT_TASK) break;
    // Held over an absence: a mutex, which had its bits when it was taken, or a stale entry.
    if (entry.how & (HELD_MARKED_ON | HELD_DUBIOUS) || entry.sinceNs < task.arrivedNs) continue;
    entry.how |= HELD_MARKED_ON;
    const cls = classes[entry.classId];
    if (!cls.checked) continue;
    const read = entry.how & HELD_READ ? USAGE_READ : 0;
    cls.markUsage(USAGE_ON + read, entry.instance, eventId, nowNs, task.key, task.comm, entry.stack);
    if (softirqs)
      cls.markUsage(USAGE_SOFTIRQ + USAGE_ON + read, entry.instance, eventId, nowNs, task.key, task.comm, entry.stack);
  }
}

/** Whether the task holds a lock that was taken with interrupts off and has not been marked since. */
export function holdsIrqsOff(task: TaskLocks): boolean {
  for (let i = 0; i < task.depth; i++) {
    const entry = task.entries[i];
    if (entry.context !== CONTEXT_TASK) return false;
    if ((entry.how & (HELD_IRQS_OFF | HELD_MARKED_ON)) === HELD_IRQS_OFF) return true;
  }
  return false;
}
