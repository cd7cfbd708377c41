/** Counters: for each window of time, the mean number of things that were there at once. Exact, and bounded by windows, not by things. */
import type { Timeline, TrackId } from '../timeline.ts';
import { factRows, type RunFacts } from './run-facts.ts';

const WINDOWS = 4000;
/** Shorter windows show single interrupts, not a load. */
const SHORTEST_WINDOW_NS = 100_000;

export interface Windows {
  readonly startNs: number;
  readonly windowNs: number;
  readonly count: number;
}

/** Windows of a round length (1, 2 or 5 and zeros) that cover the run. */
export function windowsOf(startNs: number, endNs: number): Windows {
  const atLeastNs = Math.max(SHORTEST_WINDOW_NS, (endNs - startNs) / WINDOWS);
  const power = 10 ** Math.floor(Math.log10(atLeastNs));
  const windowNs = [1, 2, 5, 10].map((step) => step * power).find((length) => length >= atLeastNs) ?? 10 * power;
  return { startNs, windowNs, count: Math.max(1, Math.ceil((endNs - startNs) / windowNs)) };
}

/** Adds up intervals. */
export class MeanPerWindow {
  readonly #windows: Windows;
  /** Time within the window, of intervals that begin or end there. */
  readonly #partNs: Float64Array;
  /** Intervals that fill whole windows: what begins less what ends. */
  readonly #whole: Int32Array;

  constructor(windows: Windows) {
    this.#windows = windows;
    this.#partNs = new Float64Array(windows.count);
    this.#whole = new Int32Array(windows.count + 1);
  }

  add(fromNs: number, toNs: number): void {
    const { startNs, windowNs, count } = this.#windows;
    const from = Math.max(0, fromNs - startNs);
    const to = Math.min(count * windowNs, toNs - startNs);
    if (to <= from) return;
    const first = Math.floor(from / windowNs);
    const last = Math.min(count - 1, Math.floor(to / windowNs));
    if (first === last) {
      this.#partNs[first] += to - from;
      return;
    }
    this.#partNs[first] += (first + 1) * windowNs - from;
    this.#partNs[last] += to - last * windowNs;
    this.#whole[first + 1]++;
    this.#whole[last]--;
  }

  *values(): Generator<readonly [tsNs: number, mean: number]> {
    const { startNs, windowNs, count } = this.#windows;
    let whole = 0;
    for (let i = 0; i < count; i++) {
      whole += this.#whole[i];
      yield [startNs + i * windowNs, whole + this.#partNs[i] / windowNs];
    }
  }
}

export function writeCounters(facts: RunFacts, timeline: Timeline, group: TrackId): void {
  const { info, selection } = facts;
  const startNs = Math.max(info.first_ns, selection.fromNs);
  const endNs = Math.min(info.last_ns, selection.toNs);
  if (endNs <= startNs) return;
  const windows = windowsOf(startNs, endNs);
  writeTaskCounts(facts, timeline, group, windows, endNs);
  writeNmiShares(facts, timeline, group, windows);
}

const TASK_STATES = { runnable: 'runnable tasks', blocked: 'blocked tasks (D)' } as const;

function writeTaskCounts(facts: RunFacts, timeline: Timeline, group: TrackId, windows: Windows, endNs: number): void {
  for (const [state, title] of Object.entries(TASK_STATES)) {
    const mean = new MeanPerWindow(windows);
    let seen = false;
    for (const [fromNs, toNs] of factRows(facts, {
      columns: 'f.start_ns, f.end_ns',
      from: 'task_state AS f',
      where: `f.state = '${state}'`,
      asStored: true,
    })) {
      mean.add(fromNs as number, (toNs as number | null) ?? endNs);
      seen = true;
    }
    if (seen) write(timeline, timeline.counter(group, title, 'tasks'), mean, 1);
  }
}

function writeNmiShares(facts: RunFacts, timeline: Timeline, group: TrackId, windows: Windows): void {
  const cpus = new Map<number, MeanPerWindow>();
  for (const [fromNs, toNs, cpu] of factRows(facts, {
    columns: 'f.start_ns, f.end_ns',
    from: 'context_span AS f',
    where: "f.kind = 'nmi'",
    cpu: 'f.cpu',
    asStored: true,
  })) {
    let mean = cpus.get(cpu as number);
    if (mean === undefined) {
      mean = new MeanPerWindow(windows);
      cpus.set(cpu as number, mean);
    }
    mean.add(fromNs as number, toNs as number);
  }
  for (const [cpu, mean] of [...cpus].sort(([a], [b]) => a - b))
    write(timeline, timeline.counter(group, `CPU ${cpu} in NMIs`, '%'), mean, 100);
}

/** A value that stays is not repeated. */
function write(timeline: Timeline, track: TrackId, mean: MeanPerWindow, factor: number): void {
  let before = Number.NaN;
  for (const [tsNs, value] of mean.values()) {
    if (value !== before) timeline.count(track, tsNs, value * factor);
    before = value;
  }
}
