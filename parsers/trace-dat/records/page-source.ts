/** Pages of one CPU, a window of whole pages at a time: as they are in the file, or decompressed chunk by chunk. */
import type { DiagnosticSink } from '../../../schema/index.ts';
import type { RandomAccess } from '../../source.ts';
import { type RecordBytes, recordBytes } from '../../tracefs-format/decode/record-bytes.ts';
import type { CpuSection } from '../metadata/metadata.ts';
import type { Decompressor } from './compression.ts';

/** trace-cmd compresses ten pages at a time; larger chunks than this are damage. */
const MAX_CHUNK_BYTES = 16 << 20;
/** Pages of nothing but zeros compress a thousandfold; what promises more than this is made to fill the machine. */
const MAX_EXPANSION = 4096;
const COUNT_BYTES = 4;
const CHUNK_HEADER_BYTES = 8;

export interface PageSource {
  /** Current window; replaced or overwritten by {@link next}. */
  readonly window: RecordBytes;
  /** Valid bytes of the window. Only the last page of a cut file is not whole. */
  readonly windowBytes: number;
  /** Offset of the window in the file; of the compressed chunk, when it was compressed. */
  readonly origin: number;
  /** Moves to the next window; false at the end. */
  next(): Promise<boolean>;
}

export class PlainPages implements PageSource {
  readonly window: RecordBytes;
  windowBytes = 0;
  origin: number;
  readonly #file: RandomAccess;
  readonly #end: number;

  /** @param windowBytes multiple of the page size */
  constructor(file: RandomAccess, section: CpuSection, windowBytes: number) {
    this.#file = file;
    this.#end = section.offset + section.sizeBytes;
    this.origin = section.offset;
    this.window = recordBytes(new Uint8Array(Math.min(windowBytes, section.sizeBytes)));
  }

  async next(): Promise<boolean> {
    const offset = this.origin + this.windowBytes;
    const wanted = Math.min(this.window.bytes.length, this.#end - offset);
    if (wanted <= 0) return false;
    const bytes = await this.#file.read(offset, wanted);
    this.window.bytes.set(bytes);
    this.origin = offset;
    this.windowBytes = bytes.length;
    return bytes.length > 0;
  }
}

/** `u32 chunks`, then per chunk `u32 compressed size, u32 plain size, data`. */
export class CompressedPages implements PageSource {
  window: RecordBytes = recordBytes(new Uint8Array(0));
  windowBytes = 0;
  origin: number;
  readonly #file: RandomAccess;
  readonly #decompress: Decompressor;
  readonly #littleEndian: boolean;
  readonly #diagnostics: DiagnosticSink;
  readonly #readAheadBytes: number;
  readonly #end: number;
  /** Plain bytes that may still come. */
  #budget: number;
  /** Offset of the next chunk. */
  #at: number;
  /** Chunks to come; −1 before the count was read. */
  #left = -1;
  #ahead: Uint8Array = new Uint8Array(0);
  #aheadOffset = 0;

  constructor(
    file: RandomAccess,
    section: CpuSection,
    decompress: Decompressor,
    littleEndian: boolean,
    diagnostics: DiagnosticSink,
    readAheadBytes: number,
  ) {
    this.#file = file;
    this.#decompress = decompress;
    this.#littleEndian = littleEndian;
    this.#diagnostics = diagnostics;
    this.#readAheadBytes = readAheadBytes;
    this.#at = section.offset;
    this.#budget = MAX_CHUNK_BYTES + section.sizeBytes * MAX_EXPANSION;
    // The size in the table leaves out the number of chunks.
    this.#end = section.offset + COUNT_BYTES + section.sizeBytes;
    this.origin = section.offset;
  }

  async next(): Promise<boolean> {
    if (this.#left < 0) {
      const count = await this.#take(COUNT_BYTES);
      if (!count) return false;
      this.#left = this.#u32(count, 0);
    }
    while (this.#left > 0) {
      this.#left--;
      this.origin = this.#at;
      const header = await this.#take(CHUNK_HEADER_BYTES);
      if (!header) return this.#stop('truncated', 'a chunk of pages is missing');
      const size = this.#u32(header, 0);
      const plainBytes = this.#u32(header, 4);
      this.#budget -= plainBytes;
      if (plainBytes > MAX_CHUNK_BYTES || this.#budget < 0)
        return this.#stop('page-malformed', `a chunk of ${plainBytes} bytes`);
      const data = await this.#take(size);
      if (!data) return this.#stop('truncated', `a chunk of ${size} bytes is cut`);
      try {
        this.window = recordBytes(this.#decompress(data, plainBytes));
        this.windowBytes = Math.min(plainBytes, this.window.bytes.length);
        return true;
      } catch (error) {
        const text = `a chunk of pages cannot be decompressed (${(error as Error).message})`;
        this.#diagnostics.report('page-malformed', { byte: this.origin }, text);
      }
    }
    this.#reportRest();
    return false;
  }

  /** Once: the number of chunks is damaged when they do not fill the section. */
  #reportRest(): void {
    const rest = this.#end - this.#at;
    if (rest > 0)
      this.#diagnostics.report('page-malformed', { byte: this.#at }, `${rest} bytes behind the last chunk of pages`);
    this.#at = this.#end;
  }

  #stop(kind: 'truncated' | 'page-malformed', text: string): boolean {
    this.#diagnostics.report(kind, { byte: this.origin }, text);
    this.#left = 0;
    this.#at = this.#end;
    return false;
  }

  #u32(bytes: Uint8Array, at: number): number {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(at, this.#littleEndian);
  }

  /** The next bytes of the section; undefined when it has fewer. */
  async #take(count: number): Promise<Uint8Array | undefined> {
    if (this.#at + count > this.#end) return undefined;
    let from = this.#at - this.#aheadOffset;
    if (from < 0 || from + count > this.#ahead.length) {
      const wanted = Math.min(Math.max(count, this.#readAheadBytes), this.#end - this.#at);
      this.#ahead = Uint8Array.from(await this.#file.read(this.#at, wanted));
      this.#aheadOffset = this.#at;
      from = 0;
      if (this.#ahead.length < count) return undefined;
    }
    this.#at += count;
    return this.#ahead.subarray(from, from + count);
  }
}
