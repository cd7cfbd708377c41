/** What the verdicts on CPUs and on readers share: thresholds of MODEL 2.7, shares of time, and their words. */
import type { HoldoutCode, RootKind } from '../../../../../schema/index.ts';
import { MAX_RT_PRIO, rtPriority } from '../../../knowledge/priorities.ts';
import type { Occupancy } from '../../cpu/cpu-state.ts';
import type { Holdout } from '../grace-period.ts';

/** NMI_LOAD of MODEL 2.7. NMIs are the one load that nothing on the CPU can escape, hence the lower bar. */
export const NMI_SHARE = 0.3;
/** HARDIRQ_LOAD, SOFTIRQ_LOAD. */
export const IRQ_SHARE = 0.5;

export interface HoldoutVerdict {
  readonly cause: RootKind;
  readonly code: HoldoutCode;
  /** Of the time pending; the remainder is the task's own or idle. */
  readonly shares: { readonly nmi: number; readonly hardirq: number; readonly softirq: number };
  /** `comm:tid` that ran most on the CPU. */
  readonly task: string | undefined;
  /** Reader only: share of the interval in which it was runnable without a CPU. */
  readonly runnableShare: number;
  readonly note: string;
}

/** Shares of the CPU's time by kind; all 0 where nothing was recorded. */
export function occupancyShares(from: Occupancy, to: Occupancy): number[] {
  // What goes on may be accounted otherwise when it is over: a kind may lose a little.
  const spent = Array.from(from, (ns, kind) => Math.max(0, to[kind] - ns));
  const total = spent.reduce((sum, ns) => sum + ns, 0);
  return spent.map((ns) => (total > 0 ? ns / total : 0));
}

/** `99 %`, with a decimal where it tells something: below a tenth and close to all. */
export const percentOf = (part: number): string => `${(part * 100).toFixed(part > 0.995 || part < 0.1 ? 1 : 0)} %`;

/** What takes that part of the interval explains it. */
export const MOST = 0.5;

/** The task that had most of the CPU. */
export function busiest(holdout: Holdout, except: string): string | undefined {
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

/** `, at real-time priority 50`, '' for others. */
export function realTime(holdout: Holdout, task: string | undefined): string {
  const prio = task === undefined ? 120 : (holdout.prios.get(task) ?? 120);
  return prio < MAX_RT_PRIO ? `, at real-time priority ${rtPriority(prio)}` : '';
}
