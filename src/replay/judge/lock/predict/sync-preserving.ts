/**
 * Sync-preserving closure (PLDI 2023, definitions 3 and 4; SPDOffline): can the threads of a deadlock pattern all stand right before
 * their acquisitions at once, in a reordering of this run that keeps each thread's order, forks before children, and the order of
 * the critical sections of every lock?
 *
 * Start from everything that each thread did before its acquisition. Where a lock was taken in one thread's part and again, later in
 * the run, in another's, the first section has to be left too: add the events up to its release, and repeat. If that never
 * runs over an acquisition of the pattern, the deadlock can be reached (sound; complete for sync-preserving reorderings).
 */
import type { CriticalSection, SectionHistory, ThreadLife } from '../../../model/lock/order/critical-section.ts';

/** One thread of a pattern: about to acquire, holding what `sections` say. */
export interface PatternThread {
  readonly thread: ThreadLife;
  readonly acquireEvent: number;
  /** Sections open right before the acquisition. */
  readonly sections: readonly CriticalSection[];
}

export type Reachability =
  | { readonly verdict: 'reachable' }
  /** No such reordering: what forced an acquisition of the pattern to come first. */
  | { readonly verdict: 'ordered'; readonly by: 'fork' | 'lock' }
  /** The recording does not tell (a release was lost, memory bound reached). */
  | { readonly verdict: 'undecided'; readonly why: string };

/** How far a thread's part reaches: its events with id < before. */
interface Frontier {
  before: number;
  sections: readonly CriticalSection[];
}

export function syncPreservingReachable(pattern: readonly PatternThread[], history: SectionHistory): Reachability {
  const frontiers = new Map<ThreadLife, Frontier>();
  for (const part of pattern) reach(frontiers, part.thread, part.acquireEvent, part.sections);
  if (overruns(pattern, frontiers)) return { verdict: 'ordered', by: 'fork' };
  // Each round moves a frontier to a later recorded release; there are finitely many.
  for (let moved = true; moved; ) {
    moved = false;
    for (const [thread, frontier] of frontiers) {
      for (const section of frontier.sections) {
        if (!takenAgain(section, thread, frontiers, history)) continue;
        if (!Number.isFinite(section.releaseEvent))
          return { verdict: 'undecided', why: 'the release of a critical section is not in the capture' };
        frontier.before = Math.max(frontier.before, section.releaseEvent + 1);
        frontier.sections = section.heldAtRelease;
        moved = true;
        break;
      }
    }
    if (overruns(pattern, frontiers)) return { verdict: 'ordered', by: 'lock' };
  }
  return history.complete
    ? { verdict: 'reachable' }
    : { verdict: 'undecided', why: 'too many critical sections to remember all' };
}

/** Extends a thread's part, and its ancestors' up to the forks. */
function reach(
  frontiers: Map<ThreadLife, Frontier>,
  thread: ThreadLife,
  before: number,
  sections: readonly CriticalSection[],
): void {
  for (let at = thread, to = before, open = sections; ; ) {
    const known = frontiers.get(at);
    if (known === undefined) frontiers.set(at, { before: to, sections: open });
    else if (known.before < to) {
      known.before = to;
      known.sections = open;
    }
    if (at.parent === undefined) return;
    to = at.forkEvent + 1;
    open = at.forkSections;
    at = at.parent;
  }
}

function takenAgain(
  section: CriticalSection,
  thread: ThreadLife,
  frontiers: ReadonlyMap<ThreadLife, Frontier>,
  history: SectionHistory,
): boolean {
  for (const [other, frontier] of frontiers)
    if (other !== thread && history.firstAfter(section, other.threadId) < frontier.before) return true;
  return false;
}

function overruns(pattern: readonly PatternThread[], frontiers: ReadonlyMap<ThreadLife, Frontier>): boolean {
  return pattern.some((part) => (frontiers.get(part.thread) as Frontier).before > part.acquireEvent);
}
