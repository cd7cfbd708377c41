/** Where lanes and their tracks lie. Heights do not depend on the zoom, so that nothing jumps. */
import { LANE_GROUPS, type Lane, type Track } from '../../../schema/answers/timeline.ts';

export interface TrackRow {
  readonly track: Track;
  readonly top: number;
  readonly height: number;
  /** Largest end of this span and all before it: spans may nest. */
  readonly reach: Float64Array;
}

export interface LaneRow {
  readonly lane: Lane;
  readonly top: number;
  readonly height: number;
  readonly tracks: readonly TrackRow[];
}

export interface GroupRow {
  readonly name: string;
  readonly top: number;
  readonly lanes: readonly LaneRow[];
}

export interface Layout {
  readonly groups: readonly GroupRow[];
  readonly lanes: readonly LaneRow[];
  readonly byKey: ReadonlyMap<string, LaneRow>;
  readonly height: number;
}

export const GROUP_HEIGHT = 20;
const FIRST_TRACK = 18;
const MORE_TRACK = 13;
/** Interrupts of a CPU. */
const THIN_TRACK = 6;
const GAP = 5;

export function layoutOf(lanes: readonly Lane[]): Layout {
  let y = 0;
  const groups: GroupRow[] = [];
  for (const name of LANE_GROUPS) {
    const own = lanes.filter(({ group }) => group === name);
    if (own.length === 0) continue;
    const top = y;
    y += GROUP_HEIGHT;
    const rows = own.map((lane) => {
      const row = laneRow(lane, y);
      y += row.height + GAP;
      return row;
    });
    groups.push({ name, top, lanes: rows });
  }
  const rows = groups.flatMap((group) => group.lanes);
  return { groups, lanes: rows, byKey: new Map(rows.map((row) => [row.lane.key, row] as const)), height: y };
}

function laneRow(lane: Lane, top: number): LaneRow {
  let y = top;
  const tracks = lane.tracks.map((track, i): TrackRow => {
    const height = i === 0 ? FIRST_TRACK : lane.group === 'CPUs' ? THIN_TRACK : MORE_TRACK;
    const row = { track, top: y, height, reach: reachOf(track.spans.endNs) };
    y += height + 1;
    return row;
  });
  return { lane, top, height: y - top, tracks };
}

function reachOf(endNs: Float64Array): Float64Array {
  const reach = new Float64Array(endNs.length);
  let furthest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < endNs.length; i++) {
    furthest = Math.max(furthest, endNs[i]);
    reach[i] = furthest;
  }
  return reach;
}

/** First span that ends at or after an instant. */
export function firstReaching(reach: Float64Array, ns: number): number {
  let low = 0;
  let high = reach.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (reach[middle] < ns) low = middle + 1;
    else high = middle;
  }
  return low;
}
