/**
 * One page that needs nothing else: no network, no second file, no script but its own. Everything that can be read is HTML; what moves
 * (timeline, charts, filter) is drawn by src/report/page from the data at its end.
 */
import { deflateRawSync } from 'node:zlib';
import type { CompareResult } from '../../../schema/index.ts';
import type { PageChart, PageData } from '../block/page-data.ts';
import { encodeTimeline } from '../block/timeline-block.ts';
import { asset, hashOf, pageStyle } from './asset.ts';
import { html, jsonData, Markup } from './html.ts';
import { compareSection, numbersSection } from './numbers-section.ts';
import type { RunMaterial } from './run-material.ts';
import { runSection } from './run-section.ts';
import { timelineFinding } from './timeline-links.ts';

export interface PageOptions {
  /** Of quiesce. */
  readonly version: string;
  /** Command line that made the page. */
  readonly command: string;
  /** What to record next, as `quiesce plan` prints it; by run, where something is missing. */
  readonly plans: readonly (string | undefined)[];
  readonly compare?: CompareResult;
}

/** Nothing is fetched, and nothing runs but the one script. */
const policy = (script: string, style: string): string =>
  `default-src 'none'; script-src ${hashOf(script)}; style-src ${hashOf(style)}; img-src data:; base-uri 'none'; form-action 'none'`;

export function reportPage(runs: readonly RunMaterial[], options: PageOptions): string {
  const script = asset('page.js');
  const style = pageStyle();
  const { data, block } = pageData(runs);
  const worst = runs.flatMap(({ roots }) => roots)[0];
  const title = worst?.title ?? 'No findings';
  const names = runs.map(({ info }) => info.name).join(', ');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(policy(script, style))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="quiesce ${options.version}">
<title>${title} – ${names}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<a class="skip" href="#findings-0">To the findings</a>
${runs.map((run, i) => runSection(run, i, runs.length, { version: options.version, plan: options.plans[i] }))}
<section id="numbers"><h2>Latencies</h2>${numbersSection(runs)}</section>
${options.compare && html`<section id="compare"><h2>Comparison</h2>${compareSection(options.compare)}</section>`}
<footer><p>Made by quiesce ${options.version}: <code>${options.command}</code></p></footer>
<div id="tip" role="status" aria-live="polite" hidden></div>
<script type="application/json" id="data">${jsonData(data)}</script>
<script type="application/octet-stream" id="block">${new Markup(block)}</script>
<script>${new Markup(script)}</script>
</body>
</html>
`.text;
}

function pageData(runs: readonly RunMaterial[]): { data: PageData; block: string } {
  const parts: Uint8Array[] = [];
  let at = 0;
  const shown = runs.map((run) => {
    const { directory, bytes } = encodeTimeline(run.timeline, at);
    parts.push(bytes);
    at += bytes.length;
    const findings = run.findings.map((finding, i) =>
      timelineFinding(finding, i, run.explanations.at(i), run.timeline),
    );
    return { name: run.info.name, ticks: run.info.kernel.timeUnit === 'ticks', timeline: directory, findings };
  });
  return {
    data: { runs: shown, charts: chartsOf(runs) },
    block: deflateRawSync(Buffer.concat(parts), { level: 9 }).toString('base64'),
  };
}

function chartsOf(runs: readonly RunMaterial[]): PageChart[] {
  const metrics = [...new Set(runs.flatMap((run) => run.metrics.map(({ histogram }) => histogram.metric)))];
  return metrics.map((metric) => {
    const found = runs.flatMap((run) => {
      const material = run.metrics.find(({ histogram }) => histogram.metric === metric);
      return material === undefined ? [] : [{ run, material }];
    });
    return {
      metric,
      title: found[0].material.histogram.title,
      runs: found.map(({ run, material: { histogram, heatMap } }) => ({
        name: run.info.name,
        buckets: (histogram.histograms[0]?.buckets ?? []).map(
          ({ low_ns, high_ns, count }) => [low_ns, high_ns, count] as const,
        ),
        ...(heatMap && {
          heat: {
            fromNs: heatMap.fromNs,
            sliceNs: heatMap.sliceNs,
            rows: heatMap.rows.map(({ lowNs, highNs, counts }) => [lowNs, highNs, counts] as const),
            open: heatMap.open,
          },
        }),
      })),
    };
  });
}
