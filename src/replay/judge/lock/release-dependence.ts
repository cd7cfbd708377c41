/**
 * Conflicts that only some kernels have, in recordings that do not tell their kernel's age. Before v7.0 SRCU's locks are spinlock_t and
 * call_srcu() queues work and arms timers under them (MODEL §0, 6.1); from v7.0 on they are raw and grace periods start from irq_work.
 */
import { ruleRelease } from '../../knowledge/kernel-release.ts';
import { apiProfile } from '../../knowledge/lock/api-profiles.ts';
import { SRCU_LOCK } from '../../knowledge/lock/names.ts';
import type { DeferralSite } from '../../model/lock/context/deferral-site.ts';
import type { LockRecord } from '../../record/lock-record.ts';

/** What a conflict says that hangs on the age. */
export const AGE_UNKNOWN = 'kernel age unknown: a hazard before v7.0';

/**
 * Neither the recording nor its content tells whether the kernel is older than v7.0. SRCU locks proved to be spinlock_t tell; the release
 * of a candidate is known.
 */
export function isAgeUnknown({ profile, classes, waitTypes }: LockRecord): boolean {
  if (ruleRelease(profile) !== undefined) return false;
  return !classes.some((cls) => {
    const type = SRCU_LOCK.test(cls.name) ? waitTypes.get(cls) : undefined;
    return type?.basis === 'proved' && type.outer === 'config';
  });
}

/** Whether only kernels before v7.0 take this lock in this call, and nothing shows that this kernel does. */
export function isTakenBefore70Only(evidence: LockRecord, site: DeferralSite, lockName: string): boolean {
  if (!isAgeUnknown(evidence)) return false;
  if ([...site.took].some((classId) => evidence.classes[classId].name === lockName)) return false;
  const newest = apiProfile(site.api, '7.0');
  return (
    newest !== undefined && !newest.takes.some((lock) => lock.name === lockName || lock.family?.test(lockName) === true)
  );
}
