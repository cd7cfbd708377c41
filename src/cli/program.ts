/** The verbs together: parses the arguments, runs one, turns errors into one line and an exit status. */
import { Command, CommanderError } from 'commander';
import { printable } from '../report/text-format.ts';
import { EXIT_INTERNAL, EXIT_OK, EXIT_USAGE, exitStatusOf } from './exit-status.ts';
import { ReaderGone } from './outlet.ts';
import type { Session, Streams } from './output.ts';
import { packageVersion } from './package-version.ts';

type Register = (program: Command, session: Session) => void;

/** Verbs in the order of the help. Each is loaded when it is asked for: start-up is a third of the time of a small capture. */
const VERBS: Readonly<Record<string, () => Promise<Register>>> = {
  replay: async () => (await import('./commands/replay.ts')).registerReplay,
  ingest: async () => (await import('./commands/ingest.ts')).registerIngest,
  query: async () => (await import('./commands/query.ts')).registerQuery,
  hist: async () => (await import('./commands/hist.ts')).registerHist,
  state: async () => (await import('./commands/state.ts')).registerState,
  explain: async () => (await import('./commands/explain.ts')).registerExplain,
  whatif: async () => (await import('./commands/whatif.ts')).registerWhatIf,
  compare: async () => (await import('./commands/compare.ts')).registerCompare,
  baseline: async () => (await import('./commands/baseline.ts')).registerBaseline,
  export: async () => (await import('./commands/export.ts')).registerExport,
  plan: async () => (await import('./commands/plan.ts')).registerPlan,
  doctor: async () => (await import('./commands/doctor.ts')).registerDoctor,
  rule: async () => (await import('./commands/rule.ts')).registerRule,
  formats: async () => (await import('./commands/formats.ts')).registerFormats,
};

const DESCRIPTION =
  'Replays ftrace and perf recordings of a hung Linux kernel and says why the grace period stalled, ' +
  'who waits for whom, and which locks are taken in the wrong order.';
const HELP_WIDTH = 100;

const EXIT_HELP = `
Exit status: 0 done · 1 findings at or above --fail-on · 2 wrong usage · 3 input unreadable ·
             4 store damaged or locked, or something cannot be written ·
             129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM`;

/**
 * Runs the command line.
 * @param args without the interpreter and the script
 * @returns the exit status
 */
export async function runCommandLine(args: readonly string[], streams: Streams): Promise<number> {
  const session: Session = { streams, status: EXIT_OK };
  const program = new Command('quiesce')
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
  for (const load of verbsFor(args[0])) (await load())(program, session);
  try {
    await program.parseAsync(args as string[], { from: 'user' });
    return session.status;
  } catch (error) {
    if (error instanceof ReaderGone) return session.status;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    const status = exitStatusOf(error);
    streams.err(`quiesce: ${describe(error, status)}\n`);
    return status;
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

/** What to load: the verb, or without a known one everything, for the help and for suggestions. */
function verbsFor(first: string | undefined): (() => Promise<Register>)[] {
  if (first === '-V' || first === '--version') return [];
  return first !== undefined && Object.hasOwn(VERBS, first) ? [VERBS[first]] : Object.values(VERBS);
}
