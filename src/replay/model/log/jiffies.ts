/**
 * Jiffies of stall reports in seconds. HZ is not printed; the first report of a grace period comes at HZ × timeout plus a few
 * jiffies, and the timeout is a round number of seconds (MODEL P0.1); two reports of one grace period give it exactly.
 */
import { HZ_FEWEST_JIFFIES, HZ_SHORTEST_NS } from '../../knowledge/thresholds.ts';

const HZ_VALUES = [100, 250, 300, 1000] as const;
/** Timeouts that kernels and fuzzers are configured with, with and without the 5 s of PROVE_RCU (R2.40). */
const USUAL_TIMEOUTS_S = new Set([21, 26, 60, 65, 100, 105, 120, 125, 140, 145, 300, 305]);
/** A report comes at most this many jiffies late when the console is fast. */
const LATE_JIFFIES = 15;

export interface JiffiesReading {
  readonly hz: number;
  /** Stall timeout, seconds, the 5 s of PROVE_RCU included. */
  readonly timeoutS: number;
  /** The only reading that fits; false: another HZ would give a plausible timeout, too. */
  readonly certain: boolean;
}

/** @param hz when it is known. */
export function readJiffies(jiffies: number, hz?: number): JiffiesReading | undefined {
  const first = fitting(jiffies, 0, hz);
  // A log may begin after the first report: the kernel repeats it after 3 × timeout + 3 jiffies (kernel/rcu/tree_stall.h check_cpu_stall).
  const later = REPEATS.flatMap((repeat) => fitting(jiffies, repeat, hz)).filter((fit) =>
    USUAL_TIMEOUTS_S.has(fit.timeoutS),
  );
  const fits = first.some((fit) => USUAL_TIMEOUTS_S.has(fit.timeoutS)) || later.length === 0 ? first : later;
  if (fits.length === 0) {
    // The CPU that had to notice it was late.
    const timeoutS = hz === undefined ? 0 : Math.min(305, Math.floor(jiffies / hz));
    return hz !== undefined && timeoutS >= 3 ? { hz, timeoutS, certain: false } : undefined;
  }
  const usual = fits.filter((fit) => USUAL_TIMEOUTS_S.has(fit.timeoutS));
  const candidates = usual.length > 0 ? usual : fits;
  // Of several the shortest timeout: nobody raises it to odd values.
  const best = candidates.reduce((a, b) => (b.timeoutS < a.timeoutS ? b : a));
  return { hz: best.hz, timeoutS: best.timeoutS, certain: candidates.length === 1 };
}

/** Reports of one grace period after its first. */
const REPEATS = [1, 2, 3] as const;

function fitting(jiffies: number, repeat: number, hz: number | undefined): { hz: number; timeoutS: number }[] {
  return HZ_VALUES.filter((value) => hz === undefined || value === hz).flatMap((value) => {
    const times = 1 + 3 * repeat;
    const timeoutS = Math.floor((jiffies - 3 * repeat) / (value * times));
    const late = jiffies - 3 * repeat - timeoutS * value * times;
    // rcu_cpu_stall_timeout is clamped to 3..300 s.
    return timeoutS >= 3 && timeoutS <= 305 && late >= 0 && late <= LATE_JIFFIES ? [{ hz: value, timeoutS }] : [];
  });
}

/** HZ from two reports of one grace period; undefined when they are too close together to tell. */
export function hzBetween(jiffies: number, elapsedNs: number): number | undefined {
  if (jiffies < HZ_FEWEST_JIFFIES || elapsedNs < HZ_SHORTEST_NS) return undefined;
  const measured = (jiffies * 1e9) / elapsedNs;
  const nearest = HZ_VALUES.reduce((a, b) => (Math.abs(b - measured) < Math.abs(a - measured) ? b : a));
  return Math.abs(nearest - measured) / nearest < 0.05 ? nearest : undefined;
}
