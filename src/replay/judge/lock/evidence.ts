/**
 * What the lock detectors judge: plain views of the lock model. A what-if variant hands them a changed copy; the verdicts are
 * recomputed by the same rules (MODEL 6.3).
 */

import type { Dictionary, Evidence, KernelProfile } from '../../../../schema/index.ts';
import type { World } from '../../core/world.ts';
import { ruleRelease } from '../../knowledge/kernel-release.ts';
import { type ApiProfile, apiProfile } from '../../knowledge/lock/api-profiles.ts';
import type { LockClass } from '../../model/lock/class.ts';
import type { DeferralSite } from '../../model/lock/context/deferral-site.ts';
import type { AtomicSleep } from '../../model/lock/context/sleep.ts';
import type { StackTraitsCache } from '../../model/lock/context/stack-traits.ts';
import { type WaitVerdict, waitTypeOf } from '../../model/lock/context/wait-type.ts';
import type { LockMisuseRecord } from '../../model/lock/misuse.ts';
import type { SectionHistory } from '../../model/lock/order/critical-section.ts';
import type { LockEdge } from '../../model/lock/order/graph.ts';
import type { Nesting } from '../../model/lock/order/nesting.ts';
import type { AddressOrder, SameClassNesting } from '../../model/lock/order/same-class.ts';
import type { WakeOrder } from '../../model/lock/order/wake-order.ts';
import type { Models } from '../../models.ts';

export interface LockEvidence {
  readonly classes: readonly LockClass[];
  readonly edges: readonly LockEdge[];
  /** Cycles that lockdep reported, as class numbers in order: judged even where a shorter one hides in them. */
  readonly reportedCycles: readonly (readonly number[])[];
  readonly nestings: readonly Nesting[];
  readonly sameClass: readonly SameClassNesting[];
  readonly addressOrders: readonly AddressOrder[];
  readonly misuses: readonly LockMisuseRecord[];
  /** lock_acquired is recorded: waiting for a lock is told from owning it. */
  readonly lockStat: boolean;
  readonly sleeps: readonly AtomicSleep[];
  readonly deferrals: readonly DeferralSite[];
  readonly history: SectionHistory;
  readonly wakes: WakeOrder;
  readonly profile: KernelProfile;
  readonly stacks: StackTraitsCache;
  readonly dictionary: Dictionary;
  readonly endNs: number;
  /** What the function of a call may take in its caller's context (MODEL 6.1); a variant may answer differently. */
  readonly apiProfile: (site: DeferralSite) => ApiProfile | undefined;
  /** Wait type of a class; a variant may answer differently (SetWaitType). */
  readonly waitType: (cls: LockClass) => WaitVerdict | undefined;
  /** Orders (class names) that a variant takes out, observed or static; undefined in the recording itself. */
  readonly without?: (from: string, to: string) => boolean;
}

export function lockEvidence(world: World, models: Models): LockEvidence {
  const { locks } = models;
  return {
    classes: locks.classes,
    edges: locks.events.graph.edges.filter((edge) => !edge.revoked),
    reportedCycles: locks.reports.cycles,
    nestings: locks.events.nestings.all,
    sameClass: locks.events.sameClass.all,
    addressOrders: locks.events.sameClass.orders,
    misuses: locks.events.misuses.all,
    lockStat: locks.events.lockStat,
    sleeps: locks.sleeps.all,
    deferrals: locks.deferrals.all,
    history: locks.events.history,
    wakes: locks.events.wakes,
    profile: world.profile,
    stacks: locks.stacks,
    dictionary: world.dictionary,
    endNs: world.nowNs,
    apiProfile: (site) => apiProfile(site.api, ruleRelease(world.profile)),
    waitType: (cls) => waitTypeOf(cls, world.profile, locks.events.waitEvidence.preemptionCounted),
  };
}

/** `comm:tid`, the idle task as `<idle>/cpu`. */
export function taskLabel(evidence: Pick<LockEvidence, 'dictionary'>, taskKey: number, comm: number): string {
  if (taskKey < 0) return `<idle>/${-1 - taskKey}`;
  return `${evidence.dictionary.string(comm) || '<...>'}:${taskKey}`;
}

/** Evidence of an event; none for event 0 (known from a report only). */
export function eventEvidence(event: number, role: string): Evidence[] {
  return event > 0 ? [{ event, role }] : [];
}

/** ` at foo()` when the stack of the acquisition is known. */
export function siteText(evidence: Pick<LockEvidence, 'stacks'>, stack: number): string {
  const { site } = evidence.stacks.of(stack);
  return site ? ` at ${site}()` : '';
}

/** Names of held classes, each once; wait-type overrides and sequence counters are nothing that is held. */
export function heldNames(evidence: Pick<LockEvidence, 'classes'>, classIds: readonly number[]): string[] {
  const held = classIds.map((classId) => evidence.classes[classId]);
  return [
    ...new Set(
      held.filter(({ rule }) => rule.nature !== 'override' && rule.nature !== 'seqcount').map((cls) => cls.name),
    ),
  ];
}
