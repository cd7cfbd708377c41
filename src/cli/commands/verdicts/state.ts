/** `quiesce state`: a stored run at one instant. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { StoredStates, type Target } from '../../../jobs/stored-states.ts';
import type { InstantFilter } from '../../../replay/instant/instant.ts';
import { stateText } from '../../../report/state-text.ts';
import { parseRunId } from '../../options/replay-options.ts';
import { addSourceOptions, linesOfFrames, type SourceOptions } from '../../options/source-options.ts';
import { addInputOptions, INPUT_HELP, type InputOptions, withStore } from '../../run-input.ts';
import { outPaged, type Session, styleOf } from '../../terminal/output.ts';

const EXAMPLES = `
Instants:
  28.75, 28750ms, 28750000000ns   time of the recording; +1.5 is 1.5 s after its first event
  event:1234                      right after an event; explain and query print their numbers

Examples:
  quiesce state quiesce.db --at 28.75                       CPUs, grace periods, who waits for whom, locks, work
  quiesce state quiesce.db --at 28.75 --task lab_upd/0      one task, by name or number: stack, locks, chain
  quiesce state quiesce.db --at event:2998 --cpu 1 --next   step to the next event of CPU 1
  quiesce state quiesce.db --at 28.75 --prev sched_switch   step back to the last context switch
  quiesce state quiesce.db --at +5 --json                   as quiesce.state/1`;

/** An instant as typed; resolved against the run's span. */
type Instant = { readonly event: number } | { readonly ns: number; readonly fromStart: boolean };

interface StateOptions extends InputOptions, SourceOptions {
  readonly at: Instant;
  readonly task?: NonNullable<InstantFilter['task']>;
  readonly cpu?: number;
  readonly next?: string | true;
  readonly prev?: string | true;
  readonly run?: number;
  readonly json?: boolean;
}

export function registerState(program: Command, session: Session): void {
  const command = program.command('state').argument('<input>', INPUT_HELP);
  addSourceOptions(addInputOptions(command))
    .addOption(
      new Option('--at <instant>', 'time, or event:N; see below').argParser(parseInstant).makeOptionMandatory(),
    )
    .addOption(new Option('--task <task>', 'only tasks of that name, number, or name:number').argParser(parseTask))
    .addOption(new Option('--cpu <n>', 'only this CPU and what was last on it').argParser(parseCpu))
    .addOption(new Option('--next [event]', 'step to the next event of that name, task or CPU first').conflicts('prev'))
    .option('--prev [event]', 'step back to the one before')
    .option('--run <id>', 'run of the store (default: the latest)', parseRunId)
    .option('--json', 'print the state as JSON (quiesce.state/1)')
    .addHelpText('after', EXAMPLES)
    .action((input: string, options: StateOptions) =>
      withStore(input, options, session, (db) => stateAt(db, options, session)),
    );
}

function stateAt(db: string, options: StateOptions, { streams }: Session): void {
  const states = new StoredStates(db, options.run);
  try {
    const filter = {
      ...(options.cpu !== undefined && { cpu: options.cpu }),
      ...(options.task && { task: options.task }),
    };
    const result = states.at(stepped(states, options), filter);
    const frames = result.tasks.flatMap((task) => task.frames);
    const sources = linesOfFrames(options, frames, states.kernel);
    if (options.json) {
      const told = sources && { ...result, sources: Object.fromEntries(sources) };
      streams.out(`${JSON.stringify(told ?? result, null, 1)}\n`);
      return;
    }
    const fullStacks = options.task !== undefined || sources !== undefined;
    outPaged({ streams }, stateText(result, { style: styleOf(streams), fullStacks, sources }));
  } finally {
    states.close();
  }
}

function stepped(states: StoredStates, options: StateOptions): Target {
  const { at, next, prev } = options;
  const target = 'event' in at ? at : { tsNs: at.fromStart ? states.span.firstNs + at.ns : at.ns };
  const step = next ?? prev;
  if (step === undefined) return target;
  return states.step(target, next === undefined ? -1 : 1, step === true ? undefined : step, {
    ...(options.cpu !== undefined && { cpu: options.cpu }),
    ...options.task,
  });
}

const UNIT_DIGITS: Readonly<Record<string, number>> = { '': 9, s: 9, ms: 6, us: 3, µs: 3, ns: 0 };

/**
 * Exact to the nanosecond. A time with six decimals is one that a report printed: it means the whole microsecond that was rounded to it.
 * @throws InvalidArgumentError
 */
function parseInstant(text: string): Instant {
  const event = /^event:(\d{1,15})$/.exec(text.trim());
  if (event) return { event: Number(event[1]) };
  const match = /^(\+?)(\d{1,15})(?:\.(\d{1,9}))?\s*(s|ms|us|µs|ns)?$/.exec(text.trim());
  const digits = UNIT_DIGITS[match?.[4] ?? ''];
  const fraction = match?.[3] ?? '';
  if (!match || fraction.length > digits)
    throw new InvalidArgumentError('a time such as 28.75, 28750ms or +1.5 expected, or event:1234.');
  const ns = Number(match[2] + fraction.padEnd(digits, '0'));
  if (!Number.isSafeInteger(ns)) throw new InvalidArgumentError('beyond any recording.');
  return { ns: digits === 9 && fraction.length === 6 ? ns + 499 : ns, fromStart: match[1] === '+' };
}

/** `84`, `perf close-1`, or `perf close-1:84` as reports print tasks. */
function parseTask(text: string): NonNullable<InstantFilter['task']> {
  if (/^\d{1,10}$/.test(text)) return { tid: Number(text) };
  const both = /^(.+):(\d{1,10})$/.exec(text);
  return both ? { comm: both[1], tid: Number(both[2]) } : { comm: text };
}

/** @throws InvalidArgumentError */
function parseCpu(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('the number of a CPU expected.');
  return Number(text);
}
