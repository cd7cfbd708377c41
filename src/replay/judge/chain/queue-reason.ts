/** Why a work item waited for a worker (S3.70). */
import { overlapNs } from '../../core/interval.ts';
import type { KthreadStarvation } from '../../model/inferred/gp-kthread.ts';
import type { LateWork, WorkExecution } from '../../model/work/workqueue.ts';
import type { Timeline } from '../../record/timeline.ts';
import { sleepText, waitsBetween } from './task.ts';

/** What explains a queueing has to cover this much of it. */
const COVERS = 0.5;

export type QueueReason =
  /** A worker of the pool keeps the CPU and does not sleep: no other one is woken (T62). */
  | { readonly kind: 'hog'; readonly run: WorkExecution }
  /** Workers of the pool are runnable and get no CPU. */
  | { readonly kind: 'no-cpu'; readonly starvation: KthreadStarvation }
  /** Items of the same workqueue are all that max_active allows (W16). */
  | { readonly kind: 'max-active'; readonly run: WorkExecution | undefined }
  /** Its own last execution goes on (S3.21). */
  | { readonly kind: 'itself'; readonly run: WorkExecution | undefined }
  /** The pool began other items while it waited. */
  | { readonly kind: 'backlog'; readonly begun: number }
  | { readonly kind: 'unknown' };

interface Interval {
  readonly startNs: number;
  readonly endNs: number | null;
}

export function queueReason(timeline: Timeline, late: LateWork, fromNs: number, toNs: number): QueueReason {
  const covered = (run: Interval): number => overlapNs(fromNs, toNs, run.startNs, timeline.end(run));
  const longest = <T extends Interval>(candidates: readonly T[]): T | undefined =>
    candidates
      .filter((run) => covered(run) >= COVERS * (toNs - fromNs))
      .sort((a, b) => covered(b) - covered(a))
      .at(0);
  const { longRuns, workerStarvations } = timeline.data;
  if (late.heldBack === 'itself')
    return { kind: 'itself', run: longest(longRuns.filter((run) => run.work === late.work)) };
  if (late.heldBack === 'max-active')
    return { kind: 'max-active', run: longest(longRuns.filter((run) => run.workqueue === late.workqueue)) };
  const hog = longest(
    longRuns.filter((run) => run.pool === late.pool && run.work !== late.work && keepsCpu(timeline, run, fromNs, toNs)),
  );
  if (hog) return { kind: 'hog', run: hog };
  const starvation = longest(workerStarvations.filter((starved) => late.cpu >= 0 && starved.cpu === late.cpu));
  if (starvation) return { kind: 'no-cpu', starvation };
  // Where activation is not recorded, a sleeping worker of the same workqueue may be what it waits for.
  const sameQueue = late.activationSeen
    ? undefined
    : longest(longRuns.filter((run) => run.workqueue === late.workqueue && run.work !== late.work));
  if (sameQueue && late.begunMeanwhile === 0) return { kind: 'max-active', run: sameQueue };
  return late.begunMeanwhile > 0 ? { kind: 'backlog', begun: late.begunMeanwhile } : { kind: 'unknown' };
}

/** A worker that sleeps releases its pool. Without its scheduling there is no telling: it may be the one. */
function keepsCpu(timeline: Timeline, run: WorkExecution, fromNs: number, toNs: number): boolean {
  if (run.ranNs === null)
    return (
      !waitsBetween(timeline, run.workerTid, fromNs, toNs) && sleepText(timeline, run.workerTid, fromNs, toNs) === ''
    );
  return run.ranNs >= COVERS * timeline.length(run);
}
