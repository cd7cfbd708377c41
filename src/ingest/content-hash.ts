/** What captures contain, as a hash: tells whether a store has them already, whatever they are called. */
import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import type { CaptureInput } from './capture.ts';

export interface HashedCapture {
  readonly bytes: number;
  /** SHA-256, hexadecimal: what sha256sum(1) prints. */
  readonly hash: string;
}

/** Undefined of what is read once, and of what cannot be read: whoever opens it says why. */
async function hashed(input: CaptureInput): Promise<HashedCapture | undefined> {
  const hash = createHash('sha256');
  if (typeof input !== 'string') return { bytes: input.bytes.length, hash: hash.update(input.bytes).digest('hex') };
  if (input === '-') return undefined;
  let bytes = 0;
  try {
    if (!statSync(input).isFile()) return undefined;
    for await (const chunk of createReadStream(input, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch {
    return undefined;
  }
  return { bytes, hash: hash.digest('hex') };
}

/** One after another. */
export async function hashCaptures(inputs: readonly CaptureInput[]): Promise<(HashedCapture | undefined)[]> {
  const found: (HashedCapture | undefined)[] = [];
  for (const input of inputs) found.push(await hashed(input));
  return found;
}

/** Of a run: that of its capture; of several captures the hash of their hashes, in any order. Undefined when one is missing. */
export function hashOfRun(captures: readonly (HashedCapture | undefined)[]): string | undefined {
  const hashes = captures.map((capture) => capture?.hash);
  if (hashes.length === 0 || hashes.includes(undefined)) return undefined;
  if (hashes.length === 1) return hashes[0];
  return createHash('sha256').update(hashes.sort().join('\n')).digest('hex');
}
