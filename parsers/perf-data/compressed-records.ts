/** PERF_RECORD_COMPRESSED and COMPRESSED2 (`perf record -z`): slices of one zstd stream that holds other records. */
import { Decompress } from 'fzstd';

/** Compressed bytes fed at a time: a repeated byte can expand to 128 KiB from 4. */
const PIECE_BYTES = 1 << 10;

export class CompressedRecords {
  #ready: Uint8Array[] = [];
  readonly #stream = new Decompress((chunk) => {
    if (chunk.length > 0) this.#ready.push(chunk);
  });

  /**
   * Decompresses the next slice, piece by piece. The recorder flushes at the end of each slice, so everything in it comes out.
   * @throws Error when the stream is damaged; nothing after it can be read
   */
  *decompress(slice: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < slice.length; at += PIECE_BYTES) {
      this.#stream.push(slice.slice(at, at + PIECE_BYTES));
      const ready = this.#ready;
      this.#ready = [];
      yield* ready;
    }
  }
}
