/** Bounds-checked reading of trace.dat's metadata in the byte order of its machine. */

const decoder = new TextDecoder('utf-8');

/** The metadata ends in the middle of an item, or an item contradicts the file. */
export class MetadataError extends Error {
  /** Offset in the file, or in the decompressed section. */
  readonly byteOffset: number;
  /** The data simply ends: more of it would help. */
  readonly ended: boolean;

  constructor(message: string, byteOffset: number, ended = false) {
    super(message);
    this.byteOffset = byteOffset;
    this.ended = ended;
  }
}

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  /** Offset of bytes[0] in the file, for messages. */
  readonly origin: number;
  /** Next byte to read, an index of `bytes`. */
  at = 0;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, littleEndian: boolean, origin = 0) {
    this.bytes = bytes;
    this.littleEndian = littleEndian;
    this.origin = origin;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  #take(count: number): number {
    if (count > this.left) throw new MetadataError(`${count} bytes expected`, this.origin + this.at, true);
    const at = this.at;
    this.at += count;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), this.littleEndian);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), this.littleEndian);
  }

  /** An offset or size: more than 2^53 is damage. */
  u64(): number {
    const at = this.at;
    const value = Number(this.bigint());
    if (!Number.isSafeInteger(value)) throw new MetadataError('impossible 64-bit size', this.origin + at);
    return value;
  }

  /** Any unsigned 64-bit value. */
  bigint(): bigint {
    return this.#view.getBigUint64(this.#take(8), this.littleEndian);
  }

  /** The next bytes, not copied. */
  take(count: number): Uint8Array {
    const at = this.#take(count);
    return this.bytes.subarray(at, at + count);
  }

  /** Text of a given size; ends at a NUL inside it. */
  text(count: number): string {
    const bytes = this.take(count);
    const nul = bytes.indexOf(0);
    return decoder.decode(nul < 0 ? bytes : bytes.subarray(0, nul));
  }

  /** A NUL-terminated string. @param most longest accepted, without the NUL */
  string(most: number): string {
    const window = this.bytes.subarray(this.at, this.at + most + 1);
    const nul = window.indexOf(0);
    if (nul < 0) {
      const ended = window.length <= most;
      throw new MetadataError('string without end', this.origin + this.at, ended);
    }
    return decoder.decode(this.take(nul + 1).subarray(0, nul));
  }
}
