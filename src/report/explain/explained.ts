/** What the forms of an explanation have in common: which evidence is shown, and stacks and lines as the kernel prints them. */
import { RECORDED_FROM_HERE, type RootCause, type Rule, type RunInfo } from '../../../schema/index.ts';
import type { ExplainedEvent, ExplainedLine, Explanation } from '../../query/explain.ts';
import { ruleBook } from '../../query/rule-book.ts';
import type { Style } from '../text/style.ts';
import { formatCount, type TimeFormat } from '../text/text-format.ts';

export const EXPLAIN_FORMATS = ['text', 'mail', 'md'] as const;

export interface ExplainOptions {
  readonly style: Style;
  readonly format: (typeof EXPLAIN_FORMATS)[number];
  /** What the kernel checks and why, and the rules in full. */
  readonly teach?: boolean;
  /** Events that only show that their kind is recorded, and ranges of events. */
  readonly all?: boolean;
  /** The root cause that the finding belongs to. */
  readonly root?: RootCause;
  readonly run?: RunInfo;
  /** Of quiesce. */
  readonly version?: string;
}

/** Events that prove something by themselves, unless all are wanted. */
export function shownEvents({ events }: Explanation, all: boolean): readonly ExplainedEvent[] {
  return all ? events : events.filter(({ role }) => !role.endsWith(RECORDED_FROM_HERE));
}

/** Stacks of events, each once: `perf close-1:84 at 28.750754 (event 3025)` and its frames. */
export function shownStacks(
  events: readonly ExplainedEvent[],
  time: TimeFormat,
): { readonly of: string; readonly frames: readonly string[] }[] {
  const seen = new Set<string>();
  return events.flatMap(({ stack, task, tsNs, event }) => {
    const key = `${task} ${stack.join(' ')}`;
    if (stack.length === 0 || seen.has(key)) return [];
    seen.add(key);
    return [{ of: `${task} at ${time.stamp(tsNs)} (event ${event})`, frames: stack }];
  });
}

/** Stacks that the log printed, `<TASK>` and the like left out. */
export function framesOf({ stack }: ExplainedLine): readonly string[] {
  return stack.filter((frame) => !/^<\/?\w+>$/.test(frame));
}

/** The file that a line of the kernel log is in. */
export function logNameOf(run: RunInfo | undefined): string | undefined {
  const path = run?.captures.find(({ format }) => /log|console/i.test(format))?.path;
  return path?.slice(path.lastIndexOf('/') + 1);
}

/** `dmesg.txt:250`, or `line 250`. */
export function placeOf({ line }: ExplainedLine, logName: string | undefined): string {
  return logName === undefined ? `line ${line}` : `${logName}:${line}`;
}

/** How it was obtained, so that it can be repeated. */
export function provenance({ finding, runName }: Explanation, { run, version }: ExplainOptions): string {
  const tool = version === undefined ? 'quiesce' : `quiesce ${version}`;
  const facts = [
    ...(run === undefined ? [] : [...new Set(run.captures.map(({ format }) => format))]),
    ...(run === undefined ? [] : [`${formatCount(run.events)} events`]),
    ...(run?.kernel.release === undefined ? [] : [`kernel ${run.kernel.release}`]),
  ];
  const paths = run?.captures.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)).join(' + ') || runName;
  const events = finding.evidence.flatMap((item) =>
    'event' in item && item.range === undefined && !item.role.endsWith(RECORDED_FROM_HERE) ? [item.event] : [],
  );
  const cited = [...new Set(events)].sort((a, b) => a - b);
  const shown = cited.slice(0, CITED).join(', ');
  const more = cited.length > CITED ? ` and ${cited.length - CITED} more` : '';
  const evidence = cited.length === 0 ? '' : `; events ${shown}${more}`;
  return `Obtained with ${tool} from ${paths}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}, finding ${finding.id}${evidence}.`;
}

const CITED = 12;

/** Rules on which its sentences rest. */
export function citedRules({ finding }: Explanation): Rule[] {
  const links = 'chain' in finding ? (finding.chain ?? []) : [];
  const cited = new Set([...finding.notes, ...links].flatMap(({ rules }) => rules ?? []));
  const book = ruleBook();
  return [...cited].flatMap((id) => book.rule(id) ?? []);
}
