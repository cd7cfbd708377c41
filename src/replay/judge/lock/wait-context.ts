/**
 * Invalid wait contexts (MODEL L5.31–L5.37): a lock that may sleep is acquired where only spinning is allowed. A sleeping lock under a
 * spinning one or in an interrupt is wrong on every kernel; between spinlocks and raw spinlocks it is real on PREEMPT_RT and under
 * PROVE_RAW_LOCK_NESTING, latent elsewhere: severity info (L5.34).
 */
import type { Finding } from '../../../../schema/index.ts';
import { CTX_KNOWN } from '../../../../schema/index.ts';
import { note, notesOf } from '../../core/note.ts';
import { type LockClass, WAIT_ATOMIC, WAIT_HELD_PREEMPTIBLE, WAIT_PREEMPTIBLE } from '../../model/lock/class.ts';
import { isEitherSpinlock, type WaitVerdict, waitRank } from '../../model/lock/context/wait-type.ts';
import { type Nesting, type NestingInstance, UNDER_HARDIRQ, UNDER_SOFTIRQ } from '../../model/lock/order/nesting.ts';
import type { LockRecord } from '../../record/lock-record.ts';
import { identified } from '../finding-id.ts';
import { eventEvidence, heldNames, siteText, taskLabel } from './evidence.ts';
import { kindEvidence } from './proof.ts';
import { AGE_UNKNOWN } from './release-dependence.ts';

/** One forbidden pair. */
export interface WaitViolation {
  readonly nesting: Nesting;
  readonly acquired: LockClass;
  readonly acquiredType: WaitVerdict;
  /** Undefined: the interrupt context itself is the limit. */
  readonly held: LockClass | undefined;
  readonly limit: WaitVerdict;
  readonly at: NestingInstance;
  /** False: only a kernel with PREEMPT_RT or raw-nesting checks would mind. */
  readonly real: boolean;
  /** Types are proved or tabled, and the flags do not contradict. */
  readonly certain: boolean;
}

/** Limits of the contexts themselves (lockdep.c task_wait_context): whether a hard interrupt could be threaded is in no event. */
const HARDIRQ_ON_RT: WaitVerdict = { outer: 'raw', inner: 'raw', basis: 'proved', why: 'a hard interrupt' };
const HARDIRQ: WaitVerdict = {
  outer: 'config',
  inner: 'config',
  basis: 'proved',
  why: 'a hard interrupt, which may take spinlock_t where it could be threaded',
};
const SOFTIRQ: WaitVerdict = { outer: 'config', inner: 'config', basis: 'proved', why: 'a softirq' };
/** Spinlocks of unknown kind that are listed. */
const MAX_UNKNOWN = 20;

export function waitViolations(evidence: LockRecord): WaitViolation[] {
  const rt = evidence.profile.rt === true;
  const raw = rt || evidence.profile.rawLockNesting === true;
  return evidence.nestings.flatMap((nesting) => {
    const acquired = evidence.classes[nesting.acquired];
    const acquiredType = acquired.rule.homonym ? undefined : evidence.waitTypes.get(acquired);
    if (acquiredType === undefined) return [];
    const held = nesting.held < 0 ? undefined : evidence.classes[nesting.held];
    const limit =
      held === undefined
        ? contextLimit(nesting.held, rt)
        : held.rule.homonym
          ? undefined
          : evidence.waitTypes.get(held);
    if (limit === undefined || limit.inner === 'none') return [];
    const real = waitRank(acquiredType.outer, raw) > waitRank(limit.inner, raw);
    const latent = waitRank(acquiredType.outer, true) > waitRank(limit.inner, true);
    if (!real && !latent) return [];
    const at = nesting.atomic ?? nesting.first;
    // A raw spinlock that is held shows: preemption is off then.
    if (limit.inner === 'raw' && at.flags & CTX_KNOWN && nesting.atomic === undefined) return [];
    const certain = acquiredType.basis !== 'guess' && limit.basis !== 'guess';
    return [{ nesting, acquired, acquiredType, held, limit, at, real, certain }];
  });
}

/** On PREEMPT_RT softirqs are threads, and hardirqs that could be threaded are (L5.32, L5.35). */
function contextLimit(held: number, rt: boolean): WaitVerdict | undefined {
  if (held === UNDER_HARDIRQ) return rt ? HARDIRQ_ON_RT : HARDIRQ;
  return held === UNDER_SOFTIRQ && !rt ? SOFTIRQ : undefined;
}

export function judgeWaitContexts(evidence: LockRecord): Finding[] {
  const groups = new Map<string, WaitViolation[]>();
  for (const violation of waitViolations(evidence)) {
    const key = `${violation.acquired.classId} ${violation.real} ${violation.at.eventId}`;
    const group = groups.get(key);
    if (group) group.push(violation);
    else groups.set(key, [violation]);
  }
  const findings = [...groups.values()].map((group) => finding(evidence, group));
  findings.push(...unknownKinds(evidence));
  const seen = new Set<string>();
  return findings.filter((found) => !seen.has(found.id) && seen.add(found.id));
}

function finding(evidence: LockRecord, group: readonly WaitViolation[]): Finding {
  const [{ acquired, acquiredType, at, real }] = group;
  const certain = group.some((violation) => violation.certain);
  const ageUnknown = !real && group.every(({ limit }) => acquiredType.ageUnknown || limit.ageUnknown);
  const culprits = group.flatMap((violation) => (violation.held ? [violation.held.name] : []));
  const held = [...new Set([...heldNames(evidence, at.heldClasses), ...culprits])];
  const task = taskLabel(evidence, at.taskKey, at.comm);
  const under =
    culprits.length > 0
      ? `${culprits.join(', ')} ${culprits.length > 1 ? 'are' : 'is'} held`
      : group.some(({ nesting }) => nesting.held === UNDER_HARDIRQ)
        ? 'a hard interrupt is served'
        : 'a softirq is served';
  const { profile } = evidence;
  const why = !real
    ? note(
        'latent: this kernel is not shown to be PREEMPT_RT or to check raw lock nesting; on such a kernel it is an error',
        'L5.34',
      )
    : acquiredType.outer === 'sleep'
      ? note('a lock that sleeps, where nothing may sleep: wrong on every kernel', 'L5.32')
      : profile.rt
        ? note('real on PREEMPT_RT: the lock sleeps when it is taken', 'L5.34')
        : profile.rawLockNesting
          ? note('the kernel checks raw lock nesting (PROVE_RAW_LOCK_NESTING)', 'L5.31')
          : note('a sleeping lock under a spinning one, on every kernel', 'L5.32');
  return identified({
    kind: 'wait-context',
    severity: real ? (certain ? 'error' : 'warning') : 'info',
    confidence: certain && real ? 'observed' : 'inferred',
    title: `${acquired.name} (${typeText(acquiredType.outer)}) is acquired while ${under}${ageUnknown ? ` (latent; ${AGE_UNKNOWN})` : real ? '' : ' (latent)'}`,
    start_ns: at.tsNs,
    end_ns: at.tsNs,
    evidence: [
      ...group.flatMap(({ held: culprit, nesting }) =>
        culprit ? eventEvidence((nesting.atomic ?? nesting.first).heldEvent, `${task} acquires ${culprit.name}`) : [],
      ),
      ...eventEvidence(at.eventId, `${task} acquires ${acquired.name}${siteText(evidence, at.stack)}`),
      ...[acquired, ...group.flatMap(({ held: culprit }) => culprit ?? [])].flatMap((cls) =>
        kindEvidence(evidence, cls),
      ),
    ],
    notes: notesOf([
      why,
      `${acquired.name}: ${typeText(acquiredType.outer)}, ${acquiredType.why}`,
      ...group.map(({ held: culprit, limit }) => `${culprit?.name ?? 'limit'}: ${typeText(limit.inner)}, ${limit.why}`),
      real
        ? note('lockdep checks this before the order of locks', 'L5.30')
        : note(
            'such a kernel checks this before the order of locks, and reports nothing after it: what else is wrong here stays hidden',
            'L5.30',
            'T22',
          ),
      `seen ${group.reduce((most, violation) => Math.max(most, violation.nesting.count), 0)}×`,
    ]),
    locks: [acquired.name],
    held,
    forbidden_by: culprits,
  });
}

/**
 * Spinlocks of which nothing tells spinlock_t from raw_spinlock_t (one function, one event without PREEMPT_RT), taken where only the latter
 * is allowed. Reported where the kernel checks it (PROVE_RAW_LOCK_NESTING).
 */
function unknownKinds(evidence: LockRecord): Finding[] {
  const { profile } = evidence;
  if (profile.rawLockNesting !== true || profile.rt === true) return [];
  const unknown = new Map<LockClass, { readonly nesting: Nesting; readonly held: LockClass }>();
  for (const nesting of evidence.nestings) {
    const acquired = evidence.classes[nesting.acquired];
    const held = nesting.held < 0 ? undefined : evidence.classes[nesting.held];
    if (held === undefined || held.rule.homonym || acquired.rule.homonym || unknown.has(acquired)) continue;
    const type = evidence.waitTypes.get(acquired);
    const raw = evidence.waitTypes.get(held)?.inner === 'raw' || (held.rule.convention && held.rule.inner === 'raw');
    if (!raw || !mayBeSpinlock(acquired, type)) continue;
    unknown.set(acquired, { nesting, held });
  }
  return [...unknown].slice(0, MAX_UNKNOWN).map(([acquired, { nesting, held }]): Finding => {
    const { first } = nesting;
    const task = taskLabel(evidence, first.taskKey, first.comm);
    return identified({
      kind: 'wait-context',
      severity: 'info',
      confidence: 'inferred',
      title: `type of ${acquired.name} unknown: under ${held.name} it would be a violation if it is a spinlock_t`,
      start_ns: first.tsNs,
      end_ns: first.tsNs,
      evidence: [
        ...eventEvidence(first.heldEvent, `${task} acquires ${held.name}`),
        ...eventEvidence(first.eventId, `${task} acquires ${acquired.name}${siteText(evidence, first.stack)}`),
      ],
      notes: notesOf([
        note(
          'without PREEMPT_RT spin_lock() and raw_spin_lock() are one function and leave the same events: the declaration of the lock decides',
          'L5.36',
        ),
        `${held.name}: ${typeText(evidence.waitTypes.get(held)?.inner ?? '')}, ${evidence.waitTypes.get(held)?.why ?? ''}`,
      ]),
      locks: [acquired.name],
      held: heldNames(evidence, first.heldClasses),
      forbidden_by: [held.name],
    });
  });
}

/** A spinlock of either kind, or a lock that was always taken with preemption off, as far as that is all that is known. */
function mayBeSpinlock(cls: LockClass, type: WaitVerdict | undefined): boolean {
  if (type !== undefined) return isEitherSpinlock(type);
  return cls.isLock && (cls.evidence & (WAIT_ATOMIC | WAIT_PREEMPTIBLE | WAIT_HELD_PREEMPTIBLE)) === WAIT_ATOMIC;
}

function typeText(type: string): string {
  return (
    { raw: 'raw spinlock', config: 'spinlock_t', sleep: 'sleeping lock', free: 'RCU reader', none: 'unchecked' }[
      type
    ] ?? type
  );
}
