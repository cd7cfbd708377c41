/**
 * What a task did while another waited for it, as a holder of a lock or as the end of a chain (W22–W24): its own waits for grace periods and
 * locks, and the rest, which is its own.
 */
import type { Evidence, RootKind } from '../../../../schema/index.ts';
import type { EvidenceList } from '../../core/evidence-list.ts';
import { overlapNs } from '../../core/interval.ts';
import { splitLabel } from '../../core/wording.ts';
import { WAITS_FOR } from '../../knowledge/waits-for.ts';
import type { PastLockWait } from '../../model/lock/wait.ts';
import type { SyncWait } from '../../model/sync/sync-wait.ts';
import type { TaskJoin } from '../../record/task-join.ts';
import type { Timeline } from '../../record/timeline.ts';
import type { Link } from './draft.ts';
import { type AttributionWalk, citeScheduling, enterTask, type TaskLink } from './walk.ts';

/** A wait for a lock, open or over. */
interface LockPiece {
  readonly lock: string;
  readonly startNs: number;
  readonly endNs: number;
  /** −1 unknown. */
  readonly ownerTid: number;
  readonly note: string;
  /** The events that show the wait and the owner, 0 when none does. */
  readonly event: number;
  readonly ownerEvent: number;
}

/** Lock events of a task. */
const LOCK_EVENTS = [
  'lock_acquire',
  'lock_contended',
  'lock_acquired',
  'lock_release',
  'contention_begin',
  'contention_end',
];

/**
 * Cuts what a task did in [fromNs, toNs); what it did itself goes to its link.
 * @param root what it is the root as, when it goes on with something of its own
 */
function blameTask(
  walk: AttributionWalk,
  waiter: Link,
  task: TaskLink,
  fromNs: number,
  toNs: number,
  root: RootKind = 'lock-holder',
): void {
  enterTask(walk, waiter, task, toNs - fromNs, (link) => {
    const leftNs = blameWaits(walk, link, task, fromNs, toNs);
    if (leftNs > 0) walk.draft.root({ kind: root, ...splitLabel(task.label) }, leftNs);
  });
}

/**
 * The waits of a task for grace periods and locks; time between them goes to its link.
 * @param link of the task
 * @param sinceNs waits that began before do not count: what the task is met for began then
 * @returns how much of the interval is the task's own
 */
export function blameWaits(
  walk: AttributionWalk,
  link: Link,
  { label, tid }: Pick<TaskLink, 'label' | 'tid'>,
  fromNs: number,
  toNs: number,
  sinceNs = Number.NEGATIVE_INFINITY,
): number {
  const { draft, timeline } = walk;
  let cursor = fromNs;
  let ownNs = 0;
  const own = (untilNs: number): void => {
    const ns = Math.max(0, untilNs - cursor);
    link.blame(ns);
    ownNs += ns;
  };
  for (const piece of waitsOf(timeline, tid, fromNs, toNs)) {
    if (piece.startNs < sinceNs) continue;
    const startNs = Math.max(cursor, piece.startNs);
    const endNs = Math.min(toNs, piece.endNs);
    if (endNs <= startNs) continue;
    own(startNs);
    if ('wait' in piece) {
      draft.evidence.cite(piece.wait.startEvent, `${label} enters ${piece.wait.api}`);
      draft.evidence.cite(piece.wait.endEvent, `${label} leaves ${piece.wait.api}`);
      walk.wait(link, piece.wait, startNs, endNs);
    } else if ('join' in piece) blameJoin(walk, link, piece.join, startNs, endNs);
    else {
      citeLocks(draft.evidence, timeline, tid);
      blameLock(walk, link, piece, startNs, endNs);
    }
    cursor = endNs;
  }
  own(toNs);
  return ownNs;
}

/** Which locks a task takes and leaves. */
export function citeLocks(evidence: EvidenceList, timeline: Timeline, tid: number): void {
  evidence.range(1, timeline.data.lastEvent, { events: LOCK_EVENTS, tid }, `locks of ${timeline.labelOf(tid)}`);
}

/** A lock and its holder; an unknown holder leaves the time with the lock. */
function blameLock(walk: AttributionWalk, waiter: Link, piece: LockPiece, fromNs: number, toNs: number): void {
  const { draft, timeline } = walk;
  const lock = waiter.waitsFor(WAITS_FOR.lock, piece.lock, { note: piece.note, event: piece.event });
  if (piece.ownerTid <= 0) {
    lock.blame(toNs - fromNs);
    draft.root({ kind: 'unknown' }, toNs - fromNs);
    return;
  }
  lock.passThrough(toNs - fromNs);
  const label = timeline.labelOf(piece.ownerTid);
  citeLocks(draft.evidence, timeline, piece.ownerTid);
  const doing = sleepText(timeline, piece.ownerTid, fromNs, toNs);
  const note = `holds ${piece.lock}${doing && `, ${doing}`}`;
  const owner: TaskLink = { edge: WAITS_FOR.holder, label, tid: piece.ownerTid, note, event: piece.ownerEvent };
  blameTask(walk, lock, owner, fromNs, toNs);
}

/** The task for which a task waits (W24), via the work item or the lock that lies between. */
function blameJoin(walk: AttributionWalk, waiter: Link, join: TaskJoin, fromNs: number, toNs: number): void {
  const { draft, timeline } = walk;
  const { targetTid, api, fn, lock, event, targetEvent, inferredBy } = join;
  draft.evidence.cite(event, `it waits in ${api}`);
  draft.evidence.cite(targetEvent, 'who ends the wait');
  const span = { from: event, to: timeline.data.lastEvent };
  const label = timeline.labelOf(targetTid);
  citeScheduling(walk, targetTid, label, span);
  if (inferredBy) draft.inferredBy.add(inferredBy);
  const doing = sleepText(timeline, targetTid, fromNs, toNs);
  const met = (text: string): string => [text, doing].filter((part) => part !== '').join(', ');
  if (fn !== undefined) {
    const work = waiter.waitsFor(WAITS_FOR.workToEnd, fn, { note: `${api} waits for it` });
    const worker = { edge: WAITS_FOR.worker, label, tid: targetTid, event: targetEvent };
    blameTask(walk, work, { ...worker, note: met(`runs ${fn}`) }, fromNs, toNs, 'unknown');
  } else if (lock !== undefined) {
    const held = waiter.waitsFor(WAITS_FOR.lock, lock, { event });
    const holder = { edge: WAITS_FOR.holder, label, tid: targetTid, event: targetEvent };
    blameTask(walk, held, { ...holder, note: met('released it') }, fromNs, toNs);
  } else {
    const ended = join.inferredBy ? 'ends its wait' : 'has to end';
    const target = { edge: WAITS_FOR.taskToEnd, label, tid: targetTid, event: targetEvent };
    blameTask(walk, waiter, { ...target, note: met(ended) }, fromNs, toNs, 'unknown');
  }
}

/** `asleep in msleep`: what a task did for most of the interval, where one long sleep of it tells; '' otherwise. */
export function sleepText(timeline: Timeline, tid: number, fromNs: number, toNs: number): string {
  // What it waits for has links of its own.
  if (waitsBetween(timeline, tid, fromNs, toNs)) return '';
  const sleep = timeline.data.sleeps.find(
    (other) =>
      other.task.tid === tid && overlapNs(fromNs, toNs, other.startNs, timeline.end(other)) >= 0.5 * (toNs - fromNs),
  );
  if (!sleep) return '';
  const api = sleep.stack ? timeline.stackVerdict(sleep.stack).api : '';
  return api === '' ? 'asleep (D)' : `asleep in ${api}`;
}

/** The task waits for a grace period or a lock at some time within the interval. */
export function waitsBetween(timeline: Timeline, tid: number, fromNs: number, toNs: number): boolean {
  return waitsOf(timeline, tid, fromNs, toNs).length > 0;
}

/** For another task, as an interval of its own. */
interface JoinPiece {
  readonly startNs: number;
  readonly endNs: number;
  readonly join: TaskJoin;
}

type Piece = LockPiece | JoinPiece | { readonly startNs: number; readonly endNs: number; readonly wait: SyncWait };

/** Waits of a task for grace periods and for locks, by start; of waits inside others the outer ones. */
function waitsOf(timeline: Timeline, tid: number, fromNs: number, toNs: number): Piece[] {
  const { data } = timeline;
  const pieces: Piece[] = timeline
    .waitsOf(tid, fromNs, toNs)
    .filter((wait) => !wait.nested)
    .map((wait) => ({ startNs: wait.startNs, endNs: timeline.end(wait), wait }));
  for (const wait of data.pastLockWaits) {
    if (wait.tid !== tid || wait.startNs >= toNs || wait.endNs <= fromNs) continue;
    pieces.push({ ...wait, ...ownerOf(timeline, wait), event: 0, ownerEvent: 0 });
  }
  for (const wait of data.lockWaits) {
    if (wait.from.tid !== tid || wait.sinceNs >= toNs) continue;
    pieces.push({
      lock: wait.lock,
      startNs: wait.sinceNs,
      endNs: data.endNs,
      ownerTid: wait.to.tid,
      note: wait.basis,
      event: eventOf(wait.evidence.at(-1)),
      ownerEvent: wait.evidence.length > 1 ? eventOf(wait.evidence[0]) : 0,
    });
  }
  for (const join of data.joins) {
    const endNs = timeline.end(join);
    if (join.tid !== tid || join.startNs >= toNs || endNs <= fromNs) continue;
    // What is recorded of the wait says more.
    if (pieces.some((piece) => piece.startNs < endNs && piece.endNs > join.startNs)) continue;
    pieces.push({ startNs: join.startNs, endNs, join });
  }
  return pieces.sort((a, b) => a.startNs - b.startNs);
}

/** Who kept the waiter out for all of it, and what is known of that; a guess (L5.50) is shown and not followed. */
function ownerOf(timeline: Timeline, { owner, startNs }: PastLockWait): { ownerTid: number; note: string } {
  const { tid, basis } = owner;
  if (tid <= 0) return { ownerTid: -1, note: 'its holder is not recorded' };
  if (basis === 'held') return { ownerTid: tid, note: 'held by another' };
  const label = timeline.labelOf(tid);
  if (basis === 'guessed') return { ownerTid: -1, note: `${label} acquired it last; possibly the holder` };
  // A freezer thaws, a new task unlocks for another: it released the lock, and cannot have held it all the time.
  const came = timeline.bornNs(tid) > startNs;
  return { ownerTid: came ? -1 : tid, note: `released by ${label}` };
}

const eventOf = (item: Evidence | undefined): number => (item && 'event' in item ? item.event : 0);
