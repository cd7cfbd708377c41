/**
 * Wrappings of atrace and systrace around ftrace text.
 *
 *   TRACE:\n + zlib stream                                               atrace -z
 *   <script class="trace-data" type="application/text">                  systrace HTML, several sections, the process list first
 *   <!-- BEGIN TRACE --> … <!-- END TRACE -->
 *   var linuxPerfData = "\                                               older systrace: a JavaScript string, lines end in \n\
 */
import { Readable } from 'node:stream';
import { createInflate } from 'node:zlib';
import type { DiagnosticSink } from '../../schema/index.ts';
import type { LineReader } from '../lines.ts';

export type Wrapping = 'none' | 'zlib' | 'html';

const BLANK = 0x20;
const QUOTE = 0x22;
const LESS = 0x3c;
const BACKSLASH = 0x5c;

const latin1 = new TextDecoder('latin1');

/** `TRACE:` alone on a line, then the two bytes of a zlib header. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a zlib header is such a character
const ZLIB = /(?:^|\n)TRACE:\r?\n(?=\x78[\x01\x5e\x9c\xda])/;
const HTML = /^\s*(?:<!doctype html|<html)/i;
const TRACE_PAGE = /trace-viewer|systrace|Android System Trace|class="trace-data"|linuxPerfData|BEGIN TRACE/i;

/** How the capture that begins with `head` is wrapped, and where the text or the zlib stream begins. */
export function wrappingOf(head: Uint8Array): { readonly wrapping: Wrapping; readonly offset: number } {
  const text = latin1.decode(head);
  if (HTML.test(text)) return { wrapping: TRACE_PAGE.test(text) ? 'html' : 'none', offset: 0 };
  const zlib = ZLIB.exec(text);
  return zlib ? { wrapping: 'zlib', offset: zlib.index + zlib[0].length } : { wrapping: 'none', offset: 0 };
}

async function* skipBytes(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of chunks) {
    if (left >= chunk.length) left -= chunk.length;
    else {
      yield chunk.slice(left);
      left = 0;
    }
  }
}

/** Inflated bytes of the zlib stream at `offset`. What a damaged stream gave so far is kept, the damage reported. */
export async function* inflated(
  chunks: AsyncIterable<Uint8Array>,
  offset: number,
  diagnostics: DiagnosticSink,
): AsyncGenerator<Uint8Array> {
  const stream = Readable.from(skipBytes(chunks, offset), { objectMode: false }).pipe(createInflate());
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    diagnostics.report('truncated', { byte: offset }, `zlib stream: ${(error as Error).message}`);
  }
}

/** Follows the lines of an HTML page and says which belong to a trace. */
export class TracePage {
  #inside = false;
  #script = false;
  #skipSection = false;

  /**
   * Takes the reader's current line in.
   * @returns whether what is left of it (`lines.start`, `lines.end`, possibly moved) is a line of the trace.
   */
  take(lines: LineReader): boolean {
    if (lines.tooLong) return false;
    if (!this.#inside) return this.#enter(lines);
    const { bytes, end } = lines;
    let start = lines.start;
    while (start < end && bytes[start] === BLANK) start++;
    if (bytes[start] === LESS || bytes[start] === QUOTE) {
      const text = latin1.decode(bytes.subarray(start, Math.min(end, start + 80)));
      if (/^<\/script>|^<!-- END TRACE -->|^"\s*[;+]/.test(text)) {
        this.#inside = false;
        return false;
      }
      if (text.startsWith('<script')) return this.#enter(lines);
    }
    if (this.#skipSection) return false;
    if (latin1.decode(bytes.subarray(start, Math.min(end, start + 12))) === 'PROCESS DUMP') {
      this.#skipSection = true;
      return false;
    }
    if (this.#script) unescapeLine(lines);
    return true;
  }

  #enter(lines: LineReader): boolean {
    const { bytes, start, end } = lines;
    const text = latin1.decode(bytes.subarray(start, end));
    const opening = /<script[^>]*class="trace-data"[^>]*>|<!-- BEGIN TRACE -->|\blinuxPerfData\s*=\s*"\\?/.exec(text);
    if (!opening) return false;
    this.#inside = true;
    this.#skipSection = false;
    this.#script = opening[0].includes('linuxPerfData');
    lines.start = start + opening.index + opening[0].length;
    return lines.start < end;
  }
}

/** Undoes the escapes of a JavaScript string but for the line's own `\n\`, which every reader of trace lines knows. */
function unescapeLine(lines: LineReader): void {
  const { bytes, start, end } = lines;
  const at = bytes.indexOf(BACKSLASH, start);
  if (at < 0 || at >= end - 3) return;
  const text = latin1.decode(bytes.subarray(start, end)).replace(/\\(["'\\/])/g, '$1');
  lines.bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
  lines.start = 0;
  lines.end = lines.bytes.length;
}
