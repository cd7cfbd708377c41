/** The page of a fleet: still, in one file, in the style of a run's page. It has no script, and its policy allows none. */
import {
  type FleetIdentity,
  type FleetOverview,
  type FleetReportResult,
  formatDuration,
} from '../../../schema/index.ts';
import { hashOf, pageStyle } from '../html/asset.ts';
import { html, Markup } from '../html/html.ts';
import { plural } from '../text/text-format.ts';
import { runsChart, trendChart } from './fleet-charts.ts';
import { fleetCell, fleetHeading, isText } from './fleet-text.ts';

export interface FleetPageOptions {
  /** Of quiesce. */
  readonly version: string;
  /** Command line that made the page. */
  readonly command: string;
}

/** Identities that are listed as new. */
const MOST_NEW = 50;

const STYLE = `
.trend{width:100%;max-width:960px;height:auto;display:block}
.trend text{font-size:11px;fill:var(--faint)}
.trend .rule{stroke:var(--line)}
.trend .all{fill:var(--task)}.trend .bad{fill:var(--error)}
.trend polyline{fill:none;stroke-width:2}
.trend .p50{stroke:var(--accent)}.trend .p99{stroke:var(--hardirq)}
.trend .hit{fill:transparent}.trend .hit:hover{fill:var(--line);fill-opacity:.4}
.key.p50{border-bottom:2px solid var(--accent)}.key.p99{border-bottom:2px solid var(--hardirq)}
table.fleet{border-collapse:collapse;width:100%}
table.fleet th,table.fleet td{text-align:left;padding:3px 12px 3px 0;border-bottom:1px solid var(--line);vertical-align:top}
table.fleet .time,table.fleet th{white-space:nowrap}
table.fleet td.text{overflow-wrap:break-word}
table.fleet .n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.fresh{list-style:none;padding:0}.fresh li{margin:6px 0;padding:6px 10px;border-left:3px solid var(--info);background:var(--panel)}
.fresh li.error{border-color:var(--error)}.fresh li.warning{border-color:var(--warning)}
.fresh small{color:var(--faint);display:block}
`;

export function fleetPage(overview: FleetOverview, options: FleetPageOptions): string {
  const style = `${pageStyle()}${STYLE}`;
  const policy = `default-src 'none'; style-src ${hashOf(style)}; base-uri 'none'; form-action 'none'`;
  const { days, fresh } = overview;
  const runs = sum(days, 'runs');
  const bad = sum(days, 'with_errors');
  const title = `Fleet: ${plural(runs, 'run')}, ${plural(fresh.length, 'new finding')}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="quiesce ${options.version}">
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<header><h1>${title}</h1><p>${spanText(days)} ${plural(bad, 'run')} with a finding of severity error.</p></header>
<section><h2>New since ${overview.fresh_since}</h2>${freshList(fresh)}</section>
<section><h2>Trends</h2>${runsChart(days.rows.map((row) => ({ day: String(row[0]), all: numberOf(days, row, 'runs'), bad: numberOf(days, row, 'with_errors') })))}${overview.trends.map(trendChart)}</section>
<section><h2>Root causes</h2>${table(overview.roots)}</section>
<section><h2>Findings</h2>${table(overview.findings)}</section>
<section><h2>Slowest hosts</h2><p>By the 99th percentile of <code>rcu-gp</code>.</p>${table(overview.hosts)}</section>
<section><h2>Grace periods per kernel and week</h2><details><summary>${plural(overview.grace_periods.rows.length, 'row')}</summary>${table(overview.grace_periods)}</details></section>
<section><h2>Coverage</h2><p>No finding is good news only where a run could have shown it.</p>${table(overview.coverage)}</section>
<footer><p>Made by quiesce ${options.version}: <code>${options.command}</code></p></footer>
</body>
</html>
`.text;
}

function spanText({ rows }: FleetReportResult): string {
  if (rows.length === 0) return 'No run was ingested.';
  return `Ingested from ${rows[0][0]} to ${rows[rows.length - 1][0]}, UTC.`;
}

function freshList(fresh: readonly FleetIdentity[]): Markup {
  if (fresh.length === 0) return html`<p>Nothing: every finding of these days was seen before.</p>`;
  const shown = fresh.slice(0, MOST_NEW);
  return html`<ul class="fresh">${shown.map(
    (one) =>
      html`<li class="${one.severity}"><b>${one.severity}</b> ${one.title}<small>${plural(one.runs, 'run')} on ${plural(one.hosts, 'host')}, first ${fleetCell(one.first_seen, 'time')}${one.worst_ns > 0 && `, at worst ${formatDuration(one.worst_ns)}`} · <code>${one.identity}</code></small></li>`,
  )}</ul>${fresh.length > shown.length && html`<p>and ${fresh.length - shown.length} more: <code>quiesce fleet report findings</code></p>`}`;
}

function table({ columns, rows, notes }: FleetReportResult): Markup {
  if (rows.length === 0) return html`<p>Nothing of this kind.</p>`;
  const side = columns.map((column) => (isText(column) ? column.type : 'n'));
  return html`<div class="scroll" tabindex="0"><table class="fleet"><thead><tr>${columns.map(
    (column, i) => html`<th scope="col" class="${side[i]}" title="${column.about}">${fleetHeading(column)}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (row) =>
      html`<tr>${row.map((value, i) => html`<td class="${side[i]}">${fleetCell(value, columns[i].type)}</td>`)}</tr>`,
  )}</tbody></table></div>${notes.map((note) => html`<p>${note}</p>`)}`;
}

const numberOf = ({ columns }: FleetReportResult, row: FleetReportResult['rows'][number], name: string): number =>
  Number(row[columns.findIndex((column) => column.name === name)]);

const sum = (result: FleetReportResult, name: string): number =>
  result.rows.reduce((total, row) => total + numberOf(result, row, name), 0);
