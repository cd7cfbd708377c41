/** Half-open intervals of time, [fromNs, toNs). */

/** How long two intervals overlap; negative when they lie apart. */
export function overlapNs(fromNs: number, toNs: number, otherFromNs: number, otherToNs: number): number {
  return Math.min(toNs, otherToNs) - Math.max(fromNs, otherFromNs);
}
