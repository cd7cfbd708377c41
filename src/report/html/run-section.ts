/** One run: its headline, its timeline, its root causes with their findings, and what the recording is. */
import type { Finding, RootCause } from '../../../schema/index.ts';
import { tellingFinding } from '../replay/wait-list.ts';
import { plural, type TimeFormat, timeFormat } from '../text/text-format.ts';
import { findingSection } from './finding-section.ts';
import { html, type Markup } from './html.ts';
import { planSection, recordingSection } from './recording-section.ts';
import type { RunMaterial } from './run-material.ts';
import { whatIfSection } from './what-if-section.ts';

export interface RunSectionOptions {
  readonly version: string;
  readonly plan: string | undefined;
}

export function runSection(run: RunMaterial, runNo: number, runs: number, options: RunSectionOptions): Markup {
  const { info, findings, whatIf, timeline } = run;
  const time = timeFormat(info.kernel.timeUnit);
  const kernel = info.kernel.release === undefined ? '' : ` · kernel ${info.kernel.release}`;
  return html`<article class="run" data-run="${runNo}" aria-labelledby="verdict-${runNo}">
<header>
<p class="what">${runs > 1 && html`<b>Run ${runNo + 1}</b> `}${info.name}${kernel} ${info.cpus > 0 && ` · ${plural(info.cpus, 'CPU')}`} · ${plural(info.events, 'event')} · ${time.length(info.last_ns - info.first_ns)}</p>
${verdict(run, runNo, time)}
<nav aria-label="Parts of this report">${timeline.lanes.length > 0 && html`<a href="#timeline-${runNo}">Timeline</a> `}<a href="#findings-${runNo}">${plural(findings.length, 'finding')}</a> ${whatIf && html`<a href="#whatif-${runNo}">What if</a> `}<a href="#numbers">Latencies</a> <a href="#recording-${runNo}">The recording</a></nav>
</header>
${
  timeline.lanes.length > 0 &&
  html`<section id="timeline-${runNo}" class="timeline" data-run="${runNo}"><h2>Timeline</h2><noscript><p>The timeline needs JavaScript; all findings are below.</p></noscript></section>`
}
<section id="findings-${runNo}" class="findings"><h2>Root causes and findings</h2>
${findings.length > 1 && filterBar(findings)}
${rootSections(run, runNo, time, options.version)}
</section>
${whatIf && html`<section id="whatif-${runNo}"><h2>What would change it</h2>${whatIfSection(whatIf)}</section>`}
<section id="recording-${runNo}"><h2>The recording</h2>${recordingSection(run, time)}${options.plan !== undefined && planSection(options.plan)}</section>
</article>`;
}

/** What is wrong, and since when: all that many readers need. */
function verdict({ roots, assessments, findings, info }: RunMaterial, runNo: number, time: TimeFormat): Markup {
  const [first, ...others] = roots;
  if (first === undefined) {
    const open = assessments.filter(({ status }) => status !== 'assessed').length;
    return html`<h1 id="verdict-${runNo}" class="none"><span class="severity">No findings</span>${open > 0 && html` <small>${open} of ${assessments.length} kinds of findings could not be decided, or not wholly</small>`}</h1>`;
  }
  const sections = sectionsOf(roots, findings);
  return html`<h1 id="verdict-${runNo}" class="${first.severity}"><span class="severity">${first.severity}</span> ${first.title}</h1>
<p class="since">${sinceText(sections[0], time, info.first_ns)}</p>
${others.length > 0 && html`<ol class="others" start="2">${others.slice(0, MOST_HEADLINES).map((root, i) => html`<li class="${root.severity}"><a href="#root-${runNo}-${i + 1}"><span class="severity">${root.severity}</span> ${root.title}</a> <span class="since">${sinceText(sections[i + 1], time)}</span></li>`)}</ol>${others.length > MOST_HEADLINES && html`<p class="more">and ${others.length - MOST_HEADLINES} more below</p>`}`}`;
}

const MOST_HEADLINES = 11;

/** Findings come in the order of the roots. */
function sectionsOf(roots: readonly RootCause[], findings: readonly Finding[]): (readonly Finding[])[] {
  let at = 0;
  return roots.map(({ findings: ids }) => {
    at += ids.length;
    return findings.slice(at - ids.length, at);
  });
}

/** @param beganNs where the recording began: said of the first one */
function sinceText(findings: readonly Finding[], time: TimeFormat, beganNs?: number): string {
  const from = Math.min(...findings.map(({ start_ns }) => start_ns));
  const to = Math.max(...findings.map(({ end_ns }) => end_ns));
  const into = beganNs === undefined || from <= beganNs ? '' : `, ${time.length(from - beganNs)} into the recording`;
  return from === to ? `at ${time.at(from)}${into}` : `since ${time.at(from)}${into}, for ${time.length(to - from)}`;
}

function filterBar(findings: readonly Finding[]): Markup {
  const kinds = [...new Set(findings.map(({ kind }) => kind))];
  const severities = [...new Set(findings.map(({ severity }) => severity))];
  return html`<form class="filter" role="search"><label>Filter <input type="search" name="text" placeholder="task, lock, text" autocomplete="off"></label>
<label>severity <select name="severity"><option value="">all</option>${severities.map((severity) => html`<option>${severity}</option>`)}</select></label>
<label>kind <select name="kind"><option value="">all</option>${kinds.map((kind) => html`<option>${kind}</option>`)}</select></label>
<output aria-live="polite"></output></form>`;
}

function rootSections(run: RunMaterial, runNo: number, time: TimeFormat, version: string): Markup | string {
  const { roots, findings } = run;
  if (roots.length === 0) return 'Nothing was found.';
  let index = 0;
  return html`${sectionsOf(roots, findings).map((own, i) => {
    const root = roots[i];
    const first = index;
    index += own.length;
    const telling = tellingFinding(own);
    const context = { run, runNo, root, time, version };
    return html`<section class="root ${root.severity}" id="root-${runNo}-${i}"><h3>${roots.length > 1 && `${i + 1}. `}${root.title}</h3>${own.map((finding, n) => findingSection(finding, first + n, i === 0 && finding === telling, context))}</section>`;
  })}`;
}
