/**
 * Interrupt storms: stretches at least as long as the window in which NMIs, hardirqs or softirqs take at least the threshold share of a CPU
 * (default 50 % over 1 s). A storm is noticed when the last window is that full; it reaches from where to where its time less the threshold's is most,
 * so that quiet time before and after is none of it. Shares are exclusive (T40) where events show the time, a lower bound otherwise (E1.7).
 */

import { type EventType, fieldsOf } from '../../../../schema/index.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { stormShare } from '../../knowledge/storm-share.ts';
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
  /** Of it, since the window filled: known from contexts of records, by samples, by switches of threads that do the work of interrupts. */
  contextsNs: number;
  samplesNs: number;
  threadNs: number;
  /** Interrupts that events show, their longest handler, and the time by handler since the window filled. */
  count: number;
  maxNs: number;
  readonly handlers: Map<string, number>;
  /** Its time less what the threshold asks for, at its end; and the last instant at which the window was full. */
  surplusNs: number;
  fullNs: number;
  /** Time, interrupts and handlers since its end: the storm's own if the surplus comes to as much again. */
  lapsedNs: number;
  lapsedCount: number;
  lapsedMaxNs: number;
  readonly lapsedHandlers: Map<string, number>;
  /** perf throttled an event of the CPU while it lasted. */
  throttled: number;
  /** First and last event that prove it. */
  firstEvent: number;
  lastEvent: number;
}

const BUCKETS = 16;
/** A pause between two handlers is no end of a storm. */
const SLACK_NS = 1e6;
const KINDS = ['nmi', 'hardirq', 'softirq'] as const;

/** Busy time of one CPU and kind in the last window, in buckets. Times count from the start of the run. */
export class LoadWindow {
  readonly #bucketNs: number;
  readonly #busy = new Float64Array(BUCKETS);
  readonly #count = new Float64Array(BUCKETS);
  readonly #max = new Float64Array(BUCKETS);
  readonly #firstEvent = new Float64Array(BUCKETS);
  readonly #firstNs = new Float64Array(BUCKETS);
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
      const slot = bucket % BUCKETS;
      this.#busy[slot] += to - from;
      if (this.#firstEvent[slot] !== 0) continue;
      this.#firstEvent[slot] = startEvent;
      this.#firstNs[slot] = from;
    }
  }

  /** A handler was over. @param interrupts 0 when it belongs to the same interrupt as the one before */
  count(endNs: number, ns: number, interrupts: number): void {
    const bucket = Math.floor(endNs / this.#bucketNs);
    this.#advance(bucket);
    const slot = bucket % BUCKETS;
    this.#count[slot] += interrupts;
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
    return [this.#busy, this.#count, this.#max, this.#firstEvent, this.#firstNs];
  }

  /**
   * The beginning of a storm: from the bucket on from which most is above the threshold.
   * @param share of the CPU that is the threshold
   */
  open(kind: Storm['kind'], cpu: number, nowNs: number, eventId: number, share: number): Storm {
    let busyNs = 0;
    let count = 0;
    let maxNs = 0;
    let best = {
      surplusNs: Number.NEGATIVE_INFINITY,
      startNs: nowNs,
      firstEvent: eventId,
      busyNs: 0,
      count: 0,
      maxNs: 0,
    };
    for (let bucket = this.#newest; bucket >= Math.max(0, this.#newest - BUCKETS + 1); bucket--) {
      const slot = bucket % BUCKETS;
      if (this.#firstEvent[slot] === 0) continue;
      busyNs += this.#busy[slot];
      count += this.#count[slot];
      maxNs = Math.max(maxNs, this.#max[slot]);
      const startNs = this.#firstNs[slot];
      const surplusNs = busyNs - share * (nowNs - startNs);
      if (surplusNs >= best.surplusNs)
        best = { surplusNs, startNs, firstEvent: this.#firstEvent[slot], busyNs, count, maxNs };
    }
    return {
      kind,
      cpu,
      ...best,
      endNs: nowNs,
      contextsNs: 0,
      samplesNs: 0,
      threadNs: 0,
      throttled: 0,
      handlers: new Map(),
      fullNs: nowNs,
      lapsedNs: 0,
      lapsedCount: 0,
      lapsedMaxNs: 0,
      lapsedHandlers: new Map(),
      lastEvent: eventId,
    };
  }
}

export class InterruptLoadModel implements Model {
  readonly #world: World;
  readonly #windows = new Map<number, LoadWindow>();
  readonly #open = new Map<number, Storm>();
  /** Noticed so far. */
  readonly #found: Storm[] = [];

  constructor(world: World, cpus: CpuModel) {
    this.#world = world;
    cpus.listeners.push({
      onBusy: (kind, cpu, startNs, endNs, startEvent, endEvent, source) =>
        this.#busy(kind, cpu, startNs, endNs, startEvent, endEvent, source),
      onInterrupt: (kind, cpu, startNs, endNs, name, continues) =>
        this.#count(kind, cpu, endNs, endNs - startNs, name, continues ? 0 : 1),
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

  /** By the time at which they were noticed. What is shorter than the window, or below the threshold as a whole, is no storm. */
  get storms(): Storm[] {
    const { thresholds } = this.#world;
    return this.#found.filter(
      ({ kind, startNs, endNs, busyNs }) =>
        endNs - startNs >= thresholds.nmiStormWindowNs && busyNs >= stormShare(thresholds, kind) * (endNs - startNs),
    );
  }

  /** Storms of a snapshot. */
  restore(storm: Storm): void {
    this.#found.push(storm);
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

  /** The storm that goes on at that time, if any: one that ended since its last interrupt is over. */
  storm(kind: Storm['kind'], cpu: number, nowNs: number): Storm | undefined {
    const storm = this.#open.get(cpu * KINDS.length + KINDS.indexOf(kind));
    return storm && this.share(kind, cpu, nowNs) >= stormShare(this.#world.thresholds, kind) ? storm : undefined;
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
    const windowNs = this.#world.thresholds.nmiStormWindowNs;
    const share = stormShare(this.#world.thresholds, kind);
    const originNs = this.#world.firstNs;
    const enough = window.busyNs >= share * windowNs;
    let storm = this.#open.get(key);
    if (storm) {
      this.#goOn(storm, startNs, endNs, eventId, share);
      if (enough) storm.fullNs = endNs;
      // A share around the threshold is one storm with lulls, not a dozen of storms.
      else if (endNs - storm.fullNs >= windowNs) {
        this.#open.delete(key);
        return;
      }
    } else if (enough) {
      storm = window.open(kind, cpu, endNs - originNs, eventId, share);
      storm.startNs += originNs;
      storm.endNs += originNs;
      storm.fullNs += originNs;
      this.#open.set(key, storm);
      this.#found.push(storm);
    }
    if (!storm || source === 'events') return;
    if (source === 'contexts') storm.contextsNs += endNs - startNs;
    else if (source === 'samples') storm.samplesNs += endNs - startNs;
    else storm.threadNs += endNs - startNs;
  }

  /** The storm reaches to here if its surplus is as large as it has been. */
  #goOn(storm: Storm, startNs: number, endNs: number, eventId: number, share: number): void {
    storm.lapsedNs += endNs - startNs;
    const busyNs = storm.busyNs + storm.lapsedNs;
    const surplusNs = busyNs - share * (endNs - storm.startNs);
    if (surplusNs < storm.surplusNs - SLACK_NS) return;
    storm.surplusNs = Math.max(storm.surplusNs, surplusNs);
    storm.endNs = endNs;
    storm.lastEvent = eventId;
    storm.busyNs = busyNs;
    storm.lapsedNs = 0;
    if (storm.lapsedHandlers.size === 0) return;
    storm.count += storm.lapsedCount;
    storm.maxNs = Math.max(storm.maxNs, storm.lapsedMaxNs);
    for (const [name, ns] of storm.lapsedHandlers) storm.handlers.set(name, (storm.handlers.get(name) ?? 0) + ns);
    storm.lapsedCount = 0;
    storm.lapsedMaxNs = 0;
    storm.lapsedHandlers.clear();
  }

  #count(kind: InterruptKind, cpu: number, endNs: number, ns: number, name: string, interrupts: number): void {
    this.#windowOf(kind, cpu).count(endNs - this.#world.firstNs, ns, interrupts);
    const storm = this.#open.get(cpu * KINDS.length + KINDS.indexOf(kind));
    if (!storm) return;
    const { handlers, lapsedHandlers } = storm;
    if (storm.lapsedNs > 0) {
      storm.lapsedCount += interrupts;
      storm.lapsedMaxNs = Math.max(storm.lapsedMaxNs, ns);
      lapsedHandlers.set(name, (lapsedHandlers.get(name) ?? 0) + ns);
    } else {
      storm.count += interrupts;
      storm.maxNs = Math.max(storm.maxNs, ns);
      handlers.set(name, (handlers.get(name) ?? 0) + ns);
    }
  }
}
