#!/usr/bin/env node
import { runCommandLine } from './program.ts';
/** Entry point of the `quiesce` command. */
import { processStreams } from './terminal/output.ts';

process.exit(await runCommandLine(process.argv.slice(2), processStreams()));
