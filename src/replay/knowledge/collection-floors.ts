/**
 * How long something must last to be kept for the verdicts. A run has millions of short sleeps and grace periods that can be no finding;
 * what is too short depends on the thresholds in force.
 */
import type { Thresholds } from '../../../schema/index.ts';
import { SHORTEST_STALL_NS, SLOW_NS } from './thresholds.ts';

/** Grace periods that a verdict may need, ns. */
export const gracePeriodFloorNs = ({ rcuStallNs, blockedSyncNs }: Thresholds): number =>
  Math.min(SLOW_NS, rcuStallNs ?? SHORTEST_STALL_NS, blockedSyncNs);

/** Age of a grace period from which a tick may notice a stall, ns. */
export const stallTickFloorNs = ({ rcuStallNs }: Thresholds): number =>
  Math.min(SHORTEST_STALL_NS, rcuStallNs ?? SHORTEST_STALL_NS);

/** Uninterruptible sleeps that a verdict may need, ns. A log can show no hung_task_timeout_secs below a second. */
export const sleepFloorNs = ({ hungTaskNs }: Thresholds): number => Math.min(SLOW_NS, hungTaskNs);
