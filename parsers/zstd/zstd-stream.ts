/** A zstd stream in pieces: any number of frames, skippable ones too, checked as `zstd -d` does. */
import { checked, type LibZstd, newLibZstd } from './libzstd.ts';

/** ZSTD_outBuffer and ZSTD_inBuffer, one behind the other: address, size, position. */
const BUFFERS_BYTES = 24;
const SIZE = 4;
const POSITION = 8;
const IN = 12;

export class ZstdStream {
  readonly #zstd: LibZstd;
  readonly #context: number;
  readonly #buffers: number;
  readonly #out: number;
  readonly #outBytes: number;
  readonly #in: number;
  readonly #inBytes: number;
  /** What the decoder expects next, 0 between frames. */
  #wanted = 0;

  /** {@link loadZstd} must have been awaited. */
  constructor() {
    this.#zstd = newLibZstd();
    this.#outBytes = this.#zstd.ZSTD_DStreamOutSize();
    this.#inBytes = this.#zstd.ZSTD_DStreamInSize();
    this.#out = this.#allocate(this.#outBytes);
    this.#in = this.#allocate(this.#inBytes);
    this.#buffers = this.#allocate(BUFFERS_BYTES);
    this.#context = this.#zstd.ZSTD_createDCtx();
  }

  #allocate(bytes: number): number {
    const address = this.#zstd.malloc(bytes);
    if (address === 0) throw new Error('no memory for the zstd decoder');
    return address;
  }

  /**
   * Decodes the next compressed bytes. What a flushed block holds comes out with it. Each piece has memory of its own.
   * @throws Error in words on damaged data; nothing more can be decoded then
   */
  *push(data: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < data.length; at += this.#inBytes) yield* this.#decode(data.subarray(at, at + this.#inBytes));
  }

  *#decode(piece: Uint8Array): Generator<Uint8Array> {
    const { memory } = this.#zstd;
    new Uint8Array(memory.buffer).set(piece, this.#in);
    this.#describe(this.#buffers + IN, this.#in, piece.length);
    for (;;) {
      this.#describe(this.#buffers, this.#out, this.#outBytes);
      this.#wanted = checked(this.#zstd.ZSTD_decompressStream(this.#context, this.#buffers, this.#buffers + IN));
      // Growth replaces the buffer of the memory.
      const view = new DataView(memory.buffer, this.#buffers, BUFFERS_BYTES);
      const decoded = view.getUint32(POSITION, true);
      const taken = view.getUint32(IN + POSITION, true);
      if (decoded > 0) yield new Uint8Array(memory.buffer, this.#out, decoded).slice();
      // A full buffer: there may be more without further input.
      if (taken === piece.length && decoded < this.#outBytes) return;
    }
  }

  #describe(buffer: number, address: number, bytes: number): void {
    const view = new DataView(this.#zstd.memory.buffer, buffer);
    view.setUint32(0, address, true);
    view.setUint32(SIZE, bytes, true);
    view.setUint32(POSITION, 0, true);
  }

  /** @throws Error when the data ends inside a frame */
  finish(): void {
    if (this.#wanted !== 0) throw new Error('it ends in the middle of a frame');
  }
}
