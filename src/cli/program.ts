/** The verbs together: parses the arguments, runs one, turns errors into one line and an exit status. */
import { Command, CommanderError } from 'commander';
import { registerBaseline } from './commands/baseline.ts';
import { registerCompare } from './commands/compare.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerExplain } from './commands/explain.ts';
import { registerExport } from './commands/export.ts';
import { registerFormats } from './commands/formats.ts';
import { registerHist } from './commands/hist.ts';
import { registerIngest } from './commands/ingest.ts';
import { registerQuery } from './commands/query.ts';
import { registerReplay } from './commands/replay.ts';
import { registerState } from './commands/state.ts';
import { registerWhatIf } from './commands/whatif.ts';
import { EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, exitStatusOf } from './exit-status.ts';
import type { Session, Streams } from './output.ts';
import { packageVersion } from './package-version.ts';

const DESCRIPTION =
  'Replays ftrace and perf recordings of a hung Linux kernel and says why the grace period stalled, ' +
  'who waits for whom, and which locks are taken in the wrong order.';
const HELP_WIDTH = 100;

const EXIT_HELP = `
Exit status: 0 done · 1 findings at or above --fail-on · 2 wrong usage · 3 input unreadable ·
             4 store damaged, locked or not writable`;

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
  for (const register of [
    registerReplay,
    registerIngest,
    registerQuery,
    registerHist,
    registerState,
    registerExplain,
    registerWhatIf,
    registerCompare,
    registerBaseline,
    registerExport,
    registerDoctor,
    registerFormats,
  ])
    register(program, session);
  try {
    await program.parseAsync(args as string[], { from: 'user' });
    return session.status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    const status = exitStatusOf(error);
    streams.err(`quiesce: ${describe(error, status)}\n`);
    return status;
  }
}

function describe(error: unknown, status: number): string {
  if (status === EXIT_INTERRUPTED) return 'interrupted; nothing was stored';
  if (!(error instanceof Error)) return String(error);
  if (status === EXIT_INTERNAL) return `this is a defect of quiesce, please report it\n${error.stack ?? error.message}`;
  return error.message;
}
