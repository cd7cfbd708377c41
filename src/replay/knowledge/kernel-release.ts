/** Kernel releases, as `uname -r` prints them: `6.12.117-labA`, `7.0.0-rc3`, `4.19.0-16-amd64`; and which one rules go by. */
import type { KernelProfile } from '../../../schema/index.ts';

/**
 * The release that version-dependent rules go by: what the recording states, else the lowest that its content allows (`7.0`);
 * undefined when nothing tells.
 */
export function ruleRelease({ release, atLeast }: KernelProfile): string | undefined {
  return release ?? atLeast;
}

export interface KernelRelease {
  readonly major: number;
  readonly minor: number;
  /** A release candidate: what the final release has may be missing (U10). */
  readonly candidate: boolean;
}

/** @param text `uname -r`, or the beginning of one (`6.12`) @returns undefined when it tells no release */
export function parseRelease(text: string | undefined): KernelRelease | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.\d+)?(-rc\d)?/.exec(text ?? '');
  if (!match) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), candidate: match[3] !== undefined };
}

/** Whether the release, or a candidate of it, is `bound` (`6.12`) or newer; false when either does not tell. */
export function isAtLeast(release: KernelRelease | undefined, bound: string): boolean {
  const other = parseRelease(bound);
  if (!release || !other) return false;
  return release.major > other.major || (release.major === other.major && release.minor >= other.minor);
}
