/** Latencies: percentiles of every metric, runs beside each other, and the verdicts of a comparison. */
import {
  type CompareResult,
  formatDuration,
  METRICS,
  type MetricComparison,
  type MetricName,
} from '../../../schema/index.ts';
import { formatCount } from '../text/text-format.ts';
import { html, type Markup } from './html.ts';
import type { RunMaterial } from './run-material.ts';

const PERCENTILES = [
  ['p50', 'p50_ns'],
  ['p90', 'p90_ns'],
  ['p99', 'p99_ns'],
  ['p99.9', 'p999_ns'],
  ['max', 'max_ns'],
] as const;

const lengthOf = (ns: number | null): string => (ns === null ? '–' : formatDuration(ns));

/** One row per metric and run; charts are drawn where a row is opened. */
export function numbersSection(runs: readonly RunMaterial[]): Markup {
  const metrics = [...new Set(runs.flatMap((run) => run.metrics.map(({ histogram }) => histogram.metric)))];
  if (metrics.length === 0)
    return html`<p>No latency was measured: the recording has none of the events that show them.</p>`;
  const several = runs.length > 1;
  return html`<div class="scroll" tabindex="0"><table class="numbers"><thead><tr><th scope="col">metric</th>${several && html`<th scope="col">run</th>`}<th scope="col" class="n">count</th><th scope="col" class="n">open</th>${PERCENTILES.map(
    ([name]) => html`<th scope="col" class="n">${name}</th>`,
  )}<th></th></tr></thead>${metrics.map((metric) => metricRows(metric, runs, several))}</table></div>`;
}

function metricRows(metric: string, runs: readonly RunMaterial[], several: boolean): Markup {
  const shown = runs.flatMap((run, i) => {
    const found = run.metrics.find(({ histogram }) => histogram.metric === metric)?.histogram.histograms[0];
    return found === undefined ? [] : [{ found, name: `${i + 1}. ${run.info.name}` }];
  });
  const title = METRICS[metric as MetricName]?.title ?? metric;
  return html`<tbody data-metric="${metric}">${shown.map(
    ({ found, name }, i) =>
      html`<tr>${i === 0 && html`<th scope="rowgroup" rowspan="${shown.length}"><b>${metric}</b> <span class="note">${title}</span></th>`}${several && html`<td>${name}</td>`}<td class="n">${formatCount(found.count)}</td><td class="n">${found.open === 0 ? '' : formatCount(found.open)}</td>${PERCENTILES.map(
        ([, key]) => html`<td class="n">${lengthOf(found[key])}</td>`,
      )}<td>${i === 0 && html`<button type="button" data-act="chart" aria-expanded="false">chart</button>`}</td></tr>`,
  )}</tbody>`;
}

const VERDICT_MARKS: Readonly<Record<MetricComparison['verdict'], string>> = {
  regressed: '▲ regressed',
  improved: '▼ improved',
  same: '= same',
  'too-few': '? too few',
};

export function compareSection(result: CompareResult): Markup {
  const { appeared, gone, worse } = result.findings;
  const lists = [
    ['Appeared', appeared],
    ['Gone', gone],
    ['Worse', worse],
  ] as const;
  return html`
<p class="verdict ${result.verdict}"><b>${VERDICT_MARKS[result.verdict]}</b> ${result.base.runs.length} base against ${result.head.runs.length} head; a change counts from ${(result.threshold * 100).toFixed(0)} % on, at p ≤ ${result.alpha}.</p>
${result.notes.length > 0 && html`<ul>${result.notes.map((note) => html`<li>${note}</li>`)}</ul>`}
<div class="scroll" tabindex="0"><table class="compare"><thead><tr><th scope="col">metric</th><th scope="col" class="n">base p50</th><th scope="col" class="n">head p50</th><th scope="col" class="n">base p99</th><th scope="col" class="n">head p99</th><th scope="col" class="n">ratio</th><th scope="col">95 % interval</th><th scope="col">verdict</th></tr></thead><tbody>${result.metrics.map(
    ({ metric, label, base, head, statistic, ratio, ci95, verdict, note }) =>
      html`<tr class="${verdict}"><th scope="row">${metric}${label !== undefined && ` ${label}`}</th><td class="n">${lengthOf(base.p50)}</td><td class="n">${lengthOf(head.p50)}</td><td class="n">${lengthOf(base.p99)}</td><td class="n">${lengthOf(head.p99)}</td><td class="n">${ratio === null ? '–' : `${statistic} × ${ratio.toFixed(2)}`}</td><td>${interval(ci95)}</td><td title="${note}">${VERDICT_MARKS[verdict]}</td></tr>`,
  )}</tbody></table></div>
${lists.map(
  ([name, found]) =>
    found.length > 0 &&
    html`<h3>${name}</h3><ul>${found.map(({ severity, kind, title }) => html`<li><b>${severity}: ${kind}</b> ${title}</li>`)}</ul>`,
)}`;
}

/** From a quarter to four times, 1 in the middle. */
const SCALE = 4;
const WIDTH = 140;

function interval(ci95: readonly [number, number] | null): Markup | string {
  if (ci95 === null) return '';
  const at = (ratio: number): number => {
    const bounded = Math.max(1 / SCALE, Math.min(SCALE, ratio));
    return Math.round(((Math.log(bounded) / Math.log(SCALE) + 1) / 2) * WIDTH);
  };
  const [low, high] = ci95;
  return html`<svg class="interval" role="img" width="${WIDTH}" height="12" aria-label="${low.toFixed(2)} to ${high.toFixed(2)}"><path class="one" d="M${WIDTH / 2} 0V12"/><path class="ci" d="M${at(low)} 6H${Math.max(at(high), at(low) + 2)}"/></svg> ${low.toFixed(2)} – ${high.toFixed(2)}`;
}
