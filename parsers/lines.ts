/**
 * Chunks of bytes → lines, whatever the size of the chunks. A line inside one chunk is handed out in place, without a copy;
 * only a line that spans chunks is assembled. Both `\n` and `\r\n` end a line; the last line needs no end. A UTF-8 byte order
 * mark before the first line is left out.
 */

import type { DiagnosticCode, DiagnosticSink } from '../schema/index.ts';

/** A longer line is no trace record: it is skipped without being held in memory. */
export const MAX_LINE_BYTES = 1 << 20;

const LF = 0x0a;
const CR = 0x0d;
const EMPTY = new Uint8Array(0);

/**
 * Pull reader of lines:
 * ```
 * for await (const chunk of source.chunks()) {
 *   lines.push(chunk);
 *   while (lines.next()) use(lines.bytes, lines.start, lines.end);
 * }
 * lines.finish();
 * while (lines.next()) use(lines.bytes, lines.start, lines.end);
 * ```
 * A line is valid until `next` is called again.
 */
export class LineReader {
  /** The current line is bytes[start, end), without its line end. */
  bytes: Uint8Array = EMPTY;
  start = 0;
  end = 0;
  /** Number of the current line, from 1. */
  lineNumber = 0;
  /** The current line is longer than {@link MAX_LINE_BYTES}; [start, end) is empty then. */
  tooLong = false;

  #chunk: Uint8Array = EMPTY;
  #position = 0;
  /** Bytes of the chunks before this one. */
  #chunkOffset = 0;
  #lineOffset = 0;
  /** Beginning of a line whose end is in a later chunk. */
  #carry: Uint8Array = EMPTY;
  #carryLength = 0;
  #carryOffset = 0;
  #skipping = false;
  #finished = false;

  /** Byte offset of the current line in the (decompressed) capture. */
  get byteOffset(): number {
    return this.#lineOffset;
  }

  /** Gives the next chunk; the chunk before must have been read up (`next` returned false). */
  push(chunk: Uint8Array): void {
    this.#chunkOffset += this.#chunk.length;
    this.#chunk = chunk;
    this.#position = 0;
  }

  /** No more chunks: the rest without a line end is the last line. */
  finish(): void {
    this.#finished = true;
  }

  /** Moves to the next complete line; false when the chunk has none left. */
  next(): boolean {
    const chunk = this.#chunk;
    const from = this.#position;
    const at = chunk.indexOf(LF, from);
    if (at < 0) return this.#nextAcrossChunks(chunk, from);
    this.#position = at + 1;
    if (this.#carryLength > 0 || this.#skipping) {
      this.#keep(chunk, from, at);
      this.#releaseCarry();
      return true;
    }
    this.#lineOffset = this.#chunkOffset + from;
    this.#emit(chunk, from, at);
    return true;
  }

  #nextAcrossChunks(chunk: Uint8Array, from: number): boolean {
    if (from < chunk.length) {
      if (this.#carryLength === 0 && !this.#skipping) this.#carryOffset = this.#chunkOffset + from;
      this.#keep(chunk, from, chunk.length);
      this.#position = chunk.length;
    }
    if (!this.#finished || (this.#carryLength === 0 && !this.#skipping)) return false;
    this.#releaseCarry();
    return true;
  }

  #emit(bytes: Uint8Array, start: number, end: number): void {
    this.lineNumber++;
    this.bytes = bytes;
    this.start = this.lineNumber === 1 && hasByteOrderMark(bytes, start, end) ? start + 3 : start;
    this.tooLong = end - start > MAX_LINE_BYTES;
    if (this.tooLong) this.end = this.start;
    else this.end = end > start && bytes[end - 1] === CR ? end - 1 : end;
  }

  #keep(chunk: Uint8Array, start: number, end: number): void {
    const length = this.#carryLength + (end - start);
    if (this.#skipping || length > MAX_LINE_BYTES) {
      this.#skipping = true;
      this.#carryLength = 0;
      return;
    }
    if (length > this.#carry.length) {
      const grown = new Uint8Array(Math.max(4096, length * 2));
      grown.set(this.#carry.subarray(0, this.#carryLength));
      this.#carry = grown;
    }
    this.#carry.set(chunk.subarray(start, end), this.#carryLength);
    this.#carryLength = length;
  }

  #releaseCarry(): void {
    this.#lineOffset = this.#carryOffset;
    if (this.#skipping) {
      this.lineNumber++;
      this.bytes = EMPTY;
      this.start = 0;
      this.end = 0;
      this.tooLong = true;
    } else this.#emit(this.#carry, 0, this.#carryLength);
    this.#skipping = false;
    this.#carryLength = 0;
  }
}

function hasByteOrderMark(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= 3 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf;
}

const utf8 = new TextDecoder('utf-8');
const EXCERPT_BYTES = 200;

/** Counts the current line as a problem; only the first of a kind is decoded for its excerpt. */
export function reportLine(diagnostics: DiagnosticSink, lines: LineReader, kind: DiagnosticCode): void {
  const first = !diagnostics.issues.has(kind);
  const end = Math.min(lines.end, lines.start + EXCERPT_BYTES);
  const excerpt = first ? utf8.decode(lines.bytes.subarray(lines.start, end)) : '';
  diagnostics.report(kind, { line: lines.lineNumber }, excerpt);
}
