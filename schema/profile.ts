/**
 * What the rules depend on: kernel version and configuration (MODEL §0). Every field is optional: a rule that needs an
 * unknown field says so in its assessment. Filled from user options, then the log, then the capture's event formats, then inference.
 */
export interface KernelProfile {
  /** `6.12.117-labA`. */
  release?: string;
  /** Build id of its image, hex digits, where the recording has it. */
  buildId?: string;
  /** Lowest release that the content of the recording allows (`7.0`), for captures that do not name theirs. */
  atLeast?: string;
  hz?: number;
  /** PREEMPT_RT. */
  rt?: boolean;
  /** Readers can be preempted (flavour rcu_preempt). */
  preemptRcu?: boolean;
  proveRcu?: boolean;
  /** CONFIG_PROVE_RAW_LOCK_NESTING: wait types are checked between raw and ordinary spinlocks (L5.31). */
  rawLockNesting?: boolean;
  /** rcu_cpu_stall_timeout, seconds, without the 5 s of PROVE_RCU. */
  rcuStallTimeoutS?: number;
  hungTaskTimeoutS?: number;
  /** workqueue.watchdog_thresh, seconds. */
  wqWatchdogThreshS?: number;
  possibleCpus?: number;
  x86?: boolean;
  /** Times of the trace are ticks of a clock whose rate nothing proves (`counter`, `x86-tsc`): no duration of it means anything. Absent: nanoseconds. */
  timeUnit?: 'ticks';
  /** `<name>_srcu_usage` of static srcu_structs by address (`0xffff…`): names work items that lie within (MODEL 3.1). */
  srcuUsages?: Readonly<Record<string, string>>;
}

/** Thresholds of findings; the defaults are DESIGN's. Stored with the run. */
export interface Thresholds {
  /** Grace period older than this is a stall, ns. Undefined: the kernel's own rule from the profile. */
  rcuStallNs?: number;
  hungTaskNs: number;
  blockedSyncNs: number;
  /** Share of one CPU. */
  nmiStormShare: number;
  /** Shares of the other kinds of storms; default: that of NMIs. */
  irqStormShare?: number;
  softirqStormShare?: number;
  /** Shortest storm of any kind, ns. */
  nmiStormWindowNs: number;
  /** A work item that waits longer for a worker is stalled, ns. Undefined: wq_watchdog_thresh from the profile, else the kernel's default. */
  workqueueStallNs?: number;
}

export const DEFAULT_THRESHOLDS: Thresholds = {
  hungTaskNs: 120e9,
  blockedSyncNs: 1e9,
  nmiStormShare: 0.5,
  nmiStormWindowNs: 1e9,
};
