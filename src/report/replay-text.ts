/** The result of a replay as people read it and paste it into a mail: plain text, at most 100 columns. */
import { DIAGNOSTICS, type ImportIssue, type ReplayResult, type RunInfo } from '../../schema/index.ts';
import { findingLines, type Style } from './finding-text.ts';
import { formatCount, formatDuration, formatTime, plural, printable, wrap } from './text-format.ts';

const WIDTH = 100;

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
  for (const finding of result.findings) lines.push(...findingLines(finding, style), '');
  lines.push(...assessmentLines(result, style));
  lines.push(...importLines(result, style));
  if (result.db !== null) {
    const id = result.run.run_id === undefined ? '' : ` as run ${result.run.run_id}`;
    lines.push(`stored in ${printable(result.db)}${id}${options.hint ? `; ${options.hint(result.db)}` : ''}`);
  }
  return `${lines.join('\n')}\n`;
}

function runLines(run: RunInfo, style: Style): string[] {
  const facts = [
    ...new Set(run.captures.map((capture) => capture.format)),
    plural(run.cpus, 'CPU'),
    plural(run.events, 'event'),
    `${formatDuration(run.last_ns - run.first_ns)} from ${formatTime(run.first_ns)} s`,
    ...(run.kernel.release === undefined ? [] : [`kernel ${printable(run.kernel.release)}`]),
  ];
  const [first, ...rest] = wrap(facts.join(' · '), WIDTH - 2);
  return [style.bold(printable(run.name)), `  ${first}`, ...rest.map((line) => `  ${line}`)];
}

/** What could not be decided comes with the events that would decide it; what could is one line. */
function assessmentLines(result: ReplayResult, style: Style): string[] {
  if (result.assessments.length === 0) return [];
  const lines: string[] = [];
  const assessed = result.assessments.filter((a) => a.status === 'assessed').map((a) => a.kind);
  if (assessed.length > 0) lines.push(...indented(`assessed: ${assessed.join(', ')}`, ''));
  for (const a of result.assessments) {
    if (a.status === 'assessed') continue;
    const missing = a.missing.length > 0 ? `; missing: ${a.missing.join(', ')}` : '';
    const note = a.note === '' ? '' : `: ${a.note}`;
    const text = `${a.status === 'partial' ? 'partly assessed' : 'not assessed'}: ${a.kind}${note}${missing}`;
    lines.push(...indented(printable(text), ''));
  }
  return lines.length > 0 ? [style.bold('What this recording can decide'), ...lines.map((l) => `  ${l}`), ''] : [];
}

function indented(text: string, first: string): string[] {
  return wrap(text, WIDTH - 6).map((line, i) => (i === 0 ? `${first}${line}` : `  ${line}`));
}

function importLines(result: ReplayResult, style: Style): string[] {
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
