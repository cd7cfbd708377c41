/**
 * Deferral hazards (MODEL 6.2): a deferring or waking API was called where what it may take conflicts with what the caller holds.
 * The capture need not show the conflict happen: static edges of MODEL 6.1 complete the observed order and are marked as such.
 */
import type { DeferralHazardKind, Evidence, Finding } from '../../../../schema/index.ts';
import { breadthFirst, edgesOfWay } from '../../core/graph.ts';
import { note, notesOf } from '../../core/note.ts';
import { ruleRelease } from '../../knowledge/kernel-release.ts';
import {
  API_PROFILES,
  type ApiLock,
  type ApiProfile,
  STATIC_EDGES,
  STATIC_SRCU_EDGES,
  srcuLocksRaw,
} from '../../knowledge/lock/api-profiles.ts';
import { RUNQUEUE_LOCK, SRCU_USAGE_LOCK } from '../../knowledge/lock/names.ts';
import type { LockClass } from '../../model/lock/class.ts';
import type { DeferralSite } from '../../model/lock/context/deferral-site.ts';
import { waitRank } from '../../model/lock/context/wait-type.ts';
import { CONTEXT_NMI, contextText } from '../../model/lock/held.ts';
import type { LockEdge } from '../../model/lock/order/graph.ts';
import type { LockRecord } from '../../record/lock-record.ts';
import { isTakenOut } from '../../record/taken-out.ts';
import { identified } from '../finding-id.ts';
import { eventEvidence, heldNames, siteText, taskLabel } from './evidence.ts';
import { edgeEvidence } from './order/inversion.ts';
import { kindEvidence, stackEvidence } from './proof.ts';
import { AGE_UNKNOWN, isAgeUnknown, isTakenBefore70Only } from './release-dependence.ts';

interface Conflict {
  readonly hazard: DeferralHazardKind;
  readonly rule: string;
  readonly text: string;
  /** Names of the classes that conflict. */
  readonly locks: readonly string[];
  readonly latent: boolean;
  /** Only kernels before v7.0 have it, and this one's age is unknown: no alarm. */
  readonly ageUnknown?: boolean;
  readonly evidence: readonly Evidence[];
}

interface Step {
  readonly to: string;
  /** Undefined: no event shows it. */
  readonly edge: LockEdge | undefined;
  readonly why: string;
  /** A static edge of kernels before v7.0. */
  readonly before70?: boolean;
}

/** Order by class name, observed and static together. */
interface Order {
  readonly next: ReadonlyMap<string, readonly Step[]>;
}

const MAX_FINDINGS = 100;

type Hazard = Extract<Finding, { kind: 'deferral-hazard' }>;

export function judgeDeferrals(evidence: LockRecord): Finding[] {
  const order = orderOf(evidence);
  const findings = new Map<string, Hazard>();
  for (const site of evidence.deferrals) {
    const profile = evidence.apiProfiles.get(site);
    if (profile === undefined || (!profile.sleeps && withinAnotherApi(evidence, site))) continue;
    const conflicts = conflictsOf(evidence, site, profile, order);
    if (conflicts.length === 0) continue;
    const made = finding(evidence, site, profile, conflicts);
    const key = [site.api, made.hazard, ...made.conflict_locks].join('\u0000');
    const known = findings.get(key);
    if (known === undefined ? findings.size < MAX_FINDINGS : fewerHeld(made, known)) findings.set(key, made);
  }
  return [...findings.values()];
}

/** Of the sites of one conflict the one with the fewest other locks stands for all: which one comes first differs from boot to boot. */
function fewerHeld(a: Hazard, b: Hazard): boolean {
  return a.held.length - b.held.length < 0 || (a.held.length === b.held.length && a.held.join() < b.held.join());
}

/** The newest lock held is one that another API takes: this call is that API's own doing (queue_work() inside call_srcu()). */
function withinAnotherApi(evidence: LockRecord, site: DeferralSite): boolean {
  const newest = site.held.findLast((hold) => evidence.classes[hold.classId].isLock);
  if (newest === undefined) return false;
  const { name } = evidence.classes[newest.classId];
  if (CALLS_NOTHING.test(name)) return false;
  return API_PROFILES.some(
    (profile) =>
      profile.api !== site.api &&
      profile.api !== 'wake_up_process' &&
      profile.takes.some((lock) => !isWakeLock(lock.name) && (lock.name === name || lock.family?.test(name))),
  );
}

/** Stands for the usage lock of a struct that the capture does not name (ApiLock.name of the family). */
const SRCU_USAGE_FAMILY = 'srcu_usage.lock';

/** Timer code calls no other API under its base locks (kernel/time/{timer,hrtimer}.c): code that does was attached there (case A). */
const CALLS_NOTHING = /^(&base->lock|hrtimer_bases\.lock)$/;

const isWakeLock = (name: string): boolean => name === '&p->pi_lock' || name === RUNQUEUE_LOCK;

function orderOf(evidence: LockRecord): Order {
  const next = new Map<string, Step[]>();
  const add = (from: string, to: string, edge: LockEdge | undefined, why: string, before70 = false): void => {
    if (isTakenOut(evidence.takenOut, from, to)) return;
    const list = next.get(from);
    const step = { to, edge, why, before70 };
    if (list === undefined) next.set(from, [step]);
    else if (!list.some((known) => known.to === to)) list.push(step);
  };
  for (const edge of evidence.edges) {
    const from = evidence.classes[edge.from];
    const to = evidence.classes[edge.to];
    if (from.isLock && to.isLock && !from.rule.homonym && !to.rule.homonym)
      add(from.name, to.name, edge.count > 0 ? edge : undefined, '');
  }
  for (const edge of STATIC_EDGES) add(edge.from, edge.to, undefined, edge.why);
  if (srcuLocksRaw(ruleRelease(evidence.profile)) !== true)
    for (const name of [SRCU_USAGE_FAMILY, ...evidence.classes.map((cls) => cls.name)])
      if (SRCU_USAGE_LOCK.test(name))
        for (const edge of STATIC_SRCU_EDGES) add(name, edge.to, undefined, edge.why, true);
  return { next };
}

function conflictsOf(evidence: LockRecord, site: DeferralSite, profile: ApiProfile, order: Order): Conflict[] {
  const held = site.held.map((hold) => evidence.classes[hold.classId]);
  const locks = held.filter((cls) => cls.isLock && !cls.rule.homonym);
  const conflicts: Conflict[] = [];
  if (profile.sleeps) {
    const spinning = locks.filter((cls) => {
      const type = evidence.waitTypes.get(cls);
      return type !== undefined && type.basis !== 'guess' && (type.inner === 'raw' || type.inner === 'config');
    });
    if (spinning.length > 0)
      conflicts.push({
        hazard: 'SLEEP_IN_ATOMIC',
        rule: 'D6.5',
        text: `${site.api} sleeps, under ${spinning.map((cls) => cls.name).join(', ')}`,
        locks: spinning.map((cls) => cls.name),
        latent: false,
        evidence: [],
      });
  }
  if (site.context === CONTEXT_NMI && profile.takes.length > 0)
    conflicts.push({
      hazard: 'NMI_UNSAFE',
      rule: 'D6.4',
      text: `${profile.takes.map((lock) => lock.name).join(', ')} may be taken inside an NMI`,
      locks: ['nmi'],
      latent: false,
      evidence: [],
    });
  for (const lock of profile.takes)
    for (const name of membersOf(evidence, site, lock)) {
      const under = locks.filter((cls) => !isTakenOut(evidence.takenOut, cls.name, name));
      const conflict = orderConflict(evidence, name, lock, under, order) ?? selfConflict(site, name, lock, under);
      const wait = waitConflict(evidence, site, name, lock, under);
      const takenBefore70 = isTakenBefore70Only(evidence, site, name);
      for (const found of [conflict, wait])
        if (found) conflicts.push(takenBefore70 ? { ...found, ageUnknown: true } : found);
    }
  return conflicts;
}

/** The locks behind a profile entry in this recording: of a family, those that this call took, else those that any call took. */
function membersOf(evidence: LockRecord, site: DeferralSite, lock: ApiLock): string[] {
  if (lock.family === undefined) return [lock.name];
  const took = [...site.took]
    .map((classId) => evidence.classes[classId].name)
    .filter((name) => lock.family?.test(name));
  if (took.length > 0) return took;
  const members = evidence.classes.filter((cls) => lock.family?.test(cls.name)).map((cls) => cls.name);
  return members.length > 0 ? members : [lock.name];
}

/** H1: the API's lock leads to one that the caller holds. */
function orderConflict(
  evidence: LockRecord,
  name: string,
  lock: ApiLock,
  held: readonly LockClass[],
  order: Order,
): Conflict | undefined {
  const targets = new Set(held.map((cls) => cls.name));
  if (targets.has(name)) return undefined;
  const path = shortestPath(order, name, targets);
  if (path === undefined) return undefined;
  const risky = path.filter((step) => step.edge === undefined);
  const text = [name, ...path.map((step) => step.to)].join(' → ');
  return {
    hazard: risky.length === 0 ? 'CYCLE' : 'CYCLE_RISK',
    rule: 'D6.1',
    text: `${text}, which the caller holds${lock.condition ? ` (${lock.condition})` : ''}${risky.length > 0 ? `; static: ${risky.map((step) => `${step.to} (${step.why})`).join(', ')}` : ''}`,
    locks: [name, path[path.length - 1].to],
    latent: false,
    ageUnknown: isAgeUnknown(evidence) && risky.some((step) => step.before70),
    evidence: path.flatMap((step) => (step.edge ? edgeEvidence(evidence, step.edge) : [])),
  };
}

function shortestPath(order: Order, start: string, targets: ReadonlySet<string>): Step[] | undefined {
  const way = breadthFirst<string, Step>({
    start,
    edges: (name) => order.next.get(name) ?? [],
    follow: (step) => step.to,
    key: (name) => name,
    ends: (name) => targets.has(name),
  });
  return way && edgesOfWay(way);
}

/** H6: the caller holds the very lock. The run queue and others of which every CPU or task has one may be different ones. */
function selfConflict(
  site: DeferralSite,
  name: string,
  lock: ApiLock,
  held: readonly LockClass[],
): Conflict | undefined {
  const same = held.find((cls) => cls.name === name);
  if (
    same === undefined ||
    (!same.single && (site.seenBy === 'event' || name === RUNQUEUE_LOCK || name === '&p->pi_lock'))
  )
    return undefined;
  return {
    hazard: 'SELF_DEADLOCK',
    rule: 'D6.6',
    text: `${name}, which the caller holds${same.single ? '' : ` (${same.instances} addresses: another one may be meant)`}${lock.condition ? ` (${lock.condition})` : ''}`,
    locks: [name, name],
    latent: !same.single,
    evidence: [],
  };
}

/** H2: the API's lock may sleep where the caller holds a spinning one. */
function waitConflict(
  evidence: LockRecord,
  site: DeferralSite,
  name: string,
  lock: ApiLock,
  held: readonly LockClass[],
): Conflict | undefined {
  const cls = evidence.classes.find((candidate) => candidate.name === name);
  const type = cls && evidence.waitTypes.get(cls);
  if (cls === undefined || type === undefined || type.basis === 'guess') return undefined;
  const culprit = held.find((candidate) => {
    const limit = evidence.waitTypes.get(candidate);
    return (
      limit !== undefined &&
      limit.basis !== 'guess' &&
      limit.inner !== 'none' &&
      waitRank(type.outer, true) > waitRank(limit.inner, true)
    );
  });
  if (culprit === undefined) return undefined;
  const latent = evidence.profile.rt !== true && evidence.profile.rawLockNesting !== true && type.outer !== 'sleep';
  return {
    hazard: 'INVALID_WAIT',
    rule: 'D6.2',
    text: `${name} is a spinlock_t and ${culprit.name} a raw one${latent ? ' (latent: matters on PREEMPT_RT)' : ''}${lock.condition ? ` (${lock.condition})` : ''}${site.took.has(cls.classId) ? '' : ' (not seen taken by this call)'}`,
    locks: [name, culprit.name],
    latent,
    ageUnknown: type.ageUnknown === true || evidence.waitTypes.get(culprit)?.ageUnknown === true,
    evidence: [cls, culprit].flatMap((proved) => kindEvidence(evidence, proved)),
  };
}

function finding(
  evidence: LockRecord,
  site: DeferralSite,
  profile: ApiProfile,
  conflicts: readonly Conflict[],
): Hazard {
  const held = heldNames(
    evidence,
    site.held.map((hold) => hold.classId),
  );
  const task = taskLabel(evidence, site.taskKey, site.comm);
  const alarm = conflicts.find((conflict) => !conflict.latent && !conflict.ageUnknown);
  const serious = alarm ?? conflicts.find((conflict) => !conflict.latent) ?? conflicts[0];
  return identified({
    kind: 'deferral-hazard',
    severity: alarm ? 'warning' : 'info',
    confidence: serious.hazard === 'CYCLE' ? 'observed' : 'inferred',
    title: `${site.api}() is called with ${held.join(', ') || contextText(site.context)} held: ${serious.text}${serious.ageUnknown ? ` (${AGE_UNKNOWN})` : ''}`,
    start_ns: site.tsNs,
    end_ns: site.tsNs,
    evidence: [
      ...site.held.flatMap((hold) =>
        eventEvidence(hold.eventId, `${task} acquires ${evidence.classes[hold.classId].name}`),
      ),
      ...eventEvidence(site.eventId, `${task} is in ${site.api}()${siteText(evidence, site.stack)}`),
      ...(site.stack !== 0 ? stackEvidence(evidence, site.eventId) : []),
      ...serious.evidence,
    ],
    notes: notesOf([
      ...conflicts.map((conflict) =>
        note(`${conflict.hazard}: ${conflict.text}${conflict.ageUnknown ? ` (${AGE_UNKNOWN})` : ''}`, conflict.rule),
      ),
      `the call is known by ${{ probe: 'a probe on it', event: 'an event inside it', stack: 'the call stack of an acquisition', lock: 'a lock that only it takes' }[site.seenBy]}; the locks that it may take are from the table of deferral APIs${profile.note ? `: ${profile.note}` : ''}`,
      ...(site.tracepoint
        ? [
            note(
              `no lock events: the locks held are those that ${site.tracepoint} is known to fire under, certainty 0.7`,
              'D6.8',
            ),
          ]
        : []),
      ...(site.bpf
        ? [note('called from a BPF program: it runs under rcu_read_lock wherever it is attached', 'D6.9')]
        : []),
      ...(site.count > 1 ? [`${site.count} such calls`] : []),
    ]),
    api: site.api,
    held,
    conflict: serious.text,
    hazard: serious.hazard,
    conflict_locks: serious.locks,
  });
}
