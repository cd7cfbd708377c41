/** One finding: what, when, how it is known, its chain, the events and lines that prove it, and the mail that says it. */
import {
  type DetailFormat,
  type Finding,
  formatDuration,
  RECORDED_FROM_HERE,
  type RootCause,
  rowOf,
} from '../../../schema/index.ts';
import type { ExplainedEvent, ExplainedLine, Explanation } from '../../query/explain.ts';
import { ruleBook } from '../../query/rule-book.ts';
import { chainOf } from '../../query/timeline/subjects.ts';
import { explainMail } from '../explain/explain-mail.ts';
import { framesOf, logNameOf, placeOf, shownEvents } from '../explain/explained.ts';
import type { FindingGraph } from '../graph/finding-graphs.ts';
import { spanOf } from '../replay/finding-text.ts';
import { statementsOf } from '../replay/statement-text.ts';
import { PLAIN } from '../text/style.ts';
import { formatCount, type TimeFormat } from '../text/text-format.ts';
import { chainSection, holdoutSection, stripSection } from './chain-section.ts';
import { html, Markup, preformatted } from './html.ts';
import type { RunMaterial } from './run-material.ts';

const DETAIL_FORMAT: DetailFormat = { duration: formatDuration };
/** Of one finding; a store has them all. */
const MOST_EVENTS = 40;

export interface FindingContext {
  readonly run: RunMaterial;
  /** Of the run among those of the page. */
  readonly runNo: number;
  readonly root: RootCause;
  readonly time: TimeFormat;
  readonly version: string;
}

/** @param index place of the finding in the run */
export function findingSection(finding: Finding, index: number, open: boolean, context: FindingContext): Markup {
  const { run, runNo, time } = context;
  const explanation = run.explanations.at(index);
  const graph = run.graphs.get(index);
  const tasks = [...new Set(chainOf(finding).flatMap(({ tid, name }) => (tid === undefined ? [] : [name])))].join(' ');
  return html`
<details class="finding ${finding.severity}" id="f${runNo}-${index}" data-finding="${index}" data-kind="${finding.kind}" data-severity="${finding.severity}" data-tasks="${tasks}"${open && new Markup(' open')}>
<summary><span class="kind">${finding.kind}</span> <span class="title">${finding.title}</span> <span class="span">${shortSpan(finding, time)}</span></summary>
<div class="body">
<p class="when">${spanOf(finding, time)} <span class="id">${finding.confidence} · <code>${finding.id}</code></span>
<span class="acts">${run.timeline.lanes.length > 0 && html`<button type="button" data-act="zoom">Show in timeline</button>`}${explanation && html` <button type="button" data-act="mail">Copy as mail</button>`}</span></p>
${detailLines(finding)}
${chainOf(finding).length > 1 && chainSection(chainOf(finding))}
${finding.kind === 'rcu-stall' && finding.timeline && stripSection(finding.timeline)}
${finding.kind === 'rcu-stall' && (finding.holdouts?.length ?? 0) > 0 && holdoutSection(finding.holdouts ?? [])}
${statements(finding, run)}
${graph && graphFigure(graph)}
${explanation ? evidence(explanation, context) : html`<p class="more">Its events are in the store: <code>quiesce explain RUN.db ${finding.id}</code></p>`}
</div></details>`;
}

/** `28.750 s, 13.8 s`: where it lies, for a look down the list. */
function shortSpan({ start_ns, end_ns }: Finding, time: TimeFormat): string {
  return end_ns === start_ns ? time.at(start_ns) : `${time.at(start_ns)}, ${time.length(end_ns - start_ns)}`;
}

function detailLines(finding: Finding): Markup | false {
  const lines = rowOf(finding)
    .details(finding, DETAIL_FORMAT)
    .filter((line) => !finding.title.includes(line));
  return lines.length > 0 && html`<ul class="details">${lines.map((line) => html`<li>${line}</li>`)}</ul>`;
}

function statements(finding: Finding, run: RunMaterial): Markup | false {
  const logName = logNameOf(run.info);
  const said = statementsOf(finding, { teach: true, ...(logName !== undefined && { logName }) });
  const book = ruleBook();
  return (
    said.length > 0 &&
    html`<ul class="statements">${said.map(
      ({ basis, text, rules }) =>
        html`<li><span class="basis ${basis === '' ? 'background' : basis}">${basis === '' ? 'the kernel' : basis}</span> <span>${text}${rules.map(
          (id) => html` <abbr title="${book.rule(id)?.summary ?? ''}">${id}</abbr>`,
        )}</span></li>`,
    )}</ul>`
  );
}

const graphFigure = ({ title, svg }: FindingGraph): Markup =>
  html`<figure class="graph"><figcaption>${title}</figcaption><div class="scroll" tabindex="0">${new Markup(svg)}</div></figure>`;

function evidence(explanation: Explanation, context: FindingContext): Markup {
  const { run, root, version, time } = context;
  const all = shownEvents(explanation, false);
  const events = all.slice(0, MOST_EVENTS);
  const mail = explainMail(explanation, { style: PLAIN, format: 'mail', root, run: run.info, version });
  const logName = logNameOf(run.info);
  const recorded = explanation.events.filter(({ role }) => role.endsWith(RECORDED_FROM_HERE)).length;
  return html`
${explanation.lines.length > 0 && html`<h4>What the kernel said</h4>${explanation.lines.map((line) => logLine(line, logName))}`}
${
  events.length > 0 &&
  html`<details class="evidence"><summary>${events.length === all.length ? formatCount(all.length) : `${events.length} of ${formatCount(all.length)}`} events that prove it</summary><ol class="events">${events.map((event) => eventItem(event, time))}</ol>${
    (explanation.ranges.length > 0 || recorded > 0) &&
    html`<p class="more">and ${explanation.ranges.length} ranges of events: <code>quiesce explain RUN.db ${explanation.finding.id} --all</code></p>`
  }</details>`
}
${events.length > 0 && html`<p class="more">All events around it: <code>quiesce events RUN.db --around ${explanation.finding.id}</code></p>`}
<details class="mail"><summary>As a mail</summary><pre tabindex="0">${preformatted(mail)}</pre></details>`;
}

function eventItem(event: ExplainedEvent, time: TimeFormat): Markup {
  const cpu = event.cpu === null ? '' : `[${String(event.cpu).padStart(3, '0')}]`;
  const flags = event.flags === '' ? '' : `${event.flags} `;
  return html`<li data-event="${event.event}" data-ns="${event.tsNs}"${event.cpu !== null && html` data-cpu="${event.cpu}"`}><p class="role">${event.role}</p><pre>${event.task} ${cpu} ${flags}${time.stamp(event.tsNs)}: ${event.name}: ${event.fields}
<span class="nr">event ${event.event}</span></pre>${
    event.stack.length > 0 &&
    html`<pre class="stack">${preformatted(event.stack.map((frame) => ` => ${frame}`).join('\n'))}</pre>`
  }</li>`;
}

function logLine(line: ExplainedLine, logName: string | undefined): Markup {
  const frames = framesOf(line);
  return html`<figure class="log"><figcaption>${placeOf(line, logName)} <span class="role">${line.role}</span></figcaption>${
    line.text !== '' && html`<pre>${line.text.trim()}</pre>`
  }${
    frames.length > 0 && html`<pre class="stack">${preformatted(frames.map((frame) => `  ${frame}`).join('\n'))}</pre>`
  }</figure>`;
}
