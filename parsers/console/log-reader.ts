/**
 * Lines of a log → batches of console events and the reports among them.
 *
 * Hot: a log of 100 MB has more than a million lines. Per line: prefix, one string for the text, one event, one look of the grammar.
 */
import { isAscii } from 'node:buffer';
import { BATCH_CAPACITY, BatchWriter, EventBatch, NO_CPU, NO_TID } from '../../schema/index.ts';
import type { ParseContext } from '../format.ts';
import { FtraceLineReader } from '../ftrace-text/line-reader.ts';
import type { LineReader } from '../lines.ts';
import { BootTracker } from './boot-tracker.ts';
import { LinePrefix } from './layout/line-prefix.ts';
import { LogGrammar } from './log-grammar.ts';
import { hasFtraceRecords, hasHostAfterStamp, hasKernelStamps } from './sniff.ts';

/** A line without its prefix. */
interface PreparedLine {
  stampNs: number;
  hash: number;
  banner: boolean;
  level: number;
  callerTid: number;
  callerCpu: number;
  kernel: boolean;
  line: number;
  text: string;
}

const EMPTY = new Uint8Array(0);
const CR = 0x0d;
/** Lines in the first batch of a boot. */
const SHORT_BATCH = 256;
/** msg, line, level, caller. */
const CELLS = 4;
const BANNER = 'Linux version ';
/** `-- Boot 4f3a… --`, `-- Reboot --` (journalctl). */
const JOURNAL_BOOT = /^-- (?:Reboot|Boot [0-9a-f]{8,32}) --$/;
/** kernel/trace/trace.c ftrace_dump_one: between two rows of dashes, with the time of the trace's own clock. */
const DUMP_BEGIN = 'Dumping ftrace buffer:';
const DUMP_RULE = '---------------------------------';
/** Lines in a row that are no records end a dump. */
const MAX_FOREIGN_IN_DUMP = 32;
const LOST = /^CPU:\d+ \[LOST /;
const DROPPED = /^\*\* (\d{1,12}) printk messages dropped \*\*/;

export class LogReader {
  readonly #context: ParseContext;
  readonly #prefix = new LinePrefix();
  readonly #boots = new BootTracker();
  readonly #stamped: boolean;
  #grammar = this.#newGrammar();
  #writer: BatchWriter;
  #ready: EventBatch[] = [];
  #boot = 0;
  #lastNs = 0;
  #dateBaseSeconds = -1;
  readonly #held: PreparedLine[] = [];
  /** Reads ftrace records among the lines; made when the first dump begins. */
  #ftrace: FtraceLineReader | undefined;
  /** Rows of dashes still to come in this dump; 0 outside of dumps. */
  #dumpRules = 0;
  #notRecords = 0;
  /** Lines may be ftrace records without a heading. */
  readonly #bareRecords: boolean;
  readonly #prepared: PreparedLine = {
    stampNs: -1,
    hash: 0,
    banner: false,
    level: -1,
    callerTid: -1,
    callerCpu: -1,
    kernel: true,
    line: 0,
    text: '',
  };
  readonly #typeId: number;
  /** The chunk of the current line, and the same bytes as a Buffer. */
  #bytes: Uint8Array = EMPTY;
  #buffer: Buffer = Buffer.alloc(0);
  /** latin1 where it gives the same as utf8, at half the cost. */
  #encoding: 'latin1' | 'utf8' = 'utf8';
  readonly #callerNames = new Map<number, number>();

  /** @param head first bytes of the log: they tell how its lines are written. */
  constructor(context: ParseContext, head: Uint8Array) {
    this.#context = context;
    this.#stamped = hasKernelStamps(head);
    this.#prefix.hostAfterStamp = hasHostAfterStamp(head);
    this.#bareRecords = hasFtraceRecords(head);
    this.#writer = new BatchWriter(new EventBatch(SHORT_BATCH, SHORT_BATCH * CELLS));
    context.facts.format = 'kernel log';
    this.#typeId = context.dictionary.eventType('console', 'tracepoint', 'printk', [
      { name: 'line', type: 'int' },
      { name: 'level', type: 'int' },
      { name: 'caller', type: 'str' },
    ]).typeId;
  }

  #newGrammar(): LogGrammar {
    return new LogGrammar((line, title) => this.#context.diagnostics.report('log-report-cut', { line }, title));
  }

  /** Whether batches wait to be taken. */
  get ready(): boolean {
    return this.#ready.length > 0;
  }

  /** Full batches, in order. */
  take(): EventBatch[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  line(lines: LineReader): void {
    if (lines.tooLong) {
      this.#context.diagnostics.report('line-too-long', { line: lines.lineNumber }, '');
      return;
    }
    const { bytes, start } = lines;
    let end = lines.end;
    while (end > start && bytes[end - 1] === CR) end--; // serial consoles add more than one
    const prefix = this.#prefix;
    prefix.scan(bytes, start, end);
    const at = prefix.textStart;
    const text = this.#text(bytes, at, end);
    if ((this.#dumpRules > 0 || this.#bareRecords || text.startsWith(DUMP_BEGIN)) && this.#dump(lines, at, end, text))
      return;
    const line = this.#prepared;
    line.stampNs = this.#stamped ? prefix.stampNs : this.#dateNs();
    line.level = prefix.level;
    line.callerTid = prefix.callerTid;
    line.callerCpu = prefix.callerCpu;
    line.kernel = prefix.kernel;
    line.line = lines.lineNumber;
    line.text = text;
    line.banner = text.startsWith(BANNER);
    if (at === start && text.startsWith('-- ') && JOURNAL_BOOT.test(text)) this.#restart();
    if (text.startsWith('** ')) this.#dropped(line);
    // Dates do not start again with a boot.
    const stampNs = this.#stamped ? line.stampNs : -1;
    line.hash =
      end > at
        ? (Math.imul(end - at, 0x01000193) ^ bytes[at] ^ (bytes[end - 1] << 8) ^ (bytes[(at + end) >> 1] << 16)) | 0
        : 0;
    switch (this.#boots.judge(stampNs, line.banner, line.hash)) {
      case 'same':
        this.#emit(line);
        break;
      case 'boot':
        this.#nextBoot();
        this.#emit(line);
        break;
      default:
        this.#held.push({ ...line });
        if (this.#boots.decidable) this.#decide();
    }
  }

  #text(bytes: Uint8Array, start: number, end: number): string {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#encoding = isAscii(this.#buffer) ? 'latin1' : 'utf8';
    }
    return start === end ? '' : this.#buffer.toString(this.#encoding, start, end);
  }

  /**
   * Whether the line was a record of an ftrace dump: `[   12.345678]   <idle>-0       1d.h.. 11612209us : irq_handler_entry: …`.
   * Its time is the trace clock's, which runs with printk's, and earlier than the printing.
   */
  #dump(lines: LineReader, start: number, end: number, text: string): boolean {
    if (text.startsWith(DUMP_BEGIN)) {
      this.#dumpRules = 2;
      this.#notRecords = 0;
      return false;
    }
    if (text.startsWith(DUMP_RULE)) {
      if (this.#dumpRules > 0) this.#dumpRules--;
      return false;
    }
    if (this.#held.length > 0) return false;
    const { bytes, lineNumber } = lines;
    this.#ftrace ??= new FtraceLineReader(this.#context, this.#writer);
    if (this.#dumpRules === 0 && !LOST.test(text) && !this.#ftrace.isRecord(bytes, start, end)) return false;
    let outcome = this.#ftrace.read(bytes, start, end, lineNumber);
    if (outcome === 'full') {
      this.#flush(this.#grammar.take());
      outcome = this.#ftrace.read(bytes, start, end, lineNumber);
    }
    if (outcome === 'record') this.#context.facts.format = 'kernel log with ftrace dump';
    // A dump may be cut before its last row of dashes.
    if (outcome !== 'unreadable') this.#notRecords = 0;
    else if (++this.#notRecords > MAX_FOREIGN_IN_DUMP) this.#dumpRules = 0;
    return outcome === 'record' || outcome === 'more';
  }

  /** Date of the line as ns since the first date of the boot, −1 when it has none. */
  #dateNs(): number {
    const prefix = this.#prefix;
    if (!prefix.hasDate) return -1;
    if (this.#dateBaseSeconds < 0) this.#dateBaseSeconds = prefix.dateSeconds;
    let seconds = prefix.dateSeconds - this.#dateBaseSeconds;
    // Dates without a year: January follows December.
    if (seconds < -180 * 86400) seconds += 366 * 86400;
    return Math.max(0, seconds) * 1e9 + prefix.dateNanos;
  }

  #dropped(line: PreparedLine): void {
    const match = DROPPED.exec(line.text);
    if (!match) return;
    const count = Number(match[1]);
    this.#context.facts.lost += count;
    this.#context.diagnostics.report('events-lost', { line: line.line }, line.text, count);
  }

  #decide(): void {
    const held = this.#held.splice(0);
    const replay = this.#boots.decide() === 'replay';
    if (!replay) this.#nextBoot();
    for (const line of held) {
      // What follows the replay was held back with it.
      if (replay && (line.stampNs <= 0 || this.#boots.isKnown(line.stampNs, line.hash))) {
        this.#context.diagnostics.report('line-repeated', { line: line.line }, line.text);
        continue;
      }
      this.#boots.note(line.stampNs, line.banner, line.hash);
      this.#emit(line);
    }
  }

  #restart(): void {
    if (this.#held.length > 0) this.#decide();
    if (this.#boots.empty) return;
    this.#boots.restart();
    this.#nextBoot();
  }

  #nextBoot(): void {
    this.#flush(this.#grammar.finish());
    this.#grammar = this.#newGrammar();
    this.#dumpRules = 0;
    this.#boot++;
    this.#writer.batch.boot = this.#boot;
    this.#lastNs = 0;
    this.#dateBaseSeconds = -1;
  }

  #emit(line: PreparedLine): void {
    if (line.stampNs > this.#lastNs) this.#lastNs = line.stampNs;
    const tsNs = this.#lastNs;
    const { callerTid, callerCpu } = line;
    const writer = this.#writer;
    writer.begin(tsNs, callerCpu < 0 ? NO_CPU : callerCpu, callerTid < 0 ? NO_TID : callerTid, 0, this.#typeId, 0, 0);
    writer.text(line.text);
    writer.int(line.line);
    if (line.level >= 0 || callerTid >= 0 || callerCpu >= 0) {
      if (line.level >= 0) writer.int(line.level);
      else writer.null();
      if (callerTid >= 0 || callerCpu >= 0) writer.str(this.#callerName(callerTid, callerCpu));
    }
    writer.end();
    if (line.kernel)
      this.#grammar.feed(
        tsNs,
        line.line,
        callerCpu < 0 ? undefined : callerCpu,
        callerTid >= 0 ? callerTid : callerCpu >= 0 ? -2 - callerCpu : -1,
        line.text,
      );
    if (callerCpu >= this.#context.facts.cpus) this.#context.facts.cpus = callerCpu + 1;
    if (writer.batch.full) this.#flush(this.#grammar.take());
  }

  #callerName(tid: number, cpu: number): number {
    const key = tid >= 0 ? tid : -2 - cpu;
    let id = this.#callerNames.get(key);
    if (id === undefined) {
      id = this.#context.dictionary.string(tid >= 0 ? `T${tid}` : `C${cpu}`);
      this.#callerNames.set(key, id);
    }
    return id;
  }

  #flush(reports: EventBatch['reports']): void {
    this.#ftrace?.finish();
    const batch = this.#writer.batch;
    if (batch.length === 0 && reports.length === 0) return;
    batch.reports = reports;
    batch.delta = this.#context.dictionary.takeDelta();
    this.#ready.push(batch);
    // A boot may be a page of text: a log with thousands of them must not allocate a full batch for each.
    const capacity = batch.full ? Math.min(BATCH_CAPACITY, batch.capacity * 4) : SHORT_BATCH;
    const next = new EventBatch(capacity, capacity * CELLS);
    next.boot = this.#boot;
    this.#writer.reset(next);
    this.#ftrace?.startBatch(this.#writer);
  }

  /** No more lines. */
  finish(): void {
    if (this.#held.length > 0) this.#decide();
    this.#flush(this.#grammar.finish());
  }
}
