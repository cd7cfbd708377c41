/**
 * The one place that prints. What comes here may hold names from captures, stores and arguments: nothing but text, line ends and our own
 * colours passes. A write that fails is an error of its own; a reader that goes away is none.
 */
import { writeSync } from 'node:fs';
import { fileProblem, QuiesceError } from '../../../schema/index.ts';

/** Standard output, or a file in its place, could not be written. The command line ends with status 4. */
export class OutputError extends QuiesceError {
  override readonly name = 'OutputError';
}

/** The reader has gone away (`| head`): the command ends with the status that it has reached. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

/** C0 without line feed, DEL, C1, line and paragraph separators, marks that change the direction of text. */
const ACTIVE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
/** A colour or weight as picocolors writes it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: begins with ESC.
const OWN_STYLE = /\u001b\[\d{1,2}m/g;

/** In the way of JSON, of which it is a part when the text is JSON. */
function escaped(text: string): string {
  return text.replace(ACTIVE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** @param styled leave our own colours */
export function inert(text: string, styled = false): string {
  if (text.search(ACTIVE) < 0) return text;
  if (!styled) return escaped(text);
  let out = '';
  let from = 0;
  for (const match of text.matchAll(OWN_STYLE)) {
    out += escaped(text.slice(from, match.index)) + match[0];
    from = match.index + match[0].length;
  }
  return out + escaped(text.slice(from));
}

const RETRY_MS = 5;
const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes all of a text at once, so that a failure is known where it happens.
 * @throws ReaderGone, OutputError
 */
export function writeText(descriptor: number, name: string, text: string): void {
  writeBytes(descriptor, name, Buffer.from(text));
}

/**
 * The same for a result that is not text.
 * @throws ReaderGone, OutputError
 */
export function writeBytes(descriptor: number, name: string, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') throw new ReaderGone();
      if (code !== 'EAGAIN') throw new OutputError(`${name}: ${fileProblem(error)}`);
      // Another process that shares the pipe has made it non-blocking.
      Atomics.wait(pause, 0, 0, RETRY_MS);
    }
  }
}
