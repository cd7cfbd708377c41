/** Ids by 64-bit address, the address given as two halves: an open-addressing table, because a Map needs one key per lookup. */

const MAX_ENTRIES = 1 << 20;

export class AddressCache {
  #hi = new Int32Array(256);
  #lo = new Int32Array(256);
  #id = new Int32Array(256).fill(-1);
  #count = 0;

  /** The id stored for the address, −1 when there is none. */
  find(hi: number, lo: number): number {
    const mask = this.#id.length - 1;
    for (let slot = hashOf(hi, lo) & mask; ; slot = (slot + 1) & mask) {
      const id = this.#id[slot];
      if (id < 0 || (this.#lo[slot] === (lo | 0) && this.#hi[slot] === (hi | 0))) return id;
    }
  }

  /** Stores an id for an address that is not in the table. */
  add(hi: number, lo: number, id: number): void {
    // Addresses of user stacks have no end: start again rather than grow without limit.
    if (this.#count === MAX_ENTRIES) this.#resize(256, false);
    else if (this.#count * 2 >= this.#id.length) this.#resize(this.#id.length * 2, true);
    this.#place(hi | 0, lo | 0, id);
    this.#count++;
  }

  #place(hi: number, lo: number, id: number): void {
    const mask = this.#id.length - 1;
    let slot = hashOf(hi, lo) & mask;
    while (this.#id[slot] >= 0) slot = (slot + 1) & mask;
    this.#hi[slot] = hi;
    this.#lo[slot] = lo;
    this.#id[slot] = id;
  }

  #resize(capacity: number, keep: boolean): void {
    const hi = this.#hi;
    const lo = this.#lo;
    const id = this.#id;
    this.#hi = new Int32Array(capacity);
    this.#lo = new Int32Array(capacity);
    this.#id = new Int32Array(capacity).fill(-1);
    if (!keep) this.#count = 0;
    else for (let slot = 0; slot < id.length; slot++) if (id[slot] >= 0) this.#place(hi[slot], lo[slot], id[slot]);
  }
}

function hashOf(hi: number, lo: number): number {
  const mixed = Math.imul(lo ^ Math.imul(hi, 0x9e3779b1), 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** `0xffffffff81000000` from two halves. */
export function formatAddress(hi: number, lo: number): string {
  const low = (lo >>> 0).toString(16);
  return hi === 0 ? `0x${low}` : `0x${(hi >>> 0).toString(16)}${low.padStart(8, '0')}`;
}
