/** Over the lanes: the interval of the chosen finding, the way of its chain from lane to lane, and the events that prove it. */
import type { TimelineFinding } from '../../block/page-data.ts';
import type { Layout } from '../../lanes/layout.ts';
import { arrowOf, BADGE, type PlacedStep, placedSteps } from '../../lanes/steps.ts';
import { pixelOf, type Viewport } from './paint.ts';
import type { Palette } from './palette.ts';

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

function paintSteps(
  ctx: CanvasRenderingContext2D,
  finding: TimelineFinding,
  layout: Layout,
  palette: Palette,
  view: Viewport,
): void {
  const placed = placedSteps(finding, layout, (ns) => pixelOf(view, ns), view.width).map((at) => ({
    ...at,
    y: at.y - view.scrollTop,
  }));
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

/** From what waits to what it waits for. */
function paintArrow(ctx: CanvasRenderingContext2D, from: PlacedStep, to: PlacedStep): void {
  const { curve, head } = arrowOf(from, to);
  const [x0, y0, x1, y1, x2, y2, x3, y3] = curve;
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.bezierCurveTo(x1, y1, x2, y2, x3, y3);
  ctx.stroke();
  ctx.beginPath();
  for (let i = 0; i < head.length; i += 2) ctx.lineTo(head[i], head[i + 1]);
  ctx.fill();
}
