/**
 * How long something must last to be kept for the verdicts. A run has millions of short sleeps and grace periods that can be no finding;
 * what is too short depends on the thresholds in force.
 */
import type { Thresholds } from '../../../schema/index.ts';

/** Long enough to matter by itself, under every threshold: it explains the waits of others. */
const REMARKABLE_NS = 1e9;
/** The shortest rcu_cpu_stall_timeout that a kernel accepts (rcu_jiffies_till_stall_check, MODEL R2.40). */
const SHORTEST_STALL_NS = 3e9;

/** Grace periods that a verdict may need, ns. */
export const gracePeriodFloorNs = ({ rcuStallNs, blockedSyncNs }: Thresholds): number =>
  Math.min(REMARKABLE_NS, rcuStallNs ?? SHORTEST_STALL_NS, blockedSyncNs);

/** Age of a grace period from which a tick may notice a stall, ns. */
export const stallTickFloorNs = ({ rcuStallNs }: Thresholds): number =>
  Math.min(SHORTEST_STALL_NS, rcuStallNs ?? SHORTEST_STALL_NS);

/** Uninterruptible sleeps that a verdict may need, ns. A log can show no hung_task_timeout_secs below a second. */
export const sleepFloorNs = ({ hungTaskNs }: Thresholds): number => Math.min(REMARKABLE_NS, hungTaskNs);
