/**
 * What a waiter for RCU Tasks waits for in turn (S3.40): stages in which the kthread waits for RCU (W28), and between them scans of all tasks,
 * which last until each has given up its CPU (W27).
 */
import { tasksFlavor } from '../../../knowledge/rcu-tasks.ts';
import type { SyncWait } from '../../../model/sync/sync-wait.ts';
import type { NoVoluntarySwitch } from '../../../model/task/no-voluntary-switch.ts';
import type { Timeline } from '../../../record/timeline.ts';

export interface TasksStage {
  readonly fromNs: number;
  readonly toNs: number;
  /** The kthread's wait for RCU; undefined in a scan. */
  readonly wait?: SyncWait;
  /** Of a scan: who kept a CPU for most of it. */
  readonly holdout?: NoVoluntarySwitch;
}

/** A task must have kept its CPU for this share of a scan to be what the scan waited for. */
const COVERS = 0.5;
/** The kthread looks again every tenth of a second, or less often: shorter scans wait for nobody. */
const SHORTEST_SCAN_NS = 2e8;

/** Stages of a wait for RCU Tasks within [fromNs, toNs); they fill it. */
export function tasksStages(timeline: Timeline, wait: SyncWait, fromNs: number, toNs: number): TasksStage[] {
  const flavor = tasksFlavor(wait.api);
  const tid = timeline.data.tasksKthreads.get(flavor.kthread);
  const stages: TasksStage[] = [];
  let cursor = fromNs;
  const scan = (untilNs: number): void => {
    if (untilNs <= cursor) return;
    const named = flavor.waitsForTasks && untilNs - cursor >= SHORTEST_SCAN_NS;
    const holdout = named ? keptCpu(timeline, wait, cursor, untilNs) : undefined;
    stages.push({ fromNs: cursor, toNs: untilNs, ...(holdout && { holdout }) });
  };
  for (const inner of tid === undefined ? [] : timeline.waitsOf(tid, fromNs, toNs)) {
    const startNs = Math.max(cursor, inner.startNs);
    const endNs = Math.min(toNs, timeline.end(inner));
    if (inner.nested || endNs <= startNs) continue;
    scan(startNs);
    stages.push({ fromNs: startNs, toNs: endNs, wait: inner });
    cursor = endNs;
  }
  scan(toNs);
  return stages;
}

/** The task that kept its CPU for most of the scan: of several, who kept it last. */
function keptCpu(timeline: Timeline, wait: SyncWait, fromNs: number, toNs: number): NoVoluntarySwitch | undefined {
  const { data } = timeline;
  const until = (stretch: NoVoluntarySwitch): number => Math.min(toNs, stretch.toNs ?? data.endNs);
  let last: NoVoluntarySwitch | undefined;
  for (const stretch of data.involuntary) {
    if (stretch.tid === wait.tid || data.tasksKthreadTids.has(stretch.tid)) continue;
    const ns = until(stretch) - Math.max(fromNs, stretch.fromNs);
    // It was there when the kthread made its list, or soon after.
    if (ns < COVERS * (toNs - fromNs) || stretch.fromNs > fromNs + 0.1 * (toNs - fromNs)) continue;
    if (!last || until(stretch) > until(last)) last = stretch;
  }
  return last;
}
