/**
 * Interrupt storms: stretches in which NMIs, hardirqs or softirqs take more than the threshold share of a CPU over a
 * sliding window (default 50 % over 1 s). Shares are exclusive (T40) where events show the time, a lower bound otherwise (E1.7).
 */

import { type EventType, fieldsOf } from '../../../../schema/index.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import type { CpuModel } from './cpu.ts';
import type { BusySource, InterruptKind } from './cpu-state.ts';

const THROTTLE = fieldsOf('quiesce_throttle');

export interface Storm {
  readonly kind: InterruptKind;
  readonly cpu: number;
  startNs: number;
  endNs: number;
  /** Time taken within [startNs, endNs). */
  busyNs: number;
  /** Of it, since the window filled: told by contexts of records, by samples, by switches of threads that do the work of interrupts. */
  contextsNs: number;
  samplesNs: number;
  threadNs: number;
  /** Handlers that events show, the longest, and their time by name since the window filled. */
  count: number;
  maxNs: number;
  readonly handlers: Map<string, number>;
  /** Time and handlers since the share fell below the threshold; the storm's own again if it rises within a window. */
  lapsedNs: number;
  lapsedCount: number;
  /** perf throttled an event of the CPU meanwhile. */
  throttled: number;
  /** First and last event that prove it. */
  firstEvent: number;
  lastEvent: number;
}

const BUCKETS = 16;
const KINDS = ['nmi', 'hardirq', 'softirq'] as const;

/** Busy time of one CPU and kind in the last window, in buckets. Times count from the start of the run. */
export class LoadWindow {
  readonly #bucketNs: number;
  readonly #busy = new Float64Array(BUCKETS);
  readonly #count = new Float64Array(BUCKETS);
  readonly #max = new Float64Array(BUCKETS);
  readonly #firstEvent = new Float64Array(BUCKETS);
  #newest = -1;

  constructor(windowNs: number) {
    this.#bucketNs = windowNs / BUCKETS;
  }

  /** @param startEvent event that begins it. */
  add(startNs: number, endNs: number, startEvent: number): void {
    const first = Math.floor(startNs / this.#bucketNs);
    const last = Math.floor(endNs / this.#bucketNs);
    this.#advance(last);
    for (let bucket = Math.max(first, this.#newest - BUCKETS + 1); bucket <= last; bucket++) {
      const from = Math.max(startNs, bucket * this.#bucketNs);
      const to = Math.min(endNs, (bucket + 1) * this.#bucketNs);
      this.#busy[bucket % BUCKETS] += to - from;
    }
    const slot = last % BUCKETS;
    if (this.#firstEvent[slot] === 0) this.#firstEvent[slot] = startEvent;
  }

  /** A handler was over. */
  count(endNs: number, ns: number): void {
    const bucket = Math.floor(endNs / this.#bucketNs);
    this.#advance(bucket);
    const slot = bucket % BUCKETS;
    this.#count[slot]++;
    this.#max[slot] = Math.max(this.#max[slot], ns);
  }

  #advance(bucket: number): void {
    if (this.#newest < 0 || bucket - this.#newest >= BUCKETS) {
      for (const column of this.#columns()) column.fill(0);
    } else {
      for (let next = this.#newest + 1; next <= bucket; next++) {
        for (const column of this.#columns()) column[next % BUCKETS] = 0;
      }
    }
    this.#newest = Math.max(this.#newest, bucket);
  }

  get busyNs(): number {
    return this.#busy.reduce((sum, ns) => sum + ns, 0);
  }

  /** Busy share of the buckets up to `nowNs`, which may lie after the newest interrupt; the last bucket is a part of one. */
  shareUntil(nowNs: number): number {
    const first = Math.floor(nowNs / this.#bucketNs) - BUCKETS + 1;
    let busyNs = 0;
    for (let bucket = Math.max(0, first); bucket <= this.#newest; bucket++) busyNs += this.#busy[bucket % BUCKETS];
    return busyNs / (nowNs - first * this.#bucketNs);
  }

  /** Live state of a snapshot: the newest bucket, then the columns. */
  save(): { readonly newest: number; readonly columns: readonly (readonly number[])[] } {
    return { newest: this.#newest, columns: this.#columns().map((column) => [...column]) };
  }

  load(state: ReturnType<LoadWindow['save']>): void {
    this.#newest = state.newest;
    this.#columns().forEach((column, i) => {
      column.set(state.columns[i]);
    });
  }

  #columns(): Float64Array[] {
    return [this.#busy, this.#count, this.#max, this.#firstEvent];
  }

  /** The window as the beginning of a storm. */
  open(kind: Storm['kind'], cpu: number, nowNs: number, eventId: number): Storm {
    let startNs = nowNs;
    let firstEvent = eventId;
    let begun = false;
    for (let bucket = Math.max(0, this.#newest - BUCKETS + 1); bucket <= this.#newest; bucket++) {
      const slot = bucket % BUCKETS;
      if (!begun && this.#busy[slot] > 0) {
        begun = true;
        startNs = Math.max(bucket * this.#bucketNs, (bucket + 1) * this.#bucketNs - this.#busy[slot]);
      }
      // An interrupt that spans buckets is proved by its event in its last one.
      if (this.#firstEvent[slot] === 0) continue;
      firstEvent = this.#firstEvent[slot];
      break;
    }
    return {
      kind,
      cpu,
      startNs,
      endNs: nowNs,
      busyNs: this.busyNs,
      contextsNs: 0,
      samplesNs: 0,
      threadNs: 0,
      throttled: 0,
      handlers: new Map(),
      lapsedNs: 0,
      lapsedCount: 0,
      count: this.#count.reduce((sum, n) => sum + n, 0),
      maxNs: this.#max.reduce((max, ns) => Math.max(max, ns), 0),
      firstEvent,
      lastEvent: eventId,
    };
  }
}

export class InterruptLoadModel implements Model {
  readonly #world: World;
  readonly #windows = new Map<number, LoadWindow>();
  readonly #open = new Map<number, Storm>();
  readonly storms: Storm[] = [];

  constructor(world: World, cpus: CpuModel) {
    this.#world = world;
    cpus.listeners.push({
      onBusy: (kind, cpu, startNs, endNs, startEvent, endEvent, source) =>
        this.#busy(kind, cpu, startNs, endNs, startEvent, endEvent, source),
      onInterrupt: (kind, cpu, startNs, endNs, name) => this.#count(kind, cpu, endNs, endNs - startNs, name),
    });
  }

  /** perf says when it throttles: its interrupts came too often (7.5). */
  subscribe(type: EventType): EventHandler | undefined {
    if (type.name !== 'quiesce_throttle') return undefined;
    return (event) => {
      if (event.int(THROTTLE.throttled) !== 1) return;
      for (const storm of this.#open.values()) if (storm.cpu === event.cpu) storm.throttled++;
    };
  }

  /** Windows and open storms by CPU and kind: live state of a snapshot. */
  get live(): { readonly windows: Map<number, LoadWindow>; readonly open: Map<number, Storm> } {
    return { windows: this.#windows, open: this.#open };
  }

  /** Share of the CPU that a kind of interrupt took in the window up to now. */
  share(kind: Storm['kind'], cpu: number, nowNs: number): number {
    const window = this.#windows.get(cpu * KINDS.length + KINDS.indexOf(kind));
    return window ? Math.min(1, window.shareUntil(nowNs - this.#world.firstNs)) : 0;
  }

  /** The storm going on, if any. */
  storm(kind: Storm['kind'], cpu: number): Storm | undefined {
    const storm = this.#open.get(cpu * KINDS.length + KINDS.indexOf(kind));
    return storm?.lapsedNs === 0 ? storm : undefined;
  }

  #windowOf(kind: InterruptKind, cpu: number): LoadWindow {
    const key = cpu * KINDS.length + KINDS.indexOf(kind);
    let window = this.#windows.get(key);
    if (!window) {
      window = new LoadWindow(this.#world.thresholds.nmiStormWindowNs);
      this.#windows.set(key, window);
    }
    return window;
  }

  #busy(
    kind: InterruptKind,
    cpu: number,
    startNs: number,
    endNs: number,
    startEvent: number,
    eventId: number,
    source: BusySource,
  ): void {
    const window = this.#windowOf(kind, cpu);
    const windowNs = this.#world.thresholds.nmiStormWindowNs;
    const originNs = this.#world.firstNs;
    // What lasts longer than the window fills it several times over.
    for (let fromNs = Math.max(startNs, originNs); fromNs < endNs; fromNs += windowNs) {
      const toNs = Math.min(endNs, fromNs + windowNs);
      window.add(fromNs - originNs, toNs - originNs, startEvent);
      this.#judge(window, kind, cpu, fromNs, toNs, eventId, source);
    }
  }

  #judge(
    window: LoadWindow,
    kind: InterruptKind,
    cpu: number,
    startNs: number,
    endNs: number,
    eventId: number,
    source: BusySource,
  ): void {
    const key = cpu * KINDS.length + KINDS.indexOf(kind);
    const { nmiStormShare, nmiStormWindowNs } = this.#world.thresholds;
    const originNs = this.#world.firstNs;
    const enough = window.busyNs >= nmiStormShare * nmiStormWindowNs;
    let storm = this.#open.get(key);
    if (storm && enough) {
      storm.endNs = endNs;
      storm.busyNs += endNs - startNs + storm.lapsedNs;
      storm.count += storm.lapsedCount;
      storm.lapsedNs = 0;
      storm.lapsedCount = 0;
      storm.lastEvent = eventId;
    } else if (storm && endNs - storm.endNs < nmiStormWindowNs) {
      // A share around the threshold is one storm with lulls, not a dozen of storms.
      storm.lapsedNs += endNs - startNs;
      return;
    } else if (storm) {
      this.#open.delete(key);
      return;
    } else if (enough) {
      storm = window.open(kind, cpu, endNs - originNs, eventId);
      storm.startNs += originNs;
      storm.endNs += originNs;
      this.#open.set(key, storm);
      this.storms.push(storm);
    }
    if (!storm || source === 'events') return;
    if (source === 'contexts') storm.contextsNs += endNs - startNs;
    else if (source === 'samples') storm.samplesNs += endNs - startNs;
    else storm.threadNs += endNs - startNs;
  }

  #count(kind: InterruptKind, cpu: number, endNs: number, ns: number, name: string): void {
    this.#windowOf(kind, cpu).count(endNs - this.#world.firstNs, ns);
    const storm = this.#open.get(cpu * KINDS.length + KINDS.indexOf(kind));
    if (!storm) return;
    if (storm.lapsedNs > 0) storm.lapsedCount++;
    else storm.count++;
    storm.handlers.set(name, (storm.handlers.get(name) ?? 0) + ns);
    storm.maxNs = Math.max(storm.maxNs, ns);
  }
}
