/** Distinct tuples of 32-bit integers, numbered in the order of their first appearance. Cleared in constant time. */
export class TupleTable {
  words = new Int32Array(1 << 12);
  #starts = new Uint32Array(1 << 10);
  #hashes = new Int32Array(1 << 10);
  #slots = new Int32Array(1 << 11);
  #slotGeneration = new Uint32Array(1 << 11);
  #generation = 1;
  count = 0;
  /** Words of the tuples so far; the tuple being built follows. */
  wordCount = 0;
  #end = 0;

  clear(): void {
    this.#generation++;
    this.count = 0;
    this.wordCount = 0;
    this.#starts[0] = 0;
  }

  /** First word of tuple i; that of tuple `count` is the end. */
  start(index: number): number {
    return this.#starts[index];
  }

  begin(): void {
    this.#end = this.wordCount;
  }

  push(word: number): void {
    if (this.#end === this.words.length) {
      const grown = new Int32Array(this.words.length * 2);
      grown.set(this.words);
      this.words = grown;
    }
    this.words[this.#end++] = word;
  }

  /** Number of the tuple pushed since `begin`. */
  end(): number {
    const words = this.words;
    const from = this.wordCount;
    const end = this.#end;
    let hash = end - from;
    for (let k = from; k < end; k++) hash = Math.imul(hash ^ words[k], 0x9e3779b1) ^ (hash >>> 13);
    hash ^= hash >>> 16;
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slotGeneration[slot] === this.#generation) {
      const index = this.#slots[slot];
      if (this.#hashes[index] === hash && this.#equal(index, from, end)) return index;
      slot = (slot + 1) & mask;
    }
    return this.#add(hash, slot);
  }

  #equal(index: number, from: number, end: number): boolean {
    const start = this.#starts[index];
    if (this.#starts[index + 1] - start !== end - from) return false;
    for (let k = 0; k < end - from; k++) if (this.words[start + k] !== this.words[from + k]) return false;
    return true;
  }

  #add(hash: number, slot: number): number {
    const index = this.count++;
    if (this.count + 1 >= this.#starts.length) {
      this.#starts = grow(this.#starts, new Uint32Array(this.#starts.length * 2));
      this.#hashes = grow(this.#hashes, new Int32Array(this.#hashes.length * 2));
    }
    this.#hashes[index] = hash;
    this.wordCount = this.#end;
    this.#starts[index + 1] = this.#end;
    this.#slots[slot] = index;
    this.#slotGeneration[slot] = this.#generation;
    if (this.count * 2 > this.#slots.length) this.#rehash();
    return index;
  }

  #rehash(): void {
    const size = this.#slots.length * 2;
    this.#slots = new Int32Array(size);
    this.#slotGeneration = new Uint32Array(size);
    this.#generation = 1;
    for (let index = 0; index < this.count; index++) {
      let slot = this.#hashes[index] & (size - 1);
      while (this.#slotGeneration[slot] === 1) slot = (slot + 1) & (size - 1);
      this.#slots[slot] = index;
      this.#slotGeneration[slot] = 1;
    }
  }
}

function grow<T extends Uint32Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
