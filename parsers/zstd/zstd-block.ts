/** Whole zstd frames of known size: the chunks and sections of a trace.dat. */
import { checked, type LibZstd, newLibZstd } from './libzstd.ts';

export class ZstdBlocks {
  readonly #zstd: LibZstd = newLibZstd();
  /** Kept from block to block. */
  #at = 0;
  #bytes = 0;

  /**
   * @param plainBytes most bytes that may come out: what a frame header claims beyond is refused
   * @returns the plain bytes, in memory of their own
   * @throws Error in words on damaged data
   */
  decompress(data: Uint8Array, plainBytes: number): Uint8Array {
    const to = this.#room(data.length + plainBytes);
    const from = to + plainBytes;
    new Uint8Array(this.#zstd.memory.buffer).set(data, from);
    const length = checked(this.#zstd.ZSTD_decompress(to, plainBytes, from, data.length));
    return new Uint8Array(this.#zstd.memory.buffer, to, length).slice();
  }

  #room(bytes: number): number {
    if (bytes <= this.#bytes) return this.#at;
    if (this.#at !== 0) this.#zstd.free(this.#at);
    this.#at = this.#zstd.malloc(bytes);
    this.#bytes = this.#at === 0 ? 0 : bytes;
    if (this.#at === 0) throw new Error(`no memory for ${bytes} bytes`);
    return this.#at;
  }
}
