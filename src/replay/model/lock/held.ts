/**
 * Held-lock stacks, one per task (MODEL L5.20). Interrupts push onto the interrupted task's stack with their own context; the
 * idle task of each CPU is a task of its own (T25).
 */
import type { LockInstance } from './class.ts';
import type { CriticalSection, ThreadLife } from './order/critical-section.ts';
import { ReleasedLocks } from './released.ts';

/** Interrupt context of an acquisition: 2 · hardirq + softirq, as lockdep's irq_context; NMI on its own. */
export const CONTEXT_TASK = 0;
export const CONTEXT_SOFTIRQ = 1;
export const CONTEXT_HARDIRQ = 2;
export const CONTEXT_NMI = 4;

/** `task`, `softirq`, `hardirq`, `hardirq in softirq`, `nmi`. */
export function contextText(context: number): string {
  return ['task', 'softirq', 'hardirq', 'hardirq in softirq', 'nmi'][Math.min(context, 4)];
}

/** Bits of {@link HeldLock.how}. */
export const HELD_READ = 1;
export const HELD_TRY = 2;
/** read=2: recursive reader (L5.28). */
export const HELD_RECURSIVE = 4;
/** The wait is over, as far as events tell (L5.3). */
export const HELD_OWNED = 8;
/** Its class is marked as held with hardirqs on, and with softirqs on: once is enough. */
export const HELD_HARDIRQS_ON = 16;
export const HELD_SOFTIRQS_ON = 32;
/** Whether it is still held is in doubt: its release may not have been recorded. No edge starts from it or crosses it. */
export const HELD_DUBIOUS = 64;

/** lockdep gives up at this depth (MAX_LOCK_DEPTH); deeper stacks come from releases that a capture lost. */
export const MAX_DEPTH = 48;

export class HeldLock {
  classId = 0;
  instance: LockInstance = 0;
  how = 0;
  context = CONTEXT_TASK;
  sinceNs = 0;
  /** Event flags of the acquisition. */
  flags = 0;
  eventId = 0;
  /** Event that shows ownership: lock_acquired, else the acquisition. Orders critical sections. */
  ownedEvent = 0;
  stack = 0;
  cpu = 0;
  /** Time of the first sign that the lock was taken by another; −1 without. */
  contendedNs = -1;
  contendedEvent = 0;
  ownerTid = -1;
  /** Edge from the newest predecessor, −1 without: tells two-step paths seen in one nested acquisition. */
  inEdge = -1;
  /** Hash of the classes, and of the addresses, from the bottom of this context up to here. */
  classPath = 0;
  instancePath = 0;
  /** Set when a stored witness lies inside this critical section. */
  section: CriticalSection | undefined;
}

export class TaskLocks {
  /** tid, or −1 − cpu for the idle task (T25). */
  readonly key: number;
  readonly entries: HeldLock[] = [];
  depth = 0;
  comm = 0;
  cpu = 0;
  /** Value of the CPU's gap counter when the stack was last known to be right. */
  gapEpoch = 0;
  /** Position in the list of tasks that hold something. */
  activeIndex = -1;
  /** Number of this task in predictions: one per life of a tid. */
  readonly thread: ThreadLife;
  /** First record since another task was seen on its CPU: what it held before that spans an absence. */
  arrivedNs = 0;
  /** Its switch-out was seen, and no arrival since. */
  away = false;
  /** Left the CPU for good (state X or Z). */
  dead = false;
  /** What it released last. */
  readonly released = new ReleasedLocks();
  /** It released something that it was not seen to hold, or in records that do not name it. */
  unmatched = false;
  /** Start of the work item that it runs, an event; 0 without. */
  workStart = 0;

  constructor(key: number, thread: ThreadLife) {
    this.key = key;
    this.thread = thread;
  }

  top(): HeldLock | undefined {
    return this.depth > 0 ? this.entries[this.depth - 1] : undefined;
  }

  /** The slot for one more lock; reused between acquisitions. Only for depth < MAX_DEPTH. */
  pushSlot(): HeldLock {
    let slot = this.entries[this.depth];
    if (slot === undefined) {
      slot = new HeldLock();
      this.entries[this.depth] = slot;
    }
    this.depth++;
    slot.section = undefined;
    slot.contendedNs = -1;
    slot.ownerTid = -1;
    slot.inEdge = -1;
    slot.stack = 0;
    return slot;
  }

  /**
   * Newest entry with that instance, −1 when there is none. Searches down to the first entry of another hardirq or NMI level (L5.22);
   * a softirq bit alone is no border: on PREEMPT_RT a section may begin as task and end as softirq (`local_bh`).
   */
  find(instance: LockInstance, context: number): number {
    const level = context & ~CONTEXT_SOFTIRQ;
    for (let i = this.depth - 1; i >= 0; i--) {
      const entry = this.entries[i];
      if ((entry.context & ~CONTEXT_SOFTIRQ) !== level) return -1;
      if (entry.instance === instance) return i;
    }
    return -1;
  }

  /** Whether an entry of that class is on the stack, in whichever context. */
  holds(classId: number): boolean {
    for (let i = this.depth - 1; i >= 0; i--) if (this.entries[i].classId === classId) return true;
    return false;
  }

  /** Takes entry `index` out; later ones move down. The removed object stays readable until the next push. */
  remove(index: number): HeldLock {
    const entries = this.entries;
    const removed = entries[index];
    const last = this.depth - 1;
    for (let i = index; i < last; i++) entries[i] = entries[i + 1];
    entries[last] = removed;
    this.depth = last;
    return removed;
  }
}

/** The newest entry that is not owned yet: what the task waits for. */
export function newestWaiting(task: TaskLocks): HeldLock | undefined {
  for (let i = task.depth - 1; i >= 0; i--) if (!(task.entries[i].how & HELD_OWNED)) return task.entries[i];
  return undefined;
}
