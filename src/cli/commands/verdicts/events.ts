/** `quiesce events`: raw events of a run, around a finding or an instant. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Finding } from '../../../../schema/index.ts';
import { openStore, type Store, type StoredEventsOptions } from '../../../jobs/store.ts';
import type { TraceEvent } from '../../../jobs/trace-event.ts';
import { eventLine } from '../../../report/event-lines.ts';
import { timeFormat } from '../../../report/text/text-format.ts';
import { UsageError } from '../../exit-status.ts';
import { parseCpus } from '../../options/cpu-list.ts';
import { parseDuration } from '../../options/durations.ts';
import { INSTANTS_HELP, instantOf, timeOf } from '../../options/instants.ts';
import { parseCount, parseRunId } from '../../options/replay-options.ts';
import { addInputOptions, INPUT_HELP, type InputOptions, withStore } from '../../run-input.ts';
import { type Session, styleOf } from '../../terminal/output.ts';

const EXAMPLES = `
${INSTANTS_HELP}

Examples:
  quiesce events trace.dat --around rcu-stall                  the finding's evidence marked, and 50 ms around it
  quiesce events quiesce.db --around 28.75 --before 5ms        what led to an instant
  quiesce events quiesce.db --from 28.7 --to 28.8 --cpu 1      an interval of one CPU
  quiesce events quiesce.db --event sched_switch --task lab_upd/0 --limit 20`;

const MARGIN_NS = 50e6;

interface EventsOptions extends InputOptions {
  readonly around?: string;
  readonly before?: number;
  readonly after?: number;
  readonly from?: string;
  readonly to?: string;
  readonly cpu?: readonly number[];
  readonly event?: readonly string[];
  readonly task?: string;
  readonly limit?: number;
  readonly run?: number;
  readonly json?: boolean;
}

function duration(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof UsageError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

export function registerEvents(program: Command, session: Session): void {
  const command = program.command('events').argument('<input>', INPUT_HELP);
  addInputOptions(command)
    .option('--around <what>', 'id of a finding (or the beginning of one), or an instant')
    .addOption(new Option('--before <duration>', 'how much before it (default: 50ms)').argParser(duration))
    .addOption(new Option('--after <duration>', 'how much after it (default: 50ms)').argParser(duration))
    .option('--from <instant>', 'events from here on')
    .option('--to <instant>', 'events up to here')
    .addOption(new Option('--cpu <list>', 'only of these CPUs: 0,2-3').argParser(parseCpus))
    .option('--event <names>', 'only events of these names, separated by commas', (text) => text.split(','))
    .option('--task <task>', 'only of the task of that name or number')
    .addOption(new Option('--limit <n>', 'no more than that many').argParser(parseCount))
    .option('--run <id>', 'run of the store (default: the latest)', parseRunId)
    .option('--json', 'one JSON object per line, as readEvents() of the library gives them')
    .addHelpText('after', EXAMPLES)
    .action((input: string, options: EventsOptions) => {
      const needsVerdicts = options.around !== undefined && instantOf(options.around) === undefined;
      return withStore(input, options, session, (path) => printEvents(path, options, session), needsVerdicts);
    });
}

interface Selection {
  readonly range: StoredEventsOptions;
  /** What events prove, by number. */
  readonly roles: ReadonlyMap<number, string>;
}

function printEvents(path: string, options: EventsOptions, { streams }: Session): void {
  using store = openStore(path);
  const { run } = options;
  const time = timeFormat(store.run(run).kernel.timeUnit);
  const style = styleOf(streams);
  const { range, roles } = selectionOf(store, options);
  let printed = 0;
  for (const event of store.events(range)) {
    if (!isWanted(event, options) && !roles.has(event.event)) continue;
    if (options.limit !== undefined && printed === options.limit) break;
    printed++;
    streams.out(
      `${options.json ? asJson(event) : eventLine(event, time, style, { role: roles.get(event.event), marks: roles.size > 0 })}\n`,
    );
  }
  if (printed === 0 && !options.quiet) streams.err('quiesce: no events there\n');
}

const asJson = (event: TraceEvent): string =>
  JSON.stringify(event, (_, value) => (typeof value === 'bigint' ? value.toString() : value));

function isWanted({ cpu, task, tid }: TraceEvent, options: EventsOptions): boolean {
  if (options.cpu !== undefined && (cpu === null || !options.cpu.includes(cpu))) return false;
  const wanted = options.task;
  return wanted === undefined || task === wanted || String(tid) === wanted || `${task}:${tid}` === wanted;
}

function selectionOf(store: Store, options: EventsOptions): Selection {
  const { around, run, before = MARGIN_NS, after = MARGIN_NS, event } = options;
  const chosen = { ...(run !== undefined && { run }), ...(event !== undefined && { names: event }) };
  const bounds = {
    ...(options.from !== undefined && { fromNs: timeOf(store, options.from, run) }),
    ...(options.to !== undefined && { toNs: timeOf(store, options.to, run) }),
  };
  if (around === undefined) return { range: { ...chosen, ...bounds }, roles: new Map() };
  if (instantOf(around) !== undefined) {
    const ns = timeOf(store, around, run);
    return { range: { ...chosen, fromNs: ns - before, toNs: ns + after, ...bounds }, roles: new Map() };
  }
  const { finding, runId } = store.explain(around, run);
  return {
    range: { ...chosen, run: runId, fromNs: finding.start_ns - before, toNs: finding.end_ns + after, ...bounds },
    roles: rolesOf(finding),
  };
}

/** Of an event that proves several things, all of them. */
function rolesOf({ evidence }: Finding): Map<number, string> {
  const roles = new Map<number, string>();
  for (const item of evidence) {
    if (!('event' in item) || item.range !== undefined) continue;
    const known = roles.get(item.event);
    roles.set(item.event, known === undefined ? item.role : `${known}; ${item.role}`);
  }
  return roles;
}
