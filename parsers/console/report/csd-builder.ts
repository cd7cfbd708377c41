/** CPUs that do not answer a cross-CPU function call (CONFIG_CSD_LOCK_WAIT_DEBUG; kernel/smp.c csd_lock_wait_toolong). */
import type { LogBacktrace, LogReport } from '../../../schema/index.ts';
import type { LogLine, ReportBody, ReportBuilder } from './report-builder.ts';

type CsdLock = Extract<LogReport, { kind: 'csd-lock' }>;

const MAX_DUMPS = 8;

const HEADER =
  /^(?:smp:\s*)?csd: (Detected|Continued) non-responsive CSD lock \(#(\d{1,9})\) on CPU#(\d{1,5})(?:, waiting (-?\d{1,19}) ns for CPU#(-?\d{1,5})(?: ([\w.$]+))?)?/;
const PIECE =
  /^(?:smp:\s*)?csd: (?:CSD lock \(#\d+\) (handling prior|handling this request|unresponsive)(?: ([\w.$]+))?|Re-sending CSD lock|cnt)/;

/**
 * A builder when the line begins a report:
 *
 *     smp: csd: Detected non-responsive CSD lock (#1) on CPU#0, waiting 5000000042 ns for CPU#01 do_nothing+0x0/0x10(0x0).
 *     csd: Continued non-responsive CSD lock (#1) on CPU#0, waiting 10000000042 ns for CPU#01 do_nothing+0x0/0x10(0x0).
 */
export function openCsdLock(text: string): CsdLockBuilder | undefined {
  const match = HEADER.exec(text);
  return match ? new CsdLockBuilder(match) : undefined;
}

/** `smp: csd: CSD lock (#1) got unstuck on CPU#00, CPU#01 released the lock.` */
export function parseCsdRelease(text: string): ReportBody | undefined {
  const match = /^(?:smp:\s*)?csd: CSD lock \(#(\d{1,9})\) got unstuck on CPU#(\d{1,5})(?:, CPU#(-?\d{1,5}))?/.exec(
    text,
  );
  if (!match) return undefined;
  return { kind: 'csd-lock', how: 'unstuck', bug: Number(match[1]), cpu: Number(match[2]), ...targetOf(match[3]) };
}

/** −1: the kernel does not know whose answer is missing. */
function targetOf(cpu: string | undefined): { target?: number } {
  return cpu === undefined || Number(cpu) < 0 ? {} : { target: Number(cpu) };
}

export class CsdLockBuilder implements ReportBuilder {
  readonly family = 'csd';
  readonly done = false;
  readonly #header: Omit<CsdLock, 'tsNs' | 'line' | 'endLine'>;
  #handling: CsdLock['handling'];
  #handlingFn: string | undefined;
  readonly #dumps: LogBacktrace[] = [];

  constructor([, how, bug, cpu, waitedNs, target, fn]: RegExpExecArray) {
    this.#header = {
      kind: 'csd-lock',
      how: how === 'Detected' ? 'detected' : 'continued',
      bug: Number(bug),
      cpu: Number(cpu),
      ...targetOf(target),
      // Time stamps of two CPUs may be out of step: the kernel prints such a difference as a negative number.
      ...(waitedNs !== undefined && Number(waitedNs) > 0 && { waitedNs: Number(waitedNs) }),
      ...(fn !== undefined && { fn }),
    };
  }

  suspend(): void {
    // Stacks are dumps of their own.
  }

  accept({ text }: LogLine): boolean {
    const piece = PIECE.exec(text);
    if (piece?.[1] !== undefined) {
      this.#handling = HANDLING[piece[1]];
      this.#handlingFn = piece[2];
    }
    return piece !== null || /^Sending NMI from CPU \d+ to CPUs/.test(text);
  }

  adopt(dump: LogBacktrace): boolean {
    if (this.#dumps.length < MAX_DUMPS) this.#dumps.push(dump);
    return true;
  }

  finish(): ReportBody {
    return {
      ...this.#header,
      ...(this.#handling && { handling: this.#handling }),
      ...(this.#handlingFn !== undefined && { handlingFn: this.#handlingFn }),
      ...(this.#dumps.length > 0 && { dumps: this.#dumps }),
    };
  }
}

const HANDLING: Readonly<Record<string, NonNullable<CsdLock['handling']>>> = {
  'handling prior': 'another',
  'handling this request': 'this',
  unresponsive: 'nothing',
};
