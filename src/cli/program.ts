/** The verbs together: parses the arguments, runs one, turns errors into one line and an exit status. */
import { Command, CommanderError } from 'commander';
import { printable } from '../report/text-format.ts';
import { EXIT_INTERNAL, EXIT_OK, EXIT_USAGE, exitStatusOf } from './exit-status.ts';
import { ReaderGone } from './outlet.ts';
import type { Session, Streams } from './output.ts';
import { packageVersion } from './package-version.ts';

type Register = (program: Command, session: Session) => void;

/** Verbs in the order and under the headings of the help. Each is loaded when it is asked for: start-up is a third of the time of a small capture. */
const VERB_GROUPS: Readonly<Record<string, Readonly<Record<string, () => Promise<Register>>>>> = {
  'What is wrong:': {
    replay: async () => (await import('./commands/replay.ts')).registerReplay,
    explain: async () => (await import('./commands/explain.ts')).registerExplain,
    report: async () => (await import('./commands/report.ts')).registerReport,
    whatif: async () => (await import('./commands/whatif.ts')).registerWhatIf,
    state: async () => (await import('./commands/state.ts')).registerState,
    events: async () => (await import('./commands/events.ts')).registerEvents,
  },
  'Numbers, and comparison of runs:': {
    hist: async () => (await import('./commands/hist.ts')).registerHist,
    query: async () => (await import('./commands/query.ts')).registerQuery,
    compare: async () => (await import('./commands/compare.ts')).registerCompare,
    baseline: async () => (await import('./commands/baseline.ts')).registerBaseline,
    export: async () => (await import('./commands/export.ts')).registerExport,
    fleet: async () => (await import('./commands/fleet.ts')).registerFleet,
    ingest: async () => (await import('./commands/ingest.ts')).registerIngest,
  },
  'Hundreds of runs:': {
    batch: async () => (await import('./commands/batch.ts')).registerBatch,
    runs: async () => (await import('./commands/runs.ts')).registerRuns,
    findings: async () => (await import('./commands/findings.ts')).registerFindings,
  },
  'What to record, and what is known:': {
    plan: async () => (await import('./commands/plan.ts')).registerPlan,
    doctor: async () => (await import('./commands/doctor.ts')).registerDoctor,
    formats: async () => (await import('./commands/formats.ts')).registerFormats,
    rule: async () => (await import('./commands/rule.ts')).registerRule,
    completion: async () => (await import('./commands/completion.ts')).registerCompletion,
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
  if (!/^(-V|--version)$/.test(words[0])) await registerVerbs(program, session, words[0]);
  try {
    await program.parseAsync(words, { from: 'user' });
    return session.status;
  } catch (error) {
    if (error instanceof ReaderGone) return session.status;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    const status = exitStatusOf(error);
    streams.err(`quiesce: ${describe(error, status)}\n`);
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
    .addHelpText('after', EXIT_HELP);
}

/** The program with all its verbs, to read and not to run: for the manual page and tests. @internal */
export async function wholeProgram(): Promise<Command> {
  const nowhere: Streams = { out: () => undefined, err: () => undefined, colour: false, terminal: false };
  const program = bareProgram(nowhere);
  await registerVerbs(program, { streams: nowhere, status: EXIT_OK });
  return program;
}

/** @param asked without a known verb everything is loaded: for the help, and for suggestions */
async function registerVerbs(program: Command, session: Session, asked?: string): Promise<void> {
  // Completion completes all of them.
  const one = asked === 'completion' ? undefined : asked;
  const known = Object.values(VERB_GROUPS).some((verbs) => one !== undefined && Object.hasOwn(verbs, one));
  for (const [heading, verbs] of Object.entries(VERB_GROUPS)) {
    program.commandsGroup(heading);
    for (const [name, load] of Object.entries(verbs)) if (!known || name === one) (await load())(program, session);
  }
}

function describe(error: unknown, status: number): string {
  if (error instanceof Error && error.name === 'AbortError') return 'interrupted; nothing was stored';
  if (!(error instanceof Error)) return printable(String(error));
  if (status === EXIT_INTERNAL)
    return `this is a defect of quiesce, please report it\n${(error.stack ?? error.message).split('\n').map(printable).join('\n')}`;
  // One line, whatever a name in it holds.
  return printable(error.message);
}
