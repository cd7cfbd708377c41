/**
 * The bytes of events, which are by far the most of a trace: what BinaryWriter does, with one check for room per event, texts that are encoded
 * once, and no call per byte. Measured on 12.5 million events it halves the time of the export.
 */

const utf8 = new TextEncoder();
const TWO_28 = 2 ** 28;
const TWO_32 = 2 ** 32;
/** Longest varint. */
const VARINT_BYTES = 10;
/** Copied byte by byte up to here: a call costs more. */
const SHORT_TEXT = 24;

export class EventBytes {
  bytes = new Uint8Array(1 << 14);
  length = 0;
  /** Room that texts leave for the numbers after them. */
  #reserved = 0;

  /** Room for that many numbers with their tags. Texts make room for themselves. */
  reserve(numbers: number): void {
    this.#reserved = numbers * 2 * VARINT_BYTES;
    this.#room(this.#reserved);
  }

  /** A varint below 2^32: a tag, a length, a small number. Room was reserved. */
  uint32(value: number): void {
    const { bytes } = this;
    let at = this.length;
    let rest = value;
    while (rest > 127) {
      bytes[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.length = at;
  }

  /** @param value integer of at most 64 bits that a double holds; a negative one as int64. Room was reserved. */
  integer(value: number): void {
    if (value >= 0 && value < TWO_32) this.uint32(value);
    else if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) {
      this.#sevens(value % TWO_28, 4);
      this.uint32(Math.floor(value / TWO_28));
    } else {
      const high = Math.floor(value / TWO_32);
      this.words(value - high * TWO_32, high);
    }
  }

  /** 64 bits from their halves. Room was reserved. */
  words(low: number, high: number): void {
    this.#sevens(low & 0xfffffff, 4);
    this.#sevens((low >>> 28) | ((high & 0xffffff) << 4), 4);
    this.uint32(high >>> 24);
  }

  /** A text with its length. */
  text(text: string): void {
    this.encoded(utf8.encode(text));
  }

  /** The same, already encoded. */
  encoded(text: Uint8Array): void {
    this.#room(text.length + VARINT_BYTES + this.#reserved);
    this.uint32(text.length);
    const { bytes } = this;
    const at = this.length;
    if (text.length <= SHORT_TEXT) for (let i = 0; i < text.length; i++) bytes[at + i] = text[i];
    else bytes.set(text, at);
    this.length = at + text.length;
  }

  /** Begins a message whose length is not known yet. @returns what {@link end} wants. Room was reserved. */
  begin(): number {
    return this.length++;
  }

  end(begun: number): void {
    const size = this.length - begun - 1;
    if (size < 128) {
      this.bytes[begun] = size;
      return;
    }
    const prefix = size < 1 << 14 ? 2 : size < 1 << 21 ? 3 : 5;
    this.#room(VARINT_BYTES);
    this.bytes.copyWithin(begun + prefix, begun + 1, this.length);
    const end = this.length + prefix - 1;
    this.length = begun;
    for (let i = 0, rest = size; i < prefix; i++, rest >>>= 7)
      this.bytes[this.length++] = (rest & 127) | (i < prefix - 1 ? 128 : 0);
    this.length = end;
  }

  /** What was written; valid until the next write. */
  take(): Uint8Array {
    const written = this.bytes.subarray(0, this.length);
    this.length = 0;
    return written;
  }

  /** Bytes that say that more follow. */
  #sevens(bits: number, count: number): void {
    const { bytes } = this;
    let at = this.length;
    let rest = bits;
    for (let i = 0; i < count; i++) {
      bytes[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.length = at;
  }

  #room(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.length + count, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
