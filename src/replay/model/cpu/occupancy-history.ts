/**
 * What each CPU did over the whole run, in a fixed number of buckets: when the run outgrows them, neighbours are merged and
 * the buckets get twice as wide. So memory is bounded and any stretch can be drawn with the precision that the run allows.
 */
const BUCKETS = 512;

export class OccupancyHistory {
  readonly #kinds: number;
  #widthNs = 1e6;
  #originNs = -1;
  readonly #perCpu: Float64Array[] = [];

  constructor(kinds: number) {
    this.#kinds = kinds;
  }

  /** Books [fromNs, toNs) of a CPU to a kind. */
  add(cpu: number, kind: number, fromNs: number, toNs: number): void {
    if (this.#originNs < 0) this.#originNs = fromNs;
    while (toNs - this.#originNs > this.#widthNs * BUCKETS) this.#widen();
    let cells = this.#perCpu[cpu];
    if (!cells) {
      cells = new Float64Array(BUCKETS * this.#kinds);
      this.#perCpu[cpu] = cells;
    }
    const width = this.#widthNs;
    let at = Math.max(fromNs, this.#originNs);
    while (at < toNs) {
      const bucket = Math.floor((at - this.#originNs) / width);
      const next = Math.min(toNs, this.#originNs + (bucket + 1) * width);
      cells[bucket * this.#kinds + kind] += next - at;
      // Rounding at a bucket's edge must not stop the walk.
      at = next > at ? next : toNs;
    }
  }

  /** Moves `ns` of [fromNs, toNs), evenly, from one kind to another. */
  move(cpu: number, from: number, to: number, fromNs: number, toNs: number, ns: number): void {
    const cells = this.#perCpu[cpu];
    if (!cells || toNs <= fromNs) return;
    const width = this.#widthNs;
    const last = Math.min(BUCKETS - 1, Math.floor((toNs - this.#originNs) / width));
    for (let bucket = Math.max(0, Math.floor((fromNs - this.#originNs) / width)); bucket <= last; bucket++) {
      const startNs = this.#originNs + bucket * width;
      const part = (Math.min(toNs, startNs + width) - Math.max(fromNs, startNs)) / (toNs - fromNs);
      const moved = Math.min(part * ns, cells[bucket * this.#kinds + from]);
      cells[bucket * this.#kinds + from] -= moved;
      cells[bucket * this.#kinds + to] += moved;
    }
  }

  #widen(): void {
    this.#widthNs *= 2;
    for (const cells of this.#perCpu) {
      if (!cells) continue;
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        for (let kind = 0; kind < this.#kinds; kind++) {
          const from = 2 * bucket * this.#kinds + kind;
          cells[bucket * this.#kinds + kind] = bucket < BUCKETS / 2 ? cells[from] + cells[from + this.#kinds] : 0;
        }
      }
    }
  }

  /** Time per kind of a CPU in [fromNs, toNs), as the buckets tell: their edges are cut in proportion. */
  between(cpu: number, fromNs: number, toNs: number): Float64Array {
    const sum = new Float64Array(this.#kinds);
    const cells = this.#perCpu[cpu];
    if (!cells || this.#originNs < 0) return sum;
    const first = Math.max(0, Math.floor((fromNs - this.#originNs) / this.#widthNs));
    const last = Math.min(BUCKETS - 1, Math.floor((toNs - this.#originNs) / this.#widthNs));
    for (let bucket = first; bucket <= last; bucket++) {
      const startNs = this.#originNs + bucket * this.#widthNs;
      const part = (Math.min(toNs, startNs + this.#widthNs) - Math.max(fromNs, startNs)) / this.#widthNs;
      for (let kind = 0; kind < this.#kinds; kind++) sum[kind] += cells[bucket * this.#kinds + kind] * part;
    }
    return sum;
  }
}
