/** A timeline as one block of bytes and the directory that says where its columns lie. */
import {
  type Lane,
  SPAN_KINDS,
  type SpanColumns,
  type Timeline,
  type Track,
  type TrackDensity,
} from '../../../schema/answers/timeline.ts';
import { type ColumnWidth, decodeColumn, encodeColumn } from './columns.ts';

/** Times in the block are ticks of this many ns after the begin of the timeline, so that they fit in 32 bits. */
const TICKS = 2 ** 32 - 1;

interface TrackEntry {
  readonly name: string;
  /** Number of spans; their columns begin at `at`: start (delta), length, label, kind. */
  readonly n: number;
  readonly at: number;
  /** Kind, number of slices and place of a density; its columns: share, label. */
  readonly density?: readonly [kind: number, slices: number, at: number];
}

interface LaneEntry {
  readonly key: string;
  readonly group: Lane['group'];
  readonly name: string;
  readonly tracks: readonly TrackEntry[];
}

/** What is JSON in the page. */
export interface TimelineDirectory {
  readonly firstNs: number;
  readonly lastNs: number;
  readonly tickNs: number;
  readonly sliceNs: number;
  /** Bytes of a label. */
  readonly labelWidth: ColumnWidth;
  readonly strings: readonly string[];
  readonly lanes: readonly LaneEntry[];
}

export interface TimelineBlock {
  readonly directory: TimelineDirectory;
  readonly bytes: Uint8Array;
}

/** @param from place of the first column in the block that all timelines of a page share */
export function encodeTimeline(timeline: Timeline, from = 0): TimelineBlock {
  const { firstNs, lastNs, sliceNs, strings } = timeline;
  const tickNs = Math.max(1, Math.ceil((lastNs - firstNs + 1) / TICKS));
  const labelWidth: ColumnWidth = strings.length < 2 ** 8 ? 1 : strings.length < 2 ** 16 ? 2 : 4;
  const parts: Uint8Array[] = [];
  let at = from;
  const put = (values: ArrayLike<number>, width: ColumnWidth, delta = false): void => {
    const part = encodeColumn(values, width, delta);
    parts.push(part);
    at += part.length;
  };
  const tick = (ns: number): number => Math.round((ns - firstNs) / tickNs);
  const trackOf = ({ name, spans, density }: Track): TrackEntry => {
    const begin = at;
    const starts = Array.from(spans.startNs, tick);
    put(starts, 4, true);
    put(
      Array.from(spans.endNs, (ns, i) => tick(ns) - starts[i]),
      4,
    );
    put(spans.label, labelWidth);
    put(spans.kind, 1);
    if (density === undefined) return { name, n: starts.length, at: begin };
    const densityAt = at;
    put(density.share, 1);
    put(density.label, labelWidth);
    const kind = SPAN_KINDS.indexOf(density.kind);
    return { name, n: starts.length, at: begin, density: [kind, density.share.length, densityAt] };
  };
  const lanes = timeline.lanes.map(({ key, group, name, tracks }) => ({
    key,
    group,
    name,
    tracks: tracks.map(trackOf),
  }));
  const bytes = new Uint8Array(at - from);
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return { directory: { firstNs, lastNs, tickNs, sliceNs, labelWidth, strings, lanes }, bytes };
}

/** @throws RangeError when the block does not hold what the directory says */
export function decodeTimeline(directory: TimelineDirectory, bytes: Uint8Array): Timeline {
  const { firstNs, lastNs, sliceNs, strings, tickNs, labelWidth } = directory;
  const spansOf = (length: number, at: number): SpanColumns => {
    const starts = decodeColumn(bytes, at, length, 4, true);
    const lengths = decodeColumn(bytes, at + 4 * length, length, 4, false);
    const label = decodeColumn(bytes, at + 8 * length, length, labelWidth, false);
    const kind = bytes.slice(at + (8 + labelWidth) * length, at + (9 + labelWidth) * length);
    const startNs = Float64Array.from(starts, (tick) => firstNs + tick * tickNs);
    const endNs = Float64Array.from(lengths, (ticks, i) => startNs[i] + ticks * tickNs);
    return { startNs, endNs, kind, label };
  };
  const densityOf = ([kind, slices, at]: NonNullable<TrackEntry['density']>): TrackDensity => ({
    kind: SPAN_KINDS[kind],
    share: bytes.slice(at, at + slices),
    label: decodeColumn(bytes, at + slices, slices, labelWidth, false),
  });
  const lanes = directory.lanes.map(({ tracks, ...lane }) => ({
    ...lane,
    tracks: tracks.map(({ name, n, at, density }) => ({
      name,
      spans: spansOf(n, at),
      ...(density && { density: densityOf(density) }),
    })),
  }));
  return { firstNs, lastNs, sliceNs, strings, lanes };
}
