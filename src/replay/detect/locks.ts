/** All verdicts on locks that rest on lock events, in one place: they are judged together, since lockdep shows only the first. */
import type { Finding } from '../../../schema/index.ts';
import type { Models } from '../models.ts';
import type { World } from '../world.ts';
import { judgeDeferrals } from './deferral-hazard.ts';
import { judgeIrqOrder, judgeIrqState } from './irq-lock.ts';
import { type LockEvidence, lockEvidence } from './lock-evidence.ts';
import { judgeInversions } from './lock-inversion.ts';
import { noteMasking } from './lock-masking.ts';
import { withReleases } from './lock-proof.ts';
import { detectRecursions } from './lock-recursion.ts';
import { judgeAtomicSleeps } from './sleep-in-atomic.ts';
import { withoutCpus } from './unrecorded-cpu.ts';
import { judgeWaitContexts } from './wait-context.ts';

export function detectLocks(world: World, models: Models): Finding[] {
  const findings = [...judgeLocks(lockEvidence(world, models)), ...detectRecursions(world, models)];
  return noteMasking(withoutCpus(findings, models.tasks.unrecordedCpus()));
}

/** Verdicts that depend on nothing but the evidence: what a what-if variant recomputes. */
export function judgeLocks(evidence: LockEvidence): Finding[] {
  return [
    ...judgeInversions(evidence),
    ...judgeIrqState(evidence),
    ...judgeIrqOrder(evidence),
    ...judgeWaitContexts(evidence),
    ...judgeAtomicSleeps(evidence),
    ...judgeDeferrals(evidence),
  ].map(withReleases);
}
