/** Event ids: unique within a file, growing with time within a run. */

/** Events of a run; the id of the first event of run r is (r − 1) · 2^36 + 1. */
const RUN_SHIFT = 2 ** 36;

/** First event id of a run, minus one. */
export function eventBase(runId: number): number {
  return (runId - 1) * RUN_SHIFT;
}
