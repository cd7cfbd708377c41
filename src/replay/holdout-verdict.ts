/** Why a CPU or a reader held a grace period up (MODEL 2.7), from what its CPU and it did meanwhile. */
import type { RootKind } from '../../schema/index.ts';
import { OCC_HARDIRQ, OCC_IDLE, OCC_NMI, OCC_SOFTIRQ, OCC_TASK, OCC_UNKNOWN, type Occupancy } from './model/cpu.ts';
import type { Holdout } from './model/grace-period.ts';
import type { Visibility } from './visibility.ts';

/** NMI_LOAD of MODEL 2.7. NMIs are the one load that nothing on the CPU can escape, hence the lower bar. */
export const NMI_SHARE = 0.3;
/** HARDIRQ_LOAD, SOFTIRQ_LOAD. */
export const IRQ_SHARE = 0.5;

export interface HoldoutVerdict {
  readonly cause: RootKind;
  /** Of the owed interval; the remainder is the task's own or idle. */
  readonly shares: { readonly nmi: number; readonly hardirq: number; readonly softirq: number };
  /** `comm:tid` that ran most on the CPU. */
  readonly task: string | undefined;
  /** Reader only: share of the interval in which it was runnable without a CPU. */
  readonly runnableShare: number;
  readonly note: string;
}

function share(from: Occupancy, to: Occupancy, kind: number): number {
  let total = 0;
  for (let k = 0; k < from.length; k++) total += to[k] - from[k];
  return total > 0 ? (to[kind] - from[kind]) / total : 0;
}

const spanOf = (from: Occupancy, to: Occupancy): number => to.reduce((sum, ns, kind) => sum + ns - from[kind], 0);

const percent = (part: number): string => `${(part * 100).toFixed(part > 0.995 || part < 0.1 ? 1 : 0)} %`;

/** A CPU that takes less than this share of its ticks has interrupts off, or is inside NMIs, or does not run at all. */
const TICK_SHARE = 0.1;

export function judgeHoldout(holdout: Holdout, visible: Visibility): HoldoutVerdict {
  const from = holdout.occupancyFrom;
  const to = holdout.occupancyTo ?? from;
  const shares = {
    nmi: share(from, to, OCC_NMI),
    hardirq: share(from, to, OCC_HARDIRQ),
    softirq: share(from, to, OCC_SOFTIRQ),
  };
  return holdout.kind === 'reader'
    ? judgeReader(holdout, shares, from, to, visible)
    : judgeCpu(holdout, shares, from, to, visible);
}

function busiest(holdout: Holdout, except: string): string | undefined {
  let task: string | undefined;
  let longestNs = 0;
  for (const [label, ns] of holdout.ran) {
    if (ns > longestNs && label !== except) {
      longestNs = ns;
      task = label;
    }
  }
  return task;
}

function judgeCpu(
  holdout: Holdout,
  shares: HoldoutVerdict['shares'],
  from: Occupancy,
  to: Occupancy,
  visible: Visibility,
): HoldoutVerdict {
  const task = busiest(holdout, '');
  const verdict = (cause: RootKind, note: string, culprit?: string): HoldoutVerdict => ({
    cause,
    shares,
    task: culprit,
    runnableShare: 0,
    note,
  });
  if (spanOf(from, to) <= 0)
    return verdict('unknown', 'none of its events was recorded, so that its report may be missing, too');
  if (shares.nmi >= NMI_SHARE) {
    const rest = task ? `, ${task} gets the rest` : '';
    return verdict('nmi-storm', `no quiescent state: NMIs take ${percent(shares.nmi)} of its time${rest}`);
  }
  if (shares.hardirq >= IRQ_SHARE) {
    return verdict('irq-storm', `no quiescent state: interrupts take ${percent(shares.hardirq)} of its time`);
  }
  if (shares.softirq >= IRQ_SHARE) {
    return verdict('softirq-storm', `no quiescent state: softirqs take ${percent(shares.softirq)} of its time`);
  }
  const running = share(from, to, OCC_TASK);
  if (!visible.nmi && visible.tickNs === undefined && task) {
    return verdict('unknown', `${task} ran on it without a context switch; interrupts and ticks were not recorded`);
  }
  const owedNs = spanOf(from, to);
  if (
    !visible.nmi &&
    visible.tickNs !== undefined &&
    holdout.ticks * visible.tickNs < TICK_SHARE * owedNs &&
    owedNs > 1e9
  ) {
    // Interrupts off, NMIs back to back and a descheduled virtual CPU all look like this; only NMI events tell them apart (T63).
    return verdict(
      'unknown',
      `took only ${holdout.ticks} timer ticks: interrupts off, NMIs or a hypervisor (nmi:nmi_handler would tell)`,
    );
  }
  if (running + shares.softirq + shares.hardirq >= 0.5 && task) {
    return verdict('cpu-hog', `no quiescent state: ${task} runs ${percent(running)} of the time without one`, task);
  }
  if (share(from, to, OCC_UNKNOWN) > 0.5) return verdict('unknown', 'events of this CPU were lost');
  if (share(from, to, OCC_IDLE) > 0.5)
    return verdict('unknown', 'idle most of the time, its quiescent state noticed late');
  return verdict('unknown', 'no quiescent state recorded');
}

/** READER_* of MODEL 2.7: running (unless interrupts eat its CPU), waiting for a CPU, or asleep. */
function judgeReader(
  holdout: Holdout,
  shares: HoldoutVerdict['shares'],
  occupancyFrom: Occupancy,
  occupancyTo: Occupancy,
  visible: Visibility,
): HoldoutVerdict {
  const from = holdout.timesFrom;
  const to = holdout.timesTo;
  const none = { nmi: 0, hardirq: 0, softirq: 0 };
  const spent = from && to ? [0, 1, 2, 3].map((state) => to[state] - from[state]) : [];
  const total = spent.reduce((sum, ns) => sum + ns, 0);
  // What its CPU was seen to do meanwhile is how long it owed.
  if (!visible.switches || total <= 0 || total < 0.5 * spanOf(occupancyFrom, occupancyTo)) {
    const note = 'inside rcu_read_lock; whether it ran meanwhile was not recorded (sched:sched_switch would tell)';
    return { cause: 'unknown', shares: none, task: undefined, runnableShare: 0, note };
  }
  const [running, runnable, blocked, sleeping] = spent.map((ns) => ns / total);
  if (shares.nmi >= NMI_SHARE && running + runnable >= 0.5) {
    const note = `reader starved: NMIs take ${percent(shares.nmi)} of CPU ${holdout.cpu}`;
    return { cause: 'nmi-storm', shares, task: undefined, runnableShare: 0, note };
  }
  if (running >= 0.5) {
    const note = `inside rcu_read_lock, running ${percent(running)} of the time`;
    return { cause: 'reader-running', shares: none, task: undefined, runnableShare: runnable, note };
  }
  if (runnable >= 0.5) {
    const by = busiest(holdout, holdout.name);
    const note = `inside rcu_read_lock, runnable without a CPU ${percent(runnable)} of the time${by ? `, preempted by ${by}` : ''}`;
    return { cause: 'reader-preempted', shares: none, task: by, runnableShare: runnable, note };
  }
  const note = `inside rcu_read_lock, asleep ${percent(blocked + sleeping)} of the time`;
  return { cause: 'reader-sleeping', shares: none, task: undefined, runnableShare: runnable, note };
}
