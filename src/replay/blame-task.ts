/**
 * What a task did while another waited for it, as a holder of a lock or as the end of a chain (W22–W24): its own waits for grace periods and
 * locks, and the rest, which is its own.
 */
import type { BlameWalk } from './blame-walk.ts';
import type { SyncWait } from './model/sync-wait.ts';
import type { Timeline } from './timeline.ts';

/** A wait for a lock, open or over. */
interface LockPiece {
  readonly lock: string;
  readonly startNs: number;
  readonly endNs: number;
  /** −1 unknown. */
  readonly ownerTid: number;
  readonly note: string;
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

/** How a task is met on the way: the link that it is. */
export interface TaskLink {
  readonly kind: 'task' | 'worker' | 'reader';
  readonly label: string;
  readonly tid: number;
  readonly note?: string;
}

/** Cuts what a task did in [fromNs, toNs); what it did itself goes to its link, and makes it the root as a holder. */
export function blameTask(walk: BlameWalk, link: TaskLink, fromNs: number, toNs: number, depth: number): void {
  const { draft, path } = walk;
  const who = nameOf(link);
  const details = { tid: link.tid, ...(link.note !== undefined && { note: link.note }) };
  draft.add(link.kind, link.label, 0, depth, details);
  if (path.has(link.tid)) {
    draft.add(link.kind, link.label, toNs - fromNs, depth, details);
    draft.root({ kind: 'deadlock', ...who }, toNs - fromNs);
    return;
  }
  path.add(link.tid);
  const leftNs = blameWaits(walk, link, fromNs, toNs, depth);
  if (leftNs > 0) draft.root({ kind: 'lock-holder', ...who }, leftNs);
  path.delete(link.tid);
}

/**
 * The waits of a task for grace periods and locks; time between them goes to its link.
 * @param sinceNs waits that began before do not count: what the task is met for began then
 * @returns how much of the interval is the task's own
 */
export function blameWaits(
  walk: BlameWalk,
  link: TaskLink,
  fromNs: number,
  toNs: number,
  depth: number,
  sinceNs = Number.NEGATIVE_INFINITY,
): number {
  const { draft, timeline } = walk;
  let cursor = fromNs;
  let ownNs = 0;
  const own = (untilNs: number): void => {
    const ns = Math.max(0, untilNs - cursor);
    draft.add(link.kind, link.label, ns, depth, { tid: link.tid });
    ownNs += ns;
  };
  for (const piece of waitsOf(timeline, link.tid, fromNs, toNs)) {
    if (piece.startNs < sinceNs) continue;
    const startNs = Math.max(cursor, piece.startNs);
    const endNs = Math.min(toNs, piece.endNs);
    if (endNs <= startNs) continue;
    own(startNs);
    if ('wait' in piece) {
      draft.evidence.cite(piece.wait.startEvent, `${link.label} enters ${piece.wait.api}`);
      draft.evidence.cite(piece.wait.endEvent, `${link.label} leaves ${piece.wait.api}`);
      walk.wait(piece.wait, startNs, endNs, depth + 1);
    } else blameLock(walk, link, piece, startNs, endNs, depth + 1);
    cursor = endNs;
  }
  own(toNs);
  return ownNs;
}

/** A lock and whoever holds it; an unknown holder leaves the time with the lock. */
function blameLock(
  walk: BlameWalk,
  waiter: TaskLink,
  piece: LockPiece,
  fromNs: number,
  toNs: number,
  depth: number,
): void {
  const { draft, timeline } = walk;
  const { data } = timeline;
  draft.evidence.range(1, data.lastEvent, { events: LOCK_EVENTS, tid: waiter.tid }, `locks of ${waiter.label}`);
  const known = piece.ownerTid > 0;
  draft.add('lock', piece.lock, known ? 0 : toNs - fromNs, depth, { note: piece.note }, toNs - fromNs);
  if (!known) {
    draft.root({ kind: 'unknown' }, toNs - fromNs);
    return;
  }
  const label = timeline.workerLabel({ workerTid: piece.ownerTid, workerComm: 0 });
  draft.evidence.range(1, data.lastEvent, { events: LOCK_EVENTS, tid: piece.ownerTid }, `locks of ${label}`);
  blameTask(walk, { kind: 'task', label, tid: piece.ownerTid, note: `holds ${piece.lock}` }, fromNs, toNs, depth + 1);
}

/** The task waits for a grace period or a lock at some time within the interval. */
export function waitsBetween(timeline: Timeline, tid: number, fromNs: number, toNs: number): boolean {
  return waitsOf(timeline, tid, fromNs, toNs).length > 0;
}

type Piece = LockPiece | { readonly startNs: number; readonly endNs: number; readonly wait: SyncWait };

/** Waits of a task for grace periods and for locks, by start; of waits inside others the outer ones. */
function waitsOf(timeline: Timeline, tid: number, fromNs: number, toNs: number): Piece[] {
  const { data } = timeline;
  const pieces: Piece[] = timeline
    .waitsOf(tid, fromNs, toNs)
    .filter((wait) => !wait.nested)
    .map((wait) => ({ startNs: wait.startNs, endNs: timeline.end(wait), wait }));
  for (const wait of data.pastLockWaits) {
    if (wait.tid !== tid || wait.startNs >= toNs || wait.endNs <= fromNs) continue;
    pieces.push({ ...wait, note: wait.ownerTid > 0 ? 'held by another' : 'its holder is not recorded' });
  }
  for (const wait of data.lockWaits) {
    if (wait.from.tid !== tid || wait.sinceNs >= toNs) continue;
    pieces.push({
      lock: wait.lock,
      startNs: wait.sinceNs,
      endNs: data.endNs,
      ownerTid: wait.to.tid,
      note: wait.basis,
    });
  }
  return pieces.sort((a, b) => a.startNs - b.startNs);
}

function nameOf({ label, tid }: TaskLink): { task: string; tid: number } {
  return { task: label.slice(0, label.lastIndexOf(':')), tid };
}
