/** One finding as a block of text. */
import {
  type DetailFormat,
  type Evidence,
  type Finding,
  formatDuration,
  RECORDED_FROM_HERE,
  rowOf,
  type StallHoldout,
} from '../../../schema/index.ts';
import { type Style, widthOf } from '../text/style.ts';
import { padTo, printable, type TimeFormat, textWidth, timeFormat, wrapAfter } from '../text/text-format.ts';
import { chainLines } from './chain-text.ts';
import { type StatementOptions, statementLines, thresholdText } from './statement-text.ts';

const INDENT = '    ';
const EVIDENCE_SHOWN = 6;
const STRIPS_SHOWN = 16;
const DETAIL_FORMAT: DetailFormat = { duration: formatDuration };

type RcuStallFinding = Extract<Finding, { kind: 'rcu-stall' }>;

/** The finding with its evidence. */
export function findingLines(finding: Finding, style: Style, options: StatementOptions = {}): string[] {
  const head = `${finding.severity}: ${finding.kind}`;
  return [
    `${style.severity(finding.severity, head)} ${style.dim(`(${finding.confidence}, ${finding.id})`)}`,
    ...wrapAfter('  ', INDENT, printable(finding.title), widthOf(style)).map((line) => style.bold(line)),
    ...findingBody(finding, style, options),
    ...(options.evidence === false ? [] : evidenceLines(finding, style)),
  ];
}

/** When it was, what it is made of, and how each statement is known. */
export function findingBody(finding: Finding, style: Style, options: StatementOptions = {}): string[] {
  const { indent = INDENT, brief = false, time = timeFormat(undefined) } = options;
  const width = widthOf(style);
  const lines = wrapAfter(indent, indent, spanOf(finding, time), width);
  const title = printable(finding.title);
  for (const line of rowOf(finding).details(finding, DETAIL_FORMAT))
    if (!title.includes(printable(line))) lines.push(...wrapAfter(indent, `${indent}  `, printable(line), width));
  if ('chain' in finding && finding.chain && finding.chain.length > 1)
    lines.push(...chainLines(finding.chain, style, { brief, indent: indent.length }).map((line) => indent + line));
  if (finding.kind === 'rcu-stall' && finding.timeline && isNew(finding.timeline, options.said))
    lines.push(...stripLines(finding, finding.timeline, style, indent));
  if (finding.kind === 'rcu-stall' && (finding.holdouts?.length ?? 0) > (brief ? 1 : 0))
    lines.push(...holdoutLines(finding.holdouts ?? [], style, indent));
  lines.push(...statementLines(finding, style, options));
  return lines;
}

/** Two grace periods that stall at once show the same CPUs. */
function isNew({ cpus }: NonNullable<RcuStallFinding['timeline']>, said: Set<string> | undefined): boolean {
  const key = cpus.map(({ cpu, cells }) => `${cpu} ${cells}`).join(' ');
  if (said?.has(key)) return false;
  said?.add(key);
  return true;
}

/** `from 28.221196 s to 42.262772 s, 14.0 s; threshold …`. @param ofRun how the run's times are written */
export function spanOf(finding: Finding, ofRun: TimeFormat): string {
  // The kernel log counts seconds, whatever the trace counts.
  const time = finding.confidence === 'reported' ? timeFormat(undefined) : ofRun;
  const threshold = thresholdText(finding);
  const crossed = threshold === '' ? '' : `; ${threshold}`;
  if (finding.end_ns === finding.start_ns) return `at ${time.at(finding.start_ns)}${crossed}`;
  const length = time.length(finding.end_ns - finding.start_ns);
  const told = finding.title.includes(length) ? '' : `, ${length}`;
  return `from ${time.at(finding.start_ns)} to ${time.at(finding.end_ns)}${told}${crossed}`;
}

/** What each CPU did while the grace period lasted. */
function stripLines(
  { holdouts = [], start_ns, end_ns }: RcuStallFinding,
  timeline: NonNullable<RcuStallFinding['timeline']>,
  style: Style,
  indent: string,
): string[] {
  const lengthNs = end_ns - start_ns;
  const taskOn = new Map(holdouts.map(({ cpu, task }) => [cpu, task] as const));
  const fits = widthOf(style) - indent.length - STRIP_LABEL_WIDTH;
  const cellsOf = (cells: string): string => (cells.length <= fits ? cells : coarser(cells));
  const letters = cellsOf(timeline.cpus[0]?.cells ?? '').length;
  const scale = letters > 0 && lengthNs > 0 ? `; one column = ${formatDuration(lengthNs / letters)}` : '';
  const rows = timeline.cpus.slice(0, STRIPS_SHOWN).map(({ cpu, cells }) => {
    const row = `${indent}CPU ${String(cpu).padEnd(3)} ${cellsOf(cells)}`;
    const task = taskOn.get(cpu);
    // Whose code the CPU is kept from, or kept by.
    const named = task === undefined ? row : `${row}  ${printable(task)}`;
    return textWidth(named) <= widthOf(style) ? named : row;
  });
  const more = timeline.cpus.length - rows.length;
  return [
    ...rows,
    ...(more > 0 ? [`${indent}and ${more} more CPUs`] : []),
    ...wrapAfter(indent, indent, `${timeline.legend}${scale}`, widthOf(style)).map((line) => style.dim(line)),
  ];
}

/** `CPU 1   ` */
const STRIP_LABEL_WIDTH = 8;

/** Half as many letters: of two cells the one that shows something. */
const coarser = (cells: string): string => cells.replace(/(.)(.)/g, (_, a, b) => (a === '.' || a === '?' ? b : a));

/** One row per holdout: its code, and where its time went. */
function holdoutLines(holdouts: readonly StallHoldout[], style: Style, indent: string): string[] {
  const shown = holdouts.slice(0, STRIPS_SHOWN);
  const name = Math.max(...shown.map((holdout) => textWidth(printable(holdout.name))));
  const code = Math.max(...shown.map((holdout) => holdout.code.length));
  const rows = shown.flatMap((holdout) => {
    const shares = Object.entries(holdout.shares).map(([kind, share]) => `${kind} ${(share * 100).toFixed(1)} %`);
    const ticks = holdout.tid === undefined ? [`${holdout.ticks} ticks`] : [];
    const head = `${indent}${padTo(printable(holdout.name), name)}  ${holdout.code.padEnd(code)}  `;
    const account = [...shares, ...ticks].join('  ');
    return wrapAfter(head, ' '.repeat(textWidth(head)), account, widthOf(style)).map((line) => line.trimEnd());
  });
  const more = holdouts.length - shown.length;
  return more > 0 ? [...rows, `${indent}and ${more} more`] : rows;
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
  return wrapAfter(INDENT, `${INDENT}  `, `evidence: ${places.join(', ')}`, widthOf(style)).map((line) =>
    style.dim(line),
  );
}
