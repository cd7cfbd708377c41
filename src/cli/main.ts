#!/usr/bin/env node
/** The `quiesce` command: registers the verbs, turns errors into one line and an exit status. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { registerFormats } from './commands/formats.ts';
import { registerHist } from './commands/hist.ts';
import { registerIngest } from './commands/ingest.ts';
import { registerQuery } from './commands/query.ts';
import { registerReplay } from './commands/replay.ts';
import { EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, exitStatusOf } from './exit-status.ts';
import { endQuietlyOnClosedPipe } from './output.ts';

const DESCRIPTION = `Replays ftrace and perf recordings of a hung Linux kernel and says why the grace period stalled,
who waits for whom, and which locks are taken in the wrong order.`;

function version(): string {
  // package.json lies above dist/src/cli and above src/cli.
  for (const relative of ['../../package.json', '../../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(relative, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      // The other one.
    }
  }
  return 'unknown';
}

async function main(argv: readonly string[]): Promise<number> {
  let status = EXIT_OK;
  const done = (result: number): void => {
    status = result;
  };
  const program = new Command('quiesce')
    .description(DESCRIPTION)
    .version(version(), '-V, --version')
    .exitOverride()
    .showSuggestionAfterError()
    .helpCommand(true)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'quiesce: ')) });
  registerReplay(program, done);
  registerIngest(program);
  registerQuery(program);
  registerHist(program);
  registerFormats(program);
  try {
    await program.parseAsync(argv as string[]);
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    const failure = exitStatusOf(error);
    if (failure === EXIT_INTERRUPTED) process.stderr.write('quiesce: interrupted; nothing was stored\n');
    else if (failure === EXIT_INTERNAL)
      process.stderr.write(
        `quiesce: this is a defect of quiesce, please report it\n${(error as Error).stack ?? error}\n`,
      );
    else process.stderr.write(`quiesce: ${(error as Error).message}\n`);
    return failure;
  }
}

endQuietlyOnClosedPipe();
process.exit(await main(process.argv));
