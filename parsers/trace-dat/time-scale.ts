/** Raw ring-buffer times to the capture's timeline: clocks, the TSC conversion, and the offsets that trace-cmd adds. */
import type { TscConversion } from './metadata.ts';

/** Trace clocks that count nanoseconds (kernel/trace/trace.c trace_clocks); the others count ticks of some kind. */
const NS_CLOCKS = new Set(['local', 'global', 'perf', 'mono', 'mono_raw', 'boot', 'tai', 'tsc2nsec']);

/** Times below this stay as they are; a recording may go on for 11 days before 2^53. */
const PLAIN_LIMIT = 2n ** 53n - 10n ** 15n;
const SECOND_NS = 10n ** 9n;

export interface TimeScale {
  readonly unit: 'ns' | 'ticks';
  /** Raw time that the streams count from. */
  readonly rawBase: bigint;
  /** Absolute time = baseNs + tsNs. */
  readonly baseNs: bigint;
  /** Added to a raw time counted from rawBase, where no conversion is needed. */
  readonly addend: number;
  /** Raw time counted from rawBase → tsNs; undefined where {@link addend} does it. */
  readonly convert: ((time: number) => number) | undefined;
}

function wholeSeconds(time: bigint): bigint {
  return time - (((time % SECOND_NS) + SECOND_NS) % SECOND_NS);
}

/**
 * @param earliest raw time of the first page
 * @param clock name of the trace clock; unknown clocks are taken for nanoseconds, as trace-cmd does without the option
 */
export function timeScale(
  earliest: bigint,
  clock: string | undefined,
  tsc: TscConversion | undefined,
  offsetNs: bigint,
): TimeScale {
  const rawBase = earliest < PLAIN_LIMIT ? 0n : wholeSeconds(earliest);
  if (tsc && tsc.multiplier !== 0) {
    const { multiplier, shift } = tsc;
    const toNs = (raw: bigint) => ((raw * BigInt(multiplier)) >> BigInt(Math.min(shift, 128))) + offsetNs;
    const first = toNs(earliest);
    const baseNs = first >= 0n && first < PLAIN_LIMIT ? 0n : wholeSeconds(first);
    const convert = (time: number) => Number(toNs(rawBase + BigInt(time)) - baseNs);
    return { unit: 'ns', rawBase, baseNs, addend: 0, convert };
  }
  const unit = clock === undefined || NS_CLOCKS.has(clock) ? 'ns' : 'ticks';
  const first = earliest + offsetNs;
  if (rawBase === 0n && first >= 0n && first < PLAIN_LIMIT)
    return { unit, rawBase, baseNs: 0n, addend: Number(offsetNs), convert: undefined };
  const base = wholeSeconds(earliest);
  return { unit, rawBase: base, baseNs: base + offsetNs, addend: 0, convert: undefined };
}
