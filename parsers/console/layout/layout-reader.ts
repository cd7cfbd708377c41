/**
 * Undoes the layout of a log, line by line: records, marks, margins, prefixes, broken lines. What comes out are the lines that the kernel printed.
 *
 * Hot: an ordinary line (`[   12.345678] text`) costs a prefix scan, one string, and a look at the first bytes of the next line.
 */
import { isAscii } from 'node:buffer';
import type { LineReader } from '../../lines.ts';
import { hasHostAfterStamp } from '../sniff.ts';
import { ExportRecords, looksLikeExport } from './export-record.ts';
import { linesOfRecord, mayBeRecord } from './json-record.ts';
import { LayoutNote } from './layout-note.ts';
import { LinePrefix } from './line-prefix.ts';
import type { PreparedLine, TextBytes } from './prepared-line.ts';
import { looksLikePage, MARK_TAG, marksIn, withoutMarks } from './text-marks.ts';
import { mayBeBroken, WrapJoiner } from './wrap-joiner.ts';

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const OPEN = 0x5b;
const EMPTY = new Uint8Array(0);
/** What headlines of reports have; each begins with a character that is rare in logs, which makes the search cheap. */
const HEADLINE_WORDS = ['INFO: ', 'BUG: ', 'WARNING: ', 'LOCKUP'] as const;
/** A page of marks in one line makes no more lines than this. */
const MAX_LINES_OF_ONE = 256;

export class LayoutReader {
  readonly note = new LayoutNote();
  /** A headline of a report is in the chunk of the current line, or in the one before. */
  nearReports = false;
  #headlines = false;
  readonly #sink: (line: PreparedLine, bytes: TextBytes | undefined) => void;
  readonly #prefix = new LinePrefix();
  readonly #export: ExportRecords | undefined;
  readonly #alwaysMarks: number;
  readonly #joiner = new WrapJoiner();
  /** A line that may be broken, the pieces that followed it, and the columns of each. */
  #broken: PreparedLine | undefined;
  readonly #pieces: PreparedLine[] = [];
  #columns = 0;
  /** The chunk of the current line, the same bytes as a Buffer, and the marks in it. */
  #bytes: Uint8Array = EMPTY;
  #buffer: Buffer = Buffer.alloc(0);
  #marks = 0;
  /** latin1 where it gives the same as utf8, at half the cost. */
  #encoding: 'latin1' | 'utf8' = 'utf8';
  readonly #line: PreparedLine = {
    stampNs: -1,
    hasDate: false,
    dateSeconds: 0,
    dateNanos: 0,
    level: -1,
    callerTid: -1,
    callerCpu: -1,
    prefixed: false,
    kernel: true,
    fromKernel: false,
    line: 0,
    text: '',
  };
  readonly #range: { bytes: Uint8Array; start: number; end: number } = { bytes: EMPTY, start: 0, end: 0 };

  /**
   * @param head first bytes of the log: they tell how its lines are written
   * @param sink gets each line; the objects are reused for the next one
   */
  constructor(head: Uint8Array, sink: (line: PreparedLine, bytes: TextBytes | undefined) => void) {
    const start = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
    this.#sink = sink;
    this.#prefix.hostAfterStamp = hasHostAfterStamp(head);
    this.#export = looksLikeExport(start) ? new ExportRecords() : undefined;
    this.#alwaysMarks = looksLikePage(start) ? MARK_TAG : 0;
  }

  /** Takes the current line of `lines`. */
  line(lines: LineReader): void {
    const { bytes, start, lineNumber } = lines;
    let { end } = lines;
    while (end > start && bytes[end - 1] === CR) end--; // serial consoles add more than one
    // A line across chunks is assembled in a buffer that is used again: its first byte is that buffer's.
    if (bytes !== this.#bytes || start === 0) this.#chunk(bytes, end);
    if (this.#export) this.#records(this.#export.push(Buffer.from(this.#buffer.subarray(start, end))), lineNumber);
    else if (this.#marks !== 0) this.#marked(start, end, lineNumber);
    else if (mayBeRecord(bytes, start, end) && this.#record(this.#buffer.toString('utf8', start, end), lineNumber))
      return;
    else this.#plain(bytes, start, end, lineNumber);
  }

  /** No more lines. */
  finish(): void {
    if (this.#export) this.#records(this.#export.finish(), 0);
    this.#flush();
  }

  #chunk(bytes: Uint8Array, end: number): void {
    this.#bytes = bytes;
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const filled = bytes[end] === LF || bytes[end] === CR ? this.#buffer : this.#buffer.subarray(0, end);
    const ascii = isAscii(filled);
    this.#encoding = ascii ? 'latin1' : 'utf8';
    this.#marks = marksIn(filled, ascii) | this.#alwaysMarks;
    const headlines = HEADLINE_WORDS.some((word) => filled.includes(word, 0, 'latin1'));
    this.nearReports = headlines || this.#headlines;
    this.#headlines = headlines;
  }

  #records(lines: readonly string[] | undefined, lineNumber: number): void {
    if (!lines) return;
    this.note.records = true;
    for (const text of lines.slice(0, MAX_LINES_OF_ONE)) this.#undone(text, lineNumber);
  }

  #record(text: string, lineNumber: number): boolean {
    const lines = linesOfRecord(text);
    this.#records(lines, lineNumber);
    return lines !== undefined;
  }

  #marked(start: number, end: number, lineNumber: number): void {
    const text = this.#buffer.toString('utf8', start, end);
    const [first, ...others] = withoutMarks(text, this.#marks, this.note.onMark);
    if (others.length === 0 && first === text) {
      if (mayBeRecord(this.#bytes, start, end) && this.#record(text, lineNumber)) return;
      this.#plain(this.#bytes, start, end, lineNumber);
      return;
    }
    this.#undone(first, lineNumber);
    for (const other of others.slice(0, MAX_LINES_OF_ONE)) this.#continued(other, lineNumber);
  }

  /** A line that is no longer as it stands in the capture. */
  #undone(text: string, lineNumber: number): void {
    const bytes = Buffer.from(text);
    this.#prefix.scan(bytes, 0, bytes.length);
    this.#noteMargin();
    this.#take(bytes.toString('utf8', this.#prefix.textStart), lineNumber, bytes.length, undefined, false);
  }

  /** What stood behind an escaped line end was printed with the line, unless it has a prefix of its own. */
  #continued(text: string, lineNumber: number): void {
    const bytes = Buffer.from(text);
    this.#prefix.scan(bytes, 0, bytes.length);
    if (this.#prefix.present) {
      this.#undone(text, lineNumber);
      return;
    }
    this.#flush();
    this.#line.text = text;
    this.#line.line = lineNumber;
    this.#sink(this.#line, undefined);
  }

  #plain(bytes: Uint8Array, start: number, end: number, lineNumber: number): void {
    const prefix = this.#prefix;
    prefix.scan(bytes, start, end);
    const at = prefix.textStart;
    this.#noteMargin();
    const text = at >= end ? '' : this.#buffer.toString(this.#encoding, at, end);
    const range = this.#range;
    range.bytes = bytes;
    range.start = at;
    range.end = end;
    const alike = prefix.present && nextLineIsAlike(bytes, start, prefix.margin.end, end);
    this.#take(text, lineNumber, end - start, range, alike);
  }

  #noteMargin(): void {
    const { margin } = this.#prefix;
    if (margin.quoted) this.note.quoted = true;
    if (margin.numbered) this.note.numbered = true;
  }

  /** @param alike the next line has such a prefix, too: this one is not broken */
  #take(text: string, lineNumber: number, columns: number, range: TextBytes | undefined, alike: boolean): void {
    const prefix = this.#prefix;
    const line = this.#line;
    line.stampNs = prefix.stampNs;
    line.hasDate = prefix.hasDate;
    line.dateSeconds = prefix.dateSeconds;
    line.dateNanos = prefix.dateNanos;
    line.level = prefix.level;
    line.callerTid = prefix.callerTid;
    line.callerCpu = prefix.callerCpu;
    line.prefixed = prefix.present;
    line.kernel = prefix.kernel;
    line.fromKernel = prefix.fromKernel;
    line.line = lineNumber;
    line.text = prefix.tag === '' ? text : `${prefix.tag}:${prefix.tag === 'task' ? '' : ' '}${text}`;
    if (this.#broken) {
      if (prefix.fragmentAt > 0) {
        this.#broken.text += text;
        return;
      }
      if (!prefix.present && this.#joiner.accept(text)) {
        this.#pieces.push({ ...line });
        this.#columns = Math.max(this.#columns, columns);
        return;
      }
      this.#flush();
    }
    if (!prefix.isFragment && (alike || !prefix.kernel || !mayBeBroken(line.text))) {
      this.#sink(line, range);
      return;
    }
    this.#broken = { ...line };
    this.#columns = columns;
    this.#joiner.begin(line.text);
  }

  /** Hands out the line that may be broken: joined as far as it was whole, and what does not belong to it apart. */
  #flush(): void {
    const broken = this.#broken;
    if (!broken) return;
    this.#broken = undefined;
    const { wholePieces, wholeText } = this.#joiner;
    if (wholePieces > 0) {
      broken.text = wholeText;
      this.note.wrappedAt = Math.max(this.note.wrappedAt, this.#columns);
    }
    this.#sink(broken, undefined);
    for (const piece of this.#pieces.splice(0).slice(wholePieces)) this.#sink(piece, undefined);
  }
}

/**
 * Whether the line behind [start, end) begins as this one does behind its margin: with a stamp, or the same two characters.
 * @param body behind the margin
 */
function nextLineIsAlike(bytes: Uint8Array, start: number, body: number, end: number): boolean {
  let next = end;
  while (bytes[next] === CR) next++;
  if (next >= bytes.length || bytes[next] !== LF) return false;
  const at = next + 1 + (body - start);
  if (at + 1 >= bytes.length || bytes[at] !== bytes[body]) return false;
  const second = bytes[at + 1];
  return bytes[body] === OPEN ? second === SPACE || (second >= 0x30 && second <= 0x39) : second === bytes[body + 1];
}
