/**
 * One column of an event page: numbers that are alike, in the encoding that suits them.
 *
 * Modes: `small` 32-bit integers as zigzag varints · `delta` differences to the value before (clocks, sequence numbers) ·
 * `distinct` a table of the different values and an index per value (addresses, which are 8 bytes each but few) · `raw`.
 */
import type { ByteReader, ByteWriter } from './byte-buffer.ts';

const SMALL = 0;
const DELTA = 1;
const DISTINCT = 2;
const RAW = 3;

/** Differences beyond this may not survive the double arithmetic. */
const DELTA_LIMIT = 2 ** 50;

/** Open-addressing table of doubles, compared by their bits; cleared by raising the generation. */
class DistinctValues {
  readonly #mask: number;
  readonly #generationOf: Uint32Array;
  readonly #indexAt: Uint32Array;
  #generation = 0;
  readonly values: Float64Array;
  readonly #words: Int32Array;
  count = 0;

  constructor(capacity: number) {
    let slots = 64;
    while (slots < capacity * 2) slots *= 2;
    this.#mask = slots - 1;
    this.#generationOf = new Uint32Array(slots);
    this.#indexAt = new Uint32Array(slots);
    this.values = new Float64Array(capacity);
    this.#words = new Int32Array(this.values.buffer);
  }

  get capacity(): number {
    return this.values.length;
  }

  clear(): void {
    this.#generation++;
    this.count = 0;
  }

  /** Index of the value whose bits are `low` and `high`, which is added when new. */
  indexOf(low: number, high: number): number {
    let hash = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
    hash ^= hash >>> 15;
    let slot = hash & this.#mask;
    while (this.#generationOf[slot] === this.#generation) {
      const index = this.#indexAt[slot];
      if (this.#words[index * 2] === low && this.#words[index * 2 + 1] === high) return index;
      slot = (slot + 1) & this.#mask;
    }
    const index = this.count++;
    this.#words[index * 2] = low;
    this.#words[index * 2 + 1] = high;
    this.#generationOf[slot] = this.#generation;
    this.#indexAt[slot] = index;
    return index;
  }
}

export class NumberColumnEncoder {
  #distinct = new DistinctValues(8192);
  #indexes = new Uint32Array(8192);

  /** Writes values[from, to). */
  encode(out: ByteWriter, values: Float64Array, from: number, to: number): void {
    const count = to - from;
    out.reserve(count * 9 + 16);
    // Tried by writing: what is not small shows it at once, and most columns are.
    if (this.#small(out, values, from, to)) return;
    const deltaBytes = deltaSize(values, from, to);
    if (deltaBytes <= count * 2) this.#delta(out, values, from, to);
    else this.#distinctOr(deltaBytes, out, values, from, to);
  }

  /** @returns false, with nothing written, when a value is no 32-bit integer */
  #small(out: ByteWriter, values: Float64Array, from: number, to: number): boolean {
    const start = out.length;
    out.uint(SMALL);
    const bytes = out.bytes;
    let at = out.length;
    for (let i = from; i < to; i++) {
      const v = values[i];
      if (v !== (v | 0) || Object.is(v, -0)) {
        out.length = start;
        return false;
      }
      let zigzag = ((v << 1) ^ (v >> 31)) >>> 0;
      while (zigzag > 127) {
        bytes[at++] = (zigzag & 127) | 128;
        zigzag >>>= 7;
      }
      bytes[at++] = zigzag;
    }
    out.length = at;
    return true;
  }

  #delta(out: ByteWriter, values: Float64Array, from: number, to: number): void {
    out.uint(DELTA);
    let previous = 0;
    for (let i = from; i < to; i++) {
      out.int(values[i] - previous);
      previous = values[i];
    }
  }

  /** @param deltaBytes as of {@link deltaSize} */
  #distinctOr(deltaBytes: number, out: ByteWriter, values: Float64Array, from: number, to: number): void {
    const count = to - from;
    if (this.#distinct.capacity < count) {
      this.#distinct = new DistinctValues(count);
      this.#indexes = new Uint32Array(count);
    }
    const distinct = this.#distinct;
    const indexes = this.#indexes;
    distinct.clear();
    const words = new Int32Array(values.buffer, values.byteOffset + from * 8, count * 2);
    for (let i = 0; i < count; i++) indexes[i] = distinct.indexOf(words[i * 2], words[i * 2 + 1]);
    const different = distinct.count;
    if (different * 8 + count * (different > 128 ? 2 : 1) < Math.min(deltaBytes, count * 8)) {
      out.uint(DISTINCT);
      out.uint(different);
      for (let i = 0; i < different; i++) out.float(distinct.values[i]);
      out.reserve(count * 5);
      for (let i = 0; i < count; i++) out.uint(indexes[i]);
    } else if (deltaBytes < Number.POSITIVE_INFINITY) {
      this.#delta(out, values, from, to);
    } else {
      out.uint(RAW);
      for (let i = from; i < to; i++) out.float(values[i]);
    }
  }
}

/** Bytes that the differences take; infinite when they would not give the values back exactly. */
function deltaSize(values: Float64Array, from: number, to: number): number {
  let bytes = 0;
  let previous = 0;
  for (let i = from; i < to; i++) {
    const v = values[i];
    const difference = v - previous;
    const size = Math.abs(difference);
    const exact = size < DELTA_LIMIT && previous + difference === v && Math.floor(difference) === difference;
    if (!exact || Object.is(v, -0)) return Number.POSITIVE_INFINITY;
    bytes += size < 64 ? 1 : size < 8192 ? 2 : size < 1048576 ? 3 : size < 134217728 ? 4 : 7;
    previous = v;
  }
  return bytes;
}

/** Reads a column of `count` numbers into values[from, from + count). @throws RangeError when the bytes are damaged. */
export function decodeNumberColumn(input: ByteReader, values: Float64Array, from: number, count: number): void {
  const mode = input.uint();
  const end = from + count;
  switch (mode) {
    case SMALL:
      for (let i = from; i < end; i++) {
        const zigzag = input.uint();
        values[i] = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
      }
      return;
    case DELTA: {
      let previous = 0;
      for (let i = from; i < end; i++) {
        previous += input.int();
        values[i] = previous;
      }
      return;
    }
    case DISTINCT: {
      const different = input.uint();
      if (different > count) throw new RangeError('page column has more values than rows');
      const table = new Float64Array(different);
      for (let i = 0; i < different; i++) table[i] = input.float();
      for (let i = from; i < end; i++) {
        const index = input.uint();
        if (index >= different) throw new RangeError('page column index out of range');
        values[i] = table[index];
      }
      return;
    }
    case RAW:
      for (let i = from; i < end; i++) values[i] = input.float();
      return;
    default:
      throw new RangeError(`unknown page column mode ${mode}`);
  }
}
