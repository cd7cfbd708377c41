/** The result of a replay as people read it and paste it into a mail: plain text, at most 100 columns. */
import {
  DIAGNOSTICS,
  type Finding,
  formatDuration,
  type ImportIssue,
  type ReplayResult,
  type RunInfo,
  rowOf,
  type SuppressedFinding,
} from '../../schema/index.ts';
import { findingLines } from './finding-text.ts';
import type { Style } from './style.ts';
import { formatCount, plural, printable, type TimeFormat, timeFormat, wrap } from './text-format.ts';

const WIDTH = 100;
const SUPPRESSED_SHOWN = 12;

export interface ReplayTextOptions {
  readonly style: Style;
  /** How the stored run is queried, given the path of the store. */
  readonly hint?: (db: string) => string;
  /** The run was stored and not replayed: say nothing of findings. */
  readonly ingestOnly?: boolean;
}

export function replayText(result: ReplayResult, options: ReplayTextOptions): string {
  const { style } = options;
  const lines: string[] = [];
  for (const run of result.runs ?? [result.run]) lines.push(...runLines(run, style));
  lines.push('');
  if (result.findings.length === 0 && !options.ingestOnly) lines.push(style.bold('No findings.'), '');
  lines.push(...findingsLines(result.findings, style, timeFormat(result.run.kernel.timeUnit)));
  lines.push(...suppressedLines(result.suppressed ?? []));
  lines.push(...assessmentLines(result, style));
  lines.push(...importLines(result, style));
  if (result.db !== null) {
    const id = result.run.run_id === undefined ? '' : ` as run ${result.run.run_id}`;
    lines.push(`stored in ${printable(result.db)}${id}`);
    if (options.hint) lines.push(`  ${options.hint(result.db)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** What is known and therefore not shown: counted, and named in a line each. */
export function suppressedLines(suppressed: readonly SuppressedFinding[]): string[] {
  if (suppressed.length === 0) return [];
  const lines = suppressed
    .slice(0, SUPPRESSED_SHOWN)
    .flatMap(({ id, reason }) =>
      wrap(printable(`${id}: ${reason}`), WIDTH - 4).map((line, i) => `${i === 0 ? '  - ' : '    '}${line}`),
    );
  const rest = suppressed.length - SUPPRESSED_SHOWN;
  return [
    `${plural(suppressed.length, 'finding')} suppressed:`,
    ...lines,
    ...(rest > 0 ? [`  and ${formatCount(rest)} more`] : []),
    '',
  ];
}

export function runLines(run: RunInfo, style: Style): string[] {
  const time = timeFormat(run.kernel.timeUnit);
  const facts = [
    ...new Set(run.captures.map((capture) => capture.format)),
    plural(run.cpus, 'CPU'),
    plural(run.events, 'event'),
    `${time.length(run.last_ns - run.first_ns)} from ${time.at(run.first_ns)}`,
    ...(run.kernel.release === undefined ? [] : [`kernel ${printable(run.kernel.release)}`]),
  ];
  const [first, ...rest] = wrap(facts.join(' · '), WIDTH - 2);
  const rates = run.captures.flatMap(({ path, clock, ns_per_tick, rate_from }) =>
    ns_per_tick === undefined
      ? []
      : [
          `${path}: a tick of ${clock === undefined ? 'its clock' : `the ${clock} clock`} is ${tickLength(ns_per_tick)}: ${rate_from}`,
        ],
  );
  return [
    style.bold(printable(run.name)),
    `  ${first}`,
    ...rest.map((line) => `  ${line}`),
    ...rates.flatMap((rate) => wrap(printable(rate), WIDTH - 4).map((line, i) => `  ${i === 0 ? '' : '  '}${line}`)),
  ];
}

/** `10.0 ms`, `0.379 ns`. */
function tickLength(ns: number): string {
  return ns < 100 ? `${ns.toPrecision(3)} ns` : formatDuration(ns);
}

/** Verdicts that explain others come first; victims of one root are one block: the longest in full, the others a line each. */
function findingsLines(findings: readonly Finding[], style: Style, time: TimeFormat): string[] {
  const ordered = [...findings].sort(
    (a, b) =>
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
      rowOf(a).rank - rowOf(b).rank ||
      a.start_ns - b.start_ns,
  );
  const lines: string[] = [];
  const shown = new Set<Finding>();
  const inChains = new Set(
    findings.flatMap((finding) =>
      finding.kind === 'blocked-sync' || finding.kind === 'deadlock'
        ? (finding.chain ?? []).map((link) => link.tid)
        : [],
    ),
  );
  // A hung task whose wait is shown above is the same trouble in the hung-task detector's words.
  const retold = ordered.filter((finding) => finding.kind === 'hung-task' && inChains.has(finding.tid));
  for (const finding of retold) shown.add(finding);
  for (const finding of ordered) {
    if (shown.has(finding)) continue;
    const group = ordered.filter((other) => !shown.has(other) && sameRoot(finding, other));
    const [first, ...others] =
      group.length > 1 ? group.sort((a, b) => representative(b) - representative(a)) : [finding];
    for (const member of group) shown.add(member);
    shown.add(first);
    lines.push(...findingLines(first, style, time), '');
    if (others.length === 0) continue;
    lines.push(`  ${others.length === 1 ? 'one more waits' : `${others.length} more wait`} behind the same root:`);
    for (const other of others) lines.push(...listItem(other));
    lines.push('');
  }
  if (retold.length > 0) {
    lines.push(
      `${style.severity(retold[0].severity, `${retold[0].severity}: hung-task`)} ${style.dim('(tasks of the chains above)')}`,
    );
    for (const finding of retold) lines.push(...listItem(finding));
    lines.push('');
  }
  return lines;
}

function listItem(finding: Finding): string[] {
  const text = wrap(`${printable(finding.title)} (${finding.severity}, ${finding.id})`, WIDTH - 8);
  return text.map((line, i) => `    ${i === 0 ? '- ' : '  '}${line}`);
}

const SEVERITIES: readonly Finding['severity'][] = ['error', 'warning', 'info'];

/** Waits of one kind and severity behind one root. */
function sameRoot(a: Finding, b: Finding): boolean {
  if (a.kind !== b.kind || a.severity !== b.severity) return false;
  if (a.kind !== 'blocked-sync' && a.kind !== 'hung-task') return a === b;
  const key = (finding: Finding): string => ('root' in finding ? JSON.stringify(finding.root) : finding.id);
  return key(a) === key(b);
}

/** The one to show in full: the longest chain tells most. */
function representative(finding: Finding): number {
  if (finding.kind !== 'blocked-sync' && finding.kind !== 'hung-task') return 0;
  // Side branches do not make a chain longer.
  const branch = finding.chain.findIndex((link, i) => i > 0 && link.parent !== undefined && link.parent !== i - 1);
  const way = branch < 0 ? finding.chain : finding.chain.slice(0, branch);
  const kinds = new Set(way.map((link) => link.kind)).size;
  const site = finding.chain[0]?.note?.startsWith('in ') ? 0 : 1;
  return kinds * 1e3 + site * 500 + Math.min(400, finding.blocked_ns / 1e9);
}

/** What could be decided is one line; what could not is grouped by its reason, with the events that would decide it. */
export function assessmentLines(result: Pick<ReplayResult, 'assessments'>, style: Style): string[] {
  if (result.assessments.length === 0) return [];
  const lines: string[] = [];
  const assessed = result.assessments.filter((a) => a.status === 'assessed');
  if (assessed.length > 0) {
    const kinds = assessed.map((a) => (a.note === '' ? a.kind : `${a.kind} (${a.note})`));
    lines.push(...indented(`assessed: ${kinds.join(', ')}`, ''));
  }
  const groups = new Map<string, string[]>();
  for (const a of result.assessments) {
    if (a.status === 'assessed') continue;
    const missing = a.missing.length > 0 ? `; missing: ${a.missing.join(', ')}` : '';
    const reason = `${a.status === 'partial' ? 'in part' : 'not'}\u0000${a.note}${missing}`;
    groups.set(reason, [...(groups.get(reason) ?? []), a.kind]);
  }
  for (const [reason, kinds] of groups) {
    const [status, note] = reason.split('\u0000');
    lines.push(
      ...indented(
        printable(
          `${status === 'not' ? 'not assessed' : 'assessed in part'}: ${kinds.join(', ')}${note === '' ? '' : `: ${note}`}`,
        ),
        '',
      ),
    );
  }
  return lines.length > 0 ? [style.bold('What this recording can decide'), ...lines.map((l) => `  ${l}`), ''] : [];
}

function indented(text: string, first: string): string[] {
  return wrap(text, WIDTH - 6).map((line, i) => (i === 0 ? `${first}${line}` : `  ${line}`));
}

export function importLines(result: Pick<ReplayResult, 'import' | 'run'>, style: Style): string[] {
  const { events, lost, issues } = result.import;
  const captures = result.run.captures.length;
  const lines = [
    `read ${plural(events, 'event')} from ${plural(captures, 'capture')}, ${lost === 0 ? 'none lost' : `${formatCount(lost)} lost`}${issues.length === 0 ? ', nothing skipped' : ''}`,
  ];
  for (const issue of issues) lines.push(...issueLines(issue, captures > 1, style));
  return lines;
}

function issueLines(issue: ImportIssue, nameCapture: boolean, style: Style): string[] {
  const { severity, advice } = DIAGNOSTICS[issue.kind];
  const place = 'line' in issue.first ? `line ${issue.first.line}` : `byte ${issue.first.byte}`;
  const where = `${nameCapture ? `${issue.capture} ` : ''}${place}`;
  const excerpt = issue.first.text === '' ? '' : `: ${issue.first.text.trim()}`;
  const head = printable(`${severity}: ${issue.kind} ×${formatCount(issue.count)}, first at ${where}${excerpt}`);
  return [
    ...wrap(head, WIDTH - 4).map((line, i) => `  ${i === 0 ? '' : '  '}${line}`),
    ...wrap(advice, WIDTH - 4).map((line) => `    ${style.dim(line)}`),
  ];
}
