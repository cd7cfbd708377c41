/** All verdicts on locks that rest on lock events, in one place: they are judged together, since lockdep shows only the first. */
import type { Finding } from '../../../../schema/index.ts';
import type { World } from '../../core/world.ts';
import type { Models } from '../../models.ts';
import { judgeAddressOrders } from './address-order.ts';
import { judgeDeferrals } from './deferral-hazard.ts';
import { type LockEvidence, lockEvidence } from './evidence.ts';
import { judgeInversions } from './inversion.ts';
import { judgeIrqOrder, judgeIrqState } from './irq-lock.ts';
import { noteMasking } from './masking.ts';
import { judgeMisuses } from './misuse.ts';
import { withReleases } from './proof.ts';
import { judgeRecursions } from './recursion.ts';
import { judgeAtomicSleeps } from './sleep-in-atomic.ts';
import { withoutCpus } from './unrecorded-cpu.ts';
import { judgeWaitContexts } from './wait-context.ts';

export function detectLocks(world: World, models: Models): Finding[] {
  const findings = judgeLocks(lockEvidence(world, models));
  return noteMasking(withoutCpus(findings, models.tasks.unrecordedCpus()));
}

/** Verdicts that depend on nothing but the evidence: what a what-if variant recomputes. */
export function judgeLocks(evidence: LockEvidence): Finding[] {
  return [
    ...judgeInversions(evidence),
    ...judgeAddressOrders(evidence),
    ...judgeRecursions(evidence),
    ...judgeIrqState(evidence),
    ...judgeIrqOrder(evidence),
    ...judgeWaitContexts(evidence),
    ...judgeAtomicSleeps(evidence),
    ...judgeDeferrals(evidence),
    ...judgeMisuses(evidence),
  ].map(withReleases);
}
