/** The story of one finding for the terminal: what it is, every event and line that proves it, in order, and the rules used. */
import type { ExplainedEvent, ExplainedLine, ExplainedRange, Explanation } from '../../query/explain.ts';
import { findingLines } from '../replay/finding-text.ts';
import { ruleLines, ruleText } from '../rule-text.ts';
import { type Style, widthOf } from '../text/style.ts';
import { printable, type TimeFormat, timeFormat, wrapAfter } from '../text/text-format.ts';
import { explainMail } from './explain-mail.ts';
import { explainMarkdown } from './explain-markdown.ts';
import { citedRules, type ExplainOptions, framesOf, logNameOf, placeOf, shownEvents } from './explained.ts';

const FRAMES_SHOWN = 14;

export function explainText(explanation: Explanation, options: ExplainOptions): string {
  switch (options.format) {
    case 'mail':
      return explainMail(explanation, options);
    case 'md':
      return explainMarkdown(explanation, options);
    case 'text':
      return plain(explanation, options);
  }
}

function plain(explanation: Explanation, options: ExplainOptions): string {
  const { finding } = explanation;
  const { style, teach = false, all = false, root } = options;
  const time = timeFormat(explanation.timeUnit);
  const logName = logNameOf(options.run);
  const told = { time, teach, ...(logName !== undefined && { logName }) };
  const lines =
    root === undefined || root.title === finding.title
      ? []
      : [...wrapAfter('', '  ', printable(root.title), widthOf(style)).map((line) => style.bold(line)), ''];
  lines.push(
    ...findingLines(finding, style, {
      ...told,
      evidence: false,
    }),
    '',
  );
  const events = shownEvents(explanation, all);
  if (events.length > 0) {
    lines.push(style.bold('What the recording shows, in order'));
    for (const event of events) lines.push(...eventLines(event, style, time));
    lines.push('');
  }
  if (explanation.ranges.length > 0 && all) {
    lines.push(style.bold('All these events belong to it'));
    for (const range of explanation.ranges) lines.push(...rangeLines(range, style, time));
    lines.push('');
  }
  if (explanation.lines.length > 0) {
    lines.push(style.bold('What the kernel said'));
    for (const line of explanation.lines) lines.push(...logLines(line, logName, style));
    lines.push('');
  }
  if (explanation.others.length > 0) {
    lines.push(style.bold('Also of this id: tasks of one kind behind the same root'));
    for (const title of explanation.others) lines.push(...wrapAfter('  ', '    ', printable(title), widthOf(style)));
    lines.push('');
  }
  const rules = citedRules(explanation);
  if (rules.length > 0) {
    lines.push(style.bold('Rules used'));
    for (const rule of rules)
      lines.push(
        ...(teach ? ruleText(rule, style).trimEnd().split('\n') : ruleLines(rule, style)).map((line) => `  ${line}`),
      );
    lines.push('');
  }
  if (explanation.missing.length > 0) lines.push(`not in the store: ${explanation.missing.join(', ')}`, '');
  return `${lines.join('\n').trimEnd()}\n`;
}

function eventLines(event: ExplainedEvent, style: Style, time: TimeFormat): string[] {
  const width = widthOf(style);
  const cpu = event.cpu === null ? '' : ` [${String(event.cpu).padStart(3, '0')}]`;
  const where = `${time.stamp(event.tsNs)}${cpu}${event.flags === '' ? '' : ` ${event.flags}`} ${printable(event.task)}`;
  const [first, ...rest] = wrapAfter(`  ${where}  `, '      ', printable(event.role), width);
  const head = `  ${where}  `;
  const lines = [
    first.startsWith(head) ? `${head}${style.bold(first.slice(head.length))}` : first,
    ...rest.map((line) => style.bold(line)),
  ];
  const fields = event.fields === '' ? '' : `: ${event.fields}`;
  lines.push(
    ...wrapAfter('      ', '        ', printable(`event ${event.event}: ${event.name}${fields}`), width).map((line) =>
      style.dim(line),
    ),
  );
  for (const frame of event.stack.slice(0, FRAMES_SHOWN)) lines.push(style.dim(`        ${printable(frame)}`));
  const more = event.stack.length - FRAMES_SHOWN;
  if (more > 0) lines.push(style.dim(`        and ${more} more frames`));
  return lines;
}

/** Whole lines: decode_stacktrace.sh and faddr2line read them. */
function logLines(line: ExplainedLine, logName: string | undefined, style: Style): string[] {
  const text = line.text === '' ? '' : `: ${line.text.trim()}`;
  return [
    ...wrapAfter('  ', '    ', printable(`${placeOf(line, logName)} (${line.role})${text}`), widthOf(style)),
    ...framesOf(line).map((frame) => style.dim(`       ${printable(frame)}`)),
  ];
}

function rangeLines(range: ExplainedRange, style: Style, time: TimeFormat): string[] {
  return [
    `  ${time.stamp(range.fromNs)} to ${time.stamp(range.toNs)}  ${style.bold(printable(range.role))}`,
    ...wrapAfter('      ', '        ', printable(scopeOf(range)), widthOf(style)).map((line) => style.dim(line)),
  ];
}

/** `events 2887 to 33051 of CPU 1: rcu_grace_period, rcu_grace_period_init`. */
function scopeOf({ event, toEvent, names, cpu, tid }: ExplainedRange): string {
  const of = [...(cpu === undefined ? [] : [`CPU ${cpu}`]), ...(tid === undefined ? [] : [`task ${tid}`])];
  const which = names.length === 0 ? 'all' : names.join(', ');
  return `events ${event} to ${toEvent}${of.length > 0 ? ` of ${of.join(', ')}` : ''}: ${which}`;
}
