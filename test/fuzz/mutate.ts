/** Mutations of bytes, some blind, some aware of texts, lengths and pages. One seed gives one sequence of mutations. */

/** mulberry32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 ≤ result < below */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % Math.max(1, below);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

/** Numbers at which programs go wrong. */
const EDGES = [0, 1, 4, 8, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
const EDGE_TEXTS = [
  '0',
  '-1',
  '1e308',
  'NaN',
  '18446744073709551615',
  '9007199254740993',
  '0x',
  '',
  ' ',
  '\0',
  '\u001b[2J',
  '\u2028',
  '{',
  '"',
  '\\',
  '%s',
  '%*.*s',
];
/** Sizes of ring-buffer pages, and of the pages of a store. */
const PAGES = [512, 4096, 8192, 65536];

type Mutation = (bytes: Buffer, random: Random, material: Material) => Buffer;

/** What mutations may take pieces from. */
export interface Material {
  readonly corpus: readonly Uint8Array[];
  readonly tokens: readonly string[];
}

const range = (bytes: Buffer, random: Random): [from: number, to: number] => {
  const from = random.below(bytes.length);
  return [from, Math.min(bytes.length, from + 1 + random.below(random.pick([4, 32, 512, bytes.length])))];
};
const insert = (bytes: Buffer, at: number, piece: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);

/** Bounds of the line around a place. */
function lineAt(bytes: Buffer, at: number): [from: number, to: number] {
  const from = bytes.lastIndexOf(0x0a, Math.max(0, at - 1)) + 1;
  const end = bytes.indexOf(0x0a, at);
  return [Math.min(from, at), end < 0 ? bytes.length : end + 1];
}

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => {
    bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    return bytes;
  },
  (bytes, random) => {
    bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  },
  // A number of 1, 2, 4 or 8 bytes in either byte order.
  (bytes, random) => {
    const size = random.pick([1, 2, 4, 8]);
    const at = random.below(bytes.length - size);
    if (at < 0 || at + size > bytes.length) return bytes;
    const value = BigInt(random.pick(EDGES)) << BigInt(random.pick([0, 0, 0, 32]));
    for (let i = 0; i < size; i++) {
      const byte = Number((BigInt.asUintN(64, value) >> BigInt(8 * i)) & 0xffn);
      bytes[random.below(2) === 0 ? at + i : at + size - 1 - i] = byte;
    }
    return bytes;
  },
  (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  (bytes, random) => {
    const [from, to] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [from, to] = range(bytes, random);
    return insert(bytes, random.below(bytes.length), bytes.subarray(from, to));
  },
  (bytes, random) => {
    const [from, to] = range(bytes, random);
    return bytes.fill(random.pick([0, 0xff, 0x20]), from, to);
  },
  // A piece of another input.
  (bytes, random, { corpus }) => {
    const other = Buffer.from(random.pick(corpus));
    if (other.length === 0) return bytes;
    const [from, to] = range(other, random);
    return insert(bytes, random.below(bytes.length), other.subarray(from, Math.min(to, from + 65536)));
  },
  (bytes, random, { tokens }) =>
    insert(bytes, random.below(bytes.length), Buffer.from(random.pick([...tokens, ...EDGE_TEXTS]))),
  // A run of digits becomes another number.
  (bytes, random) => {
    const text = bytes.toString('latin1');
    const numbers = [...text.slice(0, 65536).matchAll(/\d+/g)];
    if (numbers.length === 0) return bytes;
    const match = random.pick(numbers);
    return Buffer.from(
      text.slice(0, match.index) + random.pick(EDGE_TEXTS) + text.slice(match.index + match[0].length),
      'latin1',
    );
  },
  // Lines: away, twice, exchanged.
  (bytes, random) => {
    const [from, to] = lineAt(bytes, random.below(bytes.length));
    const line = bytes.subarray(from, to);
    if (random.below(2) === 0) return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
    return insert(bytes, lineAt(bytes, random.below(bytes.length))[0], line);
  },
  // Pages: zeroed, exchanged, away.
  (bytes, random) => {
    const size = random.pick(PAGES);
    const pages = Math.floor(bytes.length / size);
    if (pages < 2) return bytes;
    const a = random.below(pages) * size;
    const b = random.below(pages) * size;
    switch (random.below(3)) {
      case 0:
        return bytes.fill(0, a, a + size);
      case 1: {
        const page = Buffer.from(bytes.subarray(a, a + size));
        bytes.copyWithin(a, b, b + size);
        page.copy(bytes, b);
        return bytes;
      }
      default:
        return Buffer.concat([bytes.subarray(0, a), bytes.subarray(a + size)]);
    }
  },
];

/** A new input from an old one: one to eight mutations. */
export function mutated(input: Uint8Array, random: Random, material: Material, mostBytes: number): Buffer {
  let bytes: Buffer = Buffer.from(input);
  for (let rounds = 1 + random.below(random.pick([1, 2, 8])); rounds > 0; rounds--) {
    if (bytes.length === 0) bytes = Buffer.from(random.pick(material.corpus));
    if (bytes.length === 0) return bytes;
    bytes = random.pick(MUTATIONS)(bytes, random, material);
  }
  return bytes.length > mostBytes ? bytes.subarray(0, mostBytes) : bytes;
}
