/** Random numbers that are the same in every run: comparisons must not change their mind. */

export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed any text; FNV-1a spreads it over the state of sfc32. */
  constructor(seed: string) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < seed.length; i++) hash = Math.imul(hash ^ seed.charCodeAt(i), 0x01000193);
    this.#a = hash | 0;
    this.#b = Math.imul(hash, 0x9e3779b1) | 0;
    this.#c = Math.imul(hash ^ 0x5bd1e995, 0x85ebca6b) | 0;
    for (let i = 0; i < 15; i++) this.#next();
  }

  /** sfc32 (Chris Doty-Humphrey, PractRand). */
  #next(): number {
    const result = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    return result >>> 0;
  }

  /** 0 ≤ x < 1 */
  uniform(): number {
    return this.#next() / 4294967296;
  }

  /** 0 … limit − 1 */
  below(limit: number): number {
    return Math.floor((this.#next() / 4294967296) * limit);
  }

  /** Brings the first `count` elements into random order, drawn from all of them (Fisher and Yates). */
  shuffle(array: Int32Array, count: number = array.length): void {
    for (let i = 0; i < count && i < array.length - 1; i++) {
      const other = i + this.below(array.length - i);
      const value = array[i];
      array[i] = array[other];
      array[other] = value;
    }
  }
}
