/** One finding as a block of text. */
import type { Evidence, Finding, StallHoldout } from '../../schema/index.ts';
import { chainLines } from './chain-text.ts';
import type { Style } from './style.ts';
import { formatDuration, formatTime, printable, wrap } from './text-format.ts';

const WIDTH = 100;
const INDENT = '    ';
const EVIDENCE_SHOWN = 6;
const STRIPS_SHOWN = 16;

export function findingLines(finding: Finding, style: Style): string[] {
  const lines = wrap(printable(finding.title), WIDTH - 4).map(
    (line, i) => `${i === 0 ? '  ' : INDENT}${style.bold(line)}`,
  );
  const head = `${finding.severity}: ${finding.kind}`;
  lines.unshift(`${style.severity(finding.severity, head)} ${style.dim(`(${finding.confidence}, ${finding.id})`)}`);
  lines.push(`${INDENT}${spanOf(finding)}`);
  for (const line of detailsOf(finding)) for (const part of wrap(printable(line), WIDTH - 4)) lines.push(INDENT + part);
  if ('chain' in finding && finding.chain && finding.chain.length > 1) {
    lines.push('', ...chainLines(finding.chain, style).map((line) => INDENT + line), '');
  }
  if (finding.kind === 'rcu-stall' && finding.timeline)
    lines.push(...stripLines(finding.timeline, finding.end_ns - finding.start_ns, style));
  if (finding.kind === 'rcu-stall' && finding.holdouts?.length)
    lines.push(...holdoutLines(finding.holdouts, style), '');
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
      // The chain shows the circle.
      if (finding.chain) return [];
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
        `root: ${finding.root.kind}${place(finding.root.cpu)}${finding.root.task ? `, ${taskName(finding.root.task, finding.root.tid)}` : ''} · domain: ${finding.domain}`,
      ];
    case 'hung-task':
      return finding.root ? [`root: ${finding.root.kind}${place(finding.root.cpu)}`] : [];
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

/** What each CPU did while the grace period lasted. */
function stripLines(
  timeline: NonNullable<Extract<Finding, { kind: 'rcu-stall' }>['timeline']>,
  lengthNs: number,
  style: Style,
): string[] {
  const letters = timeline.cpus[0]?.cells.length ?? 0;
  const scale = letters > 0 && lengthNs > 0 ? `, a letter is ${formatDuration(lengthNs / letters)}` : '';
  const rows = timeline.cpus
    .slice(0, STRIPS_SHOWN)
    .map(({ cpu, cells }) => `${INDENT}CPU ${String(cpu).padEnd(3)} ${cells}`);
  const more = timeline.cpus.length - rows.length;
  return [
    '',
    ...rows,
    ...(more > 0 ? [`${INDENT}and ${more} more CPUs`] : []),
    `${INDENT}${style.dim(`${timeline.legend}${scale}`)}`,
    '',
  ];
}

/** One row per CPU or reader that owed: its code, and where its time went. */
function holdoutLines(holdouts: readonly StallHoldout[], style: Style): string[] {
  const shown = holdouts.slice(0, STRIPS_SHOWN);
  const name = Math.max(...shown.map((holdout) => printable(holdout.name).length));
  const code = Math.max(...shown.map((holdout) => holdout.code.length));
  const rows = shown.map((holdout) => {
    const shares = Object.entries(holdout.shares).map(([kind, share]) => `${kind} ${(share * 100).toFixed(1)} %`);
    const ticks = holdout.tid === undefined ? [`${holdout.ticks} ticks`] : [];
    return `${INDENT}${printable(holdout.name).padEnd(name)}  ${holdout.code.padEnd(code)}  ${style.dim([...shares, ...ticks].join('  '))}`;
  });
  const more = holdouts.length - shown.length;
  return more > 0 ? [...rows, `${INDENT}and ${more} more`] : rows;
}

function taskName(comm: string, tid: number | undefined): string {
  return tid === undefined ? comm : `${comm}:${tid}`;
}

function noteLines(note: string, style: Style): string[] {
  return wrap(note, WIDTH - 6).map((line, i) => `${INDENT}${i === 0 ? '- ' : '  '}${style.dim(line)}`);
}

function evidenceLines(finding: Finding, style: Style): string[] {
  // Single events first: ranges, and that something was recorded at all, make the evidence complete; people do not look at them.
  const isRange = (e: Evidence): boolean => 'event' in e && e.range !== undefined;
  const completes = (item: Evidence): boolean => isRange(item) || item.role.endsWith(' among the recorded events');
  const ordered = [...finding.evidence.filter((item) => !completes(item)), ...finding.evidence.filter(completes)];
  const shown = ordered.slice(0, EVIDENCE_SHOWN);
  if (shown.length === 0) return [];
  const places = shown.map((e) => `${'event' in e ? `event ${e.event}` : `line ${e.line}`} (${printable(e.role)})`);
  const more = finding.evidence.length - shown.length;
  if (more > 0) places.push(`and ${more} more`);
  return wrap(`evidence: ${places.join(', ')}`, WIDTH - 6).map(
    (line, i) => `${INDENT}${i === 0 ? '' : '  '}${style.dim(line)}`,
  );
}
