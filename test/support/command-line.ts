/** Runs the command line in this process and keeps what it writes. */
import { runCommandLine } from '../../src/cli/program.ts';

export interface CommandAnswer {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export function quiesce(...args: string[]): Promise<CommandAnswer> {
  return run(args, undefined);
}

/** As on a terminal of that many columns, without colour. */
export function quiesceAt(columns: number, ...args: string[]): Promise<CommandAnswer> {
  return run(args, columns);
}

async function run(args: readonly string[], columns: number | undefined): Promise<CommandAnswer> {
  let out = '';
  let err = '';
  const status = await runCommandLine(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    colour: false,
    terminal: false,
    ...(columns !== undefined && { columns }),
  });
  return { status, out, err };
}
