/**
 * The unit that flows from parsers to store and replay: some thousand events as columns, in time order.
 *
 * Columns instead of objects, because a recording has tens of millions of events: measured on 12.5 million ftrace events,
 * one object per event costs more in garbage collection than parsing and models together.
 *
 * The cells (fields) of event i are `cells[cellEnd[i-1] .. cellEnd[i])`, in the order of its event type's fields. A cell has a
 * tag and a number; missing trailing cells are null. 64-bit values stay exact: those that a double cannot hold go to `wide`.
 */

import type { LogReport } from '../log-report.ts';
import { type DictionaryDelta, emptyDelta } from './dictionary.ts';

/** Events in a full batch. 8192 rows keep every column of a batch in the L2 cache and amortise a thread hop to ~10 ns/event. */
export const BATCH_CAPACITY = 8192;

export const CELL_NULL = 0;
/** An integer that a double holds exactly. Addresses are signed 64-bit values, as SQLite stores them. */
export const CELL_INT = 1;
/** Dictionary string id. */
export const CELL_STR = 2;
/** Index into `wide`: a signed 64-bit integer. */
export const CELL_WIDE = 3;
/** Index into `texts`: a string not worth a dictionary entry (log lines, trace_printk output). */
export const CELL_TEXT = 4;
/** A number with a fraction. */
export const CELL_REAL = 5;

export class EventBatch {
  length = 0;
  /** 0-based boot within the capture set; every event of a batch belongs to one boot. */
  boot = 0;
  /** Set by the merge: 1-based position in the run of the batch's first event; grows with time, so a time range is an id range. */
  firstEventId = 0;
  /**
   * On the run's timeline, counted from `RunInfo.base_ns` (0 for every clock that fits, so normally the very number that the recording
   * shows). Always safe integers: 2^53 ns are 104 days; a clock beyond that (tai) gets a base.
   */
  readonly tsNs: Float64Array;
  readonly cpu: Uint16Array;
  /** Kernel `pid` of the thread. 0 is the idle task of whichever CPU: never one task (MODEL T25). */
  readonly tid: Int32Array;
  /** Task name as the record's prefix shows it (string id). */
  readonly comm: Int32Array;
  readonly type: Uint16Array;
  /** Context bits, see context-flags.ts. */
  readonly flags: Uint16Array;
  /** Stack recorded with the event; a `kernel_stack` record carries the stack of the event before it on that CPU (E0.8). */
  readonly stack: Int32Array;
  readonly cellEnd: Uint32Array;
  cellTag: Uint8Array;
  cellValue: Float64Array;
  wide: BigInt64Array;
  wideCount = 0;
  texts: string[] = [];
  delta: DictionaryDelta = emptyDelta();
  /** Kernel-log reports completed within this batch, in time order. */
  reports: LogReport[] = [];

  constructor(capacity: number = BATCH_CAPACITY, cells: number = capacity * 5) {
    this.tsNs = new Float64Array(capacity);
    this.cpu = new Uint16Array(capacity);
    this.tid = new Int32Array(capacity);
    this.comm = new Int32Array(capacity);
    this.type = new Uint16Array(capacity);
    this.flags = new Uint16Array(capacity);
    this.stack = new Int32Array(capacity);
    this.cellEnd = new Uint32Array(capacity);
    this.cellTag = new Uint8Array(cells);
    this.cellValue = new Float64Array(cells);
    this.wide = new BigInt64Array(16);
  }

  get capacity(): number {
    return this.tsNs.length;
  }

  get full(): boolean {
    return this.length === this.tsNs.length;
  }

  get cellCount(): number {
    return this.length === 0 ? 0 : this.cellEnd[this.length - 1];
  }

  cellStart(index: number): number {
    return index === 0 ? 0 : this.cellEnd[index - 1];
  }
}

const TWO_32 = 4294967296;

/**
 * Appends events to a batch: `begin`, one call per field in type order, `end`. Grows the cell columns when needed.
 * The caller takes a full batch away and calls {@link reset} with a fresh one.
 */
export class BatchWriter {
  batch: EventBatch;
  #cell = 0;

  constructor(batch: EventBatch) {
    this.batch = batch;
    this.#cell = batch.cellCount;
  }

  reset(batch: EventBatch): void {
    this.batch = batch;
    this.#cell = batch.cellCount;
  }

  begin(tsNs: number, cpu: number, tid: number, comm: number, type: number, flags: number, stack: number): void {
    const b = this.batch;
    const i = b.length;
    b.tsNs[i] = tsNs;
    b.cpu[i] = cpu;
    b.tid[i] = tid;
    b.comm[i] = comm;
    b.type[i] = type;
    b.flags[i] = flags;
    b.stack[i] = stack;
  }

  null(): void {
    this.#put(CELL_NULL, 0);
  }

  /** A safe integer. */
  int(value: number): void {
    this.#put(CELL_INT, value);
  }

  str(stringId: number): void {
    this.#put(CELL_STR, stringId);
  }

  text(text: string): void {
    this.#put(CELL_TEXT, this.batch.texts.length);
    this.batch.texts.push(text);
  }

  real(value: number): void {
    this.#put(CELL_REAL, value);
  }

  /** A 64-bit value from its halves, read as signed (`hi` int32, `lo` uint32), exact whatever its size. */
  int64(hi: number, lo: number): void {
    const value = (hi | 0) * TWO_32 + (lo >>> 0);
    // The halves survive the round trip only if the double holds all 64 bits: kernel text addresses and 8-aligned
    // direct-map pointers do, odd ones do not.
    if (value >>> 0 === lo >>> 0 && Math.floor(value / TWO_32) === (hi | 0)) this.#put(CELL_INT, value);
    else this.#putWide((BigInt(hi | 0) << 32n) | BigInt(lo >>> 0));
  }

  /** Any bigint, taken modulo 2^64. */
  bigint(value: bigint): void {
    const signed = BigInt.asIntN(64, value);
    const n = Number(signed);
    if (BigInt(n) === signed) this.#put(CELL_INT, n);
    else this.#putWide(signed);
  }

  end(): void {
    const b = this.batch;
    b.cellEnd[b.length++] = this.#cell;
  }

  /** Forgets the cells written since `begin`. */
  abandon(): void {
    this.#cell = this.batch.cellCount;
  }

  #put(tag: number, value: number): void {
    const b = this.batch;
    const c = this.#cell;
    if (c === b.cellTag.length) growCells(b);
    b.cellTag[c] = tag;
    b.cellValue[c] = value;
    this.#cell = c + 1;
  }

  #putWide(value: bigint): void {
    const b = this.batch;
    if (b.wideCount === b.wide.length) {
      const wide = new BigInt64Array(b.wide.length * 2);
      wide.set(b.wide);
      b.wide = wide;
    }
    b.wide[b.wideCount] = value;
    this.#put(CELL_WIDE, b.wideCount++);
  }
}

function growCells(batch: EventBatch): void {
  const tags = new Uint8Array(batch.cellTag.length * 2);
  tags.set(batch.cellTag);
  batch.cellTag = tags;
  const values = new Float64Array(batch.cellValue.length * 2);
  values.set(batch.cellValue);
  batch.cellValue = values;
}
