/** What several runs together could decide. */
import type { Assessment } from '../../schema/index.ts';

const STRENGTH: Readonly<Record<Assessment['status'], number>> = { 'not-assessed': 0, partial: 1, assessed: 2 };

/** Of several runs, what the weakest of them could decide: silence about one of them must not look like "no problem". */
export function weakestAssessments(runs: readonly (readonly Assessment[])[]): Assessment[] {
  const [first, ...others] = runs;
  return first.map((assessment) => {
    let least = assessment;
    for (const other of others) {
      const same = other.find((candidate) => candidate.kind === assessment.kind);
      if (same && STRENGTH[same.status] < STRENGTH[least.status]) least = same;
    }
    return least;
  });
}
