/** All verdicts on locks that rest on lock events, in one place: they are judged together, since lockdep shows only the first. */
import type { Finding } from '../../../../schema/index.ts';
import type { LockRecord } from '../../record/lock-record.ts';
import type { RunRecord } from '../../record/run-record.ts';
import { judgeDeferrals } from './deferral-hazard.ts';
import { judgeIrqOrder, judgeIrqState } from './irq-lock.ts';
import { noteMasking } from './masking.ts';
import { judgeMisuses } from './misuse.ts';
import { judgeAddressOrders } from './order/address-order.ts';
import { judgeInversions } from './order/inversion.ts';
import { judgeRecursions } from './order/recursion.ts';
import { withReleases } from './proof.ts';
import { judgeAtomicSleeps } from './sleep-in-atomic.ts';
import { withoutCpus } from './unrecorded-cpu.ts';
import { judgeWaitContexts } from './wait-context.ts';

export function detectLocks({ locks }: RunRecord): Finding[] {
  return noteMasking(withoutCpus(judgeLocks(locks), locks.unrecordedCpus));
}

function judgeLocks(locks: LockRecord): Finding[] {
  return [
    ...judgeInversions(locks),
    ...judgeAddressOrders(locks),
    ...judgeRecursions(locks),
    ...judgeIrqState(locks),
    ...judgeIrqOrder(locks),
    ...judgeWaitContexts(locks),
    ...judgeAtomicSleeps(locks),
    ...judgeDeferrals(locks),
    ...judgeMisuses(locks),
  ].map(withReleases);
}
