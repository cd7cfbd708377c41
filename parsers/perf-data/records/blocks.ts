/**
 * Blocks of record bytes. Records are copied into blocks of a megabyte, where they stay until the time order lets them go;
 * a record never crosses blocks. Blocks are used again, so the memory is what is waiting, not what was read.
 */

export const BLOCK_BYTES = 1 << 20;
/** The size of a record is a u16. */
const MAX_RECORD_BYTES = 1 << 16;

export class RecordBlock {
  readonly bytes = new Uint8Array(BLOCK_BYTES + MAX_RECORD_BYTES);
  readonly view = new DataView(this.bytes.buffer);
  /** The block's number in its pool. */
  readonly slot: number;
  /** Bytes filled. */
  end = 0;
  /** Queued records of it, and one for the cutter that fills it. */
  holders = 0;
  /** Byte of the capture where this block begins, for diagnostics. */
  captureOffset = 0;

  constructor(slot: number) {
    this.slot = slot;
  }
}

/** All blocks of a capture; those that nobody holds are handed out again. */
export class BlockPool {
  readonly blocks: RecordBlock[] = [];
  readonly #free: RecordBlock[] = [];

  /** An empty block, held by the caller. */
  take(captureOffset: number): RecordBlock {
    let block = this.#free.pop();
    if (!block) {
      block = new RecordBlock(this.blocks.length);
      this.blocks.push(block);
    }
    block.end = 0;
    block.holders = 1;
    block.captureOffset = captureOffset;
    return block;
  }

  release(block: RecordBlock): void {
    if (--block.holders === 0) this.#free.push(block);
  }
}
