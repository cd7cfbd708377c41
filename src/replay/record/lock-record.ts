/**
 * What is known of locks at the end of a run: plain views of the lock model, and by which rules they are judged. A what-if variant hands the
 * lock detectors a changed copy; the verdicts are recomputed by the same rules (MODEL 6.3).
 */
import type { Dictionary, KernelProfile } from '../../../schema/index.ts';
import type { World } from '../core/world.ts';
import { ruleRelease } from '../knowledge/kernel-release.ts';
import { type ApiProfile, apiProfile } from '../knowledge/lock/api-profiles.ts';
import type { LockClass } from '../model/lock/class.ts';
import type { DeferralSite } from '../model/lock/context/deferral-site.ts';
import type { AtomicSleep } from '../model/lock/context/sleep.ts';
import type { StackTraitsCache } from '../model/lock/context/stack-traits.ts';
import { type WaitVerdict, waitTypeOf } from '../model/lock/context/wait-type.ts';
import type { LockMisuseRecord } from '../model/lock/misuse.ts';
import type { SectionHistory } from '../model/lock/order/critical-section.ts';
import type { LockEdge } from '../model/lock/order/graph.ts';
import type { Nesting } from '../model/lock/order/nesting.ts';
import type { AddressOrder, SameClassNesting } from '../model/lock/order/same-class.ts';
import type { WakeOrder } from '../model/lock/order/wake-order.ts';
import type { Models } from '../model/models.ts';
import type { TakenOutOrder } from './taken-out.ts';

export interface LockRecord {
  readonly classes: readonly LockClass[];
  readonly edges: readonly LockEdge[];
  /** Cycles that lockdep reported, as class numbers in order: judged even where a shorter one hides in them. */
  readonly reportedCycles: readonly (readonly number[])[];
  readonly nestings: readonly Nesting[];
  readonly sameClass: readonly SameClassNesting[];
  readonly addressOrders: readonly AddressOrder[];
  readonly misuses: readonly LockMisuseRecord[];
  /** lock_acquired is recorded: waiting for a lock and owning it are distinguished. */
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
  readonly apiProfiles: ReadonlyMap<DeferralSite, ApiProfile>;
  /** Wait types of the classes that have one; a variant may answer differently (SetWaitType). */
  readonly waitTypes: ReadonlyMap<LockClass, WaitVerdict>;
  /** Orders of class names that a variant takes out, observed or static. */
  readonly takenOut: readonly TakenOutOrder[];
  /** CPUs that took part without a record of their own: releases there were not seen. */
  readonly unrecordedCpus: readonly number[];
}

/** What is concluded from locks that are held: nothing, where releases are not recorded. */
function heldEvidence({ events, sleeps, deferrals }: Models['locks']) {
  // The model takes back orders by itself, those of the log stay.
  if (events.trust.releasesMissing) return { sameClass: [], addressOrders: [], misuses: [], sleeps: [], deferrals: [] };
  return {
    sameClass: events.sameClass.all,
    addressOrders: events.sameClass.orders,
    misuses: events.misuses.all,
    sleeps: sleeps.all,
    deferrals: deferrals.all,
  };
}

/** Taken after the models' `finish`. */
export function lockRecord(world: World, { locks, tasks }: Models): LockRecord {
  const held = heldEvidence(locks);
  return {
    classes: locks.classes,
    edges: locks.events.graph.edges.filter((edge) => !edge.revoked),
    reportedCycles: locks.reports.cycles,
    nestings: locks.events.nestings.all,
    ...held,
    lockStat: locks.events.lockStat,
    history: locks.events.history,
    wakes: locks.events.wakes,
    profile: world.profile,
    stacks: locks.stacks,
    dictionary: world.dictionary,
    endNs: world.nowNs,
    apiProfiles: mapOf(held.deferrals, (site) => apiProfile(site.api, ruleRelease(world.profile))),
    waitTypes: mapOf(locks.classes, (cls) =>
      waitTypeOf(cls, world.profile, locks.events.waitEvidence.preemptionCounted),
    ),
    takenOut: [],
    unrecordedCpus: tasks.unrecordedCpus(),
  };
}

function mapOf<K, V>(keys: readonly K[], of: (key: K) => V | undefined): Map<K, V> {
  const map = new Map<K, V>();
  for (const key of keys) {
    const value = of(key);
    if (value !== undefined) map.set(key, value);
  }
  return map;
}
