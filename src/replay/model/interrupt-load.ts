/**
 * Interrupt storms: stretches in which NMIs, hardirqs or softirqs take more than the threshold share of a CPU over a
 * sliding window (default 50 % over 1 s). Shares are exclusive where entry and exit are known, a lower bound otherwise (E1.7).
 */
import type { Model, World } from '../world.ts';
import type { CpuModel } from './cpu.ts';

export interface Storm {
  readonly kind: 'nmi' | 'hardirq' | 'softirq';
  readonly cpu: number;
  startNs: number;
  endNs: number;
  /** Time taken within [startNs, endNs). */
  busyNs: number;
  count: number;
  maxNs: number;
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
    for (let bucket = Math.max(first, last - BUCKETS + 1); bucket <= last; bucket++) {
      const from = Math.max(startNs, bucket * this.#bucketNs);
      const to = Math.min(endNs, (bucket + 1) * this.#bucketNs);
      this.#busy[bucket % BUCKETS] += to - from;
    }
    const slot = last % BUCKETS;
    if (this.#count[slot]++ === 0) this.#firstEvent[slot] = startEvent;
    this.#max[slot] = Math.max(this.#max[slot], endNs - startNs);
  }

  #advance(bucket: number): void {
    if (this.#newest < 0 || bucket - this.#newest >= BUCKETS) {
      this.#busy.fill(0);
      this.#count.fill(0);
      this.#max.fill(0);
    } else {
      for (let next = this.#newest + 1; next <= bucket; next++) {
        this.#busy[next % BUCKETS] = 0;
        this.#count[next % BUCKETS] = 0;
        this.#max[next % BUCKETS] = 0;
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
      // An interrupt that spans buckets is counted, and proved by its event, in its last one.
      if (this.#count[slot] === 0) continue;
      firstEvent = this.#firstEvent[slot];
      break;
    }
    return {
      kind,
      cpu,
      startNs,
      endNs: nowNs,
      busyNs: this.busyNs,
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
    cpus.onInterrupt = (...span) => this.#add(...span);
  }

  subscribe(): undefined {
    return undefined;
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
    return this.#open.get(cpu * KINDS.length + KINDS.indexOf(kind));
  }

  #add(kind: Storm['kind'], cpu: number, startNs: number, endNs: number, startEvent: number, eventId: number): void {
    const key = cpu * KINDS.length + KINDS.indexOf(kind);
    let window = this.#windows.get(key);
    if (!window) {
      window = new LoadWindow(this.#world.thresholds.nmiStormWindowNs);
      this.#windows.set(key, window);
    }
    const originNs = this.#world.firstNs;
    window.add(Math.max(0, startNs - originNs), endNs - originNs, startEvent);
    const enough = window.busyNs >= this.#world.thresholds.nmiStormShare * this.#world.thresholds.nmiStormWindowNs;
    const storm = this.#open.get(key);
    if (storm && enough) {
      storm.endNs = endNs;
      storm.busyNs += endNs - startNs;
      storm.count++;
      storm.maxNs = Math.max(storm.maxNs, endNs - startNs);
      storm.lastEvent = eventId;
    } else if (storm) {
      this.#open.delete(key);
    } else if (enough) {
      const opened = window.open(kind, cpu, endNs - originNs, eventId);
      opened.startNs += originNs;
      opened.endNs += originNs;
      this.#open.set(key, opened);
      this.storms.push(opened);
    }
  }
}
