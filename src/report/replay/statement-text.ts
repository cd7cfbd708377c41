/** The statements of a finding, each with how it is known: reported by the kernel, observed in events, inferred by a rule. */
import type { Finding, Note } from '../../../schema/index.ts';
import { type Style, widthOf } from '../text/style.ts';
import { printable, type TimeFormat, wrapAfter } from '../text/text-format.ts';

export type Basis = NonNullable<Note['basis']>;

const REPORTED_TOO = /^the kernel reported it too: /;
/** The longest of the labels. */
const LABEL_WIDTH = 'predicted'.length;

/** How a note is known. */
export function basisOf(note: Note, finding: Finding): Basis {
  if (note.basis !== undefined) return note.basis;
  if (note.rules.length > 0) return 'inferred';
  return restsOnLog(finding) ? 'reported' : 'observed';
}

/** Nothing but the kernel log shows it. */
export const restsOnLog = (finding: Finding): boolean =>
  finding.evidence.length > 0 && finding.evidence.every((item) => 'line' in item);

/** The first line of the kernel's report, with the place where it stands; undefined when the log was not recorded. */
export function quoteOf(finding: Finding, logName: string | undefined): string | undefined {
  const item = finding.evidence.find(({ text }) => text !== undefined && text !== '');
  if (item === undefined) return undefined;
  const place =
    'line' in item ? `${logName === undefined ? 'line ' : `${logName}:`}${item.line}` : `event ${item.event}`;
  return `${place}: ${item.text?.trim()}`;
}

export interface StatementOptions {
  /** Only what the report must say once: no warning predicted that came as predicted, nothing that the headline says. */
  readonly brief?: boolean;
  /** File of the kernel log: `dmesg.txt`. */
  readonly logName?: string;
  /** What the kernel checks, too. */
  readonly teach?: boolean;
  readonly indent?: string;
  /** False: the evidence is shown elsewhere. */
  readonly evidence?: boolean;
  /** What was said already, by this or another finding: it is not said again. */
  readonly said?: Set<string>;
  /** How times of the run are written; default: in seconds. */
  readonly time?: TimeFormat;
}

/** What the kernel reported, without what we make of it: that is said above. */
const reportedTitle = (text: string): string =>
  REPORTED_TOO.test(text) ? text.replace(REPORTED_TOO, '').replace(/; a grace period stalls.*/, '') : text;

/** A sentence of a finding, and how it is known; the basis of what the kernel checks anyway is ''. */
export interface Statement {
  readonly basis: Exclude<Basis, 'threshold' | 'background'> | '';
  readonly text: string;
  readonly rules: readonly string[];
}

/** What a finding says, the kernel's own words first. Thresholds stand beside the length, and are not here. */
export function statementsOf(finding: Finding, options: StatementOptions = {}): Statement[] {
  const { teach = false } = options;
  const quote = quoteOf(finding, options.logName);
  const said = finding.notes.flatMap((note): Statement[] => {
    const basis = basisOf(note, finding);
    if (options.brief && isConfirmation(note, finding, quote !== undefined)) return [];
    if (basis === 'threshold' || (basis === 'background' && !teach)) return [];
    // Its own words are better than ours.
    if (REPORTED_TOO.test(note.text) && quote !== undefined) return [];
    if (options.said?.has(note.text)) return [];
    options.said?.add(note.text);
    return [{ basis: basis === 'background' ? '' : basis, text: reportedTitle(note.text), rules: note.rules }];
  });
  return quote === undefined ? said : [{ basis: 'reported', text: quote, rules: [] }, ...said];
}

/** Statements as lines: `inferred  a tracepoint teardown waits for … (S3.50)`. */
export function statementLines(finding: Finding, style: Style, options: StatementOptions = {}): string[] {
  const { indent = '    ' } = options;
  return statementsOf(finding, options).flatMap(({ basis, text, rules }) => {
    const label = basis.padEnd(LABEL_WIDTH);
    const rest = `${indent}${' '.repeat(LABEL_WIDTH)} `;
    const cited = rules.length > 0 ? ` (${rules.join(', ')})` : '';
    const lines = wrapAfter(`${indent}${label} `, rest, printable(`${text}${cited}`), widthOf(style));
    return lines.map((each) => dimLabel(each, label, indent, style));
  });
}

/** Sentences of which a short report has no need: the kernel's report, or the headline, says the same. */
function isConfirmation({ rules, text }: Note, finding: Finding, quoted: boolean): boolean {
  if (finding.kind === 'rcu-stall') return rules.includes('R2.61') && finding.decision?.agreement === 'agrees';
  if (finding.kind === 'hung-task' && finding.chain.length > 1 && text.startsWith('stack: ')) return true;
  return CONFIRMATIONS.some((pattern) => pattern.test(text)) || (quoted && /^the kernel says /.test(text));
}

const CONFIRMATIONS = [
  /^the first and only one that lockdep would report/,
  /^lockdep checks this before/,
  /^seen 1×$/,
  // The stall stands below.
  /grace period(?: -?\d+)? waited for this CPU during the storm$/,
  // How a log is read; explain says it.
  /^the kernel's detector: /,
  /^read from the stack of the hung task/,
  /^reported \d+ times with growing seconds/,
  /^a log has no times of the single links/,
];

function dimLabel(line: string, label: string, indent: string, style: Style): string {
  const head = `${indent}${label}`;
  return line.startsWith(head) && label.trim() !== '' ? `${indent}${style.dim(label)}${line.slice(head.length)}` : line;
}

/** `7.93 s (…)`: the limit that it crossed; '' when it names none. */
export function thresholdText(finding: Finding): string {
  const note = finding.notes.find(({ basis }) => basis === 'threshold');
  return note === undefined ? '' : printable(note.text);
}
