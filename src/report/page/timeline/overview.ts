/** The whole run in a strip: where its findings lie, and which part the lanes show. */
import type { TimelineFinding } from '../../block/page-data.ts';
import type { Palette } from './palette.ts';

const ROW = 5;
const MOST_ROWS = 6;

/** Findings that overlap lie below each other. */
export function overviewRows(findings: readonly TimelineFinding[]): readonly (readonly TimelineFinding[])[] {
  const rows: TimelineFinding[][] = [];
  for (const finding of findings) {
    const free = rows.find((row) =>
      row.every(({ startNs, endNs }) => finding.startNs > endNs || finding.endNs < startNs),
    );
    if (free) free.push(finding);
    else if (rows.length < MOST_ROWS) rows.push([finding]);
  }
  return rows;
}

export const overviewHeight = (rows: number): number => Math.max(2, rows) * ROW + 8;

export function paintOverview(
  ctx: CanvasRenderingContext2D,
  rows: readonly (readonly TimelineFinding[])[],
  chosen: TimelineFinding | undefined,
  palette: Palette,
  size: { readonly width: number; readonly height: number; readonly firstNs: number; readonly lastNs: number },
  shown: readonly [number, number],
): void {
  const { width, height, firstNs, lastNs } = size;
  const at = (ns: number): number => ((ns - firstNs) / Math.max(1, lastNs - firstNs)) * width;
  ctx.clearRect(0, 0, width, height);
  ctx.fillStyle = palette.band;
  ctx.fillRect(0, 0, width, height);
  rows.forEach((row, i) => {
    for (const finding of row) {
      ctx.globalAlpha = chosen === undefined || finding === chosen ? 1 : 0.5;
      ctx.fillStyle = palette.severities[finding.severity];
      const from = at(finding.startNs);
      ctx.fillRect(from, 4 + i * ROW, Math.max(3, at(finding.endNs) - from), ROW - 1);
    }
  });
  ctx.globalAlpha = 0.6;
  ctx.fillStyle = palette.page;
  const [from, to] = shown.map(at);
  if (from > 0) ctx.fillRect(0, 0, from, height);
  if (to < width) ctx.fillRect(to, 0, width - to, height);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = palette.accent;
  ctx.strokeRect(
    Math.max(0.5, from + 0.5),
    0.5,
    Math.max(3, Math.min(width - 1, to) - Math.max(0, from) - 1),
    height - 1,
  );
}
