/** From when on a sleep is a hung task and a work item stalls, in this run. */
import { DEFAULT_THRESHOLDS } from '../../../schema/index.ts';
import { WORKQUEUE_STALL_NS } from '../knowledge/thresholds.ts';
import type { RunSettings } from './run-record.ts';

/** The user's, else what the log shows of hung_task_timeout_secs, else the kernel's default of 120 s. */
export function hungTaskThresholdNs(settings: RunSettings): number {
  const fromLog = settings.profile.hungTaskTimeoutS;
  return fromLog !== undefined && settings.thresholds.hungTaskNs === DEFAULT_THRESHOLDS.hungTaskNs
    ? fromLog * 1e9
    : settings.thresholds.hungTaskNs;
}

/** The user's, else what the log shows of workqueue.watchdog_thresh, else the kernel's default. */
export function workqueueThresholdNs({ thresholds, profile }: RunSettings): number {
  const { wqWatchdogThreshS } = profile;
  return (
    thresholds.workqueueStallNs ?? (wqWatchdogThreshS === undefined ? WORKQUEUE_STALL_NS : wqWatchdogThreshS * 1e9)
  );
}
