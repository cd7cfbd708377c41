/** The result of a replay as people read it: root causes first, in one line each. */
import { basename } from 'node:path';
import {
  type Assessment,
  DIAGNOSTICS,
  formatDuration,
  type ImportIssue,
  isLowerBound,
  type ReplayResult,
  type RunInfo,
  type SuppressedFinding,
} from '../../../schema/index.ts';
import { type Style, widthOf } from '../text/style.ts';
import {
  clip,
  formatCount,
  lostCount,
  plural,
  printable,
  textWidth,
  timeFormat,
  wrapAfter,
} from '../text/text-format.ts';
import { headlineLines, rootLines } from './root-text.ts';

const SUPPRESSED_SHOWN = 12;

/** A stack of a finding. */
export interface SourceStack {
  readonly title: string;
  /** Innermost first; '' where no line is known. */
  readonly frames: readonly { readonly frame: string; readonly line: string }[];
}

export interface ReplayTextOptions {
  readonly style: Style;
  /** What to do next with the stored run, given the path of the store. */
  readonly hint?: (db: string) => string;
  /** The run was stored and not replayed: say nothing of findings. */
  readonly ingestOnly?: boolean;
  /** Every root cause, finding and task on its own, with evidence. */
  readonly all?: boolean;
  /** Root causes shown in detail. */
  readonly top?: number;
  /** Why a kind of finding could be decided, or not. */
  readonly why?: boolean;
  /** Stacks to print with their lines of the source. */
  readonly stacks?: readonly SourceStack[];
}

export function replayText(result: ReplayResult, options: ReplayTextOptions): string {
  const { style, why = false, ingestOnly = false } = options;
  const { findings, roots, assessments } = result;
  const lines: string[] = [];
  if (roots.length > 0) lines.push(...headlineLines(roots, options), '');
  else if (!ingestOnly) lines.push(...nothingFound(assessments, style), '');
  for (const run of result.runs ?? [result.run]) lines.push(...runLines(run, style));
  const time = timeFormat(result.run.kernel.timeUnit);
  const log = result.run.captures.find(({ format }) => /log|console/i.test(format));
  const logName = log && basename(log.path);
  lines.push('', ...rootLines(roots, findings, { ...options, time, ...(logName !== undefined && { logName }) }));
  lines.push(...sourceStackLines(options.stacks ?? [], style));
  lines.push(...suppressedLines(result.suppressed ?? [], style));
  lines.push(...(why ? assessmentLines(result, style) : assessmentSummary(assessments, style)));
  lines.push(...importLines(result, style));
  if (result.db !== null) {
    const id = result.run.run_id === undefined ? '' : ` as run ${result.run.run_id}`;
    const hint = options.hint ? `; ${options.hint(result.db)}` : '';
    lines.push(...wrapAfter('', '  ', `stored in ${printable(result.db)}${id}${hint}`, widthOf(style)));
  }
  return `${lines.join('\n')}\n`;
}

/** Stacks with their lines of the source. */
function sourceStackLines(stacks: readonly SourceStack[], style: Style): string[] {
  return stacks.flatMap(({ title, frames }) => [
    ...wrapAfter('', '  ', `source lines: ${printable(title)}`, widthOf(style)).map((line) => style.bold(line)),
    ...frames.flatMap(({ frame, line }) =>
      wrapAfter('    ', '        ', printable(`${frame} ${line}`.trimEnd()), widthOf(style)),
    ),
    '',
  ]);
}

/** No findings is an answer only where the recording could give another. */
function nothingFound(assessments: readonly Assessment[], style: Style): string[] {
  const decided = assessments.filter(({ status }) => status === 'assessed').length;
  const open = assessments.length - decided;
  const scope =
    open === 0 ? '' : `; ${open} of ${assessments.length} kinds of findings could not be decided, or not wholly`;
  return wrapAfter('', '  ', `No findings${scope}.`, widthOf(style)).map((line) => style.bold(line));
}

/** What is known and therefore not shown: counted, and named in a line each. */
export function suppressedLines(suppressed: readonly SuppressedFinding[], style: Style): string[] {
  if (suppressed.length === 0) return [];
  const lines = suppressed.slice(0, SUPPRESSED_SHOWN).flatMap(({ id, reason, owner, link }) => {
    const remarks = [owner, link].filter((remark) => remark !== undefined).join(', ');
    const text = `${id}: ${reason}${remarks === '' ? '' : ` (${remarks})`}`;
    return wrapAfter('  - ', '    ', printable(text), widthOf(style));
  });
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
    ...(run.cpus > 0 ? [plural(run.cpus, 'CPU')] : []),
    plural(run.events, 'event'),
    `${time.length(run.last_ns - run.first_ns)} from ${time.at(run.first_ns)}`,
  ];
  const release = run.kernel.release === undefined ? '' : `, kernel ${printable(run.kernel.release)}`;
  const name = run.captures.length === 0 ? run.name : run.captures.map(({ path }) => path).join(' + ');
  const shown = printable(
    run.captures.some(({ path }) => path.includes(run.name)) ? run.name : `${run.name} (${name})`,
  );
  const rates = run.captures.flatMap(({ path, clock, ns_per_tick, rate_from }) =>
    ns_per_tick === undefined
      ? []
      : [
          `${path}: a tick of ${clock === undefined ? 'its clock' : `the ${clock} clock`} is ${tickLength(ns_per_tick)}: ${rate_from}`,
        ],
  );
  const width = widthOf(style);
  return [
    ...wrapAfter('', '  ', `${shown}${release}`, width).map((line, i) => (i === 0 ? style.bold(line) : line)),
    ...wrapAfter('  ', '  ', facts.join(' · '), width),
    ...rates.flatMap((rate) => wrapAfter('  ', '    ', printable(rate), width)),
  ];
}

/** `10.0 ms`, `0.379 ns`. */
function tickLength(ns: number): string {
  return ns < 100 ? `${ns.toPrecision(3)} ns` : formatDuration(ns);
}

const STATUS_WORDS: Readonly<Record<Assessment['status'], string>> = {
  assessed: 'assessed',
  partial: 'assessed in part',
  'not-assessed': 'not assessed',
};

/** What could be decided and what not, one line each. */
export function assessmentSummary(assessments: readonly Assessment[], style: Style): string[] {
  const width = widthOf(style);
  return (Object.keys(STATUS_WORDS) as Assessment['status'][]).flatMap((status) => {
    const found = assessments.filter((assessment) => assessment.status === status);
    if (found.length === 0) return [];
    const missing = [...new Set(found.flatMap((assessment) => assessment.missing))];
    const tail =
      status === 'assessed'
        ? ''
        : `${missing.length > 0 ? `; missing: ${missing[0]}${missing.length > 1 ? ', …' : ''}` : ''} (--why)`;
    return [
      oneLine(
        `${STATUS_WORDS[status]}: `,
        found.map(({ kind }) => kind),
        tail,
        width,
      ),
    ];
  });
}

/** As many names as fit, and how many more. */
function oneLine(head: string, names: readonly string[], tail: string, width: number): string {
  const room = width - textWidth(head);
  for (let count = names.length; count > 0; count--) {
    const rest = names.length - count;
    const list = `${names.slice(0, count).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
    if (textWidth(list) + textWidth(tail) <= room) return `${head}${list}${tail}`;
  }
  return clip(`${head}${plural(names.length, 'kind')}${tail}`, width);
}

/** What could be decided is one line; what could not is grouped by its reason, with the events that would decide it. */
export function assessmentLines(result: Pick<ReplayResult, 'assessments'>, style: Style): string[] {
  if (result.assessments.length === 0) return [];
  const lines: string[] = [];
  const add = (text: string): void => void lines.push(...wrapAfter('  ', '    ', printable(text), widthOf(style)));
  const assessed = result.assessments.filter((a) => a.status === 'assessed');
  if (assessed.length > 0)
    add(`assessed: ${assessed.map((a) => (a.note === '' ? a.kind : `${a.kind} (${a.note})`)).join(', ')}`);
  const groups = new Map<string, string[]>();
  for (const a of result.assessments) {
    if (a.status === 'assessed') continue;
    const missing = a.missing.length > 0 ? `; missing: ${a.missing.join(', ')}` : '';
    const reason = `${a.status}\u0000${a.note}${missing}`;
    groups.set(reason, [...(groups.get(reason) ?? []), a.kind]);
  }
  for (const [reason, kinds] of groups) {
    const [status, note] = reason.split('\u0000');
    add(`${STATUS_WORDS[status as Assessment['status']]}: ${kinds.join(', ')}${note === '' ? '' : `: ${note}`}`);
  }
  return [style.bold('What this recording can decide'), ...lines, ''];
}

export function importLines(result: Pick<ReplayResult, 'import' | 'run'>, style: Style): string[] {
  const { events, lost, issues } = result.import;
  const captures = result.run.captures.length;
  // Gaps of a size that nothing tells.
  const none = issues.some(({ kind }) => DIAGNOSTICS[kind].severity === 'data-loss') ? 'some lost' : 'none lost';
  const read = `read ${plural(events, 'event')} from ${plural(captures, 'capture')}, ${lost === 0 ? none : `${lostCount(lost, isLowerBound(issues))} lost`}${issues.length === 0 ? ', nothing skipped' : ''}`;
  const lines = wrapAfter('', '  ', read, widthOf(style));
  for (const issue of issues) lines.push(...issueLines(issue, captures > 1, style));
  return lines;
}

function issueLines(issue: ImportIssue, nameCapture: boolean, style: Style): string[] {
  const { severity, advice } = DIAGNOSTICS[issue.kind];
  const place = 'line' in issue.first ? `line ${issue.first.line}` : `byte ${issue.first.byte}`;
  const where = `${nameCapture ? `${issue.capture} ` : ''}${place}`;
  const excerpt = issue.first.text === '' ? '' : `: ${issue.first.text.trim()}`;
  const head = printable(`${severity}: ${issue.kind} ×${formatCount(issue.count)}, first at ${where}${excerpt}`);
  const width = widthOf(style);
  return [
    ...wrapAfter('  ', '    ', head, width),
    ...wrapAfter('    ', '    ', advice, width).map((line) => style.dim(line)),
  ];
}
