/**
 * RCU grace periods on the way from a blocked task to its root: cut by their phases (MODEL 2.4), the quiescent-state wait going to the
 * holdout that cleared last (W4.40).
 */
import { type Note, RECORDED_FROM_HERE, type Root, type RootCode } from '../../../../../schema/index.ts';
import type { EvidenceList } from '../../../core/evidence-list.ts';
import { overlapNs } from '../../../core/interval.ts';
import { note } from '../../../core/note.ts';
import { splitLabel } from '../../../core/wording.ts';
import { OCCUPANCY_EVENTS, TICK_EVENTS } from '../../../knowledge/interrupt-events.ts';
import { SCHEDULING_EVENTS } from '../../../knowledge/scheduling-events.ts';
import { LATE_NS } from '../../../knowledge/thresholds.ts';
import { holdoutEdge, rcuPeriodEdge, WAITS_FOR } from '../../../knowledge/waits-for.ts';
import {
  type GracePeriod,
  gracePeriodName,
  type Holdout,
  heldUntilNs,
  lastHoldouts,
  onlyToBeNoticed,
} from '../../../model/rcu/grace-period.ts';
import type { HoldoutVerdict } from '../../../model/rcu/holdout/shares.ts';
import type { SyncWait } from '../../../model/sync/sync-wait.ts';
import type { LockSpin } from '../../../record/lock-spin-verdict.ts';
import type { Timeline } from '../../../record/timeline.ts';
import { blameBusyWait } from '../busy-wait.ts';
import type { Link } from '../draft.ts';
import { citeCpuTime } from '../occupancy-evidence.ts';
import { blameWaits, waitsBetween } from '../task.ts';
import {
  type AttributionWalk,
  addContexts,
  citeOccupancy,
  enterTask,
  occupantLink,
  sharesDuring,
  spanOf,
  splitByShares,
  stormRoot,
} from '../walk.ts';
import { blameKthread, blameKthreadSleep } from './kthread.ts';
import { blameRequest } from './kthread-request.ts';

const NO_GRACE_PERIODS = note(
  'no rcu:* events: the grace period is inferred from its waiters, the holdout from a CPU that did not switch context',
  'E1.0',
  'R2.6',
);
const NO_READERS = note(
  'which reader it waits for is not recorded; inferred from a task that did not sleep and then woke the grace-period kthread, as the last reader does when it unlocks; record rcu_preempt_task and rcu_unlock_preempted_task to see it',
  'R2.10',
);
const NO_HOLDOUTS = note(
  'holdouts of grace periods are not recorded; inferred from a CPU that did not switch context; record rcu_grace_period_init and rcu_quiescent_state_report to see them',
  'R2.6',
);

/** How a holdout is known that no event names. */
export function inferredBy(holdout: Holdout): Note {
  return holdout.kind === 'reader' ? NO_READERS : NO_HOLDOUTS;
}

/** Events from which grace periods, their masks and their readers follow. */
export const GRACE_PERIOD_EVENTS: readonly string[] = [
  'rcu_grace_period',
  'rcu_grace_period_init',
  'rcu_quiescent_state_report',
  'rcu_exp_grace_period',
  'rcu_preempt_task',
  'rcu_unlock_preempted_task',
  'rcu_stall_warning',
  'rcu_watching',
  'rcu_dyntick',
  'call_function_single_entry',
  'call_function_entry',
  'sched_pi_setprio',
];

/**
 * @param waiter the task that waits, or the one that does so on its behalf
 * @param wait the wait that is being cut
 * @param callbackCpu CPU whose callbacks complete the caller, where that is how it is done (R2.21)
 */
export function blameRcu(
  walk: AttributionWalk,
  waiter: Link,
  wait: SyncWait,
  fromNs: number,
  toNs: number,
  callbackCpu?: number,
): void {
  const { timeline, draft } = walk;
  const flavor = timeline.data.flavor;
  const expedited = wait.resource === 'rcu-expedited';
  // A worker inside process_srcu, or one that was not recorded, waits on behalf of an SRCU grace period.
  const edge = rcuPeriodEdge(wait.insideSrcuRun || wait.resource === 'srcu');
  const all = timeline.data.periods.filter((gp) => gp.flavor === flavor && gp.expedited === expedited);
  const periods = servingPeriods(all, wait, fromNs, toNs);
  const span = spanOf(timeline, wait);
  draft.evidence.range(
    Math.min(span.from, periods[0]?.startEvent ?? span.from),
    Math.max(span.to, ...periods.map((gp) => gp.endEvent || timeline.data.lastEvent)),
    { events: GRACE_PERIOD_EVENTS },
    `${flavor} grace periods, their masks and readers`,
  );
  if (periods.length === 0) {
    const next = all.find((gp) => gp.startNs >= toNs);
    const none = timeline.data.visible.gracePeriodEvent > 0 ? 'none had begun' : 'not recorded';
    const name = next ? gracePeriodName(next) : `${flavor} grace period (${none})`;
    const before = all.findLast((gp) => gp.endNs !== null && gp.endNs <= fromNs);
    const shown = before?.endEvent || timeline.data.visible.gracePeriodEvent;
    draft.evidence.cite(shown, `grace periods ${RECORDED_FROM_HERE}`);
    const period = waiter.waitsFor(edge, name);
    const unexplainedNs = beforeStart(walk, period, expedited, flavor, fromNs, toNs);
    draft.root({ kind: 'unknown' }, unexplainedNs);
    return;
  }
  citeQuiescent(draft.evidence, periods[0]);
  let cursor = fromNs;
  let last: Link | undefined;
  for (const gp of periods) {
    const startNs = Math.max(cursor, gp.startNs);
    const endNs = Math.min(toNs, gp.endNs ?? toNs);
    last = waiter.waitsFor(edge, gracePeriodName(gp), { event: gp.startEvent });
    if (startNs > cursor) beforeStart(walk, last, expedited, flavor, cursor, startNs);
    if (endNs > startNs) {
      blameGracePeriod(walk, last, gp, startNs, endNs);
      cursor = endNs;
    }
  }
  if (last && cursor < toNs) {
    if (callbackCpu !== undefined && toNs - cursor >= LATE_NS) citeOccupancy(walk, callbackCpu, span);
    blameCallbacks(walk, last, cursor, toNs, callbackCpu);
  }
}

/** The kthread of the flavour begins normal grace periods; expedited ones have their own, and it no part in them (R2.23). */
function beforeStart(
  walk: AttributionWalk,
  period: Link,
  expedited: boolean,
  flavor: string,
  fromNs: number,
  toNs: number,
): number {
  return expedited ? ownTime(period, toNs - fromNs) : blameRequest(walk, period, flavor, fromNs, toNs);
}

function ownTime(period: Link, ns: number): number {
  period.blame(ns);
  return ns;
}

/**
 * Grace periods on the way: those that overlap the piece. Once the waiter was woken, one that had not ended by then cannot be what it waited
 * for, unless there is no other.
 */
function servingPeriods(all: readonly GracePeriod[], wait: SyncWait, fromNs: number, toNs: number): GracePeriod[] {
  const periods = all.filter((gp) => gp.startNs < toNs && (gp.endNs ?? toNs) > fromNs);
  const doneNs = wait.wokenNs ?? wait.endNs;
  if (doneNs === null || toNs < doneNs) return periods;
  const ended = periods.filter((gp) => gp.endNs !== null && gp.endNs <= doneNs);
  return ended.some((gp) => gp.startNs >= wait.startNs) ? ended : periods;
}

/** Past the end: callbacks have to be invoked, in a softirq or by rcuc/rcuo on the caller's CPU (W21). */
function blameCallbacks(
  walk: AttributionWalk,
  period: Link,
  fromNs: number,
  toNs: number,
  cpu: number | undefined,
): void {
  const { draft, timeline } = walk;
  const ns = toNs - fromNs;
  const shares = cpu === undefined || ns < LATE_NS ? undefined : sharesDuring(timeline, cpu, fromNs, toNs);
  const root = shares && stormRoot(shares, cpu as number);
  if (cpu === undefined || !shares || !root) {
    period.blame(ns);
    return;
  }
  const pieces = splitByShares(shares, ns);
  const busy = period.waitsFor(WAITS_FOR.rcuCallbacks, `CPU ${cpu}`, { cpu, note: 'has to invoke the callback' });
  busy.blame(pieces.own);
  addContexts(busy, cpu, pieces);
  draft.root(root, ns);
}

function blameGracePeriod(walk: AttributionWalk, period: Link, gp: GracePeriod, fromNs: number, toNs: number): void {
  const { draft } = walk;
  const { name } = period;
  period.passThrough(toNs - fromNs);
  const inferred = gp.holdouts.find((holdout) => holdout.inferred);
  if (gp.seq === null && inferred?.kind !== 'reader') draft.inferredBy.add(NO_GRACE_PERIODS);
  else if (inferred) draft.inferredBy.add(inferredBy(inferred));
  if (toNs - fromNs >= walk.minCitedNs) {
    draft.evidence.cite(gp.startEvent, `${name} starts`);
    draft.evidence.cite(gp.endEvent, `${name} ends`);
    if (gp.executor) {
      draft.evidence.cite(gp.executor.startEvent, `${gp.executor.label} waits for CPUs and readers to answer`);
      draft.evidence.cite(gp.executor.endEvent, `${gp.executor.label} is woken`);
    }
    draft.evidence.cite(gp.warnedEvent ?? 0, 'the kernel warns of the stall');
  }
  const holdouts = gp.holdouts.filter((holdout) => !onlyToBeNoticed(holdout));
  const open = holdouts.filter((holdout) => heldUntilNs(holdout) === null && holdout.fromNs < toNs);
  // What held it up for most of the piece hangs below the grace period itself, also where a shorter piece meets it first.
  for (const holdout of holdouts) {
    const untilNs = heldUntilNs(holdout) ?? toNs;
    if (holdout.kind === 'cpu' && overlapNs(fromNs, toNs, holdout.fromNs, untilNs) >= 0.5 * (toNs - fromNs))
      cpuLink(walk, period, holdout);
  }
  let cursor = toNs;
  if (open.length > 0) {
    // Still pending at the end of the capture: shared equally (W4.42).
    const heldFromNs = Math.max(fromNs, Math.min(...open.map((holdout) => holdout.fromNs)));
    const shareNs = Math.floor((toNs - heldFromNs) / open.length);
    for (const holdout of open) blameHoldout(walk, period, holdout, shareNs, toNs);
    period.blame(toNs - heldFromNs - shareNs * open.length);
    cursor = heldFromNs;
  }
  while (cursor > fromNs) {
    const holdout = lastPending(holdouts, cursor);
    if (holdout) {
      const beganNs = Math.max(fromNs, holdout.fromNs);
      if (!sleepsOnLock(walk, period, holdout, beganNs, cursor))
        blameHoldout(walk, period, holdout, cursor - beganNs, cursor);
      cursor = beganNs;
      continue;
    }
    // No holdout: initialisation, or the kthread had yet to notice (GP_INIT, GP_KTHREAD_LATENCY).
    const before = holdouts.map((other) => heldUntilNs(other) ?? 0).filter((ns) => ns < cursor);
    const idleFromNs = Math.max(fromNs, ...before);
    const restNs = gp.expedited
      ? ownTime(period, cursor - idleFromNs)
      : blameKthread(walk, period, gp.flavor, idleFromNs, cursor);
    const asleepNs =
      restNs > 0 && gp.seq !== null && gp.initDoneNs !== null ? blameKthreadSleep(walk, gp, idleFromNs, cursor) : 0;
    draft.root({ kind: 'unknown' }, Math.max(0, restNs - asleepNs));
    cursor = idleFromNs;
  }
}

/**
 * A reader asleep inside rcu_read_lock: on PREEMPT_RT spinlocks sleep, and the holder of the lock is to blame (READER_BLOCKED).
 * @returns false when no wait of the reader is recorded
 */
function sleepsOnLock(walk: AttributionWalk, period: Link, holdout: Holdout, fromNs: number, toNs: number): boolean {
  const { draft, timeline, trail } = walk;
  const { tid, name } = holdout;
  if (holdout.kind !== 'reader' || trail.isOnWay(tid)) return false;
  const verdict = timeline.judge(holdout);
  if (verdict.cause !== 'reader-sleeping' || !waitsBetween(timeline, tid, fromNs, toNs)) return false;
  citeHoldout(walk, holdout, toNs - fromNs);
  const reader = { tid, label: name, note: verdict.note, event: holdout.fromEvent };
  enterTask(walk, period, { edge: holdoutEdge('reader'), ...reader }, toNs - fromNs, (link) => {
    const ownNs = blameWaits(walk, link, reader, fromNs, toNs);
    draft.root(holdoutRoot(timeline, holdout, verdict), ownNs);
  });
  return true;
}

/** @param untilNs end of the time `ns` that it answers for */
function blameHoldout(walk: AttributionWalk, period: Link, holdout: Holdout, ns: number, untilNs: number): void {
  if (ns <= 0) return;
  const { draft, timeline } = walk;
  citeHoldout(walk, holdout, ns);
  const verdict = timeline.judge(holdout);
  const pieces = splitByShares(verdict.shares, ns);
  const cpu = holdout.cpu;
  const interruptNs = pieces.softirq + pieces.hardirq + pieces.nmi;
  const shown = { note: verdict.note, event: holdout.fromEvent };
  // Where its interrupts are, and the task that had it instead.
  let busy: Link | undefined;
  if (holdout.kind === 'reader') {
    // While it was runnable, the task that had its CPU is to blame (W4.2, W4.40).
    const lostNs =
      verdict.cause === 'reader-preempted' && verdict.task ? Math.floor(verdict.runnableShare * pieces.own) : 0;
    const reader = period.waitsFor(holdoutEdge('reader'), holdout.name, { tid: holdout.tid, ...shown });
    reader.blame(pieces.own - lostNs);
    if (interruptNs + lostNs > 0) busy = reader.waitsFor(WAITS_FOR.cpu, `CPU ${cpu}`, { cpu });
    if (busy && lostNs > 0) occupantLink(busy, verdict.task as string, lostNs);
  } else {
    // The task that keeps the CPU answers for it (W8); under a load of interrupts it is a victim, too.
    const hog = verdict.cause === 'cpu-hog' && ns >= walk.minCitedNs ? verdict.task : undefined;
    busy = cpuLink(walk, period, holdout);
    if (verdict.via) {
      blameBusyWait(walk, busy, verdict.via, verdict, ns);
      return;
    }
    if (verdict.lockSpin) {
      blameLockSpin(walk, busy, verdict.lockSpin, untilNs - ns, untilNs);
      return;
    }
    if (hog === undefined) busy.blame(pieces.own);
    else occupantLink(busy, hog, pieces.own);
  }
  const storm = timeline.stormDuring(
    'nmi',
    cpu,
    holdout.fromNs,
    holdout.toNs ?? holdout.openUntilNs ?? timeline.data.endNs,
  );
  if (busy) addContexts(busy, cpu, pieces, storm?.firstEvent);
  draft.root(holdoutRoot(timeline, holdout, verdict), ns);
  if (verdict.cause === 'nmi-storm' && storm) draft.evidence.cite(storm.firstEvent, `NMI storm on CPU ${cpu} begins`);
}

/** The task that spins for a lock, and what it waits for. */
function blameLockSpin(
  walk: AttributionWalk,
  busy: Link,
  { task, lock }: LockSpin,
  fromNs: number,
  toNs: number,
): void {
  const { tid } = splitLabel(task);
  const spinner = { edge: WAITS_FOR.cpuOwner, label: task, tid, note: `spins for ${lock}` };
  enterTask(walk, busy, spinner, toNs - fromNs, (link) => {
    const ownNs = blameWaits(walk, link, spinner, fromNs, toNs);
    walk.draft.root({ kind: 'cpu-hog', ...splitLabel(task) }, ownNs);
  });
}

/** A CPU whose quiescent state is pending. */
function cpuLink({ timeline }: AttributionWalk, period: Link, holdout: Holdout): Link {
  const { cpu, fromEvent } = holdout;
  return period.waitsFor(holdoutEdge('cpu'), `CPU ${cpu}`, {
    cpu,
    note: timeline.judge(holdout).note,
    event: fromEvent,
  });
}

function citeHoldout(walk: AttributionWalk, holdout: Holdout, ns: number): void {
  const { evidence } = walk.draft;
  if (ns >= walk.minCitedNs) {
    evidence.cite(holdout.fromEvent, `quiescent state of ${holdout.name} pending`);
    evidence.cite(holdout.toEvent, `${holdout.name} reports its quiescent state`);
  }
  citeHoldoutTimes(evidence, holdout, walk.timeline);
}

/** CPUs that were quiescent and had only to be noticed: since when. */
export function citeQuiescent(evidence: EvidenceList, gp: GracePeriod): void {
  for (const holdout of gp.holdouts)
    if (holdout.passedBy === 'eqs') evidence.cite(holdout.passedEvent, `${holdout.name} is quiescent`);
}

/** What is needed to take the accounts of a holdout again. */
export function citeHoldoutTimes(evidence: EvidenceList, holdout: Holdout, timeline: Timeline): void {
  const { cpu, tid, name } = holdout;
  const { lastEvent, visible } = timeline.data;
  const to = (holdout.accountedToEvent ?? holdout.toEvent) || lastEvent;
  evidence.cite(holdout.leftEvent ?? 0, `${name} returns to user mode`);
  evidence.cite(visible.nmiEvent, `NMIs ${RECORDED_FROM_HERE}`);
  evidence.range(
    visible.firstTickEvent,
    visible.lastTickEvent,
    { events: TICK_EVENTS },
    'scheduler ticks are recorded, this far apart',
  );
  citeCpuTime(evidence, timeline, cpu, holdout.cpuEvent || holdout.fromEvent, to);
  // Silence is one of all CPUs: their records around it show it, and that they were busy.
  if ((holdout.silentNs ?? 0) > 0)
    evidence.range(holdout.cpuEvent || holdout.fromEvent, to, { events: OCCUPANCY_EVENTS }, 'what all CPUs did');
  if (holdout.kind === 'cpu') return;
  evidence.cite(holdout.queuedEvent, `${name} is preempted inside rcu_read_lock`);
  evidence.range(
    holdout.taskEvent || holdout.queuedEvent || holdout.fromEvent,
    to,
    { events: SCHEDULING_EVENTS, tid },
    `scheduling of ${name}`,
  );
}

/** Codes that say more than the kind of the root. */
const ROOT_CODES: readonly RootCode[] = [
  'VM_STOLEN',
  'CPU_OFFLINE_RACE',
  'IRQS_OFF',
  'RT_HOG',
  'REPORT_LATENCY',
  'TICKLESS_USER',
  'DEFERRED_UNLOCK',
];

function holdoutRoot(timeline: Timeline, holdout: Holdout, verdict: HoldoutVerdict): Root {
  if (holdout.kind === 'cpu' && timeline.data.unrecordedCpus.includes(holdout.cpu)) return { kind: 'unknown' };
  const reader = holdout.kind === 'reader' && (verdict.cause === 'unknown' || verdict.cause.startsWith('reader'));
  const named = reader ? holdout.name : verdict.task;
  const code = ROOT_CODES.find((candidate) => candidate === verdict.code);
  const root = { kind: verdict.cause, ...(code && { code }), cpu: holdout.cpu };
  return named === undefined ? root : { ...root, ...splitLabel(named) };
}

/** The holdout pending just before `atNs` that cleared last. */
function lastPending(holdouts: readonly Holdout[], atNs: number): Holdout | undefined {
  let last: Holdout | undefined;
  let lastNs = -1;
  for (const holdout of holdouts) {
    const untilNs = heldUntilNs(holdout) ?? Number.POSITIVE_INFINITY;
    if (holdout.fromNs >= atNs || untilNs < atNs || untilNs < lastNs) continue;
    last = holdout;
    lastNs = untilNs;
  }
  return last;
}

/** The one that a finding about the grace period names: of those that decided, the longest pending. */
export function decisiveHoldout(gp: GracePeriod): Holdout | undefined {
  return decisiveOf(gp.holdouts);
}

/** The same, of some of its holdouts. */
export function decisiveOf(holdouts: Holdout[]): Holdout | undefined {
  const last = lastHoldouts({ holdouts });
  // Of those that never reported: a CPU that has passed a quiescent state only lacks the report.
  const unpassed = last.filter((holdout) => holdout.passedBy !== 'itself');
  let longest: Holdout | undefined;
  for (const holdout of unpassed.length > 0 ? unpassed : last)
    if (!longest || holdout.fromNs < longest.fromNs) longest = holdout;
  return longest;
}
