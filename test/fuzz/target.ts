/** What is fuzzed, and what counts as a failure. */
import { QuiesceError } from '../../schema/index.ts';

export interface FuzzTarget {
  readonly name: string;
  readonly tokens: readonly string[];
  /** Inputs to begin with. */
  seeds(): Promise<readonly Uint8Array[]>;
  /** Largest input, bytes. */
  readonly mostBytes: number;
  /** Takes one input. @throws what quiesce throws */
  run(input: Uint8Array): Promise<void>;
}

/** A program error, an error that is not one line, or a broken promise: the text of it; undefined when all is well. */
export async function failureOf(target: FuzzTarget, input: Uint8Array): Promise<string | undefined> {
  try {
    await target.run(input);
    return undefined;
  } catch (error) {
    if (!(error instanceof QuiesceError))
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    // A program error over stored rows is told as damage; here it may be either, and is looked at.
    return undefined;
  }
}

/** Where a failure happened: its first own frame. Failures of one place are one failure. */
export function placeOf(failure: string): string {
  const [message, ...frames] = failure.split('\n');
  const own = frames.find((frame) => /\/(parsers|src|schema)\//.test(frame));
  const at = own === undefined ? '' : (/(?:parsers|src|schema)\/[^:)]+:\d+/.exec(own)?.[0] ?? '');
  return `${message.replace(/\d+/g, 'N').slice(0, 80)} @ ${at}`;
}

/** @throws Error when a promise is broken */
export function expectTrue(condition: boolean, promise: string): void {
  if (!condition) throw new Error(`broken promise: ${promise}`);
}
