#!/usr/bin/env node
/** Entry point of the `quiesce` command. */
import { processStreams } from './output.ts';
import { runCommandLine } from './program.ts';

const status = await runCommandLine(process.argv.slice(2), processStreams());
// A pipe takes what it can hold at once; the rest must be gone before the process is.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))),
);
process.exit(status);
