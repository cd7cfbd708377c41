/** A grace period and those it waited for: the facts that verdicts and blame are made from. */
import type { MayBeOpen } from '../../core/interval.ts';
import type { Occupancy } from '../cpu/cpu.ts';

/** A CPU or reader that a grace period had to wait for (W4, W5). */
export interface Holdout {
  readonly kind: 'cpu' | 'reader';
  /** The CPU itself, or the CPU on which the reader was preempted first. */
  readonly cpu: number;
  /** Reader's tid; −1 for a CPU. */
  readonly tid: number;
  readonly fromNs: number;
  readonly fromEvent: number;
  toNs: number | null;
  /** As {@link MayBeOpen}. */
  openUntilNs?: number;
  toEvent: number;
  /** Last context switch of `cpu` before it began, 0 when none was recorded: with it the CPU's account can be taken again. */
  readonly cpuEvent: number;
  /** Reader only: the event that brought it into the state in which it was then; the one that put it on the blocked list. 0 when not recorded. */
  readonly taskEvent: number;
  readonly queuedEvent: number;
  /**
   * CPU only: when it passed a quiescent state that remained to be reported (E1.6), by itself, or by being idle or in user mode so that the
   * grace-period kthread had to notice (R2.5 b). From then on the CPU no longer holds anything up.
   */
  passedNs: number | null;
  passedBy: 'itself' | 'eqs' | undefined;
  passedEvent: number;
  /** Expedited only: the CPU took the interrupt that asks for its quiescent state (R2.23). */
  askedNs?: number;
  /** Readers can be preempted, so a CPU that did not report at the interrupt was inside one. */
  askedReader?: boolean;
  /** CPU only: it began to go offline (cpuofl). */
  offlineNs?: number;
  /** Reader only: its task returned to user mode, so that the read-side section was over while its report was still due (R2.11). */
  leftNs?: number;
  leftEvent?: number;
  /** Reader only: its priority was raised to get it out of the section (RCU boost), and to what. */
  boostedNs?: number;
  boostedTo?: number;
  /** Cumulative occupancy of `cpu` when it passed by itself: what it did afterwards delayed only the report. */
  occupancyPassed?: Occupancy;
  /** Part of the interval in which no CPU at all recorded anything although several were busy. */
  silentNs?: number;
  /** Interrupts of the CPU, its ticks included. */
  interruptsFrom: number;
  interrupts: number;
  /** The CPU ran a task with its tick stopped (nohz_full). */
  tickless?: boolean;
  /** Priorities of the tasks of `ran`, where switches show them: below 100 is real-time. */
  readonly prios: Map<string, number>;
  /** Cumulative occupancy of `cpu` at both ends. */
  readonly occupancyFrom: Occupancy;
  occupancyTo: Occupancy | undefined;
  /** Reader only: its own times by state (running, runnable, blocked, sleeping) at both ends. */
  readonly timesFrom: Float64Array | undefined;
  timesTo: Float64Array | undefined;
  /** Time on `cpu` per task, ns, by `comm:tid`: who ran instead. Kept for holdouts that lasted. */
  readonly ran: Map<string, number>;
  /** Scheduler ticks of `cpu` when it began, and how many it took since (a tick alone proves no quiescent state, T6). */
  readonly ticksFrom: number;
  ticks: number;
  readonly name: string;
  /** No event shows the holdout: the CPU did not switch context while the grace period lasted (R2.6). */
  /** Its times and those of its CPU reach to this event (0: the last one), where that is not `toEvent`. */
  readonly accountedToEvent?: number;
  readonly inferred?: boolean;
}

/** A scheduler tick during an old grace period. */
export interface TickSample {
  readonly cpu: number;
  readonly ns: number;
  readonly event: number;
  /** Its quiescent state was pending: the CPU would have reported itself (R2.43). */
  readonly qsPending: boolean;
}

export interface GracePeriod extends MayBeOpen {
  readonly flavor: string;
  /** gp_seq of `start` (state bits 1); null when the grace period is inferred from its waiters. */
  readonly seq: number | null;
  readonly expedited: boolean;
  readonly requestNs: number | null;
  readonly startNs: number;
  readonly startEvent: number;
  initDoneNs: number | null;
  /** When the kthread first looked for CPUs in an extended quiescent state (`fqsstart`): idle stretches that ended before do not count (R2.5 b). */
  scannedNs?: number;
  lastReportNs: number | null;
  endNs: number | null;
  endEvent: number;
  /** The end was not recorded but follows from the next start (R2.14). */
  endInferred: boolean;
  /** Events were lost while its end was awaited (E0.4). */
  censored?: boolean;
  /** Lost-event markers seen when it began. */
  readonly gapsAtStart: number;
  /** In the order in which they became pending. */
  readonly holdouts: Holdout[];
  /** Whether a preempted reader is among them. */
  blockedReaders?: boolean;
  /** Ticks taken while it was old enough to be a stall under some timeout: who could have warned, and when (R2.41). */
  readonly ticks: TickSample[];
  /** Who runs an inferred expedited one, and its sleep until the CPUs have answered. */
  readonly executor?: { readonly label: string; readonly startEvent: number; readonly endEvent: number };
  /** When the kernel itself warned about it, with the event; undefined when it did not. */
  warnedNs?: number;
  warnedEvent?: number;
  /** The CPU whose tick brought the warning, and whether it was about itself (R2.43, R2.44). */
  warnedCpu?: number;
  warnedSelf?: boolean;
}

/** A grace period that has just begun. */
export function newGracePeriod(
  what: Pick<GracePeriod, 'flavor' | 'seq' | 'expedited' | 'requestNs' | 'startNs' | 'startEvent' | 'gapsAtStart'>,
): GracePeriod {
  return {
    ...what,
    initDoneNs: null,
    lastReportNs: null,
    endNs: null,
    endEvent: 0,
    endInferred: false,
    holdouts: [],
    ticks: [],
  };
}

/** `rcu_preempt grace period 521`, as findings and chains name it. */
export function gracePeriodName(gp: GracePeriod): string {
  return `${gp.flavor} ${gp.expedited ? 'expedited ' : ''}grace period${gp.seq === null ? '' : ` ${gp.seq}`}`;
}

/** It had nothing to do but be noticed: it was in an extended quiescent state as soon as the grace period asked (W4.1). */
export function onlyToBeNoticed(holdout: Holdout): boolean {
  return holdout.passedBy === 'eqs' && holdout.passedNs === holdout.fromNs;
}

/** Until when it held the grace period up, null while it does: a quiescent CPU's report is the kthread's task (R2.5 b). */
export function heldUntilNs(holdout: Holdout): number | null {
  return holdout.passedBy === 'eqs' ? holdout.passedNs : holdout.toNs;
}

/**
 * Those that decided when the grace period could end: everything still pending, else the last one to clear (W4.40, W4.42). A CPU that was
 * quiescent all along is never among them; with nobody else, the kthread decided.
 */
export function lastHoldouts(gp: Pick<GracePeriod, 'holdouts'>): Holdout[] {
  const candidates = gp.holdouts.filter((holdout) => !onlyToBeNoticed(holdout));
  const open = candidates.filter((holdout) => heldUntilNs(holdout) === null);
  if (open.length > 0) return open;
  let last: Holdout | undefined;
  let lastNs = -1;
  for (const holdout of candidates) {
    const untilNs = heldUntilNs(holdout) as number;
    if (untilNs < lastNs) continue;
    last = holdout;
    lastNs = untilNs;
  }
  return last ? [last] : [];
}
