/**
 * Undoes the layout of a log, line by line: records, marks, margins, prefixes, broken lines. What comes out are the lines that the kernel printed.
 *
 * Hot: an ordinary line (`[   12.345678] text`) costs a prefix scan, one string, and a look at the first bytes of the next line.
 */
import { isAscii } from 'node:buffer';
import type { LineReader } from '../../lines.ts';
import { beginningLook, type LineLook, NOTHING, REPORT, wordFinder } from '../report/report-words.ts';
import { hasHostAfterStamp, terminalColumns } from '../sniff.ts';
import { ExportRecords, looksLikeExport } from './export-record.ts';
import { JournalBoots } from './journal-boots.ts';
import { linesOfRecord, mayBeRecord } from './json-record.ts';
import { LayoutNote } from './layout-note.ts';
import { LinePrefix } from './prefix/line-prefix.ts';
import type { PreparedLine, TextBytes } from './prepared-line.ts';
import { looksLikePage, MARK_TAG, MarkFinder, withoutMarks } from './text-marks.ts';
import { mayBeBroken, WrapJoiner } from './wrap/wrap-joiner.ts';

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const OPEN = 0x5b;
const EMPTY = new Uint8Array(0);
/** Small enough for the young part of the heap. */
const WINDOW_BYTES = 1 << 14;
/** Lines behind one that may be of a report: they may be broken. */
const NEAR_LINES = 256;
/** A line of a megabyte holds no more lines than this. */
const MAX_LINES_OF_ONE = 1 << 16;

export class LayoutReader {
  readonly note = new LayoutNote();
  readonly #sink: (line: PreparedLine, bytes: TextBytes | undefined) => void;
  readonly #prefix = new LinePrefix();
  readonly #boots = new JournalBoots();
  readonly #export: ExportRecords | undefined;
  readonly #joiner = new WrapJoiner();
  /** Lines are broken where the terminal ended; 0: they are not. */
  readonly #terminal: number;
  /** A line that may be broken, the pieces that followed it, and the columns of each. */
  #broken: PreparedLine | undefined;
  readonly #pieces: { readonly line: PreparedLine; readonly columns: number }[] = [];
  #columns = 0;
  /** Lines to come that are near a report. */
  #near = 0;
  /** The chunk of the current line; the same bytes as a Buffer, as far as they are filled. */
  #bytes: Uint8Array = EMPTY;
  #buffer: Buffer = Buffer.alloc(0);
  /** Bytes [windowStart, windowEnd) of the chunk as one string, of which lines are parts: cheaper than a string for each. */
  #window = '';
  #windowStart = 0;
  #windowEnd = 0;
  /** Next byte of the chunk that is not ASCII. */
  #foreignAt = 0;
  readonly #marks: MarkFinder;
  readonly #words = wordFinder();
  /** Next word of a report in the chunk. */
  #wordAt = 0;
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
    look: NOTHING,
  };
  readonly #range: { bytes: Uint8Array; start: number; end: number } = { bytes: EMPTY, start: 0, end: 0 };

  /**
   * @param head first bytes of the log: they tell how its lines are written
   * @param sink gets each line; the objects are reused for the next one
   */
  constructor(head: Uint8Array, sink: (line: PreparedLine, bytes: TextBytes | undefined) => void) {
    const start = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
    this.#sink = sink;
    this.#terminal = terminalColumns(head);
    this.#prefix.hostAfterStamp = hasHostAfterStamp(head);
    this.#export = looksLikeExport(start) ? new ExportRecords(this.#boots) : undefined;
    this.#marks = new MarkFinder(looksLikePage(start) ? MARK_TAG : 0);
  }

  /** Takes the current line of `lines`. */
  line(lines: LineReader): void {
    const { bytes, start, lineNumber } = lines;
    let { end } = lines;
    while (end > start && bytes[end - 1] === CR) end--; // serial consoles add more than one
    // A line across chunks is assembled in a buffer that is used again: its first byte is that buffer's.
    if (bytes !== this.#bytes || start === 0) this.#chunk(bytes, end);
    if (this.#export) this.#records(this.#export.push(Buffer.from(this.#buffer.subarray(start, end))), lineNumber);
    else if (this.#marks.kinds !== 0 && this.#marks.hasMark(start, end)) this.#marked(start, end, lineNumber);
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
    const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const filled = bytes[end] === LF || bytes[end] === CR ? whole : whole.subarray(0, end);
    this.#buffer = filled;
    const ascii = isAscii(filled);
    this.#foreignAt = ascii ? filled.length : -1;
    this.#windowEnd = 0;
    this.#marks.begin(filled, ascii);
    this.#wordAt = -1;
  }

  /** Bytes [start, end) of the chunk. Lines must be asked for in order. */
  #text(start: number, end: number): string {
    if (this.#foreignAt < start) {
      let at = start;
      while (at < this.#buffer.length && this.#buffer[at] < 0x80) at++;
      this.#foreignAt = at;
    }
    if (this.#foreignAt < end) return this.#buffer.toString('utf8', start, end);
    if (end > this.#windowEnd) {
      this.#windowStart = start;
      this.#windowEnd = Math.max(end, Math.min(this.#buffer.length, start + WINDOW_BYTES));
      this.#window = this.#buffer.toString('latin1', start, this.#windowEnd);
    }
    return this.#window.slice(start - this.#windowStart, end - this.#windowStart);
  }

  /** What a line promises that is bytes [start, end) of the chunk, its text from `at` on. */
  #lookOf(start: number, end: number, text: string): LineLook {
    if (this.#wordAt < start) this.#wordAt = this.#words.next(this.#buffer, start, this.#buffer.length);
    return this.#wordAt < end ? REPORT : beginningLook(text);
  }

  #records(lines: readonly string[] | undefined, lineNumber: number): void {
    if (!lines) return;
    this.note.records = true;
    for (const text of lines.slice(0, MAX_LINES_OF_ONE)) this.#undone(text, lineNumber);
  }

  #record(text: string, lineNumber: number): boolean {
    const lines = linesOfRecord(text, this.#boots);
    this.#records(lines, lineNumber);
    return lines !== undefined;
  }

  #marked(start: number, end: number, lineNumber: number): void {
    const text = this.#buffer.toString('utf8', start, end);
    const [first, ...others] = withoutMarks(text, this.#marks.kinds, this.note.onMark);
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
    const rest = bytes.toString('utf8', this.#prefix.textStart);
    this.#take(rest, lineNumber, bytes.length, undefined, this.#lookOfText(bytes, rest), false);
  }

  #lookOfText(bytes: Uint8Array, text: string): LineLook {
    return this.#words.next(bytes, 0, bytes.length) < bytes.length ? REPORT : beginningLook(text);
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
    this.#line.look = this.#lookOfText(bytes, text);
    this.#sink(this.#line, undefined);
  }

  #plain(bytes: Uint8Array, start: number, end: number, lineNumber: number): void {
    const prefix = this.#prefix;
    prefix.scan(bytes, start, end);
    const at = prefix.textStart;
    this.#noteMargin();
    const text = at >= end ? '' : this.#text(at, end);
    const range = this.#range;
    range.bytes = bytes;
    range.start = at;
    range.end = end;
    const look = this.#lookOf(at, end, text);
    const watched = look !== NOTHING || this.#near > 0;
    const alike = !watched || (prefix.present && nextLineIsAlike(bytes, start, prefix.margin.end, end));
    this.#take(text, lineNumber, end - start, range, look, alike);
  }

  #noteMargin(): void {
    const { margin } = this.#prefix;
    if (margin.quoted) this.note.quoted = true;
    if (margin.numbered) this.note.numbered = true;
  }

  /** @param whole the line is not broken: the next one has such a prefix, too, or no report is near */
  #take(
    text: string,
    lineNumber: number,
    columns: number,
    range: TextBytes | undefined,
    look: LineLook,
    whole: boolean,
  ): void {
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
    line.look = look;
    if (look === REPORT) this.#near = NEAR_LINES;
    else if (this.#near > 0) this.#near--;
    line.text = prefix.tag === '' ? text : `${prefix.tag}:${prefix.tag === 'task' ? '' : ' '}${text}`;
    while (this.#broken) {
      if (prefix.fragmentAt > 0) {
        this.#broken.text += text;
        return;
      }
      if (!prefix.present && this.#joiner.accept(text, this.#filled())) {
        this.#pieces.push({ line: { ...line }, columns });
        return;
      }
      this.#release();
    }
    if (!prefix.isFragment && (whole || !prefix.kernel || !mayBeBroken(line.text))) {
      this.#sink(line, range);
      return;
    }
    this.#begin({ ...line }, columns);
  }

  /** Whether the broken line, as far as it goes, filled the terminal. */
  #filled(): boolean {
    return this.#terminal > 0 && (this.#pieces.at(-1)?.columns ?? this.#columns) === this.#terminal;
  }

  #begin(line: PreparedLine, columns: number): void {
    this.#broken = line;
    this.#columns = columns;
    this.#joiner.begin(line.text);
  }

  #flush(): void {
    while (this.#broken) this.#release();
  }

  /** Hands out the line that may be broken, joined as far as it was whole. What does not belong to it may begin another. */
  #release(): void {
    const broken = this.#broken as PreparedLine;
    this.#broken = undefined;
    const { wholePieces, wholeText } = this.#joiner;
    if (wholePieces > 0) {
      broken.text = wholeText;
      broken.look = REPORT;
      // The last piece is as long as what was left.
      const widths = [this.#columns, ...this.#pieces.slice(0, wholePieces - 1).map(({ columns }) => columns)];
      this.note.wrappedAt = Math.max(this.note.wrappedAt, ...widths);
    }
    this.#sink(broken, undefined);
    for (const { line, columns } of this.#pieces.splice(0).slice(wholePieces)) this.#again(line, columns);
  }

  #again(piece: PreparedLine, columns: number): void {
    while (this.#broken) {
      if (this.#joiner.accept(piece.text, this.#filled())) {
        this.#pieces.push({ line: piece, columns });
        return;
      }
      this.#release();
    }
    if (mayBeBroken(piece.text)) this.#begin(piece, columns);
    else this.#sink(piece, undefined);
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
