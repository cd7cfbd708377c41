/** Runs the command line in this process and keeps what it writes. */
import { runCommandLine } from '../../src/cli/program.ts';

export interface CommandAnswer {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export async function quiesce(...args: string[]): Promise<CommandAnswer> {
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
  });
  return { status, out, err };
}
