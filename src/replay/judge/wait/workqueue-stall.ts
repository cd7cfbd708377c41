/**
 * Work items that waited for a worker longer than the kernel's workqueue watchdog allows (kernel/workqueue.c: wq_watchdog_timer_fn, 30 s), and
 * what kept the workers of their pool (S3.70, W14–W16).
 */
import { type Finding, formatDuration } from '../../../../schema/index.ts';
import { type NoteInput, note, notesOf, threshold } from '../../core/note.ts';
import { STORM_MEETS_NS } from '../../knowledge/thresholds.ts';
import type { LateWork } from '../../model/work/workqueue.ts';
import { isRecorded, type RunRecord } from '../../record/run-record.ts';
import type { Timeline } from '../../record/timeline.ts';
import { workqueueThresholdNs } from '../../record/wait-thresholds.ts';
import { Attribution } from '../chain/blame.ts';
import { type QueueReason, queueReason } from '../chain/queue-reason.ts';
import { rootPhrase } from '../chain/root-phrase.ts';
import { identified } from '../finding-id.ts';

export function detectWorkqueueStalls(record: RunRecord): Finding[] {
  const { timeline } = record;
  const seen = new Set<string>();
  const limitNs = workqueueThresholdNs(record);
  return timeline.data.lateWork
    .filter((late) => waitedNs(timeline, late) >= limitNs)
    .flatMap((late) => {
      const reason = queueReason(timeline, late, late.queuedNs, timeline.end({ endNs: late.startNs }));
      if (!isStall(record, timeline, late, reason)) return [];
      const found = finding(timeline, late, reason, limitNs);
      // One finding for each item that waits in one stall of its pool.
      const key = `${found.id} ${found.end_ns}`;
      return seen.has(key) ? [] : seen.add(key) && [found];
    });
}

function waitedNs(timeline: Timeline, late: LateWork): number {
  return timeline.end({ endNs: late.startNs }) - late.queuedNs;
}

/**
 * Cancelling leaves no event: an item that never began counts only when something shows why. One that waits for itself or for its
 * workqueue is no stall of the pool, unless what it waits for lasts as long.
 */
function isStall(record: RunRecord, timeline: Timeline, late: LateWork, reason: QueueReason): boolean {
  switch (reason.kind) {
    case 'hog':
    case 'no-cpu':
      return true;
    case 'itself':
      return false;
    case 'max-active':
      return reason.run !== undefined && timeline.length(reason.run) >= workqueueThresholdNs(record);
    default:
      return late.startNs !== null || !isRecorded(record.coverage, 'sched_switch') || stormOn(timeline, late);
  }
}

function stormOn(timeline: Timeline, { cpu, queuedNs }: LateWork): boolean {
  return timeline.data.storms.some(
    (storm) => storm.cpu === cpu && storm.endNs - Math.max(storm.startNs, queuedNs) >= STORM_MEETS_NS,
  );
}

function finding(timeline: Timeline, late: LateWork, reason: QueueReason, limitNs: number): Finding {
  const blockedNs = waitedNs(timeline, late);
  const chain = Attribution.ofWork(timeline, late);
  const { workqueue, fn, pool } = late;
  // What the watchdog looks for: the pool began nothing at all. A backlog that is worked off is slow, not stuck.
  const stuck = late.begunMeanwhile === 0 && reason.kind !== 'max-active';
  const guessed = late.startNs === null && reason.kind === 'unknown';
  return identified({
    kind: 'workqueue-stall',
    severity: stuck && !guessed ? 'error' : 'warning',
    confidence: guessed || chain.inferredBy.length > 0 ? 'inferred' : 'observed',
    title: `${fn} on workqueue ${workqueue} waited ${formatDuration(blockedNs)} for a worker${late.startNs === null ? ' (still waiting at end of capture)' : ''}${chain.root.kind === 'unknown' ? '' : `: ${rootPhrase(chain.root)}`}`,
    start_ns: late.queuedNs,
    end_ns: timeline.end({ endNs: late.startNs }),
    evidence: chain.evidence,
    notes: notesOf([
      threshold(`${formatDuration(limitNs)} (workqueue.watchdog_thresh)`),
      ...NOTES[reason.kind],
      ...chain.inferredBy,
      ...(late.rescued
        ? ['the rescuer of the workqueue took it in the end: the pool could make no worker (MAYDAY)']
        : []),
      ...(late.begunMeanwhile > 0
        ? [
            `its pool started ${late.begunMeanwhile} other items while it waited: the workqueue watchdog would not have warned`,
          ]
        : []),
    ]),
    workqueue,
    pool,
    work: fn,
    blocked_ns: blockedNs,
    chain: chain.links,
    root: chain.root,
  });
}

const NOTES: Readonly<Record<QueueReason['kind'], readonly NoteInput[]>> = {
  hog: [
    note(
      'a worker that runs without sleeping keeps its pool from waking another one; one that sleeps does not',
      'S3.70',
      'T62',
    ),
  ],
  'no-cpu': ['a worker of the pool is runnable and gets no CPU'],
  'max-active': [note('never put on the list of its pool: max_active of the workqueue was in use', 'W16')],
  itself: [note('its last execution had to end first', 'S3.21')],
  backlog: ['the pool was busy with what was queued before'],
  unknown: ['why no worker took it is not recorded: cancelled work looks the same where its pool is idle'],
};
