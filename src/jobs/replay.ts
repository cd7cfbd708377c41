/** Replay of whatever the caller has: captures or a store. */
import { type ReplayResult, RequestError } from '../../schema/index.ts';
import type { ReplayedRun } from '../replay/what-if/judge.ts';
import { type Inputs, jobInputs } from './inputs.ts';
import { replayCaptures } from './replay-captures.ts';
import type { IngestOptions, ReplayOptions } from './replay-options.ts';

/**
 * Reads captures of one boot, or a stored run, replays them through the models and judges them.
 * @throws CaptureError when a capture cannot be read at all. What is wrong inside of one is counted in `result.import.issues`
 * @throws StoreError when the store cannot be read or written; it is then as it was before
 * @throws RequestError when inputs and options do not go together
 */
export function replay(inputs: Inputs, options: ReplayOptions = {}): Promise<ReplayResult> {
  return replayInputs(inputs, options);
}

/**
 * Stores captures of one boot without replaying them; `replay` of the store does that later.
 * @throws CaptureError, StoreError as {@link replay}
 */
export async function ingest(inputs: Inputs, options: IngestOptions): Promise<ReplayResult> {
  const given = jobInputs(inputs, undefined);
  // What is a store already is no capture, and is refused as one.
  const captures = given.kind === 'captures' ? given.captures : [given.path];
  const { separate, ...settings } = options;
  if (!separate) return replayCaptures(captures, { ...settings, replay: false });
  const { replaySeparately } = await import('./separate.ts');
  return replaySeparately(captures, { ...settings, replay: false });
}

/** Why a store takes no symbols. */
export const NAMED_WHEN_READ =
  '--kallsyms: frames of a stored run were named when its captures were read; read those again';

/** @param onReplayed gets the models of each run once it is judged */
export async function replayInputs(
  inputs: Inputs,
  options: ReplayOptions,
  onReplayed?: (run: ReplayedRun) => void,
): Promise<ReplayResult> {
  const { run, db, name, labels, keep, rows, ingestedAt, kallsymsPath, selection, threads, separate, ...common } =
    options;
  const given = jobInputs(inputs, run);
  const watched = { ...common, ...(onReplayed && { onReplayed }) };
  if (given.kind === 'store') {
    if (selection)
      throw new RequestError('a stored run is replayed whole: --from, --to, --cpu and --event are for captures');
    if (kallsymsPath !== undefined) throw new RequestError(NAMED_WHEN_READ);
    // Brings the models with it, which captures load beside their parsers.
    const { replayStore } = await import('./replay-store.ts');
    return replayStore(given.path, { ...watched, ...(run !== undefined && { runId: run }) });
  }
  const settings = {
    ...watched,
    ...(db !== undefined && { db }),
    ...(name !== undefined && { name }),
    ...(labels && { labels }),
    ...(keep && { keep }),
    ...(rows && { rows }),
    ...(ingestedAt !== undefined && { ingestedAt }),
    ...(kallsymsPath !== undefined && { kallsymsPath }),
    ...(selection && { selection }),
    ...(threads !== undefined && { threads }),
  };
  if (!separate) return replayCaptures(given.captures, settings);
  const { replaySeparately } = await import('./separate.ts');
  return replaySeparately(given.captures, settings);
}
