#!/usr/bin/env node
/** Entry point of the `quiesce` command. */
import { processStreams } from './output.ts';
import { runCommandLine } from './program.ts';

process.exit(await runCommandLine(process.argv.slice(2), processStreams()));
