/** Over the lanes: the interval of the chosen finding, the way of its chain from lane to lane, and the events that prove it. */
import type { TimelineFinding, TimelineStep } from '../../block/page-data.ts';
import type { LaneRow, Layout } from './layout.ts';
import { pixelOf, type Viewport } from './paint.ts';
import type { Palette } from './palette.ts';

const BADGE = 8;
/** From one step of a ladder to the next. */
const STEP_WIDTH = 30;
/** Pixels within which steps count as simultaneous. */
const LADDER_SPREAD = 60;
/** Room for the names on the spans. */
const LADDER_OFFSET = 290;

export function paintFinding(
  ctx: CanvasRenderingContext2D,
  finding: TimelineFinding,
  layout: Layout,
  palette: Palette,
  view: Viewport,
): void {
  paintInterval(ctx, finding, palette, view);
  for (const mark of finding.marks) {
    const lane = layout.byKey.get(mark.lane);
    const x = pixelOf(view, mark.atNs);
    if (lane === undefined || x < -4 || x > view.width + 4) continue;
    const y = lane.top - view.scrollTop - 1;
    ctx.fillStyle = palette.text;
    ctx.beginPath();
    ctx.moveTo(x, y + 5);
    ctx.lineTo(x - 3.5, y - 1);
    ctx.lineTo(x + 3.5, y - 1);
    ctx.fill();
  }
  paintSteps(ctx, finding, layout, palette, view);
}

/** What is before and after it steps back. */
function paintInterval(
  ctx: CanvasRenderingContext2D,
  { startNs, endNs, severity }: TimelineFinding,
  palette: Palette,
  view: Viewport,
): void {
  const [from, to] = [pixelOf(view, startNs), pixelOf(view, endNs)];
  ctx.globalAlpha = 0.45;
  ctx.fillStyle = palette.page;
  if (from > 0) ctx.fillRect(0, 0, Math.min(from, view.width), view.height);
  if (to < view.width) ctx.fillRect(Math.max(0, to), 0, view.width - Math.max(0, to), view.height);
  ctx.globalAlpha = 1;
  ctx.fillStyle = palette.severities[severity];
  for (const x of [from, to]) if (x >= 0 && x <= view.width) ctx.fillRect(Math.round(x), 0, 1, view.height);
}

interface Placed {
  readonly step: TimelineStep;
  readonly x: number;
  readonly y: number;
}

function paintSteps(
  ctx: CanvasRenderingContext2D,
  finding: TimelineFinding,
  layout: Layout,
  palette: Palette,
  view: Viewport,
): void {
  const placed = placedSteps(finding, layout, view);
  ctx.strokeStyle = palette.accent;
  ctx.fillStyle = palette.accent;
  ctx.lineWidth = 2;
  for (let i = 1; i < placed.length; i++)
    if (placed[i].y !== placed[i - 1].y) paintArrow(ctx, placed[i - 1], placed[i]);
  ctx.font = 'bold 10px ui-sans-serif, system-ui, sans-serif';
  ctx.textAlign = 'center';
  for (const { step, x, y } of placed) {
    ctx.fillStyle = palette.accent;
    ctx.beginPath();
    ctx.arc(x, y, BADGE, 0, 2 * Math.PI);
    ctx.fill();
    ctx.strokeStyle = palette.page;
    ctx.lineWidth = 1.5;
    ctx.stroke();
    ctx.fillStyle = palette.page;
    ctx.fillText(String(step.step), x, y + 0.5);
  }
  ctx.textAlign = 'start';
  ctx.lineWidth = 1;
}

/**
 * Where the steps stand. A wait and what it waits for begin together: such steps are a ladder to the right of the names on the spans, one
 * beside the other; closer up each stands where it began.
 */
function placedSteps({ steps, startNs, endNs }: TimelineFinding, layout: Layout, view: Viewport): Placed[] {
  const shown = steps.flatMap((step) => {
    const lane = layout.byKey.get(step.lane);
    return lane === undefined ? [] : [{ step, y: middleOf(lane) - view.scrollTop, x: pixelOf(view, step.atNs) }];
  });
  const xs = shown.map(({ x }) => x);
  const ladder = Math.max(...xs) - Math.min(...xs) < LADDER_SPREAD;
  const [from, to] = [Math.max(0, pixelOf(view, startNs)), Math.min(view.width, pixelOf(view, endNs))];
  const room = to - from - shown.length * STEP_WIDTH;
  const offset = ladder && room > 2 * LADDER_OFFSET ? LADDER_OFFSET : BADGE + 3;
  let last = Number.NEGATIVE_INFINITY;
  return shown.map(({ step, x, y }) => {
    const at = ladder ? Math.max(x + offset, last + STEP_WIDTH) : x;
    last = at;
    return { step, x: at, y };
  });
}

const middleOf = ({ tracks }: LaneRow): number => tracks[0].top + tracks[0].height / 2;

/** From what waits to what it waits for. */
function paintArrow(ctx: CanvasRenderingContext2D, from: Placed, to: Placed): void {
  const down = to.y > from.y ? 1 : -1;
  const end = to.y - down * (BADGE + 5);
  const begin = from.y + down * BADGE;
  const bend = Math.max(12, Math.abs(end - begin) / 2) * down;
  ctx.beginPath();
  ctx.moveTo(from.x, begin);
  ctx.bezierCurveTo(from.x, begin + bend, to.x, end - bend, to.x, end);
  ctx.stroke();
  ctx.beginPath();
  ctx.moveTo(to.x, end + 5 * down);
  ctx.lineTo(to.x - 4.5, end - 2 * down);
  ctx.lineTo(to.x + 4.5, end - 2 * down);
  ctx.fill();
}
