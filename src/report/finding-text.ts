/** One finding as a block of text. */
import type { ChainLink, Finding } from '../../schema/index.ts';
import { clip, formatDuration, formatTime, printable, wrap } from './text-format.ts';

/** Marks text for the terminal; the plain version returns it unchanged. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  severity(severity: Finding['severity'], text: string): string;
}

export const PLAIN: Style = { bold: (t) => t, dim: (t) => t, severity: (_, t) => t };

const WIDTH = 100;
const INDENT = '    ';
const BAR_WIDTH = 16;
const EVIDENCE_SHOWN = 8;

export function findingLines(finding: Finding, style: Style): string[] {
  const lines = wrap(printable(finding.title), WIDTH - 4).map(
    (line, i) => `${i === 0 ? '  ' : INDENT}${style.bold(line)}`,
  );
  const head = `${finding.severity}: ${finding.kind}`;
  lines.unshift(`${style.severity(finding.severity, head)} ${style.dim(`(${finding.confidence}, ${finding.id})`)}`);
  lines.push(`${INDENT}${spanOf(finding)}`);
  for (const line of detailsOf(finding)) for (const part of wrap(printable(line), WIDTH - 4)) lines.push(INDENT + part);
  if ('chain' in finding && finding.chain.length > 0) lines.push(...chainLines(finding.chain, style));
  for (const note of finding.notes) lines.push(...noteLines(printable(note), style));
  lines.push(...evidenceLines(finding, style));
  return lines;
}

function spanOf(finding: Finding): string {
  if (finding.end_ns === finding.start_ns) return `at ${formatTime(finding.start_ns)} s`;
  const length = formatDuration(finding.end_ns - finding.start_ns);
  return `from ${formatTime(finding.start_ns)} s to ${formatTime(finding.end_ns)} s, ${length}`;
}

function arrows(locks: readonly string[]): string {
  return [...locks, locks[0]].join(' → ');
}

function place(cpu: number | null | undefined): string {
  return cpu === undefined || cpu === null ? '' : ` on CPU ${cpu}`;
}

/** The keys of its kind that the title need not repeat. */
function detailsOf(finding: Finding): string[] {
  switch (finding.kind) {
    case 'lock-inversion':
      return [
        `order: ${arrows(finding.locks)}  (each held while the next is acquired)`,
        ...(finding.feasible === 'unknown'
          ? []
          : [
              finding.feasible === 'yes'
                ? 'this run could have deadlocked with another timing'
                : 'not with the tasks of this run: something keeps these paths apart',
            ]),
      ];
    case 'lock-recursion':
      return [`lock: ${finding.locks.join(', ')}`];
    case 'irq-lock-state':
      return [`lock: ${finding.locks.join(', ')}, ${finding.irq}`];
    case 'irq-lock-order':
      return [`order: ${finding.locks.join(' → ')}  (${finding.irq}-safe first, unsafe last)`];
    case 'wait-context':
      return [`acquired: ${finding.locks.join(', ')}`, `held: ${finding.held.join(', ') || 'nothing'}`];
    case 'sleep-in-atomic':
      return [`task: ${taskName(finding.task, finding.tid)}`, `held: ${finding.held.join(', ') || 'nothing'}`];
    case 'deadlock':
      return finding.waits.map((wait) => `${taskName(wait.task, wait.tid)} waits for ${wait.on}`);
    case 'deferral-hazard':
      return [`${finding.api} with ${finding.held.join(', ') || 'nothing'} held; conflict: ${finding.conflict}`];
    case 'rcu-stall':
      return [
        [
          `cause: ${finding.cause}`,
          `flavour: ${finding.flavor}`,
          ...(finding.gp_seq === null ? [] : [`grace period: ${finding.gp_seq}`]),
          ...(finding.cpus.length > 0 ? [`CPUs: ${finding.cpus.join(' ')}`] : []),
          ...(finding.tasks.length > 0 ? [`tasks: ${finding.tasks.join(' ')}`] : []),
        ].join(' · '),
      ];
    case 'blocked-sync':
      return [
        `${taskName(finding.task, finding.tid)} in ${finding.api}(${finding.domain}) for ${formatDuration(finding.blocked_ns)}`,
        `root: ${finding.root.kind}${place(finding.root.cpu)}${finding.root.task ? `, ${taskName(finding.root.task, finding.root.tid)}` : ''}`,
      ];
    case 'hung-task':
      return [
        `${taskName(finding.task, finding.tid)} blocked for ${formatDuration(finding.blocked_ns)}`,
        ...(finding.root ? [`root: ${finding.root.kind}${place(finding.root.cpu)}`] : []),
      ];
    case 'nmi-storm':
    case 'irq-storm':
    case 'softirq-storm':
      return [
        [
          ...(finding.cpu === null ? [] : [`CPU ${finding.cpu}`]),
          ...(finding.share === null ? [] : [`${(finding.share * 100).toFixed(1)} % of its time`]),
          `${finding.count} times`,
          `longest ${formatDuration(finding.max_ns)}`,
        ].join(' · '),
      ];
    case 'gp-kthread-starved':
      return [`flavour: ${finding.flavor} · not run for ${formatDuration(finding.blocked_ns)}`];
    case 'workqueue-stall':
      return [`workqueue: ${finding.workqueue} · pool: ${finding.pool} · work: ${finding.work}`];
    case 'soft-lockup':
      return [`CPU ${finding.cpu} · task: ${taskName(finding.task, finding.tid)}`];
  }
}

function taskName(comm: string, tid: number | undefined): string {
  return tid === undefined ? comm : `${comm}:${tid}`;
}

/** From the blocked task down to the root, with the time that each link cost. */
function chainLines(chain: readonly ChainLink[], style: Style): string[] {
  const total = chain.reduce((sum, link) => sum + link.blame_ns, 0);
  const names = chain.map((link) => clip(printable(linkName(link)), 44));
  const width = Math.max(...names.map((name) => name.length));
  return chain.map((link, i) => {
    const share = total > 0 ? link.blame_ns / total : 0;
    const filled = link.blame_ns > 0 ? Math.max(1, Math.round(share * BAR_WIDTH)) : 0;
    const bar = '#'.repeat(filled).padEnd(BAR_WIDTH, '.');
    const time = formatDuration(link.blame_ns).padStart(8);
    const note = link.note ? `  ${style.dim(clip(printable(link.note), WIDTH - width - BAR_WIDTH - 20))}` : '';
    const arrow = i === 0 ? '  ' : '↳ ';
    return `${INDENT}${arrow}${names[i].padEnd(width)} ${time} ${bar}${note}`;
  });
}

function linkName(link: ChainLink): string {
  const name = link.tid === undefined || link.name.endsWith(`:${link.tid}`) ? link.name : `${link.name}:${link.tid}`;
  const cpu = link.cpu === undefined || link.kind === 'cpu' ? '' : ` (CPU ${link.cpu})`;
  return `${link.kind} ${name}${cpu}`;
}

function noteLines(note: string, style: Style): string[] {
  return wrap(note, WIDTH - 6).map((line, i) => `${INDENT}${i === 0 ? '- ' : '  '}${style.dim(line)}`);
}

function evidenceLines(finding: Finding, style: Style): string[] {
  const shown = finding.evidence.slice(0, EVIDENCE_SHOWN);
  if (shown.length === 0) return [];
  const places = shown.map((e) => `${'event' in e ? `event ${e.event}` : `line ${e.line}`} (${printable(e.role)})`);
  const more = finding.evidence.length - shown.length;
  if (more > 0) places.push(`and ${more} more`);
  return wrap(`evidence: ${places.join(', ')}`, WIDTH - 6).map(
    (line, i) => `${INDENT}${i === 0 ? '' : '  '}${style.dim(line)}`,
  );
}
