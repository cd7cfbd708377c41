/**
 * Ids of number sequences that were seen before: call chains by their addresses, stacks by their frames. A memory of limited
 * size for what is expensive to work out; when it is full it begins anew.
 */

const MAX_WORDS = 1 << 22;
const FIRST_SLOTS = 1 << 12;
const FIRST_WORDS = 1 << 16;

export class SequenceTable {
  #slots = new Int32Array(FIRST_SLOTS).fill(-1);
  #hash: number[] = [];
  #start: number[] = [];
  #salt: number[] = [];
  #id: number[] = [];
  #words = new Int32Array(FIRST_WORDS);
  #wordEnd = 0;
  /** Hash of what {@link find} looked for, for the {@link add} that follows. */
  #lastHash = 0;

  /** Id of words[0, count) under a salt (sequences of different salts are different), −1 when it is not known. */
  find(words: Int32Array, count: number, salt: number): number {
    let hash = 0x811c9dc5 ^ salt;
    for (let i = 0; i < count; i++) hash = Math.imul(hash ^ words[i], 0x01000193) ^ (hash >>> 24);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    hash ^= hash >>> 13;
    this.#lastHash = hash;
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot];
      if (entry < 0) return -1;
      if (this.#hash[entry] === hash && this.#salt[entry] === salt && this.#same(entry, words, count))
        return this.#id[entry];
    }
  }

  #same(entry: number, words: Int32Array, count: number): boolean {
    const start = this.#start[entry];
    const end = entry + 1 < this.#start.length ? this.#start[entry + 1] : this.#wordEnd;
    if (end - start !== count) return false;
    for (let i = 0; i < count; i++) if (this.#words[start + i] !== words[i]) return false;
    return true;
  }

  /** Remembers what {@link find} did not know. */
  add(words: Int32Array, count: number, salt: number, id: number): void {
    if (this.#wordEnd + count > MAX_WORDS) this.#clear();
    while (this.#wordEnd + count > this.#words.length) {
      const grown = new Int32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    const entry = this.#id.length;
    this.#hash.push(this.#lastHash);
    this.#start.push(this.#wordEnd);
    this.#salt.push(salt);
    this.#id.push(id);
    this.#words.set(words.subarray(0, count), this.#wordEnd);
    this.#wordEnd += count;
    if (entry * 2 > this.#slots.length) {
      this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
      for (let i = 0; i <= entry; i++) this.#place(i);
    } else this.#place(entry);
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hash[entry] & mask;
    while (this.#slots[slot] >= 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry;
  }

  #clear(): void {
    this.#slots = new Int32Array(FIRST_SLOTS).fill(-1);
    this.#hash = [];
    this.#start = [];
    this.#salt = [];
    this.#id = [];
    this.#wordEnd = 0;
  }
}
