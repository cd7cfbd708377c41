/**
 * Wait types of lock classes, decided from the strongest evidence (MODEL L5.31, L5.36): a lockdep report, the locking function,
 * what the lock was seen to do, the name.
 */
import type { KernelProfile } from '../../../../../schema/index.ts';
import { ruleRelease } from '../../../knowledge/kernel-release.ts';
import { srcuLocksRaw } from '../../../knowledge/lock/api-profiles.ts';
import { SRCU_LOCK, type WaitType } from '../../../knowledge/lock/names.ts';
import {
  type LockClass,
  WAIT_ATOMIC,
  WAIT_HELD_ATOMIC,
  WAIT_HELD_PREEMPTIBLE,
  WAIT_MUTEX,
  WAIT_PREEMPTIBLE,
  WAIT_RT_INNER,
  WAIT_RT_SPIN,
  WAIT_SLEEP_FRAME,
  WAIT_SLEPT,
  WAIT_SPIN_FRAME,
} from '../class.ts';

export interface WaitVerdict {
  readonly outer: WaitType;
  readonly inner: WaitType;
  /** `proved`: report, function or behaviour · `table`: by name · `guess`: by elimination. */
  readonly basis: 'proved' | 'table' | 'guess';
  /** For notes. */
  readonly why: string;
  /** True of kernels before v7.0 only, and this one's age is unknown. */
  readonly ageUnknown?: boolean;
}

const RANK: Readonly<Record<WaitType, number>> = { none: 0, free: 1, raw: 2, config: 3, sleep: 4 };

/** Order of wait types: a lock may be taken only where the limit is at least its own (L5.32). */
export function waitRank(type: WaitType, rawNesting: boolean): number {
  // Without PROVE_RAW_LOCK_NESTING the kernel gives spinlocks and raw spinlocks one number (L5.31).
  return type === 'config' && !rawNesting ? RANK.raw : RANK[type];
}

/** Either kind of spinlock: as a holder it limits to CONFIG at most, as the lock taken it needs SPIN at least. */
const EITHER_SPINLOCK = { outer: 'raw', inner: 'config' } as const;

/** Whether a verdict says no more than that it is a spinlock: spin_lock() and raw_spin_lock() are one function without PREEMPT_RT. */
export function isEitherSpinlock({ outer, inner }: WaitVerdict): boolean {
  return outer === EITHER_SPINLOCK.outer && inner === EITHER_SPINLOCK.inner;
}

/**
 * Undefined when nothing tells.
 * @param preemptionCounted whether the recording shows a preemption depth at all
 */
export function waitTypeOf(
  cls: LockClass,
  profile: KernelProfile,
  preemptionCounted: boolean,
): WaitVerdict | undefined {
  const { rule, evidence } = cls;
  if (!cls.isLock) {
    const inner = rule.inner ?? 'none';
    return { outer: rule.outer ?? inner, inner, basis: 'table', why: 'a lockdep map' };
  }
  const same = (type: WaitType, basis: WaitVerdict['basis'], why: string): WaitVerdict => ({
    outer: type,
    inner: type,
    basis,
    why,
  });
  const reported = reportedType(cls, profile);
  if (reported) return same(reported, 'proved', `the kernel prints it as {${cls.reportedOuter}:${cls.reportedInner}}`);
  // One name, two kinds of lock: nothing can be said of it (L5.10).
  if (evidence & WAIT_SPIN_FRAME && evidence & (WAIT_SLEEP_FRAME | WAIT_RT_SPIN | WAIT_MUTEX)) return undefined;
  if (evidence & WAIT_RT_SPIN) return same('config', 'proved', 'taken by rt_spin_lock()');
  if (evidence & WAIT_RT_INNER)
    return same('config', 'proved', `its inner ${cls.name}.lock.wait_lock makes it a spinlock_t of PREEMPT_RT`);
  if (evidence & WAIT_SLEEP_FRAME) return same('sleep', 'proved', 'taken by a sleeping lock function');
  if (evidence & WAIT_MUTEX) return same('sleep', 'proved', 'contention_begin says that it is a mutex');
  if (profile.rt === true) return onRt(cls, profile, same);
  if (evidence & WAIT_SLEPT && !(evidence & WAIT_SPIN_FRAME))
    return same('sleep', 'proved', 'a task slept waiting for it');
  const named = cls.rule.convention ? undefined : namedType(cls, profile);
  if (named && !(evidence & WAIT_PREEMPTIBLE && (named === 'raw' || named === 'config')))
    return byName(cls, profile, named);
  if (evidence & WAIT_SPIN_FRAME) return { ...EITHER_SPINLOCK, basis: 'proved', why: 'taken by a spinlock function' };
  return fromDepth(cls, profile, preemptionCounted, same);
}

/** No function and no table tells: what preemption depth shows (without PREEMPT_RT), and what such a name usually means. */
function fromDepth(
  cls: LockClass,
  profile: KernelProfile,
  preemptionCounted: boolean,
  same: (type: WaitType, basis: WaitVerdict['basis'], why: string) => WaitVerdict,
): WaitVerdict | undefined {
  const { evidence } = cls;
  // A map is acquired so too; what lock_acquired or lock_contended tells of is a lock.
  if (preemptionCounted && evidence & WAIT_PREEMPTIBLE)
    return cls.acquiredEvents + cls.contended > 0
      ? same('sleep', profile.rt === false ? 'proved' : 'guess', 'taken with preemption on, as no spinlock is')
      : undefined;
  if (cls.rule.convention && cls.rule.inner) return same(cls.rule.inner, 'guess', 'as its name suggests');
  if ((evidence & (WAIT_HELD_ATOMIC | WAIT_PREEMPTIBLE | WAIT_HELD_PREEMPTIBLE)) === WAIT_HELD_ATOMIC)
    return { ...EITHER_SPINLOCK, basis: 'guess', why: 'preemption is off whenever it is taken and while it is held' };
  return undefined;
}

function onRt(
  cls: LockClass,
  profile: KernelProfile,
  same: (type: WaitType, basis: WaitVerdict['basis'], why: string) => WaitVerdict,
): WaitVerdict | undefined {
  const { evidence } = cls;
  if (evidence & WAIT_SPIN_FRAME) return same('raw', 'proved', 'taken by a raw spinlock function');
  const named = cls.rule.convention ? undefined : namedType(cls, profile);
  if (evidence & WAIT_PREEMPTIBLE) {
    // Raw spinlocks are taken with preemption off: this one sleeps.
    if (named === 'sleep' || named === 'config') return byName(cls, profile, named);
    // Spinlock or mutex: at least CONFIG where it is taken, no limit to what is taken under it.
    return { outer: 'config', inner: 'sleep', basis: 'guess', why: 'taken with preemption on, on PREEMPT_RT' };
  }
  if (named) return byName(cls, profile, named);
  return evidence & WAIT_ATOMIC ? same('raw', 'guess', 'always taken with preemption off, on PREEMPT_RT') : undefined;
}

function byName(cls: LockClass, profile: KernelProfile, type: WaitType): WaitVerdict {
  const ageUnknown = SRCU_LOCK.test(cls.name) && type === 'config' && ruleRelease(profile) === undefined;
  const why = ageUnknown ? 'by its name, before v7.0 (kernel age unknown)' : 'by its name';
  return { outer: type, inner: type, basis: 'table', why, ...(ageUnknown && { ageUnknown }) };
}

function namedType(cls: LockClass, profile: KernelProfile): WaitType | undefined {
  if (SRCU_LOCK.test(cls.name)) {
    const raw = srcuLocksRaw(ruleRelease(profile));
    // Unknown release: spinlock_t, as everywhere before 7.0 (MODEL §0).
    return raw === true ? 'raw' : 'config';
  }
  return cls.rule.inner;
}

/** What a report's numbers mean under the numbering in force (L5.31). */
function reportedType(cls: LockClass, profile: KernelProfile): WaitType | undefined {
  const inner = cls.reportedInner;
  if (inner < 0) return undefined;
  if (inner === 0) return 'none';
  if (inner >= 4) return 'sleep';
  if (profile.rawLockNesting === true) return inner === 3 ? 'config' : inner === 2 ? 'raw' : 'free';
  if (profile.rawLockNesting === false) return inner === 3 ? 'sleep' : undefined;
  return undefined;
}
