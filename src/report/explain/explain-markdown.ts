/** A finding as Markdown for an issue: code fences for what must keep its columns, details that fold away. */
import type { Explanation } from '../../query/explain.ts';
import { findingBody } from '../replay/finding-text.ts';
import { PLAIN } from '../text/style.ts';
import { printable, type TimeFormat, timeFormat } from '../text/text-format.ts';
import {
  citedRules,
  type ExplainOptions,
  logNameOf,
  placeOf,
  provenance,
  shownEvents,
  shownStacks,
} from './explained.ts';

export function explainMarkdown(explanation: Explanation, options: ExplainOptions): string {
  const { finding } = explanation;
  const { root, teach = false, all = false } = options;
  const time = timeFormat(explanation.timeUnit);
  const logName = logNameOf(options.run);
  const lines = [
    `## ${escapeMarkdown(root?.title ?? finding.title)}`,
    '',
    ...(root === undefined || root.title === finding.title ? [] : [escapeMarkdown(finding.title), '']),
    ...fence(findingBody(finding, PLAIN, { teach, time, indent: '', ...(logName !== undefined && { logName }) })),
    '',
  ];
  lines.push(...logSection(explanation, logName));
  const events = shownEvents(explanation, all);
  if (events.length > 0) lines.push(...eventSection(explanation, options, time));
  for (const { of, frames } of shownStacks(events, time))
    lines.push(...details(`Call trace of ${of}`, fence(frames)), '');
  const rules = citedRules(explanation);
  if (rules.length > 0)
    lines.push(
      ...details(
        'Rules used',
        rules.map(({ id, summary, text }) => `- ${id}: ${escapeMarkdown(teach ? text : summary)}`),
      ),
      '',
    );
  lines.push(escapeMarkdown(provenance(explanation, options)));
  return `${lines.join('\n').trimEnd()}\n`;
}

function logSection({ lines }: Explanation, logName: string | undefined): string[] {
  const quoted = lines.flatMap((line) =>
    line.text === ''
      ? []
      : [`${placeOf(line, logName)}: ${line.text.trim()}`, ...line.stack.map((frame) => `  ${frame}`)],
  );
  return quoted.length === 0 ? [] : [...details('What the kernel said', fence(quoted)), ''];
}

function eventSection(explanation: Explanation, options: ExplainOptions, time: TimeFormat): string[] {
  const all = options.all ?? false;
  const rows = shownEvents(explanation, all).map(({ tsNs, cpu, task, role, event, name }) => [
    time.stamp(tsNs),
    cpu ?? '',
    task,
    role,
    `${event}: ${name}`,
  ]);
  const lines = ['| time | CPU | task | what | event |', '|---|---|---|---|---|', ...rows.map(tableRow)];
  if (all && explanation.ranges.length > 0) {
    lines.push('', '| from | to | what | events |', '|---|---|---|---|');
    for (const { fromNs, toNs, role, event, toEvent } of explanation.ranges)
      lines.push(tableRow([time.stamp(fromNs), time.stamp(toNs), role, `${event} to ${toEvent}`]));
  }
  return [...details('What the recording shows', lines), ''];
}

const tableRow = (cells: readonly (string | number)[]): string =>
  `| ${cells.map((cell) => escapeMarkdown(String(cell))).join(' | ')} |`;

function details(summary: string, body: readonly string[]): string[] {
  return [`<details><summary>${escapeHtml(printable(summary))}</summary>`, '', ...body, '', '</details>'];
}

/** A fence that no line of the text can close. */
function fence(text: readonly string[]): string[] {
  const shown = text.map(printable);
  const ticks = Math.max(2, ...shown.flatMap((line) => [...line.matchAll(/`+/g)].map(([run]) => run.length)));
  const mark = '`'.repeat(ticks + 1);
  return [mark, ...shown, mark];
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Names come from captures: they must not become markup, mentions or links. */
function escapeMarkdown(text: string): string {
  return printable(text)
    .replace(/[\\`*_{}[\]()#|!~&]/g, (char) => `\\${char}`)
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/@(?=\w)/g, '@\u200b');
}
