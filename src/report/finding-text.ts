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
import { type StatementOptions, statementLines, thresholdText } from './statement-text.ts';
import { type Style, widthOf } from './style.ts';
import { padTo, printable, type TimeFormat, textWidth, timeFormat, wrapAfter } from './text-format.ts';

const INDENT = '    ';
const EVIDENCE_SHOWN = 6;
const STRIPS_SHOWN = 16;
const DETAIL_FORMAT: DetailFormat = { duration: formatDuration };

/** The finding with its evidence. */
export function findingLines(finding: Finding, style: Style, options: StatementOptions = {}): string[] {
  const head = `${finding.severity}: ${finding.kind}`;
  return [
    `${style.severity(finding.severity, head)} ${style.dim(`(${finding.confidence}, ${finding.id})`)}`,
    ...wrapAfter('  ', INDENT, printable(finding.title), widthOf(style)).map((line) => style.bold(line)),
    ...findingBody(finding, style, options),
    ...evidenceLines(finding, style),
  ];
}

/** When it was, what it is made of, and how each statement is known. */
export function findingBody(finding: Finding, style: Style, options: StatementOptions = {}): string[] {
  const width = widthOf(style);
  const lines = wrapAfter(INDENT, INDENT, spanOf(finding, options.time ?? timeFormat(undefined)), width);
  const title = printable(finding.title);
  for (const line of rowOf(finding).details(finding, DETAIL_FORMAT))
    if (!title.includes(printable(line))) lines.push(...wrapAfter(INDENT, `${INDENT}  `, printable(line), width));
  if ('chain' in finding && finding.chain && finding.chain.length > 1)
    lines.push(...chainLines(finding.chain, style, { brief: options.brief ?? false }).map((line) => INDENT + line));
  if (finding.kind === 'rcu-stall' && finding.timeline)
    lines.push(...stripLines(finding.timeline, finding.end_ns - finding.start_ns, style));
  if (finding.kind === 'rcu-stall' && (finding.holdouts?.length ?? 0) > (options.brief ? 1 : 0))
    lines.push(...holdoutLines(finding.holdouts ?? [], style));
  lines.push(...statementLines(finding, style, options));
  return lines;
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
  timeline: NonNullable<Extract<Finding, { kind: 'rcu-stall' }>['timeline']>,
  lengthNs: number,
  style: Style,
): string[] {
  const fits = widthOf(style) - INDENT.length - STRIP_LABEL_WIDTH;
  const cellsOf = (cells: string): string => (cells.length <= fits ? cells : coarser(cells));
  const letters = cellsOf(timeline.cpus[0]?.cells ?? '').length;
  const scale = letters > 0 && lengthNs > 0 ? `; one column = ${formatDuration(lengthNs / letters)}` : '';
  const rows = timeline.cpus
    .slice(0, STRIPS_SHOWN)
    .map(({ cpu, cells }) => `${INDENT}CPU ${String(cpu).padEnd(3)} ${cellsOf(cells)}`);
  const more = timeline.cpus.length - rows.length;
  return [
    ...rows,
    ...(more > 0 ? [`${INDENT}and ${more} more CPUs`] : []),
    ...wrapAfter(INDENT, INDENT, `${timeline.legend}${scale}`, widthOf(style)).map((line) => style.dim(line)),
  ];
}

/** `CPU 1   ` */
const STRIP_LABEL_WIDTH = 8;

/** Half as many letters: of two cells the one that shows something. */
const coarser = (cells: string): string => cells.replace(/(.)(.)/g, (_, a, b) => (a === '.' || a === '?' ? b : a));

/** One row per holdout: its code, and where its time went. */
function holdoutLines(holdouts: readonly StallHoldout[], style: Style): string[] {
  const shown = holdouts.slice(0, STRIPS_SHOWN);
  const name = Math.max(...shown.map((holdout) => textWidth(printable(holdout.name))));
  const code = Math.max(...shown.map((holdout) => holdout.code.length));
  const rows = shown.map((holdout) => {
    const shares = Object.entries(holdout.shares).map(([kind, share]) => `${kind} ${(share * 100).toFixed(1)} %`);
    const ticks = holdout.tid === undefined ? [`${holdout.ticks} ticks`] : [];
    return `${INDENT}${padTo(printable(holdout.name), name)}  ${holdout.code.padEnd(code)}  ${style.dim([...shares, ...ticks].join('  '))}`;
  });
  const more = holdouts.length - shown.length;
  return more > 0 ? [...rows, `${INDENT}and ${more} more`] : rows;
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
