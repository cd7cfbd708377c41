/** What a job works on: the captures of one boot, or one store. */
import { RequestError } from '../../schema/index.ts';
import type { CaptureInput } from '../ingest/capture.ts';
import { isStoreFile } from '../store/store-file.ts';

/** One capture, several captures of the same boot, or a store. Captures may be bytes in memory; `-` is standard input. */
export type Inputs = CaptureInput | readonly CaptureInput[];

/** The inputs, by content. */
export type JobInputs =
  | { readonly kind: 'captures'; readonly captures: readonly CaptureInput[] }
  | { readonly kind: 'store'; readonly path: string };

/**
 * @param run asked for by the caller: only a store has several
 * @throws RequestError when a store comes with further inputs, or a run is asked of captures
 */
export function jobInputs(inputs: Inputs, run: number | undefined): JobInputs {
  const list = isList(inputs) ? inputs : [inputs];
  const store = list.find((input): input is string => typeof input === 'string' && input !== '-' && isStoreFile(input));
  if (store === undefined) {
    if (run !== undefined) throw new RequestError(`run ${run}: only a store has runs to choose from`);
    return { kind: 'captures', captures: list };
  }
  if (list.length > 1) throw new RequestError(`${store}: a store is replayed alone, without further captures`);
  return { kind: 'store', path: store };
}

function isList(inputs: Inputs): inputs is readonly CaptureInput[] {
  return Array.isArray(inputs);
}
