/** What flame graphs show of a run: where tasks were blocked and why, what the chains blame, how long locks were held. */
import { type Dictionary, type EventBatch, EventCursor, type Finding, fieldsOf } from '../../../schema/index.ts';
import { RECORDER_FRAME } from '../../replay/knowledge/stack/recorder-frames.ts';
import { rootsOf } from '../../replay/roots/roots.ts';
import { factRows, type RunFacts } from '../tracks/run-facts.ts';
import { withStacks } from './stack-join.ts';
import { WeightedStacks } from './weighted-stacks.ts';

/** A run for flame graphs. */
export interface StackedRun {
  readonly facts: RunFacts;
  readonly dictionary: Dictionary;
  /** The pages of its events, in order. */
  readonly batches: () => Iterable<EventBatch>;
}

export interface StackMetric {
  readonly title: string;
  readonly collect: (run: StackedRun) => WeightedStacks;
}

/** By the name that `--metric` takes. */
export const STACK_METRICS: Readonly<Record<string, StackMetric>> = {
  blocked: { title: 'time blocked (D) by root, task and stack', collect: blockedTime },
  blame: { title: 'time that each link of a chain cost, below the task that it held up', collect: blame },
  'lock-hold': { title: 'time for which locks were held, by class, task and stack', collect: heldTime },
};

const NO_STACK = '[no stack recorded]';
const NO_ROOT = '[no finding]';

const SWITCH = fieldsOf('sched_switch');

function blockedTime({ facts, dictionary, batches }: StackedRun): WeightedStacks {
  const stacks = new WeightedStacks();
  const rootOf = rootsOfTasks(facts.findings);
  const cursor = new EventCursor(undefined as unknown as EventBatch, dictionary.strings);
  const switchType = dictionary.types.findIndex((type) => type?.name === 'sched_switch');
  const prevTid = (batch: EventBatch, index: number): number => {
    if (batch.type[index] !== switchType) return -1;
    cursor.batch = batch;
    cursor.index = index;
    return cursor.int(SWITCH.prev_pid, -1);
  };
  const rows = intervals(facts, 'f.start_ns, f.end_ns, f.tid, f.comm', 'task_state AS f', "f.state = 'blocked'");
  for (const [{ startNs, endNs, tid, label, ns }, stack] of withStacks(batches(), dictionary, prevTid, rows))
    stacks.add([rootOf(tid, startNs, endNs), label, ...framesOf(dictionary, stack)], ns);
  return stacks;
}

/** The way from a blocked task to a link: the time that the link cost alone. */
function blame({ facts }: StackedRun): WeightedStacks {
  const stacks = new WeightedStacks();
  const { fromNs, toNs } = facts.selection;
  for (const finding of facts.findings) {
    if (!('chain' in finding) || finding.start_ns > toNs || finding.end_ns < fromNs) continue;
    const { chain } = finding;
    const wayTo = (index: number): string[] => {
      const { parent, name } = chain[index];
      return parent === undefined || parent >= index ? [name] : [...wayTo(parent), name];
    };
    // A task that hangs in a call is two findings of one wait.
    if (finding.kind === 'hung-task' && isToldAsCall(facts.findings, finding)) continue;
    chain.forEach(({ blame_ns }, i) => {
      stacks.add([finding.kind, ...wayTo(i)], blame_ns);
    });
  }
  return stacks;
}

function isToldAsCall(findings: readonly Finding[], hung: Extract<Finding, { kind: 'hung-task' }>): boolean {
  return findings.some(
    (other) =>
      other.kind === 'blocked-sync' &&
      other.tid === hung.tid &&
      other.start_ns <= hung.end_ns &&
      other.end_ns >= hung.start_ns,
  );
}

const LOCK_EVENTS: ReadonlySet<string> = new Set(['lock_acquire', 'lock_acquired', 'contention_end']);

function heldTime({ facts, dictionary, batches }: StackedRun): WeightedStacks {
  const stacks = new WeightedStacks();
  const takes = dictionary.types.map((type) => type !== undefined && LOCK_EVENTS.has(type.name));
  const taker = (batch: EventBatch, index: number): number => (takes[batch.type[index]] ? batch.tid[index] : -1);
  const rows = intervals(
    facts,
    'f.start_ns, f.end_ns, f.tid, c.name',
    'lock_hold AS f JOIN lock_class AS c ON c.run_id = f.run_id AND c.class_id = f.class_id',
  );
  for (const [{ tid, label, ns }, stack] of withStacks(batches(), dictionary, taker, rows)) {
    const task = facts.taskName(tid);
    stacks.add([label, ...(task === undefined ? [] : [task]), ...framesOf(dictionary, stack)], ns);
  }
  return stacks;
}

interface Interval {
  readonly startNs: number;
  readonly endNs: number;
  readonly tid: number;
  readonly label: string;
  /** As far as it lies in the selected time. */
  readonly ns: number;
}

/** @param columns start, end, tid, label. What is open lasts until the end of the run. */
function* intervals(facts: RunFacts, columns: string, from: string, where = '1'): Generator<Interval, undefined> {
  const { selection, info } = facts;
  for (const [start, end, tid, label] of factRows(facts, { columns, from, where })) {
    const startNs = start as number;
    const endNs = (end as number | null) ?? info.last_ns;
    const ns = Math.min(endNs, selection.toNs) - Math.max(startNs, selection.fromNs);
    yield { startNs, endNs, tid: tid as number, label: label as string, ns };
  }
}

/** Outermost first, without what recorded the event. */
function framesOf(dictionary: Dictionary, stack: number): string[] {
  if (stack === 0) return [NO_STACK];
  const frames = dictionary.stackSymbols(stack);
  const first = frames.findIndex((frame) => !RECORDER_FRAME.test(frame));
  return frames.slice(Math.max(0, first)).reverse();
}

/** Names the root cause of a wait, where a finding is about it. */
function rootsOfTasks(found: readonly Finding[]): (tid: number, startNs: number, endNs: number) => string {
  const { roots, findings } = rootsOf(found);
  const causes = roots.flatMap((root) => root.findings.map(() => root));
  const ofTasks = findings.flatMap((finding, i) =>
    'tid' in finding && 'blocked_ns' in finding
      ? [{ tid: finding.tid, from: finding.start_ns, to: finding.end_ns, root: causes[i].title.split(' → ')[0] }]
      : [],
  );
  return (tid, startNs, endNs) =>
    ofTasks.find((one) => one.tid === tid && one.from < endNs && one.to > startNs)?.root ?? NO_ROOT;
}
