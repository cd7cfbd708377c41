/** Why a CPU or a reader held a grace period up (MODEL 2.7), from what its CPU and it did meanwhile. */
import type { RootKind } from '../../schema/index.ts';
import { OCC_HARDIRQ, OCC_IDLE, OCC_NMI, OCC_SOFTIRQ, OCC_TASK, OCC_UNKNOWN, type Occupancy } from './model/cpu.ts';
import type { Holdout } from './model/rcu.ts';

/** NMI_LOAD of MODEL 2.7. NMIs are the one load that nothing on the CPU can escape, hence the lower bar. */
const NMI_SHARE = 0.3;
/** HARDIRQ_LOAD, SOFTIRQ_LOAD. */
const IRQ_SHARE = 0.5;

export interface HoldoutVerdict {
  readonly cause: RootKind;
  /** Of the owed interval; the remainder is the task's own or idle. */
  readonly shares: { readonly nmi: number; readonly hardirq: number; readonly softirq: number };
  /** `comm:tid` that ran most on a CPU holdout. */
  readonly task: string | undefined;
  readonly note: string;
}

function share(from: Occupancy, to: Occupancy, kind: number): number {
  let total = 0;
  for (let k = 0; k < from.length; k++) total += to[k] - from[k];
  return total > 0 ? (to[kind] - from[kind]) / total : 0;
}

const percent = (part: number): string => `${(part * 100).toFixed(part > 0.995 || part < 0.1 ? 1 : 0)} %`;

export function judgeHoldout(holdout: Holdout): HoldoutVerdict {
  const from = holdout.occupancyFrom;
  const to = holdout.occupancyTo ?? from;
  const shares = {
    nmi: share(from, to, OCC_NMI),
    hardirq: share(from, to, OCC_HARDIRQ),
    softirq: share(from, to, OCC_SOFTIRQ),
  };
  return holdout.kind === 'reader' ? judgeReader(holdout, shares) : judgeCpu(holdout, shares, from, to);
}

function judgeCpu(holdout: Holdout, shares: HoldoutVerdict['shares'], from: Occupancy, to: Occupancy): HoldoutVerdict {
  let task: string | undefined;
  let longestNs = 0;
  for (const [label, ns] of holdout.ran) {
    if (ns > longestNs) {
      longestNs = ns;
      task = label;
    }
  }
  if (shares.nmi >= NMI_SHARE) {
    return {
      cause: 'nmi-storm',
      shares,
      task: undefined,
      note: `no quiescent state: NMIs take ${percent(shares.nmi)} of it${task ? `, ${task} gets the rest` : ''}`,
    };
  }
  if (shares.hardirq >= IRQ_SHARE)
    return {
      cause: 'irq-storm',
      shares,
      task: undefined,
      note: `no quiescent state: interrupts take ${percent(shares.hardirq)} of it`,
    };
  if (shares.softirq >= IRQ_SHARE)
    return {
      cause: 'softirq-storm',
      shares,
      task: undefined,
      note: `no quiescent state: softirqs take ${percent(shares.softirq)} of it`,
    };
  const running = share(from, to, OCC_TASK);
  const idle = share(from, to, OCC_IDLE);
  if (running + shares.softirq + shares.hardirq >= 0.5 && task) {
    return {
      cause: 'cpu-hog',
      shares,
      task,
      note: `no quiescent state: ${task} runs in the kernel without one for ${percent(running)} of the time`,
    };
  }
  const unknown = share(from, to, OCC_UNKNOWN);
  return {
    cause: 'unknown',
    shares,
    task,
    note:
      unknown > 0.5
        ? 'events of this CPU were lost'
        : idle > 0.5
          ? 'idle most of the time, yet its quiescent state was not noticed'
          : 'no quiescent state recorded',
  };
}

/** READER_* of MODEL 2.7: running (unless interrupts eat its CPU), waiting for a CPU, or asleep. */
function judgeReader(holdout: Holdout, shares: HoldoutVerdict['shares']): HoldoutVerdict {
  const from = holdout.timesFrom;
  const to = holdout.timesTo;
  const none = { nmi: 0, hardirq: 0, softirq: 0 };
  if (!from || !to)
    return {
      cause: 'unknown',
      shares: none,
      task: undefined,
      note: 'preempted reader; its scheduling was not recorded',
    };
  const spent = [0, 1, 2, 3].map((k) => to[k] - from[k]);
  const total = spent.reduce((sum, ns) => sum + ns, 0) || 1;
  const [running, runnable, blocked, sleeping] = spent.map((ns) => ns / total);
  if (shares.nmi >= NMI_SHARE && running + runnable >= 0.5) {
    return {
      cause: 'nmi-storm',
      shares,
      task: undefined,
      note: `reader starved: NMIs take ${percent(shares.nmi)} of CPU ${holdout.cpu}`,
    };
  }
  if (running >= 0.5)
    return {
      cause: 'reader-running',
      shares: none,
      task: undefined,
      note: `inside rcu_read_lock, running ${percent(running)} of the time`,
    };
  if (runnable >= 0.5)
    return {
      cause: 'reader-preempted',
      shares: none,
      task: undefined,
      note: `inside rcu_read_lock, preempted: runnable without a CPU ${percent(runnable)} of the time`,
    };
  return {
    cause: 'reader-sleeping',
    shares: none,
    task: undefined,
    note: `inside rcu_read_lock, asleep ${percent(blocked + sleeping)} of the time`,
  };
}
