/** Where the parts of a line begin and end: quoting, line ends, event names. */

const TAB = 0x09;
const CR = 0x0d;
const BLANK = 0x20;
const COLON = 0x3a;
const GREATER = 0x3e;
const BACKSLASH = 0x5c;
const LOWER_N = 0x6e;

/** End of the line's content: without blanks, and without the `\n\` of a trace inside a JavaScript string (systrace). */
export function lineEnd(bytes: Uint8Array, start: number, end: number): number {
  let stop = end;
  while (stop > start && (bytes[stop - 1] === BLANK || bytes[stop - 1] === CR || bytes[stop - 1] === TAB)) stop--;
  if (stop - start < 3 || bytes[stop - 1] !== BACKSLASH || bytes[stop - 2] !== LOWER_N || bytes[stop - 3] !== BACKSLASH)
    return stop;
  stop -= 3;
  while (stop > start && bytes[stop - 1] === BLANK) stop--;
  return stop;
}

/** Mail quoting: `> `, `>> `, `> > `. A task whose name begins with `->` has no blank after it. */
export function afterQuotes(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] === GREATER && (bytes[at + 1] === BLANK || bytes[at + 1] === GREATER)) {
    at++;
    if (bytes[at] === BLANK && bytes[at + 1] === GREATER) at++;
  }
  return at;
}

const NAME_BYTE = new Uint8Array(256);
for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/$') NAME_BYTE[c.charCodeAt(0)] = 1;

/** Position of the colon after an event name at `start`, −1 when the payload has no name. */
export function eventNameEnd(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start];
  if (first >= 0x30 && first <= 0x39) return -1;
  let at = start;
  while (at < end && NAME_BYTE[bytes[at]] === 1) at++;
  if (at === start || at >= end || bytes[at] !== COLON) return -1;
  return at + 1 === end || bytes[at + 1] === BLANK || bytes[at + 1] === TAB ? at : -1;
}

/** trace-cmd pads `name:` to a column of 20 (21 and 22 with -R), the kernel puts one blank. */
export function isPadded(nameBytes: number, gapBytes: number): boolean {
  const width = nameBytes + gapBytes;
  return gapBytes > 2 && width >= 20 && width <= 23;
}

const latin1 = new TextDecoder('latin1');

export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return latin1.decode(bytes.subarray(start, end));
}

export function startsWith(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (start + text.length > end) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}
