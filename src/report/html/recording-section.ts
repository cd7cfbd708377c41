/** What the recording is, what it could decide, what was wrong with it, and how to record what is missing. */
import { type Assessment, DIAGNOSTICS, type ImportIssue } from '../../../schema/index.ts';
import { formatCount, plural, type TimeFormat } from '../text/text-format.ts';
import { html, type Markup, preformatted } from './html.ts';
import type { RunMaterial } from './run-material.ts';

const STATUS: Readonly<Record<Assessment['status'], string>> = {
  assessed: 'decided',
  partial: 'decided in part',
  'not-assessed': 'not decided',
};

export function recordingSection({ info, assessments, import: health }: RunMaterial, time: TimeFormat): Markup {
  const facts: readonly (readonly [string, string])[] = [
    ['kernel', info.kernel.release ?? 'not told'],
    ['CPUs', String(info.cpus)],
    ['events', `${formatCount(info.events)}, ${health.lost === 0 ? 'none lost' : `${formatCount(health.lost)} lost`}`],
    ['span', `${time.at(info.first_ns)} to ${time.at(info.last_ns)}, ${time.length(info.last_ns - info.first_ns)}`],
  ];
  return html`
<dl class="facts">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}${info.captures.map(
    ({ path, format, clock, offset_ns, offset_uncertainty_ns }) =>
      html`<dt>capture</dt><dd><code>${path}</code> ${format}${clock !== undefined && `, clock ${clock}`}${
        offset_ns !== undefined &&
        offset_ns !== 0 &&
        `, shifted by ${time.length(offset_ns)}${offset_uncertainty_ns === undefined ? '' : ` ± ${time.length(offset_uncertainty_ns)}`}`
      }</dd>`,
  )}</dl>
<h3>What this recording could decide</h3>
${assessmentTable(assessments)}
<h3>Import</h3>
<p>Read ${plural(health.events, 'event')}${health.issues.length === 0 ? ', nothing skipped.' : ':'}</p>
${health.issues.length > 0 && html`<ul class="issues">${health.issues.map(issueItem)}</ul>`}`;
}

function assessmentTable(assessments: readonly Assessment[]): Markup {
  return html`<table class="assessments"><thead><tr><th>finding</th><th>status</th><th>missing</th><th>note</th></tr></thead><tbody>${assessments.map(
    ({ kind, status, missing, note }) =>
      html`<tr class="${status}"><td>${kind}</td><td>${STATUS[status]}</td><td>${missing.join(', ')}</td><td>${note}</td></tr>`,
  )}</tbody></table>`;
}

function issueItem({ kind, capture, count, first }: ImportIssue): Markup {
  const { severity, advice } = DIAGNOSTICS[kind];
  const place = 'line' in first ? `line ${first.line}` : `byte ${first.byte}`;
  return html`<li><b>${severity}: ${kind}</b> ×${formatCount(count)}, first at ${capture} ${place}${first.text !== '' && html`: <code>${first.text.trim()}</code>`}<br>${advice}</li>`;
}

/** Commands as `quiesce plan` prints them. */
export function planSection(plan: string): Markup {
  return html`<details class="plan"><summary>Commands that record what is missing</summary><pre tabindex="0">${preformatted(plan.trimEnd())}</pre></details>`;
}
