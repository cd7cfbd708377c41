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

/** What shows each kind of mark. Searches for bytes that are rare in logs cost next to nothing. */
const SIGNS: readonly (readonly [number, readonly string[]])[] = [
  [MARK_ENTITY, ['&gt;', '&lt;', '&amp;', '&#', '&quot;', '&nbsp;', '&apos;']],
  [MARK_COLOUR, ['\u001b']],
  [MARK_ESCAPE, ['#011', '#012', '#015', '#033', '\\x09', '\\x0a', '\\x1b']],
];
/** U+00A0 in UTF-8, as latin1. */
const NO_BREAK_SPACE = '\u00c2\u00a0';

/** Where the next marks are in a chunk of a log. */
export class MarkFinder {
  /** Kinds that occur in the chunk. */
  kinds = 0;
  readonly #always: number;
  #chunk: Buffer = Buffer.alloc(0);
  #signs: { readonly text: string; at: number }[] = [];

  /** @param always kinds that any line may have */
  constructor(always: number) {
    this.#always = always;
  }

  begin(chunk: Buffer, isAscii: boolean): void {
    this.#chunk = chunk;
    this.kinds = this.#always;
    this.#signs = [];
    for (const [kind, texts] of SIGNS) this.#seek(kind, texts);
    if (!isAscii) this.#seek(MARK_SPACE, [NO_BREAK_SPACE]);
  }

  #seek(kind: number, texts: readonly string[]): void {
    for (const text of texts) {
      const at = this.#chunk.indexOf(text, 0, 'latin1');
      if (at < 0) continue;
      this.kinds |= kind;
      this.#signs.push({ text, at });
    }
  }

  /** Whether bytes [start, end) of the chunk have a mark. Lines must be asked for in order. */
  hasMark(start: number, end: number): boolean {
    if (this.#always !== 0) return true;
    let found = false;
    for (const sign of this.#signs) {
      if (sign.at < start) {
        const at = this.#chunk.indexOf(sign.text, start, 'latin1');
        sign.at = at < 0 ? Number.POSITIVE_INFINITY : at;
      }
      if (sign.at < end) found = true;
    }
    return found;
  }
}

/** A web page: its tags are no part of the log. */
export function looksLikePage(head: Buffer): boolean {
  return /^\s*(?:<!doctype html|<html|<pre|<\?xml)/i.test(head.toString('latin1', 0, 512));
}

/**
 * The line, or the lines, that the marks stand for.
 * @param marks those to look for
 * @param onMark called for each kind that the line has
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
