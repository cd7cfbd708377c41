/** Grace periods of RCU Tasks on the way from a blocked task to its root (S3.40–S3.45, W27, W28). */
import { overlapNs } from '../../core/interval.ts';
import { seconds } from '../../core/wording.ts';
import { tasksFlavor } from '../../knowledge/rcu-tasks.ts';
import type { SyncWait } from '../../model/sync/sync-wait.ts';
import type { InvoluntaryStretch } from '../../model/task/no-voluntary-switch.ts';
import { SCHEDULING_EVENTS } from '../../model/task/task.ts';
import { type TasksStage, tasksStages } from './tasks-stages.ts';
import { type BlameWalk, citeScheduling, spanOf } from './walk.ts';

export function blameTasks(walk: BlameWalk, wait: SyncWait, fromNs: number, toNs: number, depth: number): void {
  const { draft, timeline } = walk;
  const flavor = tasksFlavor(wait.api);
  const name = `${flavor.name} grace period`;
  draft.add('tasks-gp', name, 0, depth, { rule: 'W2' });
  const tid = timeline.data.tasksKthreads.get(flavor.kthread);
  if (tid !== undefined) citeScheduling(walk, tid, `${flavor.kthread}:${tid}`, spanOf(timeline, wait));
  for (const stage of tasksStages(timeline, wait, fromNs, toNs)) {
    const ns = stage.toNs - stage.fromNs;
    if (stage.wait && !walk.path.has(stage.wait.task.key)) blameKthreadWait(walk, stage, stage.wait, depth + 1);
    else if (stage.holdout)
      draft.add('tasks-gp', name, ns - blameHoldout(walk, stage, stage.holdout, depth + 1), depth);
    else {
      draft.add('tasks-gp', name, ns, depth);
      draft.root({ kind: 'unknown' }, ns);
    }
  }
}

function blameKthreadWait(walk: BlameWalk, stage: TasksStage, inner: SyncWait, depth: number): void {
  const { draft } = walk;
  const { tid, api, startEvent, endEvent, comm } = inner;
  const label = `${comm}:${tid}`;
  draft.add('kthread', label, 0, depth, { tid, note: `waits in ${api}`, rule: 'W28', event: startEvent });
  draft.evidence.cite(startEvent, `${label} enters ${api}`);
  draft.evidence.cite(endEvent, `${label} leaves ${api}`);
  walk.path.add(inner.task.key);
  walk.wait(inner, stage.fromNs, stage.toNs, depth + 1);
  walk.path.delete(inner.task.key);
}

/** @returns how much of the scan the task explains */
function blameHoldout(walk: BlameWalk, stage: TasksStage, holdout: InvoluntaryStretch, depth: number): number {
  const { draft, timeline } = walk;
  const { tid, comm, fromEvent, toEvent } = holdout;
  const untilNs = timeline.end({ endNs: holdout.toNs });
  const ns = overlapNs(stage.fromNs, stage.toNs, holdout.fromNs, untilNs);
  const label = `${comm}:${tid}`;
  draft.evidence.cite(fromEvent, `${label} becomes runnable`);
  draft.evidence.cite(toEvent, `${label} sleeps`);
  const to = toEvent || timeline.data.lastEvent;
  draft.evidence.range(fromEvent || 1, to, { events: SCHEDULING_EVENTS, tid }, `scheduling of ${label}`);
  const note = `has not given up its CPU voluntarily for ${seconds(untilNs - holdout.fromNs)}`;
  draft.add('task', label, ns, depth, { tid, note, rule: 'W27', event: fromEvent });
  draft.root({ kind: 'reader-running', task: comm, tid }, ns);
  return ns;
}
