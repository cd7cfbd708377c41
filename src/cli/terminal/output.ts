/** Where a command writes: data to standard output, messages and progress to standard error. */
import { isatty } from 'node:tty';
import pc from 'picocolors';
import { PLAIN, type Style } from '../../report/text/style.ts';
import type { ShellStreams } from '../shell/query-shell.ts';
import { interruptSignal } from './interrupt.ts';
import { inert, writeBytes, writeText } from './outlet.ts';
import { type Pager, userPager } from './pager.ts';

export interface Streams {
  out(text: string): void;
  err(text: string): void;
  /** A result that is not text. Missing: standard output is a terminal. */
  bytes?(bytes: Uint8Array): void;
  /** Standard output is a terminal that wants colour. */
  readonly colour: boolean;
  /** Columns of the terminal, where standard output is one. */
  readonly columns?: number;
  /** Shows what is longer than the screen. */
  readonly pager?: Pager;
  /** Standard error is a terminal: progress may be drawn. */
  readonly terminal: boolean;
  /** Aborted when the user wants the command to stop. */
  interruptSignal?(): AbortSignal;
  /** Standard input for the query shell, and where it writes. */
  readonly shell?: ShellStreams;
}

/** One run of the command line. */
export interface Session {
  readonly streams: Streams;
  /** Exit status when nothing throws. */
  status: number;
  /** What an interrupt leaves, in words; missing: nothing was stored. */
  left?: string;
  /** False: --no-pager. */
  readonly paged?: boolean;
}

const COLOURS = pc.createColors(true);
const COLOURED: Style = {
  bold: (text) => COLOURS.bold(text),
  dim: (text) => COLOURS.dim(text),
  // Yellow and cyan cannot be read on white, blue cannot on black.
  severity: (severity, text) => {
    const colour = { error: COLOURS.red, warning: COLOURS.magenta, info: COLOURS.reset }[severity];
    return COLOURS.bold(colour(text));
  },
};

/** Narrower or wider lines are not made, whatever the terminal is. */
const NARROWEST = 60;
const WIDEST = 200;

export function styleOf(streams: Streams): Style {
  const style = streams.colour ? COLOURED : PLAIN;
  const { columns } = streams;
  return columns === undefined ? style : { ...style, width: Math.min(WIDEST, Math.max(NARROWEST, columns)) };
}

/** A whole report: through the pager when the screen is too small for it. */
export function outPaged({ streams, paged = true }: Pick<Session, 'streams' | 'paged'>, text: string): void {
  const pager = paged ? streams.pager : undefined;
  const lines = text.split('\n').length;
  if (pager === undefined || lines < pager.rows || !pager.show(text)) streams.out(text);
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

/** COLUMNS, where it is exported, else what the terminal says. */
function columnsOf(exported: string | undefined, terminal: number | undefined): { columns?: number } {
  const columns = Number(exported) || terminal;
  return columns === undefined || columns <= 0 ? {} : { columns };
}

/** The streams of this process. */
export function processStreams(): Streams {
  // https://no-color.org: set and not empty.
  const colour = process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  const pager = process.stdout.isTTY === true ? userPager(process.env, process.stdout.rows) : undefined;
  const out = (text: string): void => writeText(STDOUT, 'standard output', inert(text, colour));
  const err = (text: string): void => {
    try {
      writeText(STDERR, 'standard error', inert(text));
    } catch {
      // There is nowhere to say it.
    }
  };
  return {
    out,
    err,
    ...(process.stdout.isTTY !== true && {
      bytes: (bytes: Uint8Array) => writeBytes(STDOUT, 'standard output', bytes),
    }),
    ...columnsOf(process.env.COLUMNS, process.stdout.columns),
    ...(pager && { pager: { ...pager, show: (text: string) => pager.show(inert(text, colour)) } }),
    colour,
    terminal: process.stderr.isTTY === true,
    get shell() {
      const interactive = isatty(STDIN) && process.stdout.isTTY === true;
      return {
        // Only when asked for: process.stdin makes the pipe non-blocking, under the feet of the thread that reads a capture from it.
        input: process.stdin,
        output: { write: out, columns: process.stdout.columns },
        errors: { write: err },
        interactive,
        ...(interactive && { terminal: process.stdout }),
      };
    },
    interruptSignal,
  };
}
