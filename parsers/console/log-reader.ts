/**
 * Lines of a log → batches of console events and the reports among them.
 *
 * Hot: a log of 100 MB has more than a million lines. Per line: prefix, one string for the text, one event, one look of the grammar.
 */
import { BATCH_CAPACITY, BatchWriter, EventBatch, NO_CPU, NO_TID } from '../../schema/index.ts';
import type { ParseContext } from '../format.ts';
import { FtraceLineReader } from '../ftrace-text/line-reader.ts';
import type { LineReader } from '../lines.ts';
import type { TextOrigin } from '../source.ts';
import { BootTracker } from './boot-tracker.ts';
import { KernelChanges } from './kernel-changes.ts';
import { LayoutReader } from './layout/layout-reader.ts';
import type { PreparedLine, TextBytes } from './layout/prepared-line.ts';
import { LogGrammar, NO_CALLER } from './log-grammar.ts';
import { hasFtraceRecords, hasKernelStamps } from './sniff.ts';

/** Lines in the first batch of a boot. */
const SHORT_BATCH = 256;
/** msg, line, level, caller. */
const CELLS = 4;
const BANNER = 'Linux version ';
const LETTER_D = 0x44;
const LETTER_L = 0x4c;
const DASH = 0x2d;
const ASTERISK = 0x2a;
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
  readonly #layout: LayoutReader;
  /** Without stamps, only what reports say of their kernel tells two boots apart. */
  readonly #kernels: KernelChanges | undefined;
  readonly #boots = new BootTracker();
  readonly #stamped: boolean;
  #grammar: LogGrammar;
  #writer: BatchWriter;
  #ready: EventBatch[] = [];
  #boot = 0;
  #isLog = false;
  /** Stream of the grammar to which the last line with a prefix belongs. */
  #stream = NO_CALLER;
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
  readonly #origin: TextOrigin | undefined;
  readonly #typeId: number;
  readonly #callerNames = new Map<number, number>();

  /**
   * @param head first bytes of the log: they tell how its lines are written
   * @param origin where its lines stand in the file, when they were taken out of one
   */
  constructor(context: ParseContext, head: Uint8Array, origin?: TextOrigin) {
    this.#context = context;
    this.#origin = origin;
    this.#grammar = this.#newGrammar();
    this.#stamped = hasKernelStamps(head);
    this.#layout = new LayoutReader(head, (line, bytes) => this.#line(line, bytes));
    this.#bareRecords = hasFtraceRecords(head);
    this.#kernels = this.#stamped || this.#bareRecords ? undefined : new KernelChanges();
    this.#writer = new BatchWriter(new EventBatch(SHORT_BATCH, SHORT_BATCH * CELLS));
    context.facts.format = 'kernel log';
    this.#typeId = context.dictionary.eventType('console', 'tracepoint', 'printk', [
      { name: 'line', type: 'int' },
      { name: 'level', type: 'int' },
      { name: 'caller', type: 'str' },
    ]).typeId;
  }

  #newGrammar(): LogGrammar {
    const { diagnostics } = this.#context;
    return new LogGrammar({
      cut: (line, title) => diagnostics.report('log-report-cut', { line }, title),
      unread: (line, text) => diagnostics.report('report-unread', { line }, text),
      notJudged: (line, name) => diagnostics.report('report-not-judged', { line }, name),
    });
  }

  /** Whether batches wait to be taken. */
  get ready(): boolean {
    return this.#ready.length > 0;
  }

  /** A line was the kernel's, as far as its prefix or its words say. */
  get isLog(): boolean {
    return this.#isLog;
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
    this.#layout.line(lines);
  }

  #line(line: PreparedLine, bytes: TextBytes | undefined): void {
    if (this.#origin) line.line = this.#origin.fileLines[line.line - 1] ?? line.line;
    if (!this.#kernels || this.#kernels.passes(line)) this.#next(line, bytes);
    else for (const ready of this.#kernels.push(line)) this.#next(ready, undefined);
  }

  #next(line: PreparedLine | 'another kernel', bytes: TextBytes | undefined): void {
    if (line === 'another kernel') {
      this.#restart();
      return;
    }
    const { text } = line;
    const first = text.charCodeAt(0);
    const dumps = this.#dumpRules > 0 || this.#bareRecords || (first === LETTER_D && text.startsWith(DUMP_BEGIN));
    if (dumps && this.#dump(line, bytes)) return;
    if (!this.#stamped) line.stampNs = this.#dateNs(line);
    if (first === DASH && JOURNAL_BOOT.test(text)) this.#restart();
    else if (first === ASTERISK) this.#dropped(line);
    // Dates do not start again with a boot.
    const stampNs = this.#stamped ? line.stampNs : -1;
    const banner = first === LETTER_L && text.startsWith(BANNER);
    switch (this.#boots.judge(stampNs, banner, hashOf(text, first))) {
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

  /**
   * Whether the line was a record of an ftrace dump: `[   12.345678]   <idle>-0       1d.h.. 11612209us : irq_handler_entry: …`.
   * Its time is the trace clock's, which runs with printk's, and earlier than the printing.
   */
  #dump({ text, line }: PreparedLine, place: TextBytes | undefined): boolean {
    if (text.startsWith(DUMP_BEGIN)) {
      this.#dumpRules = 2;
      this.#notRecords = 0;
      return false;
    }
    if (text.startsWith(DUMP_RULE)) {
      if (this.#dumpRules > 0) this.#dumpRules--;
      return false;
    }
    if (this.#held.length > 0 || !place) return false;
    const { bytes, start, end } = place;
    this.#ftrace ??= new FtraceLineReader(this.#context, this.#writer);
    if (this.#dumpRules === 0 && !LOST.test(text) && !this.#ftrace.isRecord(bytes, start, end)) return false;
    let outcome = this.#ftrace.read(bytes, start, end, line);
    if (outcome === 'full') {
      this.#flush(this.#grammar.take());
      outcome = this.#ftrace.read(bytes, start, end, line);
    }
    if (outcome === 'record') this.#isLog = true;
    if (outcome === 'record') this.#context.facts.format = 'kernel log with ftrace dump';
    // A dump may be cut before its last row of dashes.
    if (outcome !== 'unreadable') this.#notRecords = 0;
    else if (++this.#notRecords > MAX_FOREIGN_IN_DUMP) this.#dumpRules = 0;
    return outcome === 'record' || outcome === 'more';
  }

  /** Date of the line as ns since the first date of the boot, −1 when it has none. */
  #dateNs(line: PreparedLine): number {
    if (!line.hasDate) return -1;
    if (this.#dateBaseSeconds < 0) this.#dateBaseSeconds = line.dateSeconds;
    let seconds = line.dateSeconds - this.#dateBaseSeconds;
    // Dates without a year: January follows December.
    if (seconds < -180 * 86400) seconds += 366 * 86400;
    return Math.max(0, seconds) * 1e9 + line.dateNanos;
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
      if (
        replay &&
        (line.stampNs <= 0 || this.#boots.isKnown(line.stampNs, hashOf(line.text, line.text.charCodeAt(0))))
      ) {
        this.#context.diagnostics.report('line-repeated', { line: line.line }, line.text);
        continue;
      }
      this.#boots.note(line.stampNs, line.text.startsWith(BANNER), hashOf(line.text, line.text.charCodeAt(0)));
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
    // Nobody printed an empty line without a stamp; the grammar takes it for the end of what stood above.
    if (line.prefixed || line.text.trim() !== '') this.#record(line, tsNs);
    if (line.fromKernel) this.#isLog = true;
    // A line without prefix goes on where the one before it was printed.
    if (line.prefixed) this.#stream = callerTid >= 0 ? callerTid : callerCpu >= 0 ? -2 - callerCpu : NO_CALLER;
    if (line.kernel)
      this.#grammar.feed(tsNs, line.line, callerCpu < 0 ? undefined : callerCpu, this.#stream, line.text, line.look);
    if (callerCpu >= this.#context.facts.cpus) this.#context.facts.cpus = callerCpu + 1;
    if (this.#writer.batch.full) this.#flush(this.#grammar.take());
  }

  #record(line: PreparedLine, tsNs: number): void {
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
    if (reports.length > 0) this.#isLog = true;
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
    this.#layout.finish();
    for (const ready of this.#kernels?.finish() ?? []) this.#next(ready, undefined);
    const undone = this.#layout.note.text;
    const told = [undone, this.#origin?.parts ?? ''].filter((text) => text !== '').join('; ');
    if (told !== '') this.#context.facts.format += ` (${told})`;
    if (this.#held.length > 0) this.#decide();
    this.#flush(this.#grammar.finish());
  }
}

/** Tells lines of one stamp apart. @param first character of the text */
function hashOf(text: string, first: number): number {
  const { length } = text;
  if (length === 0) return 0;
  const middle = text.charCodeAt(length >> 1);
  return (Math.imul(length, 0x01000193) ^ first ^ (text.charCodeAt(length - 1) << 8) ^ (middle << 16)) | 0;
}
