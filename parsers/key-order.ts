/**
 * Stable order of keys that come in a few ascending runs: records drained from per-CPU buffers, symbols of modules.
 * A natural merge sort: one pass over the keys when they are in order already, n·log₂(runs) otherwise.
 */
export class KeyOrder {
  #order = new Int32Array(0);
  #spare = new Int32Array(0);
  #bounds: number[] = [];

  /**
   * Positions 0 … length−1 in ascending order of their keys; equal keys keep their order. The result belongs to this object
   * and is valid until the next call.
   */
  sort(keys: Float64Array, length: number): Int32Array {
    if (this.#order.length < length) {
      const capacity = Math.max(1024, length + (length >> 1));
      this.#order = new Int32Array(capacity);
      this.#spare = new Int32Array(capacity);
    }
    const order = this.#order;
    for (let i = 0; i < length; i++) order[i] = i;
    const bounds = this.#bounds;
    bounds.length = 0;
    bounds.push(0);
    for (let i = 1; i < length; i++) if (keys[i] < keys[i - 1]) bounds.push(i);
    bounds.push(length);
    while (bounds.length > 2) this.#mergePairs(keys);
    return this.#order;
  }

  /** One level: run 2k and run 2k+1 become one. */
  #mergePairs(keys: Float64Array): void {
    const from = this.#order;
    const to = this.#spare;
    const bounds = this.#bounds;
    const runs = bounds.length - 1;
    let kept = 1;
    for (let run = 0; run < runs; run += 2) {
      const start = bounds[run];
      const middle = bounds[run + 1];
      const end = run + 2 <= runs ? bounds[run + 2] : middle;
      merge(keys, from, to, start, middle, end);
      bounds[kept++] = end;
    }
    bounds.length = kept;
    this.#order = to;
    this.#spare = from;
  }
}

function merge(keys: Float64Array, from: Int32Array, to: Int32Array, start: number, middle: number, end: number): void {
  let left = start;
  let right = middle;
  for (let i = start; i < end; i++) {
    if (right >= end || (left < middle && keys[from[left]] <= keys[from[right]])) to[i] = from[left++];
    else to[i] = from[right++];
  }
}
