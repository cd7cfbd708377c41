/** What lies under the pointer. */
import { OPEN_SPAN, SPAN_KINDS, type SpanKind } from '../../../../schema/answers/timeline.ts';
import type { TimelineFinding, TimelineMark } from '../../block/page-data.ts';
import { firstReaching, type LaneRow, type Layout, type TrackRow } from '../../lanes/layout.ts';
import { pixelOf, type Viewport } from './paint.ts';

export interface SpanHit {
  readonly lane: LaneRow;
  readonly kind: SpanKind;
  readonly label: string;
  readonly startNs: number;
  readonly endNs: number;
  readonly open: boolean;
  /** The share of a slice that short spans cover. */
  readonly share?: number;
}

const NEAR_PIXELS = 4;

/** @param y on the lanes, not on the screen */
export function laneAt({ lanes }: Layout, y: number): LaneRow | undefined {
  return lanes.find(({ top, height }) => y >= top && y < top + height);
}

/** The shortest span there: what nests lies on top. */
export function spanAt(
  layout: Layout,
  strings: readonly string[],
  view: Viewport,
  x: number,
  y: number,
  slices: { readonly firstNs: number; readonly sliceNs: number },
): SpanHit | undefined {
  const lane = laneAt(layout, y);
  const row = lane?.tracks.find(({ top, height }) => y >= top && y < top + height + 1);
  if (lane === undefined || row === undefined) return undefined;
  const nsPerPixel = (view.toNs - view.fromNs) / view.width;
  const ns = view.fromNs + x * nsPerPixel;
  return exactHit(lane, row, strings, ns, nsPerPixel) ?? densityHit(lane, row, strings, ns, slices);
}

function exactHit(
  lane: LaneRow,
  { track, reach }: TrackRow,
  strings: readonly string[],
  ns: number,
  nsPerPixel: number,
): SpanHit | undefined {
  const { startNs, endNs, kind, label } = track.spans;
  let best = -1;
  for (let i = firstReaching(reach, ns - nsPerPixel); i < startNs.length && startNs[i] <= ns + nsPerPixel; i++)
    if (endNs[i] >= ns - nsPerPixel && (best < 0 || endNs[i] - startNs[i] <= endNs[best] - startNs[best])) best = i;
  if (best < 0) return undefined;
  return {
    lane,
    kind: SPAN_KINDS[kind[best] & (OPEN_SPAN - 1)],
    label: strings[label[best]],
    startNs: startNs[best],
    endNs: endNs[best],
    open: (kind[best] & OPEN_SPAN) !== 0,
  };
}

function densityHit(
  lane: LaneRow,
  { track: { density } }: TrackRow,
  strings: readonly string[],
  ns: number,
  { firstNs, sliceNs }: { readonly firstNs: number; readonly sliceNs: number },
): SpanHit | undefined {
  if (density === undefined || sliceNs === 0) return undefined;
  const slice = Math.floor((ns - firstNs) / sliceNs);
  if (!(density.share[slice] > 0)) return undefined;
  const startNs = firstNs + slice * sliceNs;
  return {
    lane,
    kind: density.kind,
    label: strings[density.label[slice]],
    startNs,
    endNs: startNs + sliceNs,
    open: false,
    share: density.share[slice] / 255,
  };
}

/** The mark of an event near the pointer. */
export function markAt(
  finding: TimelineFinding | undefined,
  layout: Layout,
  view: Viewport,
  x: number,
  y: number,
): TimelineMark | undefined {
  const lane = laneAt(layout, y);
  if (finding === undefined || lane === undefined) return undefined;
  let best: TimelineMark | undefined;
  let distance = NEAR_PIXELS;
  for (const mark of finding.marks) {
    if (mark.lane !== lane.lane.key) continue;
    const away = Math.abs(pixelOf(view, mark.atNs) - x);
    if (away <= distance) {
      best = mark;
      distance = away;
    }
  }
  return best;
}
