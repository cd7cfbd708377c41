/**
 * Why an SRCU grace period took its time, as fractions of the wait (S3.60): each segment of the wait goes to the cause whose signature it
 * bears.
 */
import type { SrcuCause } from '../../../../../schema/index.ts';
import { overlapNs } from '../../../core/interval.ts';
import { LATE_NS } from '../../../knowledge/thresholds.ts';
import { meansStruct } from '../../../model/srcu/identity.ts';
import type { SyncWait } from '../../../model/sync/sync-wait.ts';
import type { Timeline } from '../../../record/timeline.ts';
import { courseOf, type SrcuGpPhases, type SrcuSegment } from './segments.ts';

/** So many runs in one grace period are repeated scans (S3.60 ii). */
const REPEATED = 3;

export interface CausedNs {
  readonly cause: SrcuCause;
  readonly ns: number;
}

/** Causes of a wait for a srcu_struct by their time, the longest first. They sum to the wait. */
export function srcuCauses(timeline: Timeline, wait: SyncWait): CausedNs[] {
  const course = courseOf(timeline, wait, wait.startNs, timeline.end(wait));
  const spent = new Map<SrcuCause, number>();
  const add = (cause: SrcuCause, ns: number): void => {
    if (ns > 0) spent.set(cause, (spent.get(cause) ?? 0) + ns);
  };
  for (const segment of course.segments) {
    const lengthNs = segment.toNs - segment.fromNs;
    const rcuNs = segment.kind === 'run' ? rcuNsWithin(timeline, segment) : 0;
    const lockNs = segment.kind === 'run' ? Math.min(lengthNs - rcuNs, lockNsWithin(timeline, segment)) : 0;
    add('SRCU_RCU', rcuNs);
    add('SRCU_MUTEX', lockNs);
    add(causeOf(timeline, wait, course, segment), lengthNs - rcuNs - lockNs);
  }
  return [...spent].map(([cause, ns]) => ({ cause, ns })).sort((a, b) => b.ns - a.ns);
}

function causeOf(timeline: Timeline, wait: SyncWait, course: SrcuGpPhases, segment: SrcuSegment): SrcuCause {
  const ns = segment.toNs - segment.fromNs;
  switch (segment.kind) {
    case 'irq-work':
      return ns >= LATE_NS ? 'IRQWORK_NOT_RUN' : 'OTHER';
    case 'queued':
      return ns >= LATE_NS ? 'WORKQ_STARVED' : 'OTHER';
    case 'callbacks-due':
    case 'callbacks-queued':
    case 'callbacks':
      return ns >= LATE_NS ? 'CALLBACK_BACKLOG' : 'OTHER';
    case 'requested':
      if (heldByReader(timeline, wait, segment)) return 'SRCU_READERS';
      return ns >= LATE_NS && neverQueued(timeline, wait, course) ? neverRan(timeline) : 'OTHER';
    default:
      return heldByReader(timeline, wait, segment) || readersNotRecorded(timeline, wait, course)
        ? 'SRCU_READERS'
        : 'OTHER';
  }
}

/** Waits of the worker for RCU inside its run (S3.14). */
function rcuNsWithin(timeline: Timeline, { run, fromNs, toNs }: SrcuSegment): number {
  if (!run) return 0;
  return timeline
    .waitsOf(run.workerTid, fromNs, toNs)
    .filter((wait) => !wait.nested && (wait.resource === 'rcu' || wait.resource === 'rcu-expedited'))
    .reduce((sum, wait) => sum + overlapNs(fromNs, toNs, wait.startNs, timeline.end(wait)), 0);
}

/** Its waits for srcu_gp_mutex and srcu_cb_mutex (S3.13). */
function lockNsWithin(timeline: Timeline, { run, fromNs, toNs }: SrcuSegment): number {
  return timeline.data.pastLockWaits
    .filter((lock) => lock.tid === run?.workerTid && lock.startNs < toNs && lock.endNs > fromNs)
    .reduce((sum, lock) => sum + overlapNs(fromNs, toNs, lock.startNs, lock.endNs), 0);
}

function heldByReader(timeline: Timeline, wait: SyncWait, { fromNs, toNs }: SrcuSegment): boolean {
  return timeline
    .readersHolding(wait.domain, toNs, fromNs)
    .some((reader) => reader.sinceNs <= fromNs || reader.task === wait.task);
}

/**
 * Scans repeat, and no read section of the struct was ever recorded: readers are what a scan waits for (S3.60 ii). Where readers are
 * recorded their absence speaks against it.
 */
export function readersNotRecorded(timeline: Timeline, wait: SyncWait, course: SrcuGpPhases): boolean {
  if (timeline.data.readers.some((reader) => meansStruct(wait.domain, reader.domain))) return false;
  return !course.anybodys && course.runs.filter((run) => !run.implied).length >= REPEATED;
}

/** Nothing was queued for the struct, though queueing is recorded. */
function neverQueued(timeline: Timeline, wait: SyncWait, course: SrcuGpPhases): boolean {
  return wait.endNs === null && course.runs.length === 0 && !course.served && timeline.data.visible.workqueues;
}

/** Where the irq_work of v7.0 is probed, it is what did not run. */
function neverRan(timeline: Timeline): SrcuCause {
  return timeline.data.visible.srcuIrqWork ? 'IRQWORK_NOT_RUN' : 'LOST';
}
