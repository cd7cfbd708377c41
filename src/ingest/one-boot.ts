/**
 * Whether captures belong together: a run is one boot of one machine, and what two boots recorded, put on one timeline, shows waits and stalls that nobody
 * had. Only proof counts: another kernel release, or console lines that a complete log does not have.
 */
import { CaptureError, type LogReport } from '../../schema/index.ts';

/** What the user can do. */
const ADVICE = 'captures of one run are of one boot: give them to runs of their own (--separate)';

/** Console lines of a trace that the log does not have: so many are no accident. */
export const FOREIGN_LINES = 3;
/** The clocks of trace and log differ by no more within one boot (E0.5). */
export const CLOCKS_DIFFER_NS = 5e9;

/** `6.12.117-labA+`: the plus says that the source tree was not clean, and some tools leave it out. */
const plain = (release: string): string => release.replace(/\++$/, '');

/** The kernel release that a report of the log states. */
export function releaseIn(report: LogReport): string | undefined {
  if (report.kind === 'banner') return report.release;
  return report.kind === 'kernel-setting' && report.field === 'release' ? report.value : undefined;
}

/** The release of each boot, and which capture says so. */
export class KernelOfBoots {
  readonly #known = new Map<number, { readonly release: string; readonly capture: string }>();

  /** @throws CaptureError when another capture of the boot is of another kernel */
  see(boot: number, release: string, capture: string): void {
    const known = this.#known.get(boot);
    if (known === undefined) this.#known.set(boot, { release, capture });
    else if (known.capture !== capture && plain(known.release) !== plain(release))
      throw new CaptureError(
        `${known.capture} is of kernel ${known.release}, ${capture} of kernel ${release}; ${ADVICE}`,
      );
  }
}

/** Refuses a trace whose console lines are not in the log of the same time. */
export function refuseOtherBoot(trace: string, log: string, line: string): never {
  throw new CaptureError(
    `${log} is the log of another boot than ${trace}: it lacks what the kernel printed during the trace ("${line.slice(0, 60)}"); ${ADVICE}`,
  );
}
