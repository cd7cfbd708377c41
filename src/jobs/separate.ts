/** Several captures that are not of one boot: a run each, one result. */

import type { ReplayResult } from '../../schema/index.ts';
import type { CaptureInput } from '../ingest/capture.ts';
import { rootsOfRuns } from '../replay/roots/roots.ts';
import { replayCaptures } from './replay-captures.ts';
import type { ReplayCapturesOptions } from './replay-options.ts';
import { weakestAssessments } from './weakest.ts';

/**
 * Replays each capture as a run of its own.
 * @throws as {@link replayCaptures}; runs of the captures before stay in the store
 */
export async function replaySeparately(
  inputs: readonly CaptureInput[],
  options: ReplayCapturesOptions,
): Promise<ReplayResult> {
  const { name, ...common } = options;
  const results: ReplayResult[] = [];
  for (const [index, input] of inputs.entries()) {
    const given = name === undefined ? common : { ...common, name: `${name} ${index + 1}` };
    results.push(await replayCaptures([input], given));
  }
  if (results.length === 1) return results[0];
  const runs = results.flatMap((result) => result.runs ?? [result.run]);
  let before = 0;
  const findings = results.flatMap((result) => {
    // What is kept nowhere is counted.
    const first = before + 1;
    before += (result.runs ?? [result.run]).length;
    const ofRun = (id: number | undefined): number =>
      result.run.run_id === undefined ? first + (id === undefined ? 0 : id - 1) : (id ?? result.run.run_id);
    return result.findings.map((finding) => ({ ...finding, run_id: ofRun(finding.run_id) }));
  });
  return {
    schema: 'quiesce.replay/2',
    run: runs[0],
    runs,
    import: {
      events: results.reduce((sum, result) => sum + result.import.events, 0),
      lost: results.reduce((sum, result) => sum + result.import.lost, 0),
      issues: results.flatMap((result) => result.import.issues),
    },
    assessments: weakestAssessments(results.map((result) => result.assessments)),
    ...rootsOfRuns(findings),
    db: results[0].db,
  };
}
