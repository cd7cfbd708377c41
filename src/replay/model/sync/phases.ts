/**
 * Phases of a wait for an RCU or SRCU grace period (MODEL 2.4, W4.40): what the waiter waited for in turn. They partition the wait exactly (O7);
 * where a boundary was not recorded, its neighbours are one phase with both names.
 */
import { type GracePeriod, onlyToBeNoticed } from '../rcu/grace-period.ts';
import type { SrcuGracePeriod } from '../srcu/grace-period.ts';
import { meansStruct } from '../srcu/identity.ts';
import type { SyncWait } from './sync-wait.ts';

export const WAIT_PHASES = [
  /** A grace period that began before the call: it does not count for the caller (R2.3, T5). */
  'WAIT_CURRENT_GP',
  /** Requested, not started: the kthread has to be woken and to run. */
  'GP_START_LATENCY',
  'GP_INIT',
  /** Quiescent states of CPUs and readers are pending. */
  'GP_QS_WAIT',
  /** All reported; the kthread sleeps or gets no CPU. */
  'GP_KTHREAD_LATENCY',
  /** Ended; callbacks or the kthread have to complete the caller. */
  'GP_CLEANUP_WAKE',
  /** SRCU: requested, process_srcu has yet to be queued, delayed, and to get a worker. */
  'SRCU_START_LATENCY',
  /** SRCU: runs of process_srcu, and the delays between them. */
  'SRCU_SCAN',
  /** SRCU: ended, srcu_invoke_callbacks has yet to run (S3.16). */
  'SRCU_CALLBACK_DELAY',
  /** SRCU: callbacks run; one of them completes the caller. */
  'SRCU_CALLBACKS',
  /** Woken, without a CPU. */
  'SCHED_LATENCY',
] as const;

export interface WaitPhase {
  /** One of WAIT_PHASES, or several joined with `+`. */
  readonly phase: string;
  readonly fromNs: number;
  readonly toNs: number;
}

/** End of the phase; null when it was not recorded. */
type Boundary = readonly [phase: (typeof WAIT_PHASES)[number], endNs: number | null];

/**
 * Phases of a wait for a grace period; none for barriers and RCU Tasks.
 * @param periods RCU grace periods of the flavour in order of their start
 * @param srcuPeriods those of all srcu_structs
 * @param endNs end of the wait, or of the capture while it is open
 */
export function phasesOfWait(
  wait: SyncWait,
  periods: readonly GracePeriod[],
  srcuPeriods: readonly SrcuGracePeriod[],
  endNs: number,
): WaitPhase[] {
  if (wait.resource === 'rcu' || wait.resource === 'rcu-expedited') return phasesOfRcuWait(wait, periods, endNs);
  return wait.resource === 'srcu' ? phasesOfSrcuWait(wait, srcuPeriods, endNs) : [];
}

function phasesOfRcuWait(wait: SyncWait, periods: readonly GracePeriod[], endNs: number): WaitPhase[] {
  const own = periods.filter((gp) => gp.expedited === (wait.resource === 'rcu-expedited') && gp.startNs < endNs);
  const current = own.find((gp) => gp.startNs < wait.startNs && (gp.endNs ?? Number.POSITIVE_INFINITY) > wait.startNs);
  const target = own.find((gp) => gp.startNs >= wait.startNs);
  return partition(boundaries(wait, current, target, endNs), wait.startNs, endNs);
}

/** The SRCU grace period whose callbacks complete the caller: the first whose scans began after the call. */
export function servingPeriod(
  periods: readonly SrcuGracePeriod[],
  wait: SyncWait,
  endNs: number,
): SrcuGracePeriod | undefined {
  if (!wait.domain) return undefined;
  return periods.find(
    (gp) => meansStruct(wait.domain, gp.domain) && gp.startNs < endNs && (gp.scanNs ?? endNs) >= wait.startNs,
  );
}

function phasesOfSrcuWait(wait: SyncWait, periods: readonly SrcuGracePeriod[], endNs: number): WaitPhase[] {
  const own = periods.filter((gp) => meansStruct(wait.domain, gp.domain) && gp.startNs < endNs);
  const current = own.find(
    (gp) => (gp.scanNs ?? endNs) < wait.startNs && (gp.endNs ?? Number.POSITIVE_INFINITY) > wait.startNs,
  );
  const target = servingPeriod(own, wait, endNs);
  const orOpen = (ns: number | null | undefined): number | null => ns ?? (wait.endNs === null ? endNs : null);
  const marks: Boundary[] = [];
  if (current) marks.push(['WAIT_CURRENT_GP', orOpen(current.endNs)]);
  marks.push(['SRCU_START_LATENCY', orOpen(target?.scanNs)]);
  marks.push(['SRCU_SCAN', orOpen(target?.endShown ? target.endNs : null)]);
  marks.push(['SRCU_CALLBACK_DELAY', orOpen(target?.callbacks?.startNs)]);
  marks.push(['SRCU_CALLBACKS', orOpen(wait.wokenNs)]);
  marks.push(['SCHED_LATENCY', endNs]);
  return partition(marks, wait.startNs, endNs);
}

function boundaries(
  wait: SyncWait,
  current: GracePeriod | undefined,
  target: GracePeriod | undefined,
  endNs: number,
): Boundary[] {
  // While something is open, its phase reaches to the end.
  const orOpen = (ns: number | null): number | null => ns ?? (wait.endNs === null ? endNs : null);
  const marks: Boundary[] = [];
  if (current) marks.push(['WAIT_CURRENT_GP', orOpen(current.endNs)]);
  marks.push(['GP_START_LATENCY', orOpen(target?.startNs ?? null)]);
  marks.push(['GP_INIT', target?.initDoneNs ?? null]);
  marks.push(['GP_QS_WAIT', target ? allReported(target, endNs) : null]);
  marks.push(['GP_KTHREAD_LATENCY', orOpen(target?.endNs ?? null)]);
  marks.push(['GP_CLEANUP_WAKE', orOpen(wait.wokenNs)]);
  marks.push(['SCHED_LATENCY', endNs]);
  return marks;
}

/** When the last quiescent state was reported; null when reports were not recorded. */
function allReported(gp: GracePeriod, endNs: number): number | null {
  if (gp.endNs === null && gp.holdouts.some((holdout) => holdout.toNs === null && !onlyToBeNoticed(holdout)))
    return endNs;
  return gp.lastReportNs;
}

function partition(marks: readonly Boundary[], startNs: number, endNs: number): WaitPhase[] {
  const phases: WaitPhase[] = [];
  let at = startNs;
  let names: string[] = [];
  for (const [phase, markNs] of marks) {
    names.push(phase);
    if (markNs === null) continue;
    const cut = Math.min(endNs, Math.max(at, markNs));
    if (cut > at) phases.push({ phase: names.join('+'), fromNs: at, toNs: cut });
    names = [];
    at = cut;
    if (at >= endNs) break;
  }
  return phases;
}
