/**
 * What web pages, terminals and syslog daemons made of the characters of a line: HTML entities and tags, colours, no-break spaces, `#012` and
 * `#011`. A look at a whole chunk tells whether any of its lines has some.
 */

/** Kinds of marks, as bits. */
export const MARK_ENTITY = 1;
export const MARK_COLOUR = 2;
export const MARK_ESCAPE = 4;
export const MARK_SPACE = 8;
export const MARK_TAG = 16;

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };
const ENTITY = /&(?:(amp|lt|gt|quot|apos|nbsp)|#(\d{2,5})|#x([0-9a-fA-F]{2,4}));/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals write them
const COLOUR = /\u001b(?:\[[0-9;?]*[A-Za-z]|\([AB0])/g;
/** rsyslog writes control characters in octal, dmesg in hexadecimal. */
const ESCAPE = /#(011|012|015|033)|\\x(09|0a|1b)/g;
const TAG =
  /<\/?(?:a|b|blockquote|br|code|div|em|font|hr|i|li|ol|p|pre|span|strong|table|tbody|td|th|tr|tt|u|ul)(?: [^<>]*)?\/?>/gi;
const BREAKING_TAG = /^<\/?(?:br|p|div|tr|li|pre)\b/i;

const AMPERSAND = 0x26;
const BACKSLASH = 0x5c;
const ESCAPE_BYTE = 0x1b;

/** Marks that occur somewhere in these bytes. Searches for single bytes come first: they cost next to nothing. */
export function marksIn(chunk: Buffer, isAscii: boolean): number {
  let marks = 0;
  if (
    chunk.includes(AMPERSAND) &&
    ['&gt;', '&lt;', '&amp;', '&#', '&quot;'].some((word) => chunk.includes(word, 0, 'latin1'))
  )
    marks |= MARK_ENTITY;
  if (chunk.includes(ESCAPE_BYTE)) marks |= MARK_COLOUR;
  if (chunk.includes('#01', 0, 'latin1') || chunk.includes('#033', 0, 'latin1') || chunk.includes(BACKSLASH))
    marks |= MARK_ESCAPE;
  if (!isAscii && chunk.includes('\u00a0')) marks |= MARK_SPACE;
  return marks;
}

/** A web page: its tags are no part of the log. */
export function looksLikePage(head: Buffer): boolean {
  return /^\s*(?:<!doctype html|<html|<pre|<\?xml)/i.test(head.toString('latin1', 0, 512));
}

/**
 * The line, or the lines, that the marks stand for.
 * @param marks those to look for
 * @param onMark told of each kind that the line has
 */
export function withoutMarks(line: string, marks: number, onMark: (mark: number) => void): string[] {
  let text = line;
  const change = (mark: number, changed: string): void => {
    if (changed === text) return;
    text = changed;
    onMark(mark);
  };
  if (marks & MARK_TAG)
    change(
      MARK_TAG,
      text.replace(TAG, (tag) => (BREAKING_TAG.test(tag) ? '\n' : '')),
    );
  if (marks & MARK_ENTITY) change(MARK_ENTITY, text.replace(ENTITY, entity));
  if (marks & MARK_ESCAPE) change(MARK_ESCAPE, text.replace(ESCAPE, controlOf));
  if (marks & MARK_COLOUR || text.includes('\u001b')) change(MARK_COLOUR, text.replace(COLOUR, ''));
  if (marks & (MARK_SPACE | MARK_ENTITY)) change(MARK_SPACE, text.replaceAll('\u00a0', ' '));
  return text.includes('\n') ? text.split('\n') : [text];
}

function entity(whole: string, name: string | undefined, decimal: string | undefined, hex: string | undefined): string {
  if (name !== undefined) return ENTITIES[name] ?? whole;
  const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
  return code === 0xa0 ? ' ' : code >= 0x20 && code < 0xd800 ? String.fromCharCode(code) : whole;
}

function controlOf(_: string, octal: string | undefined, hex: string | undefined): string {
  const code = octal === undefined ? Number.parseInt(hex ?? '', 16) : Number.parseInt(octal, 8);
  return code === 0x0d ? '' : String.fromCharCode(code);
}
