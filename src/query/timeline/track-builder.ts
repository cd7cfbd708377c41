/** Collects the spans of one track, in whatever order; short ones as density when a run has too many. */
import { OPEN_SPAN, SPAN_KINDS, type SpanKind, type Track, type TrackDensity } from '../../../schema/index.ts';

/** What is kept span by span. */
export interface DetailLevel {
  readonly firstNs: number;
  readonly lastNs: number;
  /** Shorter spans become density; 0: none does. */
  readonly sliceNs: number;
  /** Where every span is kept: around findings. Sorted, without overlap. */
  readonly windows: readonly (readonly [number, number])[];
}

export const KIND_CODE = new Map(SPAN_KINDS.map((kind, code) => [kind, code] as const));

/** Texts that spans refer to. */
export class StringTable {
  readonly texts: string[] = [''];
  readonly #ids = new Map<string, number>([['', 0]]);

  id(text: string): number {
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.texts.length;
      this.texts.push(text);
      this.#ids.set(text, id);
    }
    return id;
  }
}

export class TrackBuilder {
  readonly name: string;
  readonly #level: DetailLevel;
  readonly #start: number[] = [];
  readonly #end: number[] = [];
  readonly #kind: number[] = [];
  readonly #label: number[] = [];
  #covered: Float64Array | undefined;
  #longestNs: Float64Array | undefined;
  #longest: Uint32Array | undefined;
  #densityKind: SpanKind | undefined;

  constructor(name: string, level: DetailLevel) {
    this.name = name;
    this.#level = level;
  }

  get length(): number {
    return this.#start.length;
  }

  /** @param endNs null: not over when the capture ended */
  add(startNs: number, endNs: number | null, kind: SpanKind, label: number): void {
    const { firstNs, lastNs, sliceNs } = this.#level;
    const from = Math.max(startNs, firstNs);
    const to = endNs === null ? lastNs : Math.min(endNs, lastNs);
    if (to < from) return;
    if (sliceNs > 0 && to - from < sliceNs && !this.#isNearFinding(from, to)) {
      this.#fold(from, to, kind, label);
      return;
    }
    this.#start.push(from);
    this.#end.push(to);
    this.#kind.push((KIND_CODE.get(kind) ?? 0) | (endNs === null ? OPEN_SPAN : 0));
    this.#label.push(label);
  }

  #isNearFinding(from: number, to: number): boolean {
    const { windows } = this.#level;
    let low = 0;
    let high = windows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (windows[middle][1] < from) low = middle + 1;
      else high = middle;
    }
    return low < windows.length && windows[low][0] <= to;
  }

  /** A short span lies in two slices at most. */
  #fold(from: number, to: number, kind: SpanKind, label: number): void {
    const { firstNs, lastNs, sliceNs } = this.#level;
    const slices = Math.ceil((lastNs - firstNs + 1) / sliceNs);
    this.#covered ??= new Float64Array(slices);
    this.#longestNs ??= new Float64Array(slices);
    this.#longest ??= new Uint32Array(slices);
    this.#densityKind ??= kind;
    const slice = Math.floor((from - firstNs) / sliceNs);
    const cut = Math.min(to, firstNs + (slice + 1) * sliceNs);
    // What lasts less than the clock resolves is there all the same.
    this.#covered[slice] += Math.max(1, cut - from);
    if (cut - from >= this.#longestNs[slice]) {
      this.#longestNs[slice] = cut - from;
      this.#longest[slice] = label;
    }
    if (to > cut && slice + 1 < slices) this.#covered[slice + 1] += to - cut;
  }

  finish(): Track {
    const order = sortedOrder(this.#start);
    const pick = <T extends Float64Array | Uint8Array | Uint32Array>(into: T, from: readonly number[]): T => {
      for (let i = 0; i < into.length; i++) into[i] = from[order === undefined ? i : order[i]];
      return into;
    };
    const length = this.#start.length;
    const spans = {
      startNs: pick(new Float64Array(length), this.#start),
      endNs: pick(new Float64Array(length), this.#end),
      kind: pick(new Uint8Array(length), this.#kind),
      label: pick(new Uint32Array(length), this.#label),
    };
    const density = this.#density();
    return { name: this.name, spans, ...(density && { density }) };
  }

  #density(): TrackDensity | undefined {
    const covered = this.#covered;
    if (covered === undefined || this.#longest === undefined || this.#densityKind === undefined) return undefined;
    const share = new Uint8Array(covered.length);
    for (let i = 0; i < share.length; i++)
      if (covered[i] > 0) share[i] = Math.max(1, Math.min(255, Math.round((covered[i] / this.#level.sliceNs) * 255)));
    return { kind: this.#densityKind, share, label: this.#longest };
  }
}

/** Undefined when the values ascend already. */
function sortedOrder(values: readonly number[]): Uint32Array | undefined {
  let sorted = true;
  for (let i = 1; sorted && i < values.length; i++) sorted = values[i - 1] <= values[i];
  if (sorted) return undefined;
  return Uint32Array.from(values.keys()).sort((a, b) => values[a] - values[b] || a - b);
}
