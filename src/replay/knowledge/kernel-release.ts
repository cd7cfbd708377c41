/** The release that version-dependent rules go by: what the recording states, else the lowest that its content allows. */
import type { KernelProfile } from '../../../schema/index.ts';

/** `6.12.117-labA`, or `7.0` where only the content tells; undefined when nothing does. */
export function ruleRelease({ release, atLeast }: KernelProfile): string | undefined {
  return release ?? atLeast;
}
