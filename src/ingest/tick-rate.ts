/**
 * What a tick of a trace clock is that does not count nanoseconds: `x86-tsc` without its conversion, `uptime`, `counter`. Only what the recording proves
 * counts: records that carry the time of another clock beside their own, lines that are in the kernel log too, or what the kernel fixes.
 */
import { DictionaryWriter, isReadOnce, type ParseOptions } from '../../parsers/index.ts';
import { CELL_INT, type EventBatch } from '../../schema/index.ts';
import { type CaptureInput, openCapture } from './capture.ts';

/** How the ticks of a capture become nanoseconds. */
export interface TickRate {
  readonly nsPerTick: number;
  /** What proves it, for people. */
  readonly proof: string;
}

/** One instant on both clocks. */
export interface ClockPair {
  readonly ticks: number;
  readonly ns: number;
}

/** `uptime` counts clock_t (trace_clock_jiffies(), kernel/trace/trace_clock.c: jiffies_64_to_clock_t), of which a second has USER_HZ on every machine that is in use. */
const USER_HZ = 100;
/** The values that CONFIG_HZ has, and USER_HZ: what a slow tick can be. */
const SLOW_RATES_HZ = [24, 48, 100, 128, 250, 256, 300, 500, 512, 1000, 1024];
/** Cycle counters: 10 MHz to 10 GHz. */
const COUNTER_NS = { least: 0.1, most: 100 } as const;
const FEWEST_PAIRS = 3;
/** A rate between that of the first and last pair and of any other may differ by so much of the whole span. */
const STRAIGHT = 0.01;
const MAX_PAIRS = 4096;

/** Events whose records carry the time of CLOCK_MONOTONIC, and the field (include/trace/events/timer.h). */
const CLOCK_FIELDS: Readonly<Record<string, string>> = { hrtimer_expire_entry: 'now' };

/** The rate that pairs of instants agree on; undefined when they do not lie on a line, or the rate is that of no clock. */
export function rateOf(pairs: readonly ClockPair[], proof: string): TickRate | undefined {
  const sorted = [...pairs].sort((a, b) => a.ticks - b.ticks);
  const first = sorted[0];
  const last = sorted[sorted.length - 1];
  if (sorted.length < FEWEST_PAIRS || last.ticks <= first.ticks || last.ns <= first.ns) return undefined;
  const spanTicks = last.ticks - first.ticks;
  const measured = (last.ns - first.ns) / spanTicks;
  const toleratedNs = Math.max((last.ns - first.ns) * STRAIGHT, 2 * measured);
  const bends = sorted.some(
    ({ ticks, ns }) => Math.abs(first.ns + (ticks - first.ticks) * measured - ns) > toleratedNs,
  );
  if (bends) return undefined;
  if (measured >= COUNTER_NS.least && measured <= COUNTER_NS.most) return { nsPerTick: measured, proof };
  // The first and the last tick may both be cut.
  const uncertainty = 2 / spanTicks + STRAIGHT;
  const near = SLOW_RATES_HZ.map((hz) => 1e9 / hz).sort((a, b) => Math.abs(a - measured) - Math.abs(b - measured));
  return Math.abs(near[0] - measured) <= near[0] * uncertainty ? { nsPerTick: near[0], proof } : undefined;
}

/** What the kernel fixes of a clock by its name. */
function rateByName(clock: string | undefined): TickRate | undefined {
  if (clock !== 'uptime') return undefined;
  return { nsPerTick: 1e9 / USER_HZ, proof: `the uptime clock counts clock_t, ${USER_HZ} a second (USER_HZ)` };
}

/**
 * The rate that a capture in ticks proves by itself, or together with a log. Reads it once more; standard input cannot be.
 * @param linePairs lines that it shares with a log
 */
export async function proveRate(
  input: CaptureInput,
  clock: string | undefined,
  linePairs: readonly ClockPair[],
  options: ParseOptions,
): Promise<TickRate | undefined> {
  // One tick per event, whatever the time.
  if (clock === 'counter') return undefined;
  const own = typeof input === 'string' && isReadOnce(input) ? [] : await clockPairs(input, options);
  return (
    rateOf(own, 'hrtimer_expire_entry carries the time of CLOCK_MONOTONIC (now=)') ??
    rateOf(linePairs, 'lines of the kernel log are in the trace, too') ??
    rateByName(clock)
  );
}

async function clockPairs(input: CaptureInput, options: ParseOptions): Promise<ClockPair[]> {
  const capture = await openCapture(input, options);
  const pairs: ClockPair[] = [];
  const fields: number[] = [];
  try {
    for await (const batch of capture.batches(new DictionaryWriter())) {
      for (const { typeId, name, fields: of } of batch.delta.types) {
        const wanted = CLOCK_FIELDS[name];
        fields[typeId] = wanted === undefined ? -1 : of.findIndex((field) => field.name === wanted);
      }
      collect(batch, fields, pairs);
      if (pairs.length >= MAX_PAIRS) thin(pairs);
    }
  } finally {
    await capture.close();
  }
  return pairs;
}

function collect(batch: EventBatch, fields: readonly number[], pairs: ClockPair[]): void {
  for (let i = 0; i < batch.length; i++) {
    const field = fields[batch.type[i]];
    if (field < 0) continue;
    const cell = batch.cellStart(i) + field;
    if (cell >= batch.cellEnd[i] || batch.cellTag[cell] !== CELL_INT) continue;
    pairs.push({ ticks: batch.tsNs[i], ns: batch.cellValue[cell] });
  }
}

/** Every second one: the ends matter most. */
function thin(pairs: ClockPair[]): void {
  const kept = pairs.filter((_, i) => i % 2 === 0 || i === pairs.length - 1);
  pairs.splice(0, pairs.length, ...kept);
}
