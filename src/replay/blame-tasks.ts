/**
 * Grace periods of RCU Tasks on the way from a blocked task to its root (S3.40–S3.45): its kthread waits for RCU before and after (W28), and
 * in between for every task that has not given up its CPU (W27).
 */
import type { BlameWalk } from './blame-walk.ts';
import { citeScheduling, spanOf } from './blame-walk.ts';
import { tasksFlavor } from './knowledge/rcu-tasks.ts';
import type { InvoluntaryStretch } from './model/involuntary-stretch.ts';
import type { SyncWait } from './model/sync-wait.ts';
import { SCHEDULING_EVENTS } from './model/task.ts';
import { seconds } from './wording.ts';

/** A task must have kept its CPU for this share of a stage to be what the stage waited for. */
const COVERS = 0.5;

export function blameTasks(walk: BlameWalk, wait: SyncWait, fromNs: number, toNs: number, depth: number): void {
  const { draft, timeline } = walk;
  const flavor = tasksFlavor(wait.api);
  const name = `${flavor.name} grace period`;
  draft.add('tasks-gp', name, 0, depth);
  const tid = timeline.data.tasksKthreads.get(flavor.kthread);
  let cursor = fromNs;
  if (tid !== undefined) {
    citeScheduling(walk, tid, `${flavor.kthread}:${tid}`, spanOf(timeline, wait));
    for (const stage of timeline.waitsOf(tid, fromNs, toNs)) {
      if (stage.nested || walk.path.has(stage.task.key)) continue;
      const startNs = Math.max(cursor, stage.startNs);
      const endNs = Math.min(toNs, timeline.end(stage));
      if (endNs <= startNs) continue;
      blameScan(walk, wait, name, cursor, startNs, depth);
      draft.add('kthread', `${flavor.kthread}:${tid}`, 0, depth + 1, { tid, note: `waits in ${stage.api} (W28)` });
      draft.evidence.cite(stage.startEvent, `${flavor.kthread}:${tid} enters ${stage.api}`);
      draft.evidence.cite(stage.endEvent, `${flavor.kthread}:${tid} leaves ${stage.api}`);
      walk.path.add(stage.task.key);
      walk.wait(stage, startNs, endNs, depth + 2);
      walk.path.delete(stage.task.key);
      cursor = endNs;
    }
  }
  blameScan(walk, wait, name, cursor, toNs, depth);
}

/** Between its waits for RCU the kthread looks at all tasks again and again. */
function blameScan(walk: BlameWalk, wait: SyncWait, name: string, fromNs: number, toNs: number, depth: number): void {
  const { draft, timeline } = walk;
  const ns = toNs - fromNs;
  if (ns <= 0) return;
  const holdout = tasksFlavor(wait.api).waitsForTasks ? keptCpu(walk, wait, fromNs, toNs) : undefined;
  if (!holdout) {
    draft.add('tasks-gp', name, ns, depth);
    draft.root({ kind: 'unknown' }, ns);
    return;
  }
  const { tid, comm } = holdout;
  const heldNs = Math.min(toNs, holdout.toNs ?? toNs) - Math.max(fromNs, holdout.fromNs);
  const label = `${comm}:${tid}`;
  draft.evidence.cite(holdout.fromEvent, `${label} becomes runnable`);
  draft.evidence.cite(holdout.toEvent, `${label} sleeps`);
  const to = holdout.toEvent || timeline.data.lastEvent;
  draft.evidence.range(holdout.fromEvent || 1, to, { events: SCHEDULING_EVENTS, tid }, `scheduling of ${label}`);
  draft.add('task', label, heldNs, depth + 1, {
    tid,
    note: `has not given up its CPU voluntarily for ${seconds(timeline.end({ endNs: holdout.toNs }) - holdout.fromNs)} (W27)`,
  });
  draft.root({ kind: 'reader-running', task: comm, tid }, heldNs);
  draft.add('tasks-gp', name, ns - heldNs, depth);
}

/** The task that kept its CPU for most of the stage: of several, who kept it last. */
function keptCpu(walk: BlameWalk, wait: SyncWait, fromNs: number, toNs: number): InvoluntaryStretch | undefined {
  const { data } = walk.timeline;
  const until = (stretch: InvoluntaryStretch): number => stretch.toNs ?? data.endNs;
  let last: InvoluntaryStretch | undefined;
  for (const stretch of data.involuntary) {
    if (stretch.tid === wait.tid || data.tasksKthreadTids.has(stretch.tid)) continue;
    const ns = Math.min(toNs, until(stretch)) - Math.max(fromNs, stretch.fromNs);
    // It was there when the kthread made its list (S3.40), or soon after.
    if (ns < COVERS * (toNs - fromNs) || stretch.fromNs > fromNs + 0.1 * (toNs - fromNs)) continue;
    if (!last || Math.min(toNs, until(stretch)) > Math.min(toNs, until(last))) last = stretch;
  }
  return last;
}
