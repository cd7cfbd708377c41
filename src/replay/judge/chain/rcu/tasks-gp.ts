/** Grace periods of RCU Tasks on the way from a blocked task to its root (S3.40–S3.45, W27, W28). */
import { formatDuration } from '../../../../../schema/index.ts';
import { overlapNs } from '../../../core/interval.ts';
import { tasksFlavor } from '../../../knowledge/rcu-tasks.ts';
import { SCHEDULING_EVENTS } from '../../../knowledge/scheduling-events.ts';
import { tasksPeriodName, WAITS_FOR } from '../../../knowledge/waits-for.ts';
import type { SyncWait } from '../../../model/sync/sync-wait.ts';
import type { NoVoluntarySwitch } from '../../../model/task/no-voluntary-switch.ts';
import type { Link } from '../draft.ts';
import { type AttributionWalk, citeScheduling, enterTask, spanOf } from '../walk.ts';
import { type TasksStage, tasksStages } from './tasks-stages.ts';

export function blameTasks(walk: AttributionWalk, waiter: Link, wait: SyncWait, fromNs: number, toNs: number): void {
  const { draft, timeline } = walk;
  const flavor = tasksFlavor(wait.api);
  const period = waiter.waitsFor(WAITS_FOR.tasksGp, tasksPeriodName(wait.api));
  const tid = timeline.data.tasksKthreads.get(flavor.kthread);
  if (tid !== undefined) citeScheduling(walk, tid, `${flavor.kthread}:${tid}`, spanOf(timeline, wait));
  for (const stage of tasksStages(timeline, wait, fromNs, toNs)) {
    const ns = stage.toNs - stage.fromNs;
    if (stage.wait && !walk.trail.isOnWay(stage.wait.task.key)) blameKthreadWait(walk, period, stage, stage.wait);
    else if (stage.holdout) period.blame(ns - blameHoldout(walk, period, stage, stage.holdout));
    else {
      period.blame(ns);
      draft.root({ kind: 'unknown' }, ns);
    }
  }
}

function blameKthreadWait(walk: AttributionWalk, period: Link, stage: TasksStage, inner: SyncWait): void {
  const { draft } = walk;
  const { tid, api, startEvent, endEvent, comm } = inner;
  const label = `${comm}:${tid}`;
  draft.evidence.cite(startEvent, `${label} enters ${api}`);
  draft.evidence.cite(endEvent, `${label} leaves ${api}`);
  const kthread = { edge: WAITS_FOR.tasksKthread, label, tid, note: `waits in ${api}`, event: startEvent };
  enterTask(walk, period, kthread, stage.toNs - stage.fromNs, (link) =>
    walk.wait(link, inner, stage.fromNs, stage.toNs),
  );
}

/** @returns how much of the scan the task explains */
function blameHoldout(walk: AttributionWalk, period: Link, stage: TasksStage, holdout: NoVoluntarySwitch): number {
  const { draft, timeline } = walk;
  const { tid, comm, fromEvent, toEvent } = holdout;
  const untilNs = timeline.end({ endNs: holdout.toNs });
  const ns = overlapNs(stage.fromNs, stage.toNs, holdout.fromNs, untilNs);
  const label = `${comm}:${tid}`;
  draft.evidence.cite(fromEvent, `${label} becomes runnable`);
  draft.evidence.cite(toEvent, `${label} sleeps`);
  const to = toEvent || timeline.data.lastEvent;
  draft.evidence.range(fromEvent || 1, to, { events: SCHEDULING_EVENTS, tid }, `scheduling of ${label}`);
  const note = `has not given up its CPU voluntarily for ${formatDuration(untilNs - holdout.fromNs)}`;
  period.waitsFor(WAITS_FOR.tasksHoldout, label, { tid, note, event: fromEvent }).blame(ns);
  draft.root({ kind: 'reader-running', task: comm, tid }, ns);
  return ns;
}
