/** Histograms and heat maps of the metrics, drawn when they are opened. */
import uPlot from 'uplot';
import { formatDuration } from '../../../schema/duration.ts';
import type { PageChart } from '../block/page-data.ts';
import { heatMap } from './heat-map.ts';
import { element } from './timeline/dom.ts';

const HEIGHT = 180;
const LINES = ['--accent', '--warning', '--softirq', '--nmi', '--hardirq', '--faint'];

export function watchCharts(charts: readonly PageChart[]): void {
  for (const body of document.querySelectorAll<HTMLElement>('tbody[data-metric]')) {
    const chart = charts.find(({ metric }) => metric === body.dataset.metric);
    const button = body.querySelector<HTMLButtonElement>('button[data-act="chart"]');
    if (chart === undefined || button === null) continue;
    button.addEventListener('click', () => toggle(body, button, chart));
  }
}

function toggle(body: HTMLElement, button: HTMLButtonElement, chart: PageChart): void {
  const drawn = body.querySelector<HTMLElement>('tr.charts');
  const open = drawn === null || drawn.hidden;
  button.setAttribute('aria-expanded', String(open));
  if (drawn) drawn.hidden = !open;
  else body.append(chartRow(body, chart));
}

function chartRow(body: HTMLElement, chart: PageChart): HTMLElement {
  const columns = body.querySelector('tr')?.children.length ?? 1;
  const cell = element('td', { colspan: String(columns) });
  const row = element('tr', { class: 'charts' }, cell);
  const width = Math.max(280, Math.min(1100, (body.closest('.scroll')?.clientWidth ?? 800) - 40));
  requestAnimationFrame(() => {
    histogram(cell, chart, width);
    for (const run of chart.runs)
      if (run.heat) cell.append(heatMap(run.heat, chart.runs.length > 1 ? run.name : '', width));
  });
  return row;
}

/** Counts per octave and a quarter: a shape that can be seen, from buckets that are finer. */
const STEPS_PER_OCTAVE = 4;
const stepOf = (ns: number): number => Math.floor(Math.log2(Math.max(1, ns)) * STEPS_PER_OCTAVE);

function histogram(cell: HTMLElement, { title, runs }: PageChart, width: number): void {
  const counts = runs.map(({ buckets }) => {
    const steps = new Map<number, number>();
    for (const [low, , count] of buckets) steps.set(stepOf(low), (steps.get(stepOf(low)) ?? 0) + count);
    return steps;
  });
  const all = counts.flatMap((steps) => [...steps.keys()]);
  if (all.length === 0) return;
  const [first, last] = [Math.min(...all) - 1, Math.max(...all) + 1];
  const steps = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const text = colour('--text');
  new uPlot(
    {
      title: `${title}: how many took how long`,
      width,
      height: HEIGHT,
      scales: { x: { time: false, distr: 3, log: 10 }, y: {} },
      axes: [
        {
          stroke: text,
          values: (_, values) => values.map((ns) => (ns === null ? '' : formatDuration(ns))),
          grid: { stroke: colour('--line'), width: 1 },
          ticks: { stroke: colour('--line') },
        },
        { stroke: text, grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line') } },
      ],
      series: [
        { label: 'from', value: (_, ns) => (ns === null ? '–' : formatDuration(ns)) },
        ...runs.map(({ name }, i) => ({
          label: runs.length > 1 ? name : 'count',
          stroke: colour(LINES[i % LINES.length]),
          fill: runs.length === 1 ? `${colour(LINES[0])}33` : '',
          width: 1.5,
          ...(stepped && { paths: stepped }),
          points: { show: false },
        })),
      ],
    },
    [
      steps.map((step) => 2 ** (step / STEPS_PER_OCTAVE)),
      ...counts.map((own) => steps.map((step) => own.get(step) ?? 0)),
    ],
    cell,
  );
}
