/**
 * `perf script --deltatime` prints the distance of each sample to the one before. Nothing in the text says so, but the first time
 * is 0 and the times do not grow.
 */
import { LineReader } from '../lines.ts';
import { SampleLine } from './sample-line.ts';

/** Judges the beginning of a capture. */
export function timesAreDistances(head: Uint8Array): boolean {
  const lines = new LineReader();
  const line = new SampleLine();
  let first: number | undefined;
  let latestNs = 0;
  lines.push(head);
  while (lines.next()) {
    if (!line.read(lines.bytes, lines.start, lines.end, true)) continue;
    const timeNs = line.seconds * 1e9 + line.nanoseconds;
    first ??= timeNs;
    if (first !== 0) return false;
    if (timeNs < latestNs) return true;
    latestNs = timeNs;
  }
  return false;
}
