/** Lines of perf script text → events. Hot path (bench: parse): some 13 stack lines come on each sample of a capture with -g. */
import { type BatchWriter, type EventBatch, NO_CPU, NO_TID, plausibleLoss } from '../../schema/index.ts';
import { ByteInterner } from '../dictionary-writer.ts';
import { EventTextReader, type RecordHeader } from '../event-text/event-text.ts';
import type { ParseContext } from '../format.ts';
import { TaskNames } from '../ftrace-text/task-names.ts';
import { splitEventName } from '../perf-data/header/event-name.ts';
import { readHeaderComment } from './header-comment.ts';
import { SampleEvent, type SampleParts } from './sample-events.ts';
import { ABSENT, isRecordWord, SampleLine, skipBlanks, trimEnd } from './sample-line.ts';
import { StackLines } from './stack-lines.ts';

/** What a line was. */
export type LineOutcome =
  | 'sample'
  /** A stack frame of the sample before it. */
  | 'frame'
  /** Header, blank line, or a record that is no sample. */
  | 'layout'
  /** A message of perf about AUX trace data (Intel PT) that it could not decode. */
  | 'trace-error'
  /** The batch is full: take it away, {@link PerfScriptLineReader.startBatch}, read the line again. */
  | 'full'
  | 'unreadable';

/** Different event names of one capture; further ones are read as one event. */
const MAX_EVENT_NAMES = 8192;
/** Clocks beyond this many seconds do not fit 2^53 ns. */
const LARGE_SECONDS = 9_000_000;
const DAY_SECONDS = 86_400;

const TAB = 0x09;
const HASH = 0x23;
const CLOSE_PAREN = 0x29;

const latin1 = new TextDecoder('latin1');
const utf8 = new TextDecoder('utf-8');

/** How the payload of an event name is read. */
type NamedEvent =
  | { readonly kind: 'tracepoint'; readonly system: string; readonly nameOffset: number; readonly nameBytes: number }
  | { readonly kind: 'sample'; readonly event: SampleEvent };

export class PerfScriptLineReader {
  /** Samples read. */
  samples = 0;
  /** Times are the distance to the sample before (time-distances.ts). */
  timesAreDistances = false;
  readonly #context: ParseContext;
  readonly #line = new SampleLine();
  readonly #stack: StackLines;
  readonly #events: EventTextReader;
  readonly #tasks: TaskNames;
  readonly #names = new ByteInterner();
  readonly #named: NamedEvent[] = [];
  readonly #header: RecordHeader = { tsNs: 0, cpu: NO_CPU, tid: NO_TID, comm: 0, flags: 0, stack: 0 };
  readonly #parts: SampleParts = {
    hasPeriod: false,
    periodStart: 0,
    periodEnd: 0,
    hasAddress: false,
    hi: 0,
    lo: 0,
    textStart: 0,
    textEnd: 0,
  };
  #writer: BatchWriter;
  #timed = false;
  #baseSeconds = -1;
  /** Event that the next frame lines belong to. */
  #openBatch: EventBatch | undefined;
  #openIndex = 0;
  /** The last line was a record other than a sample, which may go on in indented lines. */
  #afterRecord = false;

  constructor(context: ParseContext, writer: BatchWriter) {
    this.#context = context;
    this.#writer = writer;
    this.#stack = new StackLines(context.dictionary);
    this.#events = new EventTextReader(context.dictionary, context.diagnostics);
    this.#tasks = new TaskNames(context.dictionary);
  }

  /** Goes on with another batch, after {@link finish} or an outcome `full`. */
  startBatch(writer: BatchWriter): void {
    this.#writer = writer;
  }

  /** Ends what is open: call at the end of the capture. */
  finish(): void {
    this.#closeStack();
  }

  /** Judges a line without changing anything that later lines depend on: for detection. */
  judge(bytes: Uint8Array, start: number, end: number): 'timed' | 'untimed' | 'frame' | 'layout' | 'other' {
    if (skipBlanks(bytes, start, end) === end || bytes[start] === HASH) return 'layout';
    const line = this.#line;
    if (bytes[start] !== TAB && line.read(bytes, start, end, false) && line.eventStart < line.eventEnd) {
      return line.hasTime ? 'timed' : 'untimed';
    }
    return this.#stack.frame.read(bytes, start, end, bytes[start] === TAB) ? 'frame' : 'other';
  }

  /** Reads one line. @param number of the line, for diagnostics */
  read(bytes: Uint8Array, start: number, end: number, number: number): LineOutcome {
    if (bytes[start] === TAB && start < end) return this.#continuation(bytes, start, end);
    if (bytes[start] === HASH) {
      readHeaderComment(latin1.decode(bytes.subarray(start, end)), this.#context.facts);
      return 'layout';
    }
    const line = this.#line;
    if (line.read(bytes, start, end, this.#timed)) {
      const { batch } = this.#writer;
      this.#closeStack();
      if (batch.full) return 'full';
      return this.#sample(bytes, end, number);
    }
    // A stack may follow an empty line, and its last line may be followed by none.
    if (skipBlanks(bytes, start, end) === end) return 'layout';
    return this.#continuation(bytes, start, end);
  }

  #continuation(bytes: Uint8Array, start: number, end: number): LineOutcome {
    if (this.#openBatch && this.#stack.addLine(bytes, start, end, bytes[start] === TAB)) return 'frame';
    // `-F +srcline` puts the place in the source under a frame, namespaces go on under their record.
    if (this.#afterRecord || skipBlanks(bytes, start, end) === end) return 'layout';
    if (this.#openBatch && !this.#stack.isEmpty && isSourceLine(bytes, start, end)) return 'layout';
    return isTraceError(bytes, start, end) ? 'trace-error' : 'unreadable';
  }

  #closeStack(): void {
    const batch = this.#openBatch;
    if (!batch) return;
    this.#openBatch = undefined;
    if (this.#stack.isEmpty) return;
    batch.stack[this.#openIndex] = this.#stack.intern();
    this.#stack.clear();
  }

  #sample(bytes: Uint8Array, end: number, number: number): LineOutcome {
    const line = this.#line;
    const { facts } = this.#context;
    const header = this.#header;
    if (line.hasTime) {
      const timeNs = this.#time(line.seconds, line.nanoseconds);
      const tsNs = this.timesAreDistances ? header.tsNs + timeNs : timeNs;
      // A damaged digit may put a time beyond what the others can be counted with.
      if (!Number.isSafeInteger(tsNs)) return 'unreadable';
      this.#timed = true;
      header.tsNs = tsNs;
    }
    header.cpu = line.cpu === ABSENT ? NO_CPU : line.cpu;
    if (line.cpu >= facts.cpus) facts.cpus = line.cpu + 1;
    if (isRecordWord(bytes, line.eventStart, line.eventEnd)) {
      this.#record(bytes, end, number);
      return 'layout';
    }
    this.#afterRecord = false;
    header.tid = line.tid;
    header.comm = this.#comm(bytes);
    header.stack = 0;
    this.#events.line = number;
    this.#writeEvent(bytes, end);
    this.samples++;
    this.#openBatch = this.#writer.batch;
    this.#openIndex = this.#writer.batch.length - 1;
    return 'sample';
  }

  #comm(bytes: Uint8Array): number {
    const { tid, commStart, commEnd } = this.#line;
    const known = this.#tasks.find(tid, bytes, commStart, commEnd);
    return known >= 0 ? known : this.#tasks.add(tid, bytes, commStart, commStart, commEnd);
  }

  /** Nanoseconds from the base; a wall clock moves the base to the day before the first sample. */
  #time(seconds: number, nanoseconds: number): number {
    if (this.#baseSeconds < 0) {
      this.#baseSeconds = seconds > LARGE_SECONDS ? seconds - (seconds % DAY_SECONDS) - DAY_SECONDS : 0;
      this.#context.facts.baseNs = BigInt(this.#baseSeconds) * 1_000_000_000n;
    }
    return (seconds - this.#baseSeconds) * 1e9 + nanoseconds;
  }

  #writeEvent(bytes: Uint8Array, end: number): void {
    const line = this.#line;
    const named = this.#namedEvent(bytes, line.eventStart, line.eventEnd);
    const frame = this.#stack.frame;
    const start = line.payload;
    let stop = trimEnd(bytes, start, end);
    // Where some events have call chains, the others end with the place they were taken at.
    const mayHavePlace = bytes[stop - 1] === CLOSE_PAREN || this.#stack.seenBareFrame;
    const hasPlace = mayHavePlace && stop > start && frame.readAtEnd(bytes, start, stop);
    if (hasPlace) stop = trimEnd(bytes, start, frame.start);
    if (named.kind === 'tracepoint') {
      const nameStart = line.eventStart + named.nameOffset;
      const nameEnd = nameStart + named.nameBytes;
      this.#events.write(this.#writer, this.#header, bytes, nameStart, nameEnd, start, stop, named.system);
      return;
    }
    const parts = this.#parts;
    parts.hasPeriod = line.hasPeriod;
    parts.periodStart = line.periodStart;
    parts.periodEnd = line.periodEnd;
    parts.hasAddress = hasPlace;
    parts.hi = frame.hi;
    parts.lo = frame.lo;
    parts.textStart = start;
    parts.textEnd = stop;
    if (hasPlace) this.#header.stack = this.#stack.internSingle(bytes);
    named.event.write(this.#writer, this.#header, bytes, parts);
  }

  #namedEvent(bytes: Uint8Array, start: number, end: number): NamedEvent {
    const known = this.#names.find(bytes, start, end);
    if (known >= 0) return this.#named[known];
    const text = utf8.decode(bytes.subarray(start, end));
    if (this.#names.size < MAX_EVENT_NAMES) {
      const named = this.#describe(text);
      this.#named[this.#names.add(bytes, start, end)] = named;
      return named;
    }
    // What a tracepoint is read as is decided by its own reader, which knows the kernel's.
    const named = this.#describe(text.includes(':') ? text : '');
    if (named.kind === 'tracepoint') return named;
    this.#context.diagnostics.report('names-too-many', { line: this.#events.line }, `event ${text}`);
    return this.#describe('');
  }

  #describe(text: string): NamedEvent {
    const { system, name, modifiers } = splitEventName(text === '' ? 'sample' : text);
    if (system === '') return { kind: 'sample', event: new SampleEvent(this.#context.dictionary, name, modifiers) };
    const encoder = new TextEncoder();
    const nameBytes = encoder.encode(name).length;
    const nameOffset = encoder.encode(system).length + 1;
    return { kind: 'tracepoint', system, nameOffset, nameBytes };
  }

  /** `PERF_RECORD_LOST lost 3532` and the records that perf script shows on request. */
  #record(bytes: Uint8Array, end: number, number: number): void {
    this.#afterRecord = true;
    const text = latin1.decode(bytes.subarray(this.#line.eventStart, Math.min(end, this.#line.eventStart + 200)));
    const match =
      /^PERF_RECORD_(LOST_SAMPLES|LOST|THROTTLE|UNTHROTTLE)\b:?(?:\s+lost\s+(?:samples\s*:?\s*)?(\d+))?/.exec(text);
    if (!match) return;
    const { dictionary, diagnostics, facts } = this.#context;
    const writer = this.#writer;
    const { tsNs, cpu } = this.#header;
    if (match[1].startsWith('LOST')) {
      const lost = plausibleLoss(Number(match[2] ?? 0));
      facts.lost += lost || 1;
      if (lost === 0) diagnostics.report('loss-unsized', { line: number }, text);
      diagnostics.report('events-lost', { line: number }, text, lost || 1);
      const { typeId } = dictionary.eventType('quiesce_lost', 'marker', 'quiesce', []);
      writer.begin(tsNs, cpu, NO_TID, 0, typeId, 0, 0);
      writer.int(cpu);
      writer.int(lost);
      writer.end();
      return;
    }
    const { typeId } = dictionary.eventType('quiesce_throttle', 'marker', 'quiesce', []);
    writer.begin(tsNs, cpu, NO_TID, 0, typeId, 0, 0);
    writer.int(match[1] === 'THROTTLE' ? 1 : 0);
    writer.end();
  }
}

/** `  builtin-script.c:123`, `  main.rs:7 (discriminator 2)`. */
function isSourceLine(bytes: Uint8Array, start: number, end: number): boolean {
  return /^\s+\S.*:\d+(\s\(.*\))?\s*$/.test(latin1.decode(bytes.subarray(start, Math.min(end, start + 1024))));
}

/** ` instruction trace error type 1 time 47170.086912826 cpu -1 pid 293415 …` (auxtrace_synth_error). */
function isTraceError(bytes: Uint8Array, start: number, end: number): boolean {
  return latin1.decode(bytes.subarray(start, Math.min(end, start + 32))).startsWith(' instruction trace error type ');
}
