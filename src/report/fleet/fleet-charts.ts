/** Charts of a fleet as still SVG: one bar per day, and percentiles as lines on a logarithmic scale. */
import { type FleetTrend, formatDuration } from '../../../schema/index.ts';
import { html, type Markup } from '../html/html.ts';

const WIDTH = 720;
const HEIGHT = 140;
const LEFT = 64;
const BOTTOM = 18;
const TOP = 8;
const DAY_MS = 24 * 3600 * 1000;
/** Days that a chart has room for. */
const MOST_DAYS = 400;

interface DayCount {
  readonly day: string;
  readonly all: number;
  readonly bad: number;
}

/** Runs per day; those with errors are the dark part of the bar. */
export function runsChart(counts: readonly DayCount[]): Markup {
  const days = counts.slice(-MOST_DAYS);
  const axis = dayAxis(days.map(({ day }) => day));
  const most = Math.max(1, ...days.map(({ all }) => all));
  const y = (count: number): number => TOP + (HEIGHT - TOP - BOTTOM) * (1 - count / most);
  const bar = (day: string, count: number, name: string, title: string): Markup =>
    html`<rect class="${name}" x="${axis.x(day).toFixed(1)}" y="${y(count).toFixed(1)}" width="${axis.width.toFixed(1)}" height="${(HEIGHT - BOTTOM - y(count)).toFixed(1)}"><title>${title}</title></rect>`;
  return html`<figure><figcaption>Runs per day, and those with a finding of severity error</figcaption><svg class="trend" role="img" viewBox="0 0 ${WIDTH} ${HEIGHT}"><title>Runs per day</title>${tick(String(most), y(most))}${tick('0', y(0))}${days.map(
    ({ day, all, bad }) =>
      html`${bar(day, all, 'all', `${day}: ${all} runs`)}${bad > 0 && bar(day, bad, 'bad', `${day}: ${bad} of ${all} runs with errors`)}`,
  )}${axis.labels}</svg></figure>`;
}

/** Median and 99th percentile per day. */
export function trendChart({ metric, days: all }: FleetTrend): Markup {
  const days = all.slice(-MOST_DAYS);
  const axis = dayAxis(days.map(({ day }) => day));
  const low = Math.log(Math.max(1, Math.min(...days.map(({ p50_ns }) => p50_ns))));
  const high = Math.log(Math.max(2, ...days.map(({ p99_ns }) => p99_ns)));
  const y = (ns: number): number =>
    TOP + (HEIGHT - TOP - BOTTOM) * (1 - (Math.log(Math.max(1, ns)) - low) / Math.max(1e-9, high - low));
  const line = (key: 'p50_ns' | 'p99_ns'): Markup =>
    html`<polyline class="${key.slice(0, 3)}" points="${days.map((one) => `${(axis.x(one.day) + axis.width / 2).toFixed(1)},${y(one[key]).toFixed(1)}`).join(' ')}"/>`;
  const points = days.map(
    ({ day, n, p50_ns, p99_ns }) =>
      html`<rect class="hit" x="${axis.x(day).toFixed(1)}" y="${TOP}" width="${axis.width.toFixed(1)}" height="${HEIGHT - TOP - BOTTOM}"><title>${`${day}: p50 ${formatDuration(p50_ns)}, p99 ${formatDuration(p99_ns)}, ${n} intervals`}</title></rect>`,
  );
  return html`<figure><figcaption><b>${metric}</b> per day: <span class="key p50">median</span>, <span class="key p99">99th percentile</span></figcaption><svg class="trend" role="img" viewBox="0 0 ${WIDTH} ${HEIGHT}"><title>${metric} per day</title>${tick(formatDuration(Math.exp(high)), TOP)}${tick(formatDuration(Math.exp(low)), HEIGHT - BOTTOM)}${line('p50_ns')}${line('p99_ns')}${points}${axis.labels}</svg></figure>`;
}

const tick = (text: string, y: number): Markup =>
  html`<line class="rule" x1="${LEFT}" x2="${WIDTH}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}"/><text x="${LEFT - 6}" y="${(y + 4).toFixed(1)}" text-anchor="end">${text}</text>`;

function dayAxis(days: readonly string[]): { x(day: string): number; width: number; labels: Markup } {
  const first = Date.parse(days[0] ?? '1970-01-01');
  const count = days.length === 0 ? 1 : Math.round((Date.parse(days[days.length - 1]) - first) / DAY_MS) + 1;
  const step = (WIDTH - LEFT) / count;
  const x = (day: string): number => LEFT + ((Date.parse(day) - first) / DAY_MS) * step;
  const ends = days.length === 0 ? [] : [...new Set([days[0], days[days.length - 1]])];
  const labels = html`${ends.map((day, i) => html`<text x="${i === 0 ? LEFT : WIDTH}" y="${HEIGHT - 4}" text-anchor="${i === 0 ? 'start' : 'end'}">${day}</text>`)}`;
  return { x, width: Math.max(1, step * 0.8), labels };
}
