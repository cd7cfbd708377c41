/** A metric over time: when it took how long, darker where there is more. Powers of two upwards. */
import { formatDuration } from '../../../schema/duration.ts';
import type { PageHeat } from '../block/page-data.ts';
import { element } from './timeline/dom.ts';

const ROW = 14;
const NAMES = 70;

export function heatMap({ fromNs, sliceNs, rows, open }: PageHeat, name: string, width: number): HTMLElement {
  const canvas = element('canvas', { role: 'img', 'aria-label': `${name} over time` });
  const isOpen = open.some((count) => count > 0);
  const lines = [
    ...(isOpen ? [['not over', open] as const] : []),
    ...rows
      .map(([low, high, counts]) => [`${formatDuration(low)} – ${formatDuration(high)}`, counts] as const)
      .reverse(),
  ];
  const height = lines.length * ROW + 18;
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  const ctx = canvas.getContext('2d') as CanvasRenderingContext2D;
  ctx.scale(ratio, ratio);
  const style = getComputedStyle(document.documentElement);
  const [fill, text] = ['--accent', '--text'].map((key) => style.getPropertyValue(key).trim());
  const slices = open.length;
  const cell = (width - NAMES - 60) / slices;
  const left = NAMES + 50;
  ctx.font = '10px ui-sans-serif, system-ui, sans-serif';
  ctx.textBaseline = 'middle';
  const most = Math.max(1, ...lines.flatMap(([, counts]) => counts));
  lines.forEach(([label, counts], y) => {
    ctx.globalAlpha = 1;
    ctx.fillStyle = text;
    ctx.textAlign = 'right';
    ctx.fillText(label, left - 6, y * ROW + ROW / 2);
    ctx.fillStyle = fill;
    counts.forEach((count, x) => {
      if (count === 0) return;
      // One slow interval must be seen beside a thousand fast ones.
      ctx.globalAlpha = 0.25 + (0.75 * Math.log2(1 + count)) / Math.log2(1 + most);
      ctx.fillRect(left + x * cell, y * ROW + 1, Math.max(1, cell), ROW - 1);
    });
  });
  ctx.globalAlpha = 1;
  ctx.fillStyle = text;
  ctx.textAlign = 'left';
  ctx.fillText(`${(fromNs / 1e9).toFixed(3)} s`, left, height - 8);
  ctx.textAlign = 'right';
  ctx.fillText(`${((fromNs + sliceNs * slices) / 1e9).toFixed(3)} s`, width - 10, height - 8);
  return element(
    'figure',
    { class: 'heat' },
    element('figcaption', {}, `${name === '' ? '' : `${name}: `}when they began`),
    canvas,
  );
}
