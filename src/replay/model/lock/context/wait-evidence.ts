/**
 * What preemption depth and the surrounding acquisition tell about the wait type of a class (MODEL L5.36). spin_lock() and related functions disable
 * preemption before lock_acquire(), mutex_lock() does for the moment of it, rwsems and rt_mutexes do not (kernel/locking/*.c).
 */
import { CTX_KNOWN, preemptDepth } from '../../../../../schema/index.ts';
import {
  type LockClass,
  WAIT_ATOMIC,
  WAIT_HELD_ATOMIC,
  WAIT_HELD_PREEMPTIBLE,
  WAIT_PREEMPTIBLE,
  WAIT_RT_INNER,
} from '../class.ts';
import { CONTEXT_TASK, HELD_DUBIOUS, type TaskLocks } from '../held.ts';
import { irqsEnabled } from './usage.ts';

export class WaitEvidence {
  readonly #classes: readonly LockClass[];
  /** Some lock event shows preemption off: the kernel counts it (CONFIG_PREEMPT_COUNT), and depth 0 means something. */
  preemptionCounted = false;
  readonly #onRtProof: () => void;

  /** @param onRtProof called when an acquisition proves PREEMPT_RT */
  constructor(classes: readonly LockClass[], onRtProof: () => void) {
    this.#classes = classes;
    this.#onRtProof = onRtProof;
  }

  /** A non-try acquisition, before it is pushed. */
  acquiring(task: TaskLocks, cls: LockClass, context: number, flags: number, eventId: number): void {
    if (flags & CTX_KNOWN) {
      const depth = this.#depth(task, flags);
      if (cls.isLock) {
        if (depth > 0) cls.evidence |= WAIT_ATOMIC;
        else if (irqsEnabled(flags)) cls.noteEvidence(WAIT_PREEMPTIBLE, eventId);
      }
      // Less what the acquisition itself may add: nothing, where this lock is taken with preemption on.
      const own = cls.rule.rwsem || cls.evidence & WAIT_PREEMPTIBLE ? 0 : 1;
      if (context === CONTEXT_TASK) this.#around(task, depth, depth - own);
    }
    this.#insideRtLock(task, cls, eventId);
  }

  /** A release, before it is taken off the stack. */
  releasing(task: TaskLocks, context: number, flags: number): void {
    if (flags & CTX_KNOWN && context === CONTEXT_TASK) this.#around(task, this.#depth(task, flags), 0);
  }

  /** Idle tasks run with preemption off, from boot on (INIT_PREEMPT_COUNT): that one does not count. */
  #depth(task: TaskLocks, flags: number): number {
    const depth = preemptDepth(flags);
    if (depth > 0) this.preemptionCounted = true;
    return task.key < 0 ? Math.max(depth - 1, 0) : depth;
  }

  /**
   * What the depth tells of the locks that are held in task context.
   * @param outerDepth less what the event's own lock adds for sure; 0 where that is unknown
   */
  #around(task: TaskLocks, depth: number, outerDepth: number): void {
    if (task.depth === 0) return;
    if (outerDepth > 0) this.#keepsOff(task, outerDepth);
    if (depth > 0) return;
    for (let i = task.depth - 1; i >= 0; i--) if (!this.#held(task, i, WAIT_HELD_PREEMPTIBLE)) return;
  }

  /** Preemption is off around an acquisition, as deep as there are held locks that may be why: then they are. */
  #keepsOff(task: TaskLocks, outerDepth: number): void {
    let suspects = 0;
    let news = false;
    for (let i = 0; i < task.depth; i++) {
      const cls = this.#classes[task.entries[i].classId];
      if (!maySpin(cls)) continue;
      suspects++;
      if (!(cls.evidence & WAIT_HELD_ATOMIC)) news = true;
    }
    // Every acquisition passes here, and few tell of a lock what others have not told before.
    if (!news || suspects > outerDepth) return;
    for (let i = 0; i < task.depth; i++)
      if (maySpin(this.#classes[task.entries[i].classId])) this.#held(task, i, WAIT_HELD_ATOMIC);
  }

  /** False where the evidence is known already, or nothing may be concluded. */
  #held(task: TaskLocks, index: number, bit: number): boolean {
    const entry = task.entries[index];
    if (entry.context !== CONTEXT_TASK || entry.how & HELD_DUBIOUS) return false;
    const cls = this.#classes[entry.classId];
    if (cls.evidence & bit) return false;
    cls.evidence |= bit;
    return true;
  }

  /** `X` and directly inside it `X.lock.wait_lock`: rt_spin_lock() on PREEMPT_RT. */
  #insideRtLock(task: TaskLocks, cls: LockClass, eventId: number): void {
    if (cls.rtOuterName === '') return;
    const top = task.top();
    const outer = top && this.#classes[top.classId];
    if (outer?.name !== cls.rtOuterName) return;
    outer.noteEvidence(WAIT_RT_INNER, eventId);
    this.#onRtProof();
  }
}

function maySpin({ evidence, mayBeSpun }: LockClass): boolean {
  return mayBeSpun && !(evidence & (WAIT_PREEMPTIBLE | WAIT_HELD_PREEMPTIBLE));
}
