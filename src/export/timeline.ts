/** What a viewer of traces shows, whatever its file looks like: tracks in groups, slices, flows between them, and counters. */

export type TrackId = number;

/** Facts beside a slice, as the viewer lists them. Undefined ones are left out. */
export type SliceArgs = Readonly<Record<string, string | number | boolean | readonly string[] | null | undefined>>;

export interface SliceDetails {
  /** What kind of thing it is: `finding`, `grace-period`; the same for all alike. */
  readonly category?: string;
  readonly args?: SliceArgs;
  /** Arrows: slices with the same number are joined in the order of their times, and of writing where these are equal. */
  readonly flows?: readonly number[];
}

/** Times are ns on the run's timeline. */
export interface Timeline {
  /** A heading with tracks under it, in the order in which they are made. */
  group(name: string, description: string): TrackId;
  /** Tracks of one name under one heading are shown as one. Slices of a track nest and do not overlap. */
  track(parent: TrackId, name: string): TrackId;
  /** @param unit of its values: `%`, `tasks` */
  counter(parent: TrackId, name: string, unit: string): TrackId;
  /** @see end */
  begin(track: TrackId, tsNs: number, name: string, details?: SliceDetails): void;
  /** Ends the innermost slice; one that is never ended lasts to the end of the trace. */
  end(track: TrackId, tsNs: number): void;
  instant(track: TrackId, tsNs: number, name: string, details?: SliceDetails): void;
  count(track: TrackId, tsNs: number, value: number): void;
}

/** A new number for arrows. */
export class FlowNumbers {
  #last = 0;

  next(): number {
    return ++this.#last;
  }
}

/** Slices that may overlap, as tracks of one name on each of which they do not. They come in the order of their starts, or of their ends. */
export class Lanes {
  readonly #timeline: Timeline;
  readonly #parent: TrackId;
  readonly #name: string;
  readonly #lanes: { readonly track: TrackId; endNs: number }[] = [];

  constructor(timeline: Timeline, parent: TrackId, name: string) {
    this.#timeline = timeline;
    this.#parent = parent;
    this.#name = name;
  }

  /**
   * A slice with what is inside of it.
   * @param endNs null: it was not over
   * @param inside called between begin and end, for slices within
   */
  slice(
    startNs: number,
    endNs: number | null,
    name: string,
    details?: SliceDetails,
    inside?: (track: TrackId) => void,
  ): void {
    const lane = this.#lane(startNs);
    this.#timeline.begin(lane.track, startNs, name, details);
    inside?.(lane.track);
    if (endNs !== null) this.#timeline.end(lane.track, Math.max(startNs, endNs));
    lane.endNs = endNs === null ? Number.POSITIVE_INFINITY : Math.max(startNs, endNs);
  }

  #lane(startNs: number): { readonly track: TrackId; endNs: number } {
    const free = this.#lanes.find(({ endNs }) => endNs <= startNs);
    if (free !== undefined) return free;
    const lane = { track: this.#timeline.track(this.#parent, this.#name), endNs: 0 };
    this.#lanes.push(lane);
    return lane;
  }
}

/** Lanes of things that have one name each, made when the first slice comes. */
export class LaneGroup<Key> {
  readonly #timeline: Timeline;
  readonly #parent: TrackId;
  readonly #nameOf: (key: Key) => string;
  readonly #lanes = new Map<Key, Lanes>();

  constructor(timeline: Timeline, parent: TrackId, nameOf: (key: Key) => string) {
    this.#timeline = timeline;
    this.#parent = parent;
    this.#nameOf = nameOf;
  }

  of(key: Key): Lanes {
    let lanes = this.#lanes.get(key);
    if (lanes === undefined) {
      lanes = new Lanes(this.#timeline, this.#parent, this.#nameOf(key));
      this.#lanes.set(key, lanes);
    }
    return lanes;
  }
}
