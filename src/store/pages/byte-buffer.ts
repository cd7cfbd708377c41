/** Growing byte buffer with the number encodings of event pages: LEB128 varints, zigzag for signed ones, raw 64-bit. */

const scratch = new Float64Array(1);
const scratchBytes = new Uint8Array(scratch.buffer);
const utf8Decoder = new TextDecoder();
const utf8Encoder = new TextEncoder();

export class ByteWriter {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for `count` more bytes; call before writing that many. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.length + count, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** At most 8 bytes, reserved before. @param value safe integer ≥ 0. */
  uint(value: number): void {
    const bytes = this.bytes;
    let at = this.length;
    let v = value;
    while (v > 0x7fffffff) {
      bytes[at++] = (v % 128) | 128;
      v = Math.floor(v / 128);
    }
    while (v > 127) {
      bytes[at++] = (v & 127) | 128;
      v >>>= 7;
    }
    bytes[at++] = v;
    this.length = at;
  }

  /** At most 8 bytes, reserved before. @param value integer, magnitude below 2^52. */
  int(value: number): void {
    this.uint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  /** 8 bytes, reserved before. */
  float(value: number): void {
    scratch[0] = value;
    const bytes = this.bytes;
    const at = this.length;
    for (let i = 0; i < 8; i++) bytes[at + i] = scratchBytes[i];
    this.length = at + 8;
  }

  text(text: string): void {
    const encoded = utf8Encoder.encode(text);
    this.reserve(encoded.length + 8);
    this.uint(encoded.length);
    this.bytes.set(encoded, this.length);
    this.length += encoded.length;
  }
}

/** Reads what {@link ByteWriter} wrote. Reading past the end throws RangeError: the page is damaged. */
export class ByteReader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  uint(): number {
    const bytes = this.bytes;
    let at = this.at;
    let byte = bytes[at++];
    let value = byte & 127;
    if (byte > 127) {
      byte = bytes[at++];
      value |= (byte & 127) << 7;
      if (byte > 127) {
        byte = bytes[at++];
        value |= (byte & 127) << 14;
        let factor = 2097152;
        while (byte > 127) {
          byte = bytes[at++];
          value += (byte & 127) * factor;
          factor *= 128;
        }
      }
    }
    if (at > bytes.length) throw new RangeError('page ends early');
    this.at = at;
    return value;
  }

  int(): number {
    const value = this.uint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  float(): number {
    if (this.at + 8 > this.bytes.length) throw new RangeError('page ends early');
    for (let i = 0; i < 8; i++) scratchBytes[i] = this.bytes[this.at + i];
    this.at += 8;
    return scratch[0];
  }

  text(): string {
    const length = this.uint();
    if (this.at + length > this.bytes.length) throw new RangeError('page ends early');
    const text = utf8Decoder.decode(this.bytes.subarray(this.at, this.at + length));
    this.at += length;
    return text;
  }
}
