/** Root causes as text: headlines, worst first, and below each the findings that hang on it. */
import { type ChainLink, type Finding, formatDuration, type RootCause } from '../../../schema/index.ts';
import { type Style, widthOf } from '../text/style.ts';
import { formatCount, printable, type TimeFormat, timeFormat, wrapAfter } from '../text/text-format.ts';
import { chainLines } from './chain-text.ts';
import { findingBody, findingLines } from './finding-text.ts';
import { basisOf, type StatementOptions, statementLines, thresholdText } from './statement-text.ts';
import { isWait, representative, type TaskWait, taskWaits, waitLines } from './wait-list.ts';

export interface RootTextOptions {
  readonly style: Style;
  /** Every root, every finding in full, every task on a line of its own. */
  readonly all?: boolean;
  /** Root causes shown in detail. */
  readonly top?: number;
  /** How times of the run are written; default: in seconds. */
  readonly time?: TimeFormat;
  /** File of the kernel log: what is quoted stands there. */
  readonly logName?: string;
}

/** Root causes in detail, unless more are asked for. */
export const ROOTS_SHOWN = 3;
const HEADLINES_SHOWN = 12;
const STILL_BLOCKED = '(still blocked at end of capture)';
/** Findings of one kind under one root that are shown in detail. */
const ALIKE_SHOWN = 2;

interface Section {
  readonly root: RootCause;
  readonly findings: readonly Finding[];
}

/** Findings come in the order of the roots. */
function sectionsOf(roots: readonly RootCause[], findings: readonly Finding[]): Section[] {
  let at = 0;
  return roots.map((root) => {
    const own = findings.slice(at, at + root.findings.length);
    at += root.findings.length;
    return { root, findings: own };
  });
}

/** One line per root cause. */
export function headlineLines(roots: readonly RootCause[], { style, all }: RootTextOptions): string[] {
  const numbered = roots.length > 1;
  const shown = all ? roots : roots.slice(0, HEADLINES_SHOWN);
  const digits = String(shown.length).length;
  const lines = shown.flatMap(({ severity, title, run_id }, i) => {
    const number = numbered ? `${String(i + 1).padStart(digits)}. ` : '';
    const first = `${number}${severity}: `;
    const run = run_id === undefined ? '' : ` (run ${run_id})`;
    return wrapAfter(first, ' '.repeat(first.length), printable(title) + run, widthOf(style)).map((line, n) =>
      n === 0
        ? `${number}${style.severity(severity, `${severity}:`)} ${style.bold(line.slice(first.length))}`
        : style.bold(line),
    );
  });
  const rest = roots.length - shown.length;
  return rest > 0 ? [...lines, `and ${formatCount(rest)} more (--all)`] : lines;
}

/** The findings under their roots. */
export function rootLines(
  roots: readonly RootCause[],
  findings: readonly Finding[],
  options: RootTextOptions,
): string[] {
  const { style, all, top = ROOTS_SHOWN } = options;
  const sections = sectionsOf(roots, findings);
  const shown = all ? sections : sections.slice(0, top).filter(({ root }, i) => i === 0 || root.severity !== 'info');
  const lines = shown.flatMap((section, i) => [
    ...(roots.length > 1 ? [style.bold(`${i + 1}. ${section.root.kind}`)] : []),
    ...sectionLines(section, options),
  ]);
  const rest = sections.length - shown.length;
  if (rest > 0)
    lines.push(
      `${formatCount(rest)} more root ${rest === 1 ? 'cause' : 'causes'} without details here: --top ${sections.length} or --all`,
      '',
    );
  return lines;
}

function sectionLines({ findings }: Section, options: RootTextOptions): string[] {
  const { style, all = false, logName, time = timeFormat(undefined) } = options;
  const cited = { brief: !all, time, said: new Set<string>(), ...(logName !== undefined && { logName }) };
  if (all) return findings.flatMap((finding) => [...findingLines(finding, style, cited), '']);
  const lines: string[] = [];
  const others = findings.filter((finding) => !isWait(finding));
  const byKind = new Map<string, number>();
  const folded: Finding[] = [];
  for (const finding of others) {
    const count = (byKind.get(finding.kind) ?? 0) + 1;
    byKind.set(finding.kind, count);
    if (count > ALIKE_SHOWN) folded.push(finding);
    else lines.push(...entryLines(finding, style, cited), '');
  }
  if (folded.length > 0) lines.push(...alikeLines(folded, style), '');
  const waits = taskWaits(findings.filter(isWait));
  if (waits.length > 0) lines.push(...waitSection(waits, others, style, cited), '');
  return lines;
}

/** A finding without its evidence: what, when, and how it is known. */
function entryLines(finding: Finding, style: Style, cited: StatementOptions): string[] {
  return [...titleLines(finding, finding.id, style), ...findingBody(finding, style, cited)];
}

function titleLines(finding: Finding, ids: string, style: Style): string[] {
  return withIds(finding.title.replace(/^lockdep: /, ''), ids, style);
}

/** A title, and behind it dimmed the ids by which `explain` takes it. */
function withIds(title: string, ids: string, style: Style): string[] {
  const tail = `(${ids})`;
  const lines = wrapAfter('  ', '    ', `${printable(title)} ${tail}`, widthOf(style));
  return lines.map((line) => (line.endsWith(tail) ? `${line.slice(0, -tail.length)}${style.dim(tail)}` : line));
}

function alikeLines(findings: readonly Finding[], style: Style): string[] {
  const shown = findings.slice(0, 5);
  const lines = shown.flatMap((finding) =>
    wrapAfter('  also  ', '        ', `${printable(finding.title)} (${finding.id})`, widthOf(style)),
  );
  const rest = findings.length - shown.length;
  return rest > 0 ? [...lines, `  and ${formatCount(rest)} more (--all)`] : lines;
}

/** The wait that tells most with its chain, the others a line each. */
function waitSection(
  waits: readonly TaskWait[],
  others: readonly Finding[],
  style: Style,
  cited: StatementOptions,
): string[] {
  const shown = representative(waits);
  const depth = shown.findings[0].chain.length;
  // A cycle is drawn already; and where all wait for one thing, one line says it of all.
  const drawn = others.some((finding) => finding.kind === 'deadlock' && finding.chain !== undefined);
  if (drawn) return ['  its tasks, and those behind it:', ...waitLines(waits, style, '    ', false)];
  if (waits.length > 1 && depth <= 2)
    return [
      ...waitLines(waits, style, '  ', false),
      ...statementLines(shown.findings[0], style, { ...cited, indent: '    ' }),
    ];
  const root = rootTid(shown.findings[0].chain);
  const own = waits.filter((wait) => wait !== shown && wait.tid === root);
  const rest = waits.filter((wait) => wait !== shown && wait.tid !== root);
  const lines = waitEntry(shown, style, cited);
  if (own.length > 0) lines.push('  the task at the root:', ...waitLines(own, style, '    ', false));
  if (rest.length === 0) return lines;
  lines.push(
    rest.length === 1 ? '  behind the same root:' : `  ${formatCount(rest.length)} more tasks behind the same root:`,
  );
  return [...lines, ...waitLines(rest, style, '    ', false)];
}

/** The task at which the way to the root ends. */
function rootTid(chain: readonly ChainLink[]): number | undefined {
  const branch = chain.findIndex((link, i) => i > 0 && link.parent !== undefined && link.parent !== i - 1);
  return chain.at(branch < 0 ? -1 : branch - 1)?.tid;
}

function waitEntry(wait: TaskWait, style: Style, cited: StatementOptions): string[] {
  const { findings } = wait;
  const [first, ...others] = findings;
  const thresholds = [...new Set(findings.map(thresholdText).filter((text) => text !== ''))].map((text) =>
    text.replace(/^threshold /, ''),
  );
  const crossed = thresholds.length > 0 ? `; threshold ${thresholds.join(' and ')}` : '';
  const lines = withIds(waitTitle(wait), findings.map(({ id }) => id).join(', '), style);
  const longest = findings.reduce((a, b) => (b.blocked_ns > a.blocked_ns ? b : a));
  // The kernel log counts seconds, whatever the trace counts.
  const time = longest.confidence === 'reported' ? timeFormat(undefined) : (cited.time ?? timeFormat(undefined));
  const span = `from ${time.at(longest.start_ns)} to ${time.at(longest.end_ns)}${crossed}`;
  lines.push(...wrapAfter('    ', '    ', span, widthOf(style)));
  if (first.chain.length > 1)
    lines.push(...chainLines(first.chain, style, { brief: true }).map((line) => `    ${line}`));
  lines.push(...statementLines(first, style, cited));
  // Two facts, one report of the kernel.
  for (const other of others)
    if (other.chain.length <= 1) {
      const notes = other.notes.filter((note) => basisOf(note, other) !== 'reported');
      lines.push(...statementLines({ ...other, evidence: [], notes }, style, cited));
    }
  return lines;
}

/** `perf close-1:84 hung 13.8 s in synchronize_srcu(), closing a perf event`. */
function waitTitle({ task, tid, blockedNs, api, findings }: TaskWait): string {
  const [{ title, chain }] = findings;
  const open = title.includes(STILL_BLOCKED) ? ` ${STILL_BLOCKED}` : '';
  const site = chain[0]?.note;
  const doing = site === undefined || /^(in |waits in |asleep \(D\))/.test(site) ? '' : `, ${site}`;
  const hung = findings.some(({ kind }) => kind === 'hung-task') ? 'hung' : 'blocked';
  const call = api === undefined ? '' : ` in ${api}()`;
  return `${task}:${tid} ${hung} ${formatDuration(blockedNs)}${call}${doing}${open}`;
}
