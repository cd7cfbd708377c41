/** Cuts a stream of bytes into records: `feed` a chunk, then `next` until it says false. */
import { RECORD_COMPRESSED2, RECORD_HEADER_ATTR, RECORD_HEADER_BYTES, RECORD_MMAP } from '../header/perf-event-abi.ts';
import type { BlockPool, RecordBlock } from './blocks.ts';

/** Highest kernel record type that a resynchronisation believes in; Linux 6.12 ends at 21 (AUX_OUTPUT_HW_ID). */
const LAST_PLAUSIBLE_KERNEL_TYPE = 31;
const LAST_PLAUSIBLE_TOOL_TYPE = RECORD_COMPRESSED2 + 8;

export class RecordCutter {
  block: RecordBlock;
  /** Start of the current record in the block, and its header. */
  at = 0;
  type = 0;
  misc = 0;
  size = 0;
  readonly #pool: BlockPool;
  readonly #littleEndian: boolean;
  #next = 0;
  #input: Uint8Array = new Uint8Array(0);
  #inputAt = 0;
  /** Byte of the capture behind all that was copied into blocks. */
  #captureEnd: number;
  #skippedBytes = 0;

  constructor(pool: BlockPool, littleEndian: boolean, captureOffset: number) {
    this.#pool = pool;
    this.#littleEndian = littleEndian;
    this.#captureEnd = captureOffset;
    this.block = pool.take(captureOffset);
  }

  /**
   * Offers more bytes; those of before must be used up (`next` has said false). Up to BLOCK_BYTES are copied at once, so
   * the caller may read the next ones into the same memory; of a longer chunk the rest is taken as it is needed.
   */
  feed(bytes: Uint8Array): void {
    this.#input = bytes;
    this.#inputAt = 0;
    this.#refill();
  }

  /** Byte of the capture where the current record begins. */
  get captureOffset(): number {
    return this.block.captureOffset + this.at;
  }

  /** Bytes at the end that make no complete record. */
  get leftoverBytes(): number {
    return this.block.end - this.#next;
  }

  /** Bytes left out because their header cannot be; reading it sets it back to 0. */
  takeSkippedBytes(): number {
    const bytes = this.#skippedBytes;
    this.#skippedBytes = 0;
    return bytes;
  }

  /** Moves to the next record; false when more bytes are needed. */
  next(): boolean {
    for (;;) {
      const { block } = this;
      const at = this.#next;
      if (at + RECORD_HEADER_BYTES <= block.end) {
        const size = block.view.getUint16(at + 6, this.#littleEndian);
        if (size < RECORD_HEADER_BYTES) {
          this.#resynchronise();
          continue;
        }
        if (at + size <= block.end) {
          this.at = at;
          this.size = size;
          this.type = block.view.getUint32(at, this.#littleEndian);
          this.misc = block.view.getUint16(at + 4, this.#littleEndian);
          this.#next = at + size;
          return true;
        }
      }
      if (!this.#refill()) return false;
    }
  }

  /**
   * Takes up to `length` bytes that follow the current record without being a record (AUX data, tracing data); none when more
   * input is needed. The result is valid until the next call of any method.
   */
  takeRaw(length: number): Uint8Array {
    if (this.#next === this.block.end && !this.#refill()) return new Uint8Array(0);
    const start = this.#next;
    this.#next = Math.min(this.block.end, start + length);
    return this.block.bytes.subarray(start, this.#next);
  }

  /** Goes on at the next word that looks like the header of a known record, or at the end of the block. */
  #resynchronise(): void {
    const start = this.#next;
    const { view, end } = this.block;
    let at = start + RECORD_HEADER_BYTES;
    while (at + RECORD_HEADER_BYTES <= end && !this.#plausible(view, at)) at += RECORD_HEADER_BYTES;
    this.#next = Math.min(at, end);
    this.#skippedBytes += this.#next - start;
  }

  #plausible(view: DataView, at: number): boolean {
    const type = view.getUint32(at, this.#littleEndian);
    const size = view.getUint16(at + 6, this.#littleEndian);
    if (size < RECORD_HEADER_BYTES || size % 8 !== 0) return false;
    if (type >= RECORD_MMAP && type <= LAST_PLAUSIBLE_KERNEL_TYPE) return true;
    return type >= RECORD_HEADER_ATTR && type <= LAST_PLAUSIBLE_TOOL_TYPE;
  }

  /** Moves input into the block; begins a new block when it does not fit. False when there is no input left. */
  #refill(): boolean {
    const available = this.#input.length - this.#inputAt;
    if (available <= 0) return false;
    if (this.block.end + available > this.block.bytes.length && this.block.end > 0) this.#turnBlock();
    const { block } = this;
    const count = Math.min(available, block.bytes.length - block.end);
    block.bytes.set(this.#input.subarray(this.#inputAt, this.#inputAt + count), block.end);
    block.end += count;
    this.#inputAt += count;
    this.#captureEnd += count;
    return true;
  }

  /** The unfinished record moves along. */
  #turnBlock(): void {
    const old = this.block;
    const rest = old.end - this.#next;
    const block = this.#pool.take(this.#captureEnd - rest);
    block.bytes.set(old.bytes.subarray(this.#next, old.end), 0);
    block.end = rest;
    this.block = block;
    this.#next = 0;
    this.at = 0;
    this.#pool.release(old);
  }
}
