/** Draws lanes. Spans that are narrower than a pixel share one, the stronger the more of it they cover. */
import { OPEN_SPAN, type SpanKind } from '../../../../schema/answers/timeline.ts';
import { firstReaching, GROUP_HEIGHT, type Layout, type TrackRow } from '../../lanes/layout.ts';
import type { Palette } from './palette.ts';

/** What is visible: instants at the left and right edge, the canvas in pixels, and how far it is scrolled. */
export interface Viewport {
  readonly fromNs: number;
  readonly toNs: number;
  readonly width: number;
  readonly height: number;
  readonly scrollTop: number;
}

export interface Scene {
  readonly layout: Layout;
  readonly strings: readonly string[];
  readonly firstNs: number;
  readonly sliceNs: number;
  /** Numbers of the kinds. */
  readonly kindCodes: ReadonlyMap<SpanKind, number>;
  readonly palette: Palette;
}

const KIND_MASK = OPEN_SPAN - 1;
const CHAR_WIDTH = 6.1;
const FAINTEST = 0.3;

export const pixelOf = ({ fromNs, toNs, width }: Viewport, ns: number): number =>
  ((ns - fromNs) / (toNs - fromNs)) * width;

export function paintLanes(ctx: CanvasRenderingContext2D, scene: Scene, view: Viewport): void {
  const { layout, palette } = scene;
  const bottom = view.scrollTop + view.height;
  ctx.font = '11px ui-sans-serif, system-ui, sans-serif';
  ctx.textBaseline = 'middle';
  for (const { top } of layout.groups) {
    if (top > bottom || top + GROUP_HEIGHT < view.scrollTop) continue;
    ctx.fillStyle = palette.line;
    ctx.fillRect(0, top - view.scrollTop + GROUP_HEIGHT - 3, view.width, 1);
  }
  for (const row of layout.lanes) {
    if (row.top > bottom || row.top + row.height < view.scrollTop) continue;
    for (const track of row.tracks) {
      ctx.fillStyle = palette.band;
      ctx.fillRect(0, track.top - view.scrollTop, view.width, track.height);
      paintDensity(ctx, scene, view, track);
      paintTrack(ctx, scene, view, track);
    }
  }
  ctx.globalAlpha = 1;
}

function paintTrack(ctx: CanvasRenderingContext2D, scene: Scene, view: Viewport, row: TrackRow): void {
  const { spans } = row.track;
  const { startNs, endNs, kind, label } = spans;
  const { kinds } = scene.palette;
  const scale = view.width / (view.toNs - view.fromNs);
  const y = row.top - view.scrollTop;
  let column = -1;
  let covered = 0;
  let columnKind = 0;
  const flush = (): void => {
    if (column < 0) return;
    ctx.globalAlpha = Math.min(1, FAINTEST + covered);
    ctx.fillStyle = kinds[columnKind];
    ctx.fillRect(column, y, 1, row.height);
    column = -1;
    covered = 0;
  };
  for (let i = firstReaching(row.reach, view.fromNs); i < startNs.length && startNs[i] <= view.toNs; i++) {
    const left = (startNs[i] - view.fromNs) * scale;
    const right = (endNs[i] - view.fromNs) * scale;
    if (right < 0) continue;
    const code = kind[i] & KIND_MASK;
    if (right - left < 1.5) {
      const at = Math.floor(left);
      if (at !== column) flush();
      column = at;
      covered += right - left;
      columnKind = code;
      continue;
    }
    flush();
    const from = Math.max(-1, left);
    const width = Math.min(view.width + 1, right) - from;
    ctx.globalAlpha = 1;
    ctx.fillStyle = kinds[code];
    // A gap of half a pixel keeps neighbours apart.
    ctx.fillRect(from, y, width > 4 ? width - 0.5 : width, row.height);
    if (width > 26 && row.height >= 11)
      paintLabel(ctx, scene, scene.strings[label[i]], from, width, y + row.height / 2);
    if (kind[i] & OPEN_SPAN) paintOpenEnd(ctx, scene, Math.min(view.width, right), y, row.height);
  }
  flush();
  ctx.globalAlpha = 1;
}

function paintLabel(
  ctx: CanvasRenderingContext2D,
  { palette }: Scene,
  text: string,
  from: number,
  width: number,
  middle: number,
): void {
  const left = Math.max(0, from) + 4;
  const room = Math.floor((from + width - left - 3) / CHAR_WIDTH);
  if (room < 3 || text === '') return;
  ctx.fillStyle = palette.ink;
  ctx.fillText(text.length > room ? `${text.slice(0, room - 1)}…` : text, left, middle + 0.5);
}

/** Not over when the capture ended: the end is torn. */
function paintOpenEnd(ctx: CanvasRenderingContext2D, { palette }: Scene, x: number, y: number, height: number): void {
  ctx.fillStyle = palette.page;
  const teeth = Math.max(1, Math.round(height / 5));
  const tooth = height / teeth;
  for (let i = 0; i < teeth; i++) {
    ctx.beginPath();
    ctx.moveTo(x + 1, y + i * tooth);
    ctx.lineTo(x - 4, y + (i + 0.5) * tooth);
    ctx.lineTo(x + 1, y + (i + 1) * tooth);
    ctx.fill();
  }
}

/** How much of each pixel the spans cover that are not kept one by one: as a level where there is room, else as strength. */
function paintDensity(ctx: CanvasRenderingContext2D, scene: Scene, view: Viewport, row: TrackRow): void {
  const { density } = row.track;
  if (density === undefined || scene.sliceNs === 0) return;
  const { share } = density;
  const scale = view.width / (view.toNs - view.fromNs);
  const sliceWidth = scene.sliceNs * scale;
  const first = Math.max(0, Math.floor((view.fromNs - scene.firstNs) / scene.sliceNs));
  const last = Math.min(share.length - 1, Math.floor((view.toNs - scene.firstNs) / scene.sliceNs));
  const y = row.top - view.scrollTop;
  ctx.fillStyle = scene.palette.kinds[kindCode(scene, row)];
  const draw = (left: number, width: number, part: number): void => {
    if (part <= 0) return;
    if (row.height >= 12) {
      ctx.globalAlpha = 0.85;
      const height = Math.max(1, part * row.height);
      ctx.fillRect(left, y + row.height - height, width, height);
    } else {
      ctx.globalAlpha = Math.min(1, 0.12 + Math.sqrt(part));
      ctx.fillRect(left, y, width, row.height);
    }
  };
  const offset = (scene.firstNs - view.fromNs) * scale;
  if (sliceWidth >= 1) {
    for (let i = first; i <= last; i++) if (share[i] > 0) draw(offset + i * sliceWidth, sliceWidth, share[i] / 255);
    return;
  }
  let column = -1;
  let sum = 0;
  let slices = 0;
  for (let i = first; i <= last; i++) {
    const at = Math.floor(offset + i * sliceWidth);
    if (at !== column) {
      if (slices > 0) draw(column, 1, sum / (255 * slices));
      column = at;
      sum = 0;
      slices = 0;
    }
    sum += share[i];
    slices++;
  }
  if (slices > 0) draw(column, 1, sum / (255 * slices));
}

function kindCode(scene: Scene, row: TrackRow): number {
  return scene.kindCodes.get(row.track.density?.kind ?? 'task') ?? 0;
}
