/** The story of one finding, for the terminal or as Markdown for a mail or an issue. */
import type { ExplainedEvent, Explanation } from '../query/explain.ts';
import { findingLines } from './finding-text.ts';
import type { Style } from './style.ts';
import { formatTime, printable, wrap } from './text-format.ts';

const WIDTH = 100;
const FRAMES_SHOWN = 14;

/** Rules that notes and roles cite, in one plain sentence each (MODEL.md holds the full text). */
const RULES: Readonly<Record<string, string>> = {
  'E0.4': 'where events were lost, nothing is concluded from their absence',
  'R2.40':
    'the stall deadline is rcu_cpu_stall_timeout (3 to 300 s) after the grace period starts, plus 5 s with PROVE_RCU',
  'R2.41': 'only a scheduler tick checks for a stall: a machine without ticks cannot warn',
  'R2.60': 'the kernel warns if the grace period is still running when the deadline passes and a tick comes',
  'R2.61': 'a CPU that owes the quiescent state reports itself at its tick; any other may report two jiffies later',
  'S3.23': 'a task that waits in synchronize_srcu() for a struct of which it is itself a reader waits for ever',
  'S3.60': 'a worker of process_srcu that sleeps in synchronize_rcu() makes the SRCU grace period wait for an RCU one',
  'W4.12': 'what a sleeping task waits for is read from its stack when no probe shows it',
  'W4.31': 'a cycle in which every task has nobody else to wait for is a deadlock',
  'L5.8': 'lockdep reports a cycle even when a common outer lock keeps its paths apart',
  'L5.11': 'a cycle of classes is stronger when its edges share lock instances',
  'L5.25': 'acquiring N while P is held adds the order P → N; a trylock adds none',
  'L5.27': 'orders that lead back to the first lock are a deadlock waiting for the right timing',
  'L5.28': 'whether readers may nest decides some cycles',
  'L5.30': 'lockdep checks wait contexts first, then usage, then order, and stops for good at its first report',
  'L5.31': 'a spinlock_t sleeps on PREEMPT_RT; under a raw spinlock only raw spinlocks may be taken',
  'L5.32': 'a lock may be taken only where the context and all locks held allow its kind of waiting',
  'L5.34': 'kernels without PREEMPT_RT and raw-nesting checks do not mind',
  'L5.40': 'a lock used in an interrupt must never be held with that interrupt enabled',
  T63: 'NMIs are invisible to profiling by NMIs',
};

export interface ExplainOptions {
  readonly style: Style;
  readonly format: 'text' | 'md';
}

export function explainText(explanation: Explanation, options: ExplainOptions): string {
  return options.format === 'md' ? markdown(explanation) : plain(explanation, options.style);
}

function plain(explanation: Explanation, style: Style): string {
  const { finding } = explanation;
  const lines = [...findingLines({ ...finding, evidence: [] }, style), ''];
  if (explanation.events.length > 0) {
    lines.push(style.bold('What the recording shows, in order'));
    for (const event of explanation.events) lines.push(...eventLines(event, style));
    lines.push('');
  }
  if (explanation.lines.length > 0) {
    lines.push(style.bold('What the kernel said'));
    for (const line of explanation.lines) {
      const text = line.text === '' ? '' : `: ${line.text.trim()}`;
      lines.push(...indented(`line ${line.line} (${line.role})${text}`, '  '));
    }
    lines.push('');
  }
  const rules = citedRules(explanation);
  if (rules.length > 0) {
    lines.push(style.bold('Rules used'));
    for (const rule of rules) lines.push(...indented(`${rule}  ${RULES[rule]}`, '  '));
    lines.push('');
  }
  if (explanation.missing.length > 0) lines.push(`not in the store: ${explanation.missing.join(', ')}`, '');
  return `${lines.join('\n').trimEnd()}\n`;
}

function eventLines(event: ExplainedEvent, style: Style): string[] {
  const cpu = event.cpu === null ? '' : ` [${String(event.cpu).padStart(3, '0')}]`;
  const where = `${formatTime(event.tsNs)}${cpu}${event.flags === '' ? '' : ` ${event.flags}`} ${printable(event.task)}`;
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

function indented(text: string, indent: string): string[] {
  return wrap(printable(text), WIDTH - indent.length - 2).map((line, i) => `${indent}${i === 0 ? '' : '  '}${line}`);
}

function citedRules(explanation: Explanation): string[] {
  const text = [
    explanation.finding.title,
    ...explanation.finding.notes,
    ...explanation.events.map((event) => event.role),
  ].join('\n');
  const cited = text.match(/\b[A-Z]{1,2}\d+\.\d+\b|\bT\d+\b/g) ?? [];
  return [...new Set(cited)].filter((rule) => rule in RULES);
}

/** Plain Markdown: headings, a table, code blocks; nothing that a mail client would spoil. */
function markdown(explanation: Explanation): string {
  const { finding, runName } = explanation;
  const lines = [
    `## ${escapeMarkdown(finding.title)}`,
    '',
    `${finding.severity}, ${finding.confidence}, \`${finding.id}\`, from \`${printable(runName)}\``,
    '',
    '```',
    ...findingLines({ ...finding, evidence: [] }, { bold: (t) => t, dim: (t) => t, severity: (_, t) => t }).slice(1),
    '```',
    '',
  ];
  if (explanation.events.length > 0) {
    lines.push('### What the recording shows', '', '| time | CPU | task | what | event |', '|---|---|---|---|---|');
    for (const event of explanation.events) {
      const cells = [formatTime(event.tsNs), event.cpu ?? '', event.task, event.role, `${event.event}: ${event.name}`];
      lines.push(`| ${cells.map((cell) => escapeMarkdown(String(cell))).join(' | ')} |`);
    }
    lines.push('');
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
    for (const line of explanation.lines)
      lines.push(printable(`${line.line}: ${line.text === '' ? line.role : line.text}`));
    lines.push('```', '');
  }
  const rules = citedRules(explanation);
  if (rules.length > 0) lines.push('### Rules', '', ...rules.map((rule) => `- ${rule}: ${RULES[rule]}`), '');
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Names come from captures: they must not become markup. */
function escapeMarkdown(text: string): string {
  return printable(text).replace(/[\\`*_{}[\]<>()#|!]/g, (char) => `\\${char}`);
}
