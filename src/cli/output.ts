/** Standard output and error of the command line: data here, messages there; a closed pipe is no error. */
import pc from 'picocolors';
import type { Finding } from '../../schema/index.ts';
import { PLAIN, type Style } from '../report/finding-text.ts';

export interface Output {
  /** Data. Resolves when it may be followed by more. */
  data(text: string): void;
  /** One line for the user; not with --quiet. */
  note(line: string): void;
  readonly style: Style;
  readonly progressTty: boolean;
}

const COLOURED: Style = {
  bold: (text) => pc.bold(text),
  dim: (text) => pc.dim(text),
  severity: (severity: Finding['severity'], text) =>
    severity === 'error' ? pc.red(pc.bold(text)) : severity === 'warning' ? pc.yellow(pc.bold(text)) : pc.cyan(text),
};

export function terminalOutput(quiet: boolean): Output {
  const colour = process.stdout.isTTY === true && pc.isColorSupported && process.env.NO_COLOR === undefined;
  return {
    data: (text) => {
      process.stdout.write(text);
    },
    note: (line) => {
      if (!quiet) process.stderr.write(`${line}\n`);
    },
    style: colour ? COLOURED : PLAIN,
    progressTty: process.stderr.isTTY === true && !quiet,
  };
}

/** `quiesce … | head` closes the pipe: end quietly, with the status that was due. */
export function endQuietlyOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
  process.stderr.on('error', () => undefined);
}
