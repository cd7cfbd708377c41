/** What one lock_acquire event says, and what it touched. */
import {
  CTX_BH_OFF,
  CTX_HARDIRQ,
  CTX_KNOWN,
  CTX_NMI,
  CTX_SOFTIRQ,
  type EventCursor,
} from '../../../../schema/index.ts';
import type { CpuModel } from '../cpu/cpu.ts';
import { hashInstance, type LockClass } from './class.ts';
import {
  CONTEXT_HARDIRQ,
  CONTEXT_NMI,
  CONTEXT_SOFTIRQ,
  CONTEXT_TASK,
  HELD_OWNED,
  HELD_READ,
  HELD_RECURSIVE,
  HELD_TRY,
  type HeldLock,
  type TaskLocks,
} from './held.ts';
import type { EdgeWitness } from './order/edge-witness.ts';
import type { Nesting } from './order/nesting.ts';

/** flags of lock_acquire (include/trace/events/lock.h). */
const FLAG_TRY = 1;
const FLAG_READ = 2;
const BH_OFF_SHOWN = CTX_KNOWN | CTX_BH_OFF;

/** What the newest acquisition on a CPU touched: its stack may come in the next record (E0.8). */
export class LatestAcquisition {
  /** CpuState.records at the acquisition. */
  record = -1;
  task: TaskLocks | undefined;
  entry: HeldLock | undefined;
  cls: LockClass | undefined;
  eventId = 0;
  readonly witnesses: EdgeWitness[] = [];
  /** Nestings that this acquisition showed for the first time. */
  readonly nestings: Nesting[] = [];
}

/**
 * CONTEXT_* bits of an event: from its flags, else from the interrupts that are open on its CPU (L5.20, L5.21).
 * @param rt on PREEMPT_RT softirqs are threads and no context of their own (L5.35)
 */
export function lockContext(event: EventCursor, cpus: CpuModel, rt: boolean): number {
  const { flags } = event;
  if (flags & CTX_KNOWN) {
    if (flags & CTX_NMI) return CONTEXT_NMI;
    return (flags & CTX_HARDIRQ ? CONTEXT_HARDIRQ : 0) | (flags & CTX_SOFTIRQ && !rt ? CONTEXT_SOFTIRQ : 0);
  }
  const state = cpus.get(event.cpu);
  return (state.inHardirq ? CONTEXT_HARDIRQ : 0) | (state.inSoftirq && !rt ? CONTEXT_SOFTIRQ : 0);
}

/** HELD_* bits of an acquisition, HELD_OWNED for trylocks only. */
export function howAcquired(eventFlags: number, flags: number, context: number, cls: LockClass): number {
  let how = 0;
  if (eventFlags & FLAG_TRY) how |= HELD_TRY | HELD_OWNED;
  if (eventFlags & FLAG_READ) {
    how |= HELD_READ;
    // L5.28, read_lock_is_recursive(): of queued rwlocks, readers are recursive in interrupts and with bottom halves off
    // (in_interrupt()); RCU, SRCU, seqcount and map readers always. Readers of rwsems never: known at the end only.
    if (cls.rule.recursiveRead || context !== CONTEXT_TASK || (flags & BH_OFF_SHOWN) === BH_OFF_SHOWN)
      how |= HELD_RECURSIVE;
  }
  return how;
}

/** Extends the hashes of the held classes and addresses by this entry; a new context starts anew. */
export function linkPath(entry: HeldLock, below: HeldLock | undefined): void {
  const same = below !== undefined && below.context === entry.context;
  const kind = (entry.classId << 2) | (entry.how & (HELD_READ | HELD_TRY));
  entry.classPath = Math.imul((same ? below.classPath : 17) ^ kind, 0x9e3779b1) ^ (kind << 7);
  entry.instancePath = Math.imul((same ? below.instancePath : 23) ^ hashInstance(entry.instance), 0x85ebca6b) ^ kind;
}

/**
 * Whether the task is still inside lock_acquire() of a lock, printk's own left out: then printk goes on because lockdep prints a
 * report, and what it takes is no dependency of the kernel's code.
 */
export function insideAcquire(task: TaskLocks, context: number, classes: readonly LockClass[]): boolean {
  for (let i = task.depth - 1; i >= 0; i--) {
    const entry = task.entries[i];
    const cls = classes[entry.classId];
    if (entry.context !== context) return false;
    // A class that never says lock_acquired is a map, as far as its first few acquisitions can tell.
    if (!cls.isLock || cls.printk || (cls.acquiredEvents === 0 && cls.acquisitions > 4)) continue;
    return !(entry.how & HELD_OWNED) && entry.contendedNs < 0;
  }
  return false;
}
