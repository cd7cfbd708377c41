/**
 * Interrupt usage of lock classes (MODEL L5.40): used inside hardirq or softirq, held or taken with them enabled.
 * Enabled-bits need proof: context flags, preemptirq events, or an interrupt that arrives while the lock is held (L5.43). Each kind of proof
 * adds its bits in whatever order it comes.
 */
import { CTX_BH_OFF, CTX_IRQS_KNOWN, CTX_IRQS_OFF, CTX_KNOWN, CTX_SOFTIRQ } from '../../../../../schema/index.ts';
import type { LockClass } from '../class.ts';
import { USAGE_IN, USAGE_ON, USAGE_READ, USAGE_SOFTIRQ } from '../class.ts';
import {
  CONTEXT_HARDIRQ,
  CONTEXT_NMI,
  CONTEXT_SOFTIRQ,
  CONTEXT_TASK,
  HELD_DUBIOUS,
  HELD_HARDIRQS_ON,
  HELD_READ,
  HELD_SOFTIRQS_ON,
  HELD_TRY,
  type TaskLocks,
} from '../held.ts';
import type { Acquisition } from '../order/witness.ts';

const HARDIRQ_LEVEL = CONTEXT_HARDIRQ | CONTEXT_NMI;

/** Whether the flags prove that hardirqs are enabled. */
export function irqsEnabled(flags: number): boolean {
  return (flags & (CTX_KNOWN | CTX_IRQS_KNOWN | CTX_IRQS_OFF)) === (CTX_KNOWN | CTX_IRQS_KNOWN);
}

/** Whether bottom halves are enabled, and none is served: softirqs come as soon as hardirqs are on. */
function softirqsAllowed(flags: number): boolean {
  return (flags & (CTX_KNOWN | CTX_BH_OFF | CTX_SOFTIRQ)) === CTX_KNOWN;
}

/** HELD_*_ON bits that flags prove for what is held in task or softirq context, were hardirqs enabled. */
function enabledBits(flags: number): number {
  return softirqsAllowed(flags) ? HELD_HARDIRQS_ON | HELD_SOFTIRQS_ON : HELD_HARDIRQS_ON;
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
  const enabled = enabledBits(flags);
  acquisition.how |= enabled;
  mark(acquisition, USAGE_ON + read, taskKey, comm);
  if (enabled & HELD_SOFTIRQS_ON) mark(acquisition, USAGE_SOFTIRQ + USAGE_ON + read, taskKey, comm);
}

function mark(acquisition: Acquisition, bit: number, taskKey: number, comm: number): void {
  const { cls, instance, eventId, tsNs, stack } = acquisition;
  cls.markUsage(bit, instance, eventId, tsNs, taskKey, comm, stack);
}

/** The flags of an event show interrupts enabled, in task or softirq context: they are for every lock held (lockdep.c mark_held_locks). */
export function markEnabled(
  task: TaskLocks,
  classes: readonly LockClass[],
  flags: number,
  eventId: number,
  nowNs: number,
): void {
  if (task.depth > 0 && irqsEnabled(flags)) markHeld(task, classes, enabledBits(flags), HARDIRQ_LEVEL, eventId, nowNs);
}

/** preemptirq:irq_enable, emitted right before hardirqs go on: the same. */
export function markEnabling(
  task: TaskLocks,
  classes: readonly LockClass[],
  flags: number,
  eventId: number,
  nowNs: number,
): void {
  if (task.depth > 0) markHeld(task, classes, enabledBits(flags), HARDIRQ_LEVEL, eventId, nowNs);
}

/**
 * An interrupt got through: whatever the interrupted code holds is held with that kind enabled. A hardirq also shows by its flags
 * whether bottom halves were off below it.
 * @param context CONTEXT_* bits of the interrupt
 */
export function markInterrupted(
  task: TaskLocks,
  classes: readonly LockClass[],
  context: number,
  flags: number,
  eventId: number,
  nowNs: number,
): void {
  if (task.depth === 0 || context & CONTEXT_NMI) return;
  const above = context & CONTEXT_HARDIRQ ? HARDIRQ_LEVEL : HARDIRQ_LEVEL | CONTEXT_SOFTIRQ;
  // A softirq runs above task context only where softirqs are on.
  const softirqs = context & CONTEXT_SOFTIRQ || softirqsAllowed(flags);
  markHeld(task, classes, softirqs ? HELD_HARDIRQS_ON | HELD_SOFTIRQS_ON : HELD_HARDIRQS_ON, above, eventId, nowNs);
}

/** Marks what is held below the contexts `above`, newest first: what is older has what is newer. */
function markHeld(
  task: TaskLocks,
  classes: readonly LockClass[],
  enabled: number,
  above: number,
  eventId: number,
  nowNs: number,
): void {
  for (let i = task.depth - 1; i >= 0; i--) {
    const entry = task.entries[i];
    if (entry.context & above) continue;
    // What a softirq holds is held with softirqs off.
    const wanted = entry.context === CONTEXT_TASK ? enabled : enabled & HELD_HARDIRQS_ON;
    const missing = wanted & ~entry.how;
    if (missing === 0) {
      if (entry.context === CONTEXT_TASK) return;
      continue;
    }
    // Held over an absence: a mutex, which had its bits when it was taken, or a stale entry.
    if (entry.how & HELD_DUBIOUS || entry.sinceNs < task.arrivedNs) continue;
    entry.how |= missing;
    const cls = classes[entry.classId];
    if (!cls.checked) continue;
    const read = entry.how & HELD_READ ? USAGE_READ : 0;
    const { instance, stack } = entry;
    if (missing & HELD_HARDIRQS_ON)
      cls.markUsage(USAGE_ON + read, instance, eventId, nowNs, task.key, task.comm, stack);
    if (missing & HELD_SOFTIRQS_ON)
      cls.markUsage(USAGE_SOFTIRQ + USAGE_ON + read, instance, eventId, nowNs, task.key, task.comm, stack);
  }
}
