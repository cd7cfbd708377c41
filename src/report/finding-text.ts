/** One finding as a block of text. */
import {
  type DetailFormat,
  type Evidence,
  type Finding,
  formatDuration,
  RECORDED_FROM_HERE,
  rowOf,
  type StallHoldout,
} from '../../schema/index.ts';
import { chainLines } from './chain-text.ts';
import type { Style } from './style.ts';
import { printable, type TimeFormat, timeFormat, wrap } from './text-format.ts';

const WIDTH = 100;
const INDENT = '    ';
const EVIDENCE_SHOWN = 6;
const STRIPS_SHOWN = 16;
const DETAIL_FORMAT: DetailFormat = { duration: formatDuration };

export function findingLines(finding: Finding, style: Style, time: TimeFormat = timeFormat(undefined)): string[] {
  const lines = wrap(printable(finding.title), WIDTH - 4).map(
    (line, i) => `${i === 0 ? '  ' : INDENT}${style.bold(line)}`,
  );
  const head = `${finding.severity}: ${finding.kind}`;
  lines.unshift(`${style.severity(finding.severity, head)} ${style.dim(`(${finding.confidence}, ${finding.id})`)}`);
  lines.push(`${INDENT}${spanOf(finding, time)}`);
  for (const line of rowOf(finding).details(finding, DETAIL_FORMAT))
    for (const part of wrap(printable(line), WIDTH - 4)) lines.push(INDENT + part);
  if ('chain' in finding && finding.chain && finding.chain.length > 1) {
    lines.push('', ...chainLines(finding.chain, style).map((line) => INDENT + line), '');
  }
  if (finding.kind === 'rcu-stall' && finding.timeline)
    lines.push(...stripLines(finding.timeline, finding.end_ns - finding.start_ns, style));
  if (finding.kind === 'rcu-stall' && finding.holdouts?.length)
    lines.push(...holdoutLines(finding.holdouts, style), '');
  for (const note of finding.notes) lines.push(...noteLines(printable(note.text), style));
  lines.push(...evidenceLines(finding, style));
  return lines;
}

function spanOf(finding: Finding, ofRun: TimeFormat): string {
  // The kernel log counts seconds, whatever the trace counts.
  const time = finding.confidence === 'reported' ? timeFormat(undefined) : ofRun;
  if (finding.end_ns === finding.start_ns) return `at ${time.at(finding.start_ns)}`;
  const length = time.length(finding.end_ns - finding.start_ns);
  return `from ${time.at(finding.start_ns)} to ${time.at(finding.end_ns)}, ${length}`;
}

/** What each CPU did while the grace period lasted. */
function stripLines(
  timeline: NonNullable<Extract<Finding, { kind: 'rcu-stall' }>['timeline']>,
  lengthNs: number,
  style: Style,
): string[] {
  const letters = timeline.cpus[0]?.cells.length ?? 0;
  const scale = letters > 0 && lengthNs > 0 ? `; one column = ${formatDuration(lengthNs / letters)}` : '';
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

/** One row per holdout: its code, and where its time went. */
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

function noteLines(note: string, style: Style): string[] {
  return wrap(note, WIDTH - 6).map((line, i) => `${INDENT}${i === 0 ? '- ' : '  '}${style.dim(line)}`);
}

function evidenceLines(finding: Finding, style: Style): string[] {
  // Single events first: ranges, and that something was recorded at all, make the evidence complete; people do not look at them.
  const isRange = (e: Evidence): boolean => 'event' in e && e.range !== undefined;
  const completes = (item: Evidence): boolean => isRange(item) || item.role.endsWith(RECORDED_FROM_HERE);
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
