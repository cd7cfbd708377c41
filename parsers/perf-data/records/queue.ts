/**
 * Puts records in time order. perf drains one per-CPU buffer after the other and marks the end of each such round; what came
 * before the last mark but one cannot be overtaken any more (tools/perf/util/ordered-events.c). So the queue holds two rounds.
 *
 * Rounds of large buffers, and files without marks, can be larger than memory should be. Then the queue keeps time and place of
 * the records only, and their bytes are read again when their turn comes (record-recall.ts).
 */
import { KeyOrder } from '../../key-order.ts';
import type { BlockPool, RecordBlock } from './blocks.ts';

/** Records that wait at most, with or without their bytes: 100 MiB of times and places. */
const MAX_WAITING = 3 << 20;
const FIRST_CAPACITY = 4096;
/** Slot of a record whose bytes are not in memory. */
const NOT_HELD = -1;

/** Columns of waiting records, and the spare ones that they move to when some leave. */
class WaitingRecords {
  timeNs = new Float64Array(FIRST_CAPACITY);
  /** Byte of the capture. */
  position = new Float64Array(FIRST_CAPACITY);
  slot = new Int32Array(FIRST_CAPACITY);
  at = new Int32Array(FIRST_CAPACITY);
  sizeBytes = new Uint16Array(FIRST_CAPACITY);

  reserve(capacity: number): void {
    if (capacity <= this.timeNs.length) return;
    const grown = Math.max(capacity, this.timeNs.length * 2);
    const { timeNs, position, slot, at, sizeBytes } = this;
    this.timeNs = new Float64Array(grown);
    this.position = new Float64Array(grown);
    this.slot = new Int32Array(grown);
    this.at = new Int32Array(grown);
    this.sizeBytes = new Uint16Array(grown);
    this.timeNs.set(timeNs);
    this.position.set(position);
    this.slot.set(slot);
    this.at.set(at);
    this.sizeBytes.set(sizeBytes);
  }

  copy(to: number, from: WaitingRecords, index: number): void {
    this.timeNs[to] = from.timeNs[index];
    this.position[to] = from.position[index];
    this.slot[to] = from.slot[index];
    this.at[to] = from.at[index];
    this.sizeBytes[to] = from.sizeBytes[index];
  }
}

/** A due record whose bytes have to be read again. */
export interface AbsentRecord {
  /** Its name for {@link RecordQueue.supply}. */
  readonly index: number;
  readonly position: number;
  readonly sizeBytes: number;
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
  #heldBytes = 0;
  #latestNs = Number.NEGATIVE_INFINITY;
  #roundLimitNs = Number.NEGATIVE_INFINITY;
  #order: Int32Array = new Int32Array(0);
  #due = 0;
  #taken = 0;

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  /** Bytes of records in memory. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** So many records wait that some have to go, in order or not. */
  get isCrowded(): boolean {
    return this.#length >= MAX_WAITING;
  }

  /** The block keeps the record's bytes until it was taken, or {@link letGo}. */
  push(timeNs: number, block: RecordBlock, at: number, sizeBytes: number): void {
    const i = this.#length++;
    const waiting = this.#waiting;
    if (i === waiting.timeNs.length) waiting.reserve(i + 1);
    waiting.timeNs[i] = timeNs;
    waiting.position[i] = block.captureOffset + at;
    waiting.slot[i] = block.slot;
    waiting.at[i] = at;
    waiting.sizeBytes[i] = sizeBytes;
    block.holders++;
    this.#heldBytes += sizeBytes;
    if (timeNs > this.#latestNs) this.#latestNs = timeNs;
  }

  /** Gives up the bytes of all that waits; {@link absentAhead} names what is needed later. */
  letGo(): void {
    const { slot } = this.#waiting;
    for (let i = 0; i < this.#length; i++) {
      if (slot[i] === NOT_HELD) continue;
      this.#pool.release(this.#pool.blocks[slot[i]]);
      slot[i] = NOT_HELD;
    }
    this.#heldBytes = 0;
  }

  /** End of a round: due is everything up to the latest time of the rounds before this one. */
  releaseRound(): void {
    const limitNs = this.#roundLimitNs;
    this.#roundLimitNs = this.#latestNs;
    this.#release(limitNs);
  }

  /** The older half: what comes later than its end, but is older, stays where it is in the file. */
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

  /**
   * Moves to the next due record, in time order. All due records must be taken before more come.
   * @returns `absent` when its bytes have to be supplied first, `end` when none is left
   */
  take(): 'record' | 'absent' | 'end' {
    if (this.block) this.#pool.release(this.block);
    this.block = undefined;
    if (this.#taken === this.#due) {
      this.#keepRest();
      return 'end';
    }
    const waiting = this.#waiting;
    const i = this.#order[this.#taken];
    if (waiting.slot[i] === NOT_HELD) return 'absent';
    this.#taken++;
    this.block = this.#pool.blocks[waiting.slot[i]];
    this.at = waiting.at[i];
    this.sizeBytes = waiting.sizeBytes[i];
    this.timeNs = waiting.timeNs[i];
    this.#heldBytes -= this.sizeBytes;
    return 'record';
  }

  /** The next due records that are not in memory, of the next `count` due ones. */
  absentAhead(count: number): AbsentRecord[] {
    const { slot, position, sizeBytes } = this.#waiting;
    const absent: AbsentRecord[] = [];
    const end = Math.min(this.#due, this.#taken + count);
    for (let k = this.#taken; k < end; k++) {
      const index = this.#order[k];
      if (slot[index] === NOT_HELD) absent.push({ index, position: position[index], sizeBytes: sizeBytes[index] });
    }
    return absent;
  }

  /** The bytes of an absent record are in the block now. */
  supply(record: AbsentRecord, block: RecordBlock, at: number): void {
    this.#waiting.slot[record.index] = block.slot;
    this.#waiting.at[record.index] = at;
    block.holders++;
    this.#heldBytes += record.sizeBytes;
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
