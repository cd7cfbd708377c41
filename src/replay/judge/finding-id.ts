/** Stable finding ids: derived from what the finding is, never from where it lies in the file. */
import type { FindingKind } from '../../../schema/index.ts';

/**
 * `<kind>-<8 hex digits>` from the parts that make the finding what it is (classes or domain, task, site): the same in every
 * replay and comparable between runs. FNV-1a, 32 bits.
 */
export function findingId(kind: FindingKind, ...identity: readonly (string | number)[]): string {
  let hash = 0x811c9dc5;
  for (const char of identity.join('\u0000'))
    hash = Math.imul(hash ^ (char.codePointAt(0) as number), 0x01000193) >>> 0;
  return `${kind}-${hash.toString(16).padStart(8, '0')}`;
}
