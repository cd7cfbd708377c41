/**
 * Strings seen a moment ago → ids, in front of the dictionary: names of locks, functions and tasks repeat all the time, and a
 * comparison is cheaper than the dictionary's hash. Direct-mapped; a miss costs one comparison.
 */
import type { DictionaryWriter } from '../dictionary-writer.ts';

const ENTRIES = 2048;
/** Longer strings go straight to the dictionary. */
const LONGEST = 64;
/** Strings that the fields of one capture may add to the dictionary: garbage must not fill the memory. */
const MAX_STRINGS = 1 << 20;

export class StringCache {
  readonly #dictionary: DictionaryWriter;
  readonly #id = new Int32Array(ENTRIES);
  readonly #length = new Uint8Array(ENTRIES);
  readonly #bytes = new Uint8Array(ENTRIES * LONGEST);
  #highestId = 0;
  #added = 0;

  constructor(dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
  }

  /** Id of bytes[start, end); −1 when the capture has added too many strings already. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length === 0) return 0;
    if (length > LONGEST) return this.#add(bytes, start, end);
    const middle = start + (length >> 1);
    const entry =
      (Math.imul(length, 0x9e5) +
        bytes[start] * 31 +
        bytes[end - 1] * 67 +
        bytes[middle] * 7 +
        bytes[(start + middle) >> 1] * 13 +
        bytes[(middle + end) >> 1] * 127) &
      (ENTRIES - 1);
    const cached = this.#bytes;
    const from = entry * LONGEST;
    if (this.#length[entry] === length) {
      let i = 0;
      while (i < length && cached[from + i] === bytes[start + i]) i++;
      if (i === length) return this.#id[entry];
    }
    const id = this.#add(bytes, start, end);
    if (id < 0) return id;
    this.#length[entry] = length;
    this.#id[entry] = id;
    for (let i = 0; i < length; i++) cached[from + i] = bytes[start + i];
    return id;
  }

  #add(bytes: Uint8Array, start: number, end: number): number {
    if (this.#added >= MAX_STRINGS) return -1;
    const id = this.#dictionary.bytes(bytes, start, end);
    if (id > this.#highestId) {
      this.#highestId = id;
      this.#added++;
    }
    return id;
  }
}
