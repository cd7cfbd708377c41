/**
 * A timeline in Chrome's trace event format (JSON), which older viewers read. Groups are its processes, tracks its threads. Times are
 * microseconds there, with nanoseconds as decimals.
 */
import { TextPieces } from '../text-pieces.ts';
import type { SliceArgs, SliceDetails, Timeline, TrackId } from '../timeline.ts';

interface Track {
  readonly group: TrackId;
  readonly name: string;
}

export class ChromeTimeline implements Timeline {
  readonly #pieces: TextPieces;
  readonly #tracks: (Track | undefined)[] = [];
  /** Arrows whose beginning has been written. */
  readonly #arrows = new Set<number>();
  #first = true;

  constructor(out: (text: string) => void) {
    this.#pieces = new TextPieces(out);
  }

  /** @param facts of the run, for people */
  open(facts: Readonly<Record<string, string>>): void {
    this.#pieces.add(`{"displayTimeUnit":"ns","otherData":${JSON.stringify(facts)},"traceEvents":[`);
  }

  close(): void {
    this.#pieces.add('\n]}\n');
    this.#pieces.flush();
  }

  group(name: string): TrackId {
    const id = this.#tracks.length + 1;
    this.#tracks.push({ group: id, name });
    this.#event({ ph: 'M', name: 'process_name', pid: id, args: { name } });
    this.#event({ ph: 'M', name: 'process_sort_index', pid: id, args: { sort_index: id } });
    return id;
  }

  track(parent: TrackId, name: string): TrackId {
    const id = this.#tracks.length + 1;
    const above = this.#tracks[parent - 1];
    const group = above?.group ?? parent;
    // It has no tracks within tracks: the name tells.
    const full = above === undefined || group === parent ? name : `${above.name} / ${name}`;
    this.#tracks.push({ group, name: full });
    this.#event({ ph: 'M', name: 'thread_name', pid: group, tid: id, args: { name: full } });
    this.#event({ ph: 'M', name: 'thread_sort_index', pid: group, tid: id, args: { sort_index: id } });
    return id;
  }

  counter(parent: TrackId, name: string, unit: string): TrackId {
    this.#tracks.push({ group: parent, name: `${name} [${unit}]` });
    return this.#tracks.length;
  }

  begin(track: TrackId, tsNs: number, name: string, details: SliceDetails = {}): void {
    this.#slice('B', track, tsNs, name, details);
  }

  end(track: TrackId, tsNs: number): void {
    this.#timed({ ph: 'E', ...this.#place(track) }, tsNs);
  }

  instant(track: TrackId, tsNs: number, name: string, details: SliceDetails = {}): void {
    // Arrows lead to slices only: a mark with an arrow is a slice without length.
    if ((details.flows ?? []).length === 0) {
      this.#slice('i', track, tsNs, name, details);
      return;
    }
    this.#slice('B', track, tsNs, name, details);
    this.end(track, tsNs);
  }

  count(track: TrackId, tsNs: number, value: number): void {
    const { group, name } = this.#tracks[track - 1] as Track;
    this.#timed({ ph: 'C', name, pid: group, args: { value } }, tsNs);
  }

  #slice(ph: string, track: TrackId, tsNs: number, name: string, { category, args, flows }: SliceDetails): void {
    const place = this.#place(track);
    this.#timed(
      {
        ph,
        ...(ph === 'i' && { s: 't' }),
        name,
        cat: category ?? '',
        ...place,
        ...(args && { args: withoutEmpty(args) }),
      },
      tsNs,
    );
    for (const flow of flows ?? []) {
      const known = this.#arrows.delete(flow);
      if (!known) this.#arrows.add(flow);
      this.#timed({ ph: known ? 'f' : 's', bp: 'e', name: 'waits for', cat: 'flow', id: flow, ...place }, tsNs);
    }
  }

  #place(track: TrackId): { pid: number; tid: number } {
    return { pid: this.#tracks[track - 1]?.group ?? 0, tid: track };
  }

  #timed(event: Readonly<Record<string, unknown>>, tsNs: number): void {
    this.#write(`${JSON.stringify(event).slice(0, -1)},"ts":${microseconds(tsNs)}}`);
  }

  #event(event: Readonly<Record<string, unknown>>): void {
    this.#write(JSON.stringify(event));
  }

  #write(json: string): void {
    this.#pieces.add(this.#first ? `\n${json}` : `,\n${json}`);
    this.#first = false;
  }
}

/** Exact, unlike a division. */
function microseconds(tsNs: number): string {
  const ns = Math.max(0, tsNs);
  return `${Math.floor(ns / 1000)}.${String(ns % 1000).padStart(3, '0')}`;
}

function withoutEmpty(args: SliceArgs): SliceArgs {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined && value !== null));
}
