/**
 * The records of one CPU in the order of its ring buffer. A page is `u64 time stamp, long commit, data`; bits of commit say that
 * events were lost before the page. A record header is one word of type_len (5 bits) and time_delta (27 bits):
 *
 *     type_len 1…28   data of 4 × type_len bytes
 *     type_len 0      the next word is the size of the data plus 4
 *     type_len 29     padding: the end of the page (time_delta 0), or a discarded record with its size in the next word
 *     type_len 30     time extend: the next word continues time_delta
 *     type_len 31     absolute time: the next word continues time_delta; the top 5 of 64 bits are those of the time before
 *
 * include/linux/ring_buffer.h, rb_page_commit and ring_buffer_read_page of kernel/trace/ring_buffer.c.
 */
import { type DiagnosticSink, MOST_LOST } from '../../../schema/index.ts';
import type { RecordBytes } from '../../tracefs-format/decode/record-bytes.ts';
import type { PageLayout } from '../metadata/metadata.ts';
import type { PageSource } from './page-source.ts';

const TYPE_PADDING = 29;
const TYPE_TIME_EXTEND = 30;
const TYPE_TIME_STAMP = 31;
const COMMIT_SIZE_MASK = 0x7ffffff;
const MISSED_EVENTS = 0x80000000;
const MISSED_STORED = 0x40000000;
/** Bits of commit that the kernel does not use. */
const COMMIT_UNUSED = 0x38000000;
const TWO_27 = 134217728;
const TWO_32 = 4294967296;
/** Bits 59–63 of a time stamp, in its upper half. */
const TIME_STAMP_MSB = 0xf8000000;
/** common_type, common_flags, common_preempt_count, common_pid. */
const COMMON_BYTES = 8;

/** {@link CpuStream.lost} when the number is not known. */
export const LOST_UNKNOWN = -1;

export class CpuStream {
  readonly cpu: number;
  /** Place among the streams: of equal times the lower one goes first, as in trace-cmd. */
  readonly order: number;
  /** Raw time of the current record, counted from the base; Infinity when there is none. */
  time = Number.POSITIVE_INFINITY;
  /** Current record: bytes [start, end) of {@link window}. */
  start = 0;
  end = 0;
  window: RecordBytes;
  /** Events lost before the current record, {@link LOST_UNKNOWN} when their number is not known, 0 for none. */
  lost = 0;
  readonly #pages: PageSource;
  readonly #layout: PageLayout;
  readonly #pageBytes: number;
  readonly #littleEndian: boolean;
  readonly #diagnostics: DiagnosticSink;
  #baseHi = 0;
  #baseLo = 0;
  /** Next page of the window. */
  #nextPage = 0;
  #windowBytes = 0;
  /** Next record header, and the end of the page's data. */
  #at = 0;
  #pageEnd = 0;
  #timeMsb = 0;
  #lastPageTime = Number.NEGATIVE_INFINITY;

  constructor(
    cpu: number,
    order: number,
    pages: PageSource,
    layout: PageLayout,
    pageBytes: number,
    littleEndian: boolean,
    diagnostics: DiagnosticSink,
  ) {
    this.cpu = cpu;
    this.order = order;
    this.window = pages.window;
    this.#pages = pages;
    this.#layout = layout;
    this.#pageBytes = pageBytes;
    this.#littleEndian = littleEndian;
    this.#diagnostics = diagnostics;
  }

  /** Offset of the current record in the file (of its chunk, when compressed), for diagnostics. */
  get byteOffset(): number {
    return this.#pages.origin + this.start;
  }

  /** Loads the first window. @returns time stamp of the first page, undefined when the CPU has no data */
  async open(): Promise<bigint | undefined> {
    if (!(await this.#load()) || this.#windowBytes < this.#layout.dataOffset) return undefined;
    return this.window.view.getBigUint64(0, this.#littleEndian);
  }

  /** Goes to the first record. @param base raw time that {@link time} is counted from */
  async begin(base: bigint): Promise<void> {
    this.#baseHi = Number(base >> 32n);
    this.#baseLo = Number(base & 0xffffffffn);
    if (!this.advance()) await this.refill();
  }

  /** Goes to the first record of the next window that has one; at the end {@link time} is Infinity. */
  async refill(): Promise<void> {
    while (await this.#load()) if (this.advance()) return;
    this.time = Number.POSITIVE_INFINITY;
  }

  async #load(): Promise<boolean> {
    if (!(await this.#pages.next())) return false;
    this.window = this.#pages.window;
    this.#windowBytes = this.#pages.windowBytes;
    this.#nextPage = 0;
    this.#at = 0;
    this.#pageEnd = 0;
    return true;
  }

  /** Goes to the next record of the window; false when the window has no more. */
  advance(): boolean {
    const { view } = this.window;
    const little = this.#littleEndian;
    for (;;) {
      const at = this.#at;
      if (at + 4 > this.#pageEnd) {
        if (!this.#openPage()) return false;
        continue;
      }
      const word = view.getUint32(at, little);
      const type = little ? word & 31 : word >>> 27;
      const delta = little ? word >>> 5 : word & 0x7ffffff;
      if (type > 0 && type < TYPE_PADDING) {
        this.time += delta;
        this.start = at + 4;
        this.end = at + 4 + type * 4;
      } else if (type === TYPE_PADDING && delta === 0) {
        this.#at = this.#pageEnd;
        continue;
      } else {
        if (at + 8 > this.#pageEnd) {
          this.#dropPage('a record header goes beyond the page');
          continue;
        }
        const next = view.getUint32(at + 4, little);
        if (type === TYPE_TIME_EXTEND) {
          this.time += next * TWO_27 + delta;
          this.#at = at + 8;
          continue;
        }
        if (type === TYPE_TIME_STAMP) {
          this.time = this.#relative((next >>> 5) | this.#timeMsb, (next << 27) | delta);
          this.#at = at + 8;
          continue;
        }
        this.time += delta;
        if (type === TYPE_PADDING) {
          this.#at = at + 4 + next;
          if (this.#at > this.#pageEnd) this.#dropPage('a discarded record goes beyond the page');
          continue;
        }
        this.start = at + 8;
        // The size counts its own word.
        this.end = at + 4 + ((next + 3) & ~3);
        if (next < 4 || next > COMMIT_SIZE_MASK) this.end = Number.POSITIVE_INFINITY;
      }
      if (this.end > this.#pageEnd) {
        this.#dropPage('a record goes beyond the page');
        continue;
      }
      this.#at = this.end;
      if (this.end - this.start >= COMMON_BYTES) return true;
      this.#report('record-malformed', this.start, 'a record without common fields');
    }
  }

  /** Opens the next page of the window; false when there is none. A page that contradicts itself is passed over. */
  #openPage(): boolean {
    const { commitOffset, commitBytes, dataOffset } = this.#layout;
    const page = this.#nextPage;
    if (page >= this.#windowBytes) return false;
    this.#nextPage = page + this.#pageBytes;
    if (page + dataOffset > this.#windowBytes) {
      this.#report('truncated', page, 'a page ends inside its header');
      return false;
    }
    const { view } = this.window;
    const little = this.#littleEndian;
    const hi = view.getUint32(little ? page + 4 : page, little);
    const lo = view.getUint32(little ? page : page + 4, little);
    const commit = view.getUint32(page + commitOffset + (little ? 0 : commitBytes - 4), little);
    const upper = commitBytes === 8 ? view.getUint32(page + commitOffset + (little ? 4 : 0), little) : 0;
    const dataBytes = commit & COMMIT_SIZE_MASK;
    let wrong = '';
    if (dataBytes > this.#pageBytes - dataOffset)
      wrong = `a page of ${this.#pageBytes} bytes with ${dataBytes} bytes of data`;
    else if (upper !== 0 || commit & COMMIT_UNUSED) wrong = 'a page header with bits that no kernel sets';
    else if (commit === 0 && hi === 0 && lo === 0) wrong = 'a page of zeros: the kernel hands out none';
    else if (commit === 0 && this.#holdsData(page + dataOffset)) wrong = 'a page without data that holds records';
    if (wrong !== '') {
      this.#at = page + dataOffset;
      this.#pageEnd = this.#at;
      this.#dropPage(wrong);
      return true;
    }
    const begins = this.#relative(hi, lo);
    if (begins < this.#lastPageTime) {
      // It is read all the same: the clock may have been set back.
      this.#report('page-malformed', page, 'a page begins before the one before it; one of them is out of place');
    }
    this.#lastPageTime = begins;
    this.time = begins;
    this.#timeMsb = hi & TIME_STAMP_MSB;
    this.#at = page + dataOffset;
    this.#pageEnd = this.#at + dataBytes;
    if (commit & MISSED_EVENTS) this.#noteLoss(commit, this.#pageEnd, page + this.#pageBytes);
    if (this.#pageEnd > this.#windowBytes) {
      this.#report('truncated', page, 'the file ends inside a page');
      this.#pageEnd = this.#windowBytes;
    }
    return true;
  }

  #holdsData(at: number): boolean {
    return at + 4 <= this.#windowBytes && this.window.view.getUint32(at, this.#littleEndian) !== 0;
  }

  /** The number of lost events stands behind the data where there is room for it. */
  #noteLoss(commit: number, at: number, pageEnd: number): void {
    const { commitBytes } = this.#layout;
    let count = LOST_UNKNOWN;
    if (commit & MISSED_STORED && at + commitBytes <= Math.min(pageEnd, this.#windowBytes)) {
      const { view } = this.window;
      const stored =
        commitBytes === 8 ? Number(view.getBigUint64(at, this.#littleEndian)) : view.getUint32(at, this.#littleEndian);
      if (stored > 0 && stored <= MOST_LOST) count = stored;
    }
    this.#addLoss(count);
  }

  #addLoss(count: number): void {
    this.lost = this.lost === LOST_UNKNOWN || count === LOST_UNKNOWN ? LOST_UNKNOWN : this.lost + count;
  }

  #relative(hi: number, lo: number): number {
    return ((hi >>> 0) - this.#baseHi) * TWO_32 + ((lo >>> 0) - this.#baseLo);
  }

  #dropPage(text: string): void {
    this.#report('page-malformed', this.#at, text);
    this.#at = this.#pageEnd;
    this.#addLoss(LOST_UNKNOWN);
  }

  #report(kind: 'record-malformed' | 'page-malformed' | 'truncated', at: number, text: string): void {
    this.#diagnostics.report(kind, { byte: this.#pages.origin + at }, `CPU ${this.cpu}: ${text}`);
  }
}
