/** Half-open intervals of time, [fromNs, toNs). */

/** How long two intervals overlap; negative when they lie apart. */
export function overlapNs(fromNs: number, toNs: number, otherFromNs: number, otherToNs: number): number {
  return Math.min(toNs, otherToNs) - Math.max(fromNs, otherFromNs);
}

/** An interval that may be open at the end of the run. */
export interface MayBeOpen {
  readonly endNs: number | null;
  /** Set while it is open, where the trace that recorded its like ended before the others of the run: to there it is known to last. */
  openUntilNs?: number;
}

/** Cuts what is open. */
export function cutOpen(intervals: Iterable<MayBeOpen>, untilNs: number): void {
  for (const interval of intervals) if (interval.endNs === null) interval.openUntilNs = untilNs;
}
