/** Raw ring-buffer times to the capture's timeline: clocks, the TSC conversion, and the offsets that trace-cmd adds. */
import type { TscConversion } from '../metadata/metadata.ts';

/** Trace clocks that count nanoseconds (kernel/trace/trace.c trace_clocks); the others count ticks of some kind. */
const NS_CLOCKS = new Set(['local', 'global', 'perf', 'mono', 'mono_raw', 'boot', 'tai', 'tsc2nsec']);

/** Times beyond 9 million seconds get a base, the day before the first one: the rule of the text formats, so that both agree. */
const PLAIN_LIMIT = 9_000_001n * 10n ** 9n;
const DAY_NS = 86_400n * 10n ** 9n;

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

function baseOf(first: bigint): bigint {
  return first >= 0n && first < PLAIN_LIMIT ? 0n : first - (((first % DAY_NS) + DAY_NS) % DAY_NS) - DAY_NS;
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
  if (tsc && tsc.multiplier !== 0) {
    const { multiplier, shift } = tsc;
    const toNs = (raw: bigint) => ((raw * BigInt(multiplier)) >> BigInt(Math.min(shift, 128))) + offsetNs;
    const rawBase = baseOf(earliest);
    const baseNs = baseOf(toNs(earliest));
    const convert = (time: number) => Number(toNs(rawBase + BigInt(time)) - baseNs);
    return { unit: 'ns', rawBase, baseNs, addend: 0, convert };
  }
  const unit = clock === undefined || NS_CLOCKS.has(clock) ? 'ns' : 'ticks';
  const baseNs = baseOf(earliest + offsetNs);
  if (baseNs === 0n && earliest < PLAIN_LIMIT)
    return { unit, rawBase: 0n, baseNs, addend: Number(offsetNs), convert: undefined };
  // A raw base may be negative: then the streams count from further back than the clock's zero.
  return { unit, rawBase: baseNs - offsetNs, baseNs, addend: 0, convert: undefined };
}
