/**
 * Puts records in time order. perf drains one per-CPU buffer after the other and marks the end of each such round; what came
 * before the last mark but one cannot be overtaken any more (tools/perf/util/ordered-events.c). So the queue holds two rounds.
 *
 * Recordings without round marks come from one buffer, or from tools that sorted them already. For those, and for rounds that
 * are too big, the queue is a window: above {@link WINDOW_BYTES} the older half of what waits is let go.
 */
import { KeyOrder } from '../key-order.ts';
import type { BlockPool, RecordBlock } from './record-blocks.ts';

/** Bytes of records that wait at most; a record that is late by more than this keeps its place in the file. */
export const WINDOW_BYTES = 128 << 20;

const FIRST_CAPACITY = 4096;

/** Columns of waiting records, and the spare ones that they move to when some leave. */
class WaitingRecords {
  timeNs = new Float64Array(FIRST_CAPACITY);
  slot = new Int32Array(FIRST_CAPACITY);
  at = new Int32Array(FIRST_CAPACITY);
  sizeBytes = new Uint16Array(FIRST_CAPACITY);

  reserve(capacity: number): void {
    if (capacity <= this.timeNs.length) return;
    const grown = Math.max(capacity, this.timeNs.length * 2);
    const { timeNs, slot, at, sizeBytes } = this;
    this.timeNs = new Float64Array(grown);
    this.slot = new Int32Array(grown);
    this.at = new Int32Array(grown);
    this.sizeBytes = new Uint16Array(grown);
    this.timeNs.set(timeNs);
    this.slot.set(slot);
    this.at.set(at);
    this.sizeBytes.set(sizeBytes);
  }

  copy(to: number, from: WaitingRecords, index: number): void {
    this.timeNs[to] = from.timeNs[index];
    this.slot[to] = from.slot[index];
    this.at[to] = from.at[index];
    this.sizeBytes[to] = from.sizeBytes[index];
  }
}

export class RecordQueue {
  /** The record that {@link take} moved to. */
  block: RecordBlock | undefined;
  at = 0;
  sizeBytes = 0;
  timeNs = 0;
  readonly #pool: BlockPool;
  readonly #keyOrder = new KeyOrder();
  #waiting = new WaitingRecords();
  #spare = new WaitingRecords();
  #length = 0;
  #bytes = 0;
  #latestNs = Number.NEGATIVE_INFINITY;
  #roundLimitNs = Number.NEGATIVE_INFINITY;
  #order: Int32Array = new Int32Array(0);
  #due = 0;
  #taken = 0;

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  /** Whether the window is full: the caller has to {@link releaseHalf}. */
  get full(): boolean {
    return this.#bytes > WINDOW_BYTES;
  }

  /** The block keeps the record's bytes until it was taken. */
  push(timeNs: number, block: RecordBlock, at: number, sizeBytes: number): void {
    const i = this.#length++;
    const waiting = this.#waiting;
    if (i === waiting.timeNs.length) waiting.reserve(i + 1);
    waiting.timeNs[i] = timeNs;
    waiting.slot[i] = block.slot;
    waiting.at[i] = at;
    waiting.sizeBytes[i] = sizeBytes;
    block.holders++;
    this.#bytes += sizeBytes;
    if (timeNs > this.#latestNs) this.#latestNs = timeNs;
  }

  /** End of a round: due is everything up to the latest time of the rounds before this one. */
  releaseRound(): void {
    const limitNs = this.#roundLimitNs;
    this.#roundLimitNs = this.#latestNs;
    this.#release(limitNs);
  }

  releaseHalf(): void {
    const order = this.#keyOrder.sort(this.#waiting.timeNs, this.#length);
    this.#release(this.#waiting.timeNs[order[this.#length >> 1]]);
  }

  releaseAll(): void {
    this.#release(Number.POSITIVE_INFINITY);
  }

  #release(limitNs: number): void {
    const { timeNs } = this.#waiting;
    this.#order = this.#keyOrder.sort(timeNs, this.#length);
    let due = 0;
    while (due < this.#length && timeNs[this.#order[due]] <= limitNs) due++;
    this.#due = due;
    this.#taken = 0;
  }

  /** Moves to the next due record, in time order; false when none is left. All due records must be taken before more come. */
  take(): boolean {
    if (this.block) this.#pool.release(this.block);
    this.block = undefined;
    if (this.#taken === this.#due) {
      this.#keepRest();
      return false;
    }
    const i = this.#order[this.#taken++];
    const waiting = this.#waiting;
    this.block = this.#pool.blocks[waiting.slot[i]];
    this.at = waiting.at[i];
    this.sizeBytes = waiting.sizeBytes[i];
    this.timeNs = waiting.timeNs[i];
    this.#bytes -= this.sizeBytes;
    return true;
  }

  /** What is not due stays, sorted, so that the next sort finds it as one run. */
  #keepRest(): void {
    if (this.#due === 0) return;
    const kept = this.#length - this.#due;
    this.#spare.reserve(kept);
    for (let i = 0; i < kept; i++) this.#spare.copy(i, this.#waiting, this.#order[this.#due + i]);
    const emptied = this.#waiting;
    this.#waiting = this.#spare;
    this.#spare = emptied;
    this.#length = kept;
    this.#due = 0;
    this.#taken = 0;
  }
}
