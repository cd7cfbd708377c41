/** The story of one finding, for the terminal or as Markdown for a mail or an issue. */
import type { Rule } from '../../schema/index.ts';
import type { ExplainedEvent, ExplainedRange, Explanation } from '../query/explain.ts';
import { ruleBook } from '../query/rule-book.ts';
import { findingLines } from './finding-text.ts';
import { ruleLines } from './rule-text.ts';
import type { Style } from './style.ts';
import { printable, type TimeFormat, timeFormat, wrap } from './text-format.ts';

const WIDTH = 100;
const FRAMES_SHOWN = 14;

export interface ExplainOptions {
  readonly style: Style;
  readonly format: 'text' | 'md';
}

export function explainText(explanation: Explanation, options: ExplainOptions): string {
  return options.format === 'md' ? markdown(explanation) : plain(explanation, options.style);
}

function plain(explanation: Explanation, style: Style): string {
  const { finding } = explanation;
  const time = timeFormat(explanation.timeUnit);
  const lines = [...findingLines({ ...finding, evidence: [] }, style, { time }), ''];
  if (explanation.events.length > 0) {
    lines.push(style.bold('What the recording shows, in order'));
    for (const event of explanation.events) lines.push(...eventLines(event, style, time));
    lines.push('');
  }
  if (explanation.ranges.length > 0) {
    lines.push(style.bold('All these events belong to it'));
    for (const range of explanation.ranges) lines.push(...rangeLines(range, style, time));
    lines.push('');
  }
  if (explanation.lines.length > 0) {
    lines.push(style.bold('What the kernel said'));
    for (const line of explanation.lines) {
      const text = line.text === '' ? '' : `: ${line.text.trim()}`;
      lines.push(...indented(`line ${line.line} (${line.role})${text}`, '  '));
      // Whole lines: decode_stacktrace.sh and faddr2line read them.
      for (const frame of line.stack) lines.push(style.dim(`       ${printable(frame)}`));
    }
    lines.push('');
  }
  const rules = citedRules(explanation);
  if (rules.length > 0) {
    lines.push(style.bold('Rules used'));
    for (const rule of rules) lines.push(...ruleLines(rule, style).map((line) => `  ${line}`));
    lines.push('');
  }
  if (explanation.missing.length > 0) lines.push(`not in the store: ${explanation.missing.join(', ')}`, '');
  return `${lines.join('\n').trimEnd()}\n`;
}

function eventLines(event: ExplainedEvent, style: Style, time: TimeFormat): string[] {
  const cpu = event.cpu === null ? '' : ` [${String(event.cpu).padStart(3, '0')}]`;
  const where = `${time.stamp(event.tsNs)}${cpu}${event.flags === '' ? '' : ` ${event.flags}`} ${printable(event.task)}`;
  const lines = [`  ${where}  ${style.bold(printable(event.role))}`];
  lines.push(
    ...indented(`event ${event.event}: ${event.name}: ${event.fields}`, '      ').map((line) => style.dim(line)),
  );
  if (event.stack.length > 0) {
    const shown = event.stack.slice(0, FRAMES_SHOWN);
    const more = event.stack.length - shown.length;
    lines.push(
      ...indented(`${shown.join(' ← ')}${more > 0 ? ` ← ${more} more` : ''}`, '      ').map((line) => style.dim(line)),
    );
  }
  return lines;
}

function rangeLines(range: ExplainedRange, style: Style, time: TimeFormat): string[] {
  const lines = [`  ${time.stamp(range.fromNs)} to ${time.stamp(range.toNs)}  ${style.bold(printable(range.role))}`];
  return [...lines, ...indented(scopeOf(range), '      ').map((line) => style.dim(line))];
}

/** `events 2887 to 33051 of CPU 1: rcu_grace_period, rcu_grace_period_init`. */
function scopeOf({ event, toEvent, names, cpu, tid }: ExplainedRange): string {
  const of = [...(cpu === undefined ? [] : [`CPU ${cpu}`]), ...(tid === undefined ? [] : [`task ${tid}`])];
  const which = names.length === 0 ? 'all' : names.join(', ');
  return `events ${event} to ${toEvent}${of.length > 0 ? ` of ${of.join(', ')}` : ''}: ${which}`;
}

function indented(text: string, indent: string): string[] {
  return wrap(printable(text), WIDTH - indent.length - 2).map((line, i) => `${indent}${i === 0 ? '' : '  '}${line}`);
}

function citedRules({ finding }: Explanation): Rule[] {
  const links = 'chain' in finding ? (finding.chain ?? []) : [];
  const cited = new Set([...finding.notes, ...links].flatMap(({ rules }) => rules ?? []));
  const book = ruleBook();
  return [...cited].flatMap((id) => book.rule(id) ?? []);
}

/** Plain Markdown: headings, a table, code blocks; nothing that a mail client would spoil. */
function markdown(explanation: Explanation): string {
  const { finding, runName } = explanation;
  const time = timeFormat(explanation.timeUnit);
  const lines = [
    `## ${escapeMarkdown(finding.title)}`,
    '',
    `${finding.severity}, ${finding.confidence}, \`${finding.id}\`, from \`${printable(runName)}\``,
    '',
    '```',
    ...findingLines(
      { ...finding, evidence: [] },
      { bold: (t) => t, dim: (t) => t, severity: (_, t) => t },
      { time },
    ).slice(1),
    '```',
    '',
  ];
  if (explanation.events.length > 0) {
    lines.push('### What the recording shows', '', '| time | CPU | task | what | event |', '|---|---|---|---|---|');
    for (const event of explanation.events) {
      const cells = [time.stamp(event.tsNs), event.cpu ?? '', event.task, event.role, `${event.event}: ${event.name}`];
      lines.push(`| ${cells.map((cell) => escapeMarkdown(String(cell))).join(' | ')} |`);
    }
    lines.push('');
    if (explanation.ranges.length > 0) {
      lines.push('### All these events belong to it', '', '| from | to | what | events |', '|---|---|---|---|');
      for (const range of explanation.ranges) {
        const cells = [time.stamp(range.fromNs), time.stamp(range.toNs), range.role, scopeOf(range)];
        lines.push(`| ${cells.map(escapeMarkdown).join(' | ')} |`);
      }
      lines.push('');
    }
    for (const event of explanation.events.filter((candidate) => candidate.stack.length > 0)) {
      lines.push(
        `Stack of event ${event.event} (${escapeMarkdown(event.role)}):`,
        '',
        '```',
        ...event.stack.map(printable),
        '```',
        '',
      );
    }
  }
  if (explanation.lines.length > 0) {
    lines.push('### What the kernel said', '', '```');
    for (const line of explanation.lines) {
      lines.push(printable(`${line.line}: ${line.text === '' ? line.role : line.text}`));
      for (const frame of line.stack) lines.push(`   ${printable(frame)}`);
    }
    lines.push('```', '');
  }
  const rules = citedRules(explanation);
  if (rules.length > 0)
    lines.push('### Rules', '', ...rules.map(({ id, summary }) => `- ${id}: ${escapeMarkdown(summary)}`), '');
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Names come from captures: they must not become markup. */
function escapeMarkdown(text: string): string {
  return printable(text).replace(/[\\`*_{}[\]<>()#|!]/g, (char) => `\\${char}`);
}
