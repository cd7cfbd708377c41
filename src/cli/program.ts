/** The verbs together: parses the arguments, runs one, turns errors into one line and an exit status. */

import { Command, CommanderError, Help } from 'commander';
import { packageVersion } from '../../schema/index.ts';
import { printable } from '../report/text/text-format.ts';
import { EXIT_INTERNAL, EXIT_OK, EXIT_USAGE, exitStatusOf } from './exit-status.ts';
import { ReaderGone } from './terminal/outlet.ts';
import type { Session, Streams } from './terminal/output.ts';

type Register = (program: Command, session: Session) => void;

interface Verb {
  readonly summary: string;
  readonly load: () => Promise<Register>;
}

/** Verbs in the order and under the headings of the help. Each is loaded when it is asked for. */
const VERB_GROUPS: Readonly<Record<string, Readonly<Record<string, Verb>>>> = {
  'What is wrong:': {
    replay: {
      summary: 'read captures, replay them through the models, print the findings',
      load: async () => (await import('./commands/verdicts/replay.ts')).registerReplay,
    },
    explain: {
      summary: 'the evidence of one finding, event by event, with stacks and rules; or as a mail',
      load: async () => (await import('./commands/verdicts/explain.ts')).registerExplain,
    },
    report: {
      summary: 'write a page with findings, timeline, lock graphs and latencies',
      load: async () => (await import('./commands/verdicts/report.ts')).registerReport,
    },
    whatif: {
      summary: 'replay under variants of the kernel: which findings are cleared, remain, or appear',
      load: async () => (await import('./commands/verdicts/whatif.ts')).registerWhatIf,
    },
    state: {
      summary: 'time travel: what runs, who holds what, what is in flight, who waits for whom at an instant',
      load: async () => (await import('./commands/verdicts/state.ts')).registerState,
    },
    events: {
      summary: 'print raw events as trace-cmd report does, around a finding or an instant',
      load: async () => (await import('./commands/verdicts/events.ts')).registerEvents,
    },
  },
  'Numbers, and comparison of runs:': {
    hist: {
      summary: 'draw the histogram of a latency or length',
      load: async () => (await import('./commands/numbers/hist.ts')).registerHist,
    },
    query: {
      summary: 'run SQL on a store, read-only; or a query of the library; or open a shell',
      load: async () => (await import('./commands/numbers/query.ts')).registerQuery,
    },
    rows: {
      summary: 'make the rows of a store that other programs read: sqlite3, Python, DuckDB',
      load: async () => (await import('./commands/numbers/rows.ts')).registerRows,
    },
    compare: {
      summary: 'compare runs: a verdict per latency, and findings that appeared or went',
      load: async () => (await import('./commands/numbers/compare.ts')).registerCompare,
    },
    baseline: {
      summary: 'save histograms and findings as a small file, and check later runs against it',
      load: async () => (await import('./commands/numbers/baseline.ts')).registerBaseline,
    },
    export: {
      summary: 'write what a store holds for other programs: findings for CI, whole runs for viewers',
      load: async () => (await import('./commands/numbers/export.ts')).registerExport,
    },
    ingest: {
      summary: 'store captures without replaying them',
      load: async () => (await import('./commands/numbers/ingest.ts')).registerIngest,
    },
  },
  'Hundreds of runs:': {
    batch: {
      summary: 'replay many captures into one store, a run per folder or file',
      load: async () => (await import('./commands/runs/batch.ts')).registerBatch,
    },
    runs: {
      summary: 'list, label, remove, merge the runs of a store',
      load: async () => (await import('./commands/runs/runs.ts')).registerRuns,
    },
    findings: {
      summary: 'findings over the runs of a store: first and last seen, how often, with which labels',
      load: async () => (await import('./commands/runs/findings.ts')).registerFindings,
    },
    fleet: {
      summary: 'push what was found in many runs to a Parquet lake or ClickHouse, and report from there',
      load: async () => (await import('./commands/fleet/fleet.ts')).registerFleet,
    },
  },
  'What to record, and what is known:': {
    plan: {
      summary: 'print the commands that record what a verdict needs',
      load: async () => (await import('./commands/knowledge/plan.ts')).registerPlan,
    },
    doctor: {
      summary: 'what a capture contains: event types, clock, CPUs, kernel, losses, what it can answer',
      load: async () => (await import('./commands/knowledge/doctor.ts')).registerDoctor,
    },
    formats: {
      summary: 'list the capture formats that can be read',
      load: async () => (await import('./commands/knowledge/formats.ts')).registerFormats,
    },
    rule: {
      summary: 'the rules about the kernel that findings rest on, by their ids',
      load: async () => (await import('./commands/knowledge/rule.ts')).registerRule,
    },
    completion: {
      summary: 'print the completion of a shell',
      load: async () => (await import('./commands/knowledge/completion.ts')).registerCompletion,
    },
  },
};

const DESCRIPTION =
  'Replays ftrace and perf recordings of a hung Linux kernel and says why the grace period stalled, ' +
  'who waits for whom, and which locks are taken in the wrong order.';
const HELP_WIDTH = 100;

const NO_PAGER = '--no-pager';

/** What most people want, when nothing is asked for. */
const FIRST_STEPS = `quiesce says why a recorded Linux kernel stopped making progress.

  quiesce replay trace.dat dmesg.txt        what is wrong in this recording, and why
  quiesce explain trace.dat rcu-stall       the evidence of one finding (--format mail for a list)
  quiesce plan --for rcu-stall              what to record, as commands to paste

quiesce --help shows all verbs, quiesce <verb> --help one with examples.
`;

const EXIT_HELP = `
A report that is longer than the screen goes through QUIESCE_PAGER, PAGER or less; --no-pager prints it.

Exit status: 0 done · 1 findings at or above --fail-on · 2 wrong usage · 3 input unreadable ·
             4 store damaged or locked, or something cannot be written ·
             129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM`;

/**
 * Runs the command line.
 * @param args without the interpreter and the script
 * @returns the exit status
 */
export async function runCommandLine(args: readonly string[], streams: Streams): Promise<number> {
  const paged = !args.includes(NO_PAGER);
  const words = args.filter((arg) => arg !== NO_PAGER);
  const session: Session = { streams, status: EXIT_OK, paged };
  if (words.length === 0) {
    streams.out(FIRST_STEPS);
    return EXIT_OK;
  }
  const program = bareProgram(streams);
  const asked = words[0] === 'help' ? words[1] : words[0];
  // Completion completes all of them.
  await registerVerbs(program, session, (name) => name === asked || asked === 'completion');
  try {
    await program.parseAsync(words, { from: 'user' });
    return session.status;
  } catch (error) {
    if (error instanceof ReaderGone) return session.status;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    const status = exitStatusOf(error);
    streams.err(`quiesce: ${describe(error, status, session.left)}\n`);
    return status;
  }
}

function bareProgram(streams: Streams): Command {
  return new Command('quiesce')
    .description(DESCRIPTION)
    .version(packageVersion(), '-V, --version')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => streams.out(text),
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
      writeErr: (text) => streams.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'quiesce: ')),
    })
    .configureHelp({
      // The list of all verbs: what each takes is in its own help.
      subcommandTerm: (command) => (command.parent?.parent ? new Help().subcommandTerm(command) : command.name()),
    })
    .addHelpText('after', EXIT_HELP);
}

/** The program with all its verbs, to read and not to run: for the manual page and tests. @internal */
export async function wholeProgram(): Promise<Command> {
  const nowhere: Streams = { out: () => undefined, err: () => undefined, colour: false, terminal: false };
  const program = bareProgram(nowhere);
  await registerVerbs(program, { streams: nowhere, status: EXIT_OK }, () => true);
  return program;
}

/**
 * Verbs with their options and actions, the others by name and summary: the list of all of them needs none of what they do.
 * @param isLoaded whether a verb is to be run, or read
 */
async function registerVerbs(program: Command, session: Session, isLoaded: (name: string) => boolean): Promise<void> {
  for (const [heading, verbs] of Object.entries(VERB_GROUPS)) {
    program.commandsGroup(heading);
    for (const [name, { summary, load }] of Object.entries(verbs)) {
      if (isLoaded(name)) (await load())(program, session);
      else program.command(name);
      program.commands.at(-1)?.description(summary);
    }
  }
}

function describe(error: unknown, status: number, left = 'nothing was stored'): string {
  if (error instanceof Error && error.name === 'AbortError') return `interrupted; ${left}`;
  if (!(error instanceof Error)) return printable(String(error));
  if (status === EXIT_INTERNAL)
    return `this is a defect of quiesce, please report it\n${(error.stack ?? error.message).split('\n').map(printable).join('\n')}`;
  // One line, whatever a name in it holds.
  return printable(error.message);
}
