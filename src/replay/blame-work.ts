/** Work that waits for a worker, on the way from a blocked task to its root: who had the pool or the workqueue instead (W14–W17, S3.70). */
import { blameWaits, sleepText, type TaskLink } from './blame-task.ts';
import {
  addContexts,
  type BlameWalk,
  citeOccupancy,
  citeScheduling,
  sharesDuring,
  splitByShares,
  stormRoot,
} from './blame-walk.ts';
import type { LateWork, WorkExecution } from './model/workqueue.ts';
import type { Timeline } from './timeline.ts';

/** Queued and not executing in [fromNs, toNs). */
export function blameQueuedWork(walk: BlameWalk, late: LateWork, fromNs: number, toNs: number, depth: number): void {
  const { draft, timeline } = walk;
  const ns = toNs - fromNs;
  if (ns <= 0) return;
  const inactive = late.activatedNs === null;
  const note = inactive
    ? `queued on ${late.workqueue}, not activated`
    : `queued on ${late.workqueue}, no worker takes it`;
  const where = late.cpu >= 0 ? { cpu: late.cpu } : {};
  draft.evidence.cite(late.queueEvent, `${late.fn} is queued`);
  draft.evidence.cite(late.startEvent, `${late.fn} starts`);
  draft.add('work', late.fn, 0, depth, { note, rule: 'W14', event: late.queueEvent });
  const occupant = occupantOf(timeline, late, fromNs, toNs);
  const ranNs = occupant ? overlapNs(timeline, occupant, fromNs, toNs) : 0;
  if (occupant) blameOccupant(walk, occupant, inactive, Math.max(fromNs, occupant.startNs), ranNs, depth + 1);
  if (ns - ranNs <= 0) return;
  // The pool's CPU may not let any worker run.
  const shares = late.cpu >= 0 ? sharesDuring(timeline, late.cpu, fromNs, toNs) : undefined;
  const storm = shares && stormRoot(shares, late.cpu);
  if (!shares || !storm) {
    draft.add('work', late.fn, ns - ranNs, depth);
    draft.root({ kind: 'workqueue-starved', ...where }, ns - ranNs);
    return;
  }
  const pieces = splitByShares(shares, ns - ranNs);
  citeOccupancy(walk, late.cpu, { from: late.queueEvent, to: late.startEvent || timeline.data.lastEvent });
  draft.add('work', late.fn, 0, depth);
  draft.add('cpu', `CPU ${late.cpu}`, pieces.own, depth + 1, {
    cpu: late.cpu,
    note: 'runs the workers of the pool',
    rule: 'W15',
  });
  addContexts(walk, late.cpu, pieces, depth + 2);
  draft.root(storm, ns - ranNs);
}

/**
 * What had the worker, or the place: an execution that covers most of the delay. A worker that sleeps lets another one of its pool run (T62);
 * but it counts against max_active of the workqueue (W16).
 */
function occupantOf(timeline: Timeline, late: LateWork, fromNs: number, toNs: number): WorkExecution | undefined {
  let longest: WorkExecution | undefined;
  for (const run of timeline.data.longRuns) {
    const inTheWay =
      late.activatedNs === null ? run.workqueue === late.workqueue : late.cpu >= 0 && run.cpu === late.cpu;
    if (!inTheWay || run.work === late.work || overlapNs(timeline, run, fromNs, toNs) < 0.5 * (toNs - fromNs)) continue;
    if (late.activatedNs !== null && sleepText(timeline, run.workerTid, fromNs, toNs) !== '') continue;
    if (!longest || overlapNs(timeline, run, fromNs, toNs) > overlapNs(timeline, longest, fromNs, toNs)) longest = run;
  }
  return longest;
}

function overlapNs(timeline: Timeline, run: WorkExecution, fromNs: number, toNs: number): number {
  return Math.max(0, Math.min(toNs, timeline.end(run)) - Math.max(fromNs, run.startNs));
}

function blameOccupant(
  walk: BlameWalk,
  run: WorkExecution,
  inactive: boolean,
  fromNs: number,
  ns: number,
  depth: number,
): void {
  const { draft, timeline, path } = walk;
  const label = timeline.workerLabel(run);
  const tid = run.workerTid;
  const span = { from: run.startEvent, to: run.endEvent || timeline.data.lastEvent };
  draft.evidence.cite(run.queueEvent, `${run.fn} is queued`);
  draft.evidence.cite(run.startEvent, `${label} starts ${run.fn}`);
  draft.evidence.cite(run.endEvent, `${label} is done with ${run.fn}`);
  citeScheduling(walk, tid, label, span);
  const shown = { tid, note: `runs ${run.fn}`, rule: inactive ? 'W16' : 'W15', event: run.startEvent };
  if (path.has(tid)) {
    draft.add('worker', label, ns, depth, { ...shown, closes: true });
    draft.root({ kind: 'deadlock', task: label.slice(0, label.lastIndexOf(':')), tid }, ns);
    return;
  }
  draft.add('worker', label, 0, depth, shown);
  path.add(tid);
  const link: TaskLink = { kind: 'worker', label, tid };
  const ownNs = blameWaits(walk, link, fromNs, fromNs + ns, depth);
  path.delete(tid);
  draft.root({ kind: 'workqueue-starved', task: label.slice(0, label.lastIndexOf(':')), tid }, ownNs);
}
