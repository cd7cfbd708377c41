/**
 * What a wait for an SRCU grace period waited for in turn (W4.40 "SrcuGp"): the request, the irq_work hop, the delay timer, a worker, the
 * runs of process_srcu, and then the same for the callbacks. The segments fill the wait.
 */

import { LATE_NS } from '../../../knowledge/thresholds.ts';
import type { SrcuGracePeriod } from '../../../model/srcu/grace-period.ts';
import { meansStruct } from '../../../model/srcu/identity.ts';
import { servingPeriod } from '../../../model/sync/phases.ts';
import type { SyncWait } from '../../../model/sync/sync-wait.ts';
import type { LateWork, WorkExecution } from '../../../model/work/workqueue.ts';
import type { Timeline } from '../../../record/timeline.ts';

export type SrcuSegmentKind =
  /** Asked for; nothing is queued or delayed yet, as far as events show. */
  | 'requested'
  /** Asked for; the irq_work that queues the work has yet to run (S3.12, W13). */
  | 'irq-work'
  /** The timer of the delayed work is armed (S3.15, W11). */
  | 'timer'
  /** Queued for a worker (W14). */
  | 'queued'
  | 'run'
  /** Between two runs, or after the last one seen, without more to tell. */
  | 'between'
  /** The grace period has ended; its callbacks are to be queued (S3.16). */
  | 'callbacks-due'
  | 'callbacks-queued'
  | 'callbacks';

export interface SrcuSegment {
  readonly kind: SrcuSegmentKind;
  readonly fromNs: number;
  readonly toNs: number;
  /** Of a run. */
  readonly run?: WorkExecution;
  /** Of a queue in which it waited for long. */
  readonly late?: LateWork;
}

/** What is known of the grace period that a wait waits for. */
export interface SrcuGpPhases {
  /** The one whose callbacks complete the caller, when its end was seen or is to come. */
  readonly served: SrcuGracePeriod | undefined;
  /** End of the grace period within the wait, or the wait's own. */
  readonly endedNs: number;
  readonly runs: readonly WorkExecution[];
  /** Which struct the runs serve is not recorded: they may be anybody's (W4.20). */
  readonly anybodys: boolean;
  readonly segments: readonly SrcuSegment[];
}

export function courseOf(timeline: Timeline, wait: SyncWait, fromNs: number, toNs: number): SrcuGpPhases {
  const served = servingPeriod(timeline.data.srcuPeriods, wait, toNs);
  const endedNs = Math.min(toNs, Math.max(fromNs, (served?.endShown && served.endNs) || toNs));
  const { runs, anybodys } = runsFor(timeline, wait, fromNs, endedNs);
  const segments: SrcuSegment[] = [];
  const put = (kind: SrcuSegmentKind, from: number, to: number, more: Partial<SrcuSegment> = {}): number => {
    if (to > from) segments.push({ kind, fromNs: from, toNs: to, ...more });
    return Math.max(from, to);
  };
  let cursor = fromNs;
  let began = false;
  /** What precedes a run, or its absence. */
  const gap = (until: number, next: WorkExecution | undefined): void => {
    const late = lateFor(timeline, wait, next);
    const queuedNs = next?.queuedNs ?? late?.queuedNs ?? until;
    const armedNs = next?.delayedFromNs ?? late?.delayedFromNs ?? queuedNs;
    const hopNs = began ? undefined : served?.irqWorkNs;
    const clip = (ns: number): number => Math.min(until, Math.max(cursor, ns));
    if (hopNs !== undefined && hopNs <= queuedNs) cursor = put('irq-work', cursor, clip(hopNs));
    cursor = put(began ? 'between' : 'requested', cursor, clip(armedNs));
    cursor = put('timer', cursor, clip(queuedNs));
    cursor = put('queued', cursor, until, late && { late });
  };
  for (const run of runs) {
    const startNs = Math.min(endedNs, Math.max(cursor, run.startNs));
    const endNs = Math.min(endedNs, run.endNs ?? endedNs);
    if (endNs <= startNs) continue;
    gap(startNs, run);
    cursor = put('run', startNs, endNs, { run });
    began = true;
  }
  gap(endedNs, undefined);
  const guessed = segments.at(-1)?.late;
  const { callbacks, callbacksQueuedNs } = served ?? { callbacks: undefined, callbacksQueuedNs: undefined };
  const queuedNs = callbacks?.queuedNs ?? callbacksQueuedNs ?? callbacks?.startNs ?? toNs;
  const late = timeline.data.lateWork.find(
    (work) => work.fn === 'srcu_invoke_callbacks' && work.queuedNs === queuedNs && work.queuedNs >= endedNs,
  );
  const within = (ns: number): number => Math.min(toNs, Math.max(cursor, ns));
  cursor = put('callbacks-due', cursor, within(queuedNs));
  cursor = put('callbacks-queued', cursor, within(callbacks?.startNs ?? toNs), late && { late });
  put('callbacks', cursor, toNs);
  // Shorter queues are not blamed on anybody, so nothing is guessed.
  const isUsed = segments.some(
    (segment) => guessed !== undefined && segment.late === guessed && segment.toNs - segment.fromNs >= LATE_NS,
  );
  const unnamed = isUsed && guessed?.startNs === null && guessed.domain === undefined;
  return { served, endedNs, runs, anybodys: anybodys || unnamed, segments };
}

/** Runs of the wait's own srcu_struct; when no probe names it, of every struct that nobody claims (edge 1/k, W4.20). */
function runsFor(
  timeline: Timeline,
  wait: SyncWait,
  fromNs: number,
  toNs: number,
): Pick<SrcuGpPhases, 'runs' | 'anybodys'> {
  const overlapping = timeline.data.srcuRuns.filter((run) => run.startNs < toNs && (run.endNs ?? toNs) > fromNs);
  const own = overlapping.filter((run) => run.domain !== undefined && meansStruct(wait.domain, run.domain));
  if (own.length > 0) return { runs: own, anybodys: false };
  const unclaimed = overlapping.filter((run) => run.domain === undefined);
  const runs = unclaimed.length > 0 ? unclaimed : wait.domain ? [] : overlapping;
  return { runs, anybodys: runs.length > 0 };
}

/** The long queueing of a run; of one that has not begun by the end of the capture, when there is no next one. */
function lateFor(timeline: Timeline, wait: SyncWait, next: WorkExecution | undefined): LateWork | undefined {
  const { lateWork } = timeline.data;
  if (next) return lateWork.find((late) => late.queueEvent === next.queueEvent && next.queueEvent > 0);
  const waiting = lateWork.filter((late) => late.startNs === null && late.fn === 'process_srcu');
  const own = waiting.find((late) => meansStruct(wait.domain, late.domain ?? ''));
  return own ?? waiting.find((late) => late.domain === undefined);
}
