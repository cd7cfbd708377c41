/**
 * One line of ftrace text → events. Used by the ftrace-text format, and by readers of other texts that hold ftrace records
 * (console logs with an ftrace dump, after they took the printk prefix off).
 *
 * Hot path: 12.5 million lines of trace-cmd report (bench: parse).
 */
import { type BatchWriter, type EventBatch, NO_TID } from '../../schema/index.ts';
import { EventTextReader, type RecordHeader } from '../event-text/event-text.ts';
import type { ParseContext } from '../format.ts';
import { CallStacks } from './call-stacks.ts';
import { FlagColumn } from './flag-column.ts';
import { GraphLine } from './graph-line.ts';
import { LayoutLine } from './layout-line.ts';
import { afterQuotes, eventNameEnd, isPadded, lineEnd, startsWith, textOf } from './line-edges.ts';
import { LostNotes, MAX_PENDING_LOST } from './lost-notes.ts';
import { classifyPayload, isFunctionCall } from './payload-shape.ts';
import { RecordPrefix } from './record-prefix.ts';
import { announcesStack, frameStart, StackBlock } from './stack-block.ts';
import { TaskNames } from './task-names.ts';

/** What a line was. */
export type LineOutcome =
  /** One record or more were written. */
  | 'record'
  /** It belongs to the record before it: a stack frame, a further line of its text. */
  | 'more'
  /** Header, note or blank line. */
  | 'layout'
  /** The batch may be too full for what the line holds: take it away, {@link FtraceLineReader.startBatch}, read the line again. */
  | 'full'
  /** A record in another layout than the capture's ({@link TraceLayout}): it belongs to another trace. */
  | 'foreign'
  /** None of these. */
  | 'unreadable';

/**
 * Layouts whose records cannot share a timeline: ordinary records and function_graph lines with seconds of a clock, latency
 * layouts with microseconds since their trace began, function_graph lines without a time. The kernel prints one trace in one of
 * them (current_tracer and the latency-format option decide); a document may quote several traces.
 */
export type TraceLayout = 'ordinary' | 'graph' | 'latency' | 'graph-untimed';

/** Records that one line can make: a leaf call is two, and lost-event notes wait for the record after them. */
const ROOM_PER_LINE = MAX_PENDING_LOST + 2;
/** trace-cmd report prints payloads from this column on, counted from the event name. */
const REPORT_COLUMN = 22;
/** Longest text that is put together from several lines. */
const MAX_TEXT_LINES = 64;

const TAB = 0x09;
const BLANK = 0x20;
const COLON = 0x3a;
const EQUALS = 0x3d;
const GREATER = 0x3e;

const EMPTY = new Uint8Array(0);

export class FtraceLineReader {
  readonly layout: LayoutLine;
  /** Records of other layouts are `foreign`; undefined: the first record decides. */
  traceLayout: TraceLayout | undefined;
  /** Whether the first record's time was an integer without unit; undefined before the first record. */
  ticks: boolean | undefined;

  readonly #context: ParseContext;
  readonly #flagColumn = new FlagColumn();
  readonly #prefix: RecordPrefix;
  readonly #graph = new GraphLine();
  readonly #calls: CallStacks;
  readonly #events: EventTextReader;
  readonly #tasks: TaskNames;
  readonly #stack: StackBlock;
  readonly #header: RecordHeader = { tsNs: 0, cpu: 0, tid: 0, comm: 0, flags: 0, stack: 0 };
  #writer: BatchWriter;
  #baseSeconds = -1;
  /** Tasks of the CPUs as the function_graph tracer's switch notes say. */
  readonly #cpuTid: number[] = [];
  readonly #cpuComm: number[] = [];
  readonly #lost: LostNotes;
  /** Event whose stack the next frame lines make. */
  #stackBatch: EventBatch | undefined;
  #stackEvent = 0;
  #textLines = 0;
  /** The last record was foreign: so are the frames that follow. */
  #afterForeign = false;

  constructor(context: ParseContext, writer: BatchWriter) {
    this.#context = context;
    this.#writer = writer;
    this.layout = new LayoutLine(context.facts, this.#flagColumn);
    this.#events = new EventTextReader(context.dictionary, context.diagnostics);
    this.#tasks = new TaskNames(context.dictionary);
    this.#prefix = new RecordPrefix(this.#flagColumn, this.#tasks);
    this.#stack = new StackBlock(context.dictionary);
    this.#calls = new CallStacks(context.dictionary);
    this.#lost = new LostNotes(context);
  }

  /** Goes on with another batch, after {@link finish} or an outcome `full`. */
  startBatch(writer: BatchWriter): void {
    this.#writer = writer;
    this.#stackBatch = undefined;
    this.#events.openText = false;
  }

  /**
   * Whether bytes[start, end) are an ftrace record (not a header, not a stack frame). Writes nothing; the dictionary may gain the
   * task's name. For lines with a printk prefix take it off first.
   */
  isRecord(bytes: Uint8Array, start: number, end: number): boolean {
    return this.layoutOf(bytes, start, end) !== undefined;
  }

  /** Layout of the record bytes[start, end); undefined when they are no record. */
  layoutOf(bytes: Uint8Array, start: number, end: number): TraceLayout | undefined {
    const stop = lineEnd(bytes, start, end);
    let at = afterQuotes(bytes, start, stop);
    while (at < stop && (bytes[at] === BLANK || bytes[at] === TAB)) at++;
    if (at >= stop) return undefined;
    if (this.#prefix.read(bytes, at, stop)) return this.#prefix.relative ? 'latency' : 'ordinary';
    if (!this.#graph.read(bytes, at, stop)) return undefined;
    return this.#graph.seconds >= 0 ? 'graph' : 'graph-untimed';
  }

  /** Reads one line; its records go to the writer's batch. @param line number for diagnostics. */
  read(bytes: Uint8Array, start: number, end: number, line: number): LineOutcome {
    const stop = lineEnd(bytes, start, end);
    const lineAt = bytes[start] === GREATER ? afterQuotes(bytes, start, stop) : start;
    let at = lineAt;
    while (at < stop && (bytes[at] === BLANK || bytes[at] === TAB)) at++;
    if (at >= stop) {
      this.#closeStack();
      return 'layout';
    }
    if (bytes[at] === EQUALS && (this.#stackBatch !== undefined || this.#afterForeign)) {
      const frame = frameStart(bytes, at, stop);
      if (frame >= 0) {
        if (this.#afterForeign) return 'foreign';
        this.#stack.addFrame(bytes, frame, stop);
        return 'more';
      }
    }
    this.#closeStack();
    this.#events.line = line;
    if (this.#prefix.read(bytes, at, stop)) {
      if (this.#isForeign(this.#prefix.relative ? 'latency' : 'ordinary')) return 'foreign';
      if (!this.#hasRoom()) return 'full';
      this.#events.openText = false;
      this.#readRecord(bytes, stop);
      return 'record';
    }
    const layout = this.layout.read(bytes, at, stop, line);
    if (layout === 'lost') this.#lost.add(this.layout.lostCpu, this.layout.lostCount, line, bytes, at, stop);
    if (layout) {
      this.#events.openText = false;
      return 'layout';
    }
    if (this.#graph.read(bytes, lineAt, stop)) {
      if (!this.#hasRoom()) return 'full';
      this.#events.openText = false;
      return this.#readGraphLine(bytes);
    }
    if (!this.#events.openText || this.#textLines >= MAX_TEXT_LINES) return 'unreadable';
    this.#textLines++;
    this.#events.appendText(this.#writer, bytes, lineAt, stop);
    return 'more';
  }

  #hasRoom(): boolean {
    const { batch } = this.#writer;
    return batch.length + ROOM_PER_LINE <= batch.capacity;
  }

  #isForeign(layout: TraceLayout): boolean {
    this.traceLayout ??= layout;
    this.#afterForeign = layout !== this.traceLayout;
    return this.#afterForeign;
  }

  /** Ends what is open: call before taking the batch away and at the end of the capture. */
  finish(): void {
    this.#closeStack();
    this.#events.openText = false;
    this.#lost.write(this.#writer, this.#header.tsNs);
  }

  #closeStack(): void {
    const batch = this.#stackBatch;
    if (batch === undefined) return;
    this.#stackBatch = undefined;
    batch.stack[this.#stackEvent] = this.#stack.intern();
  }

  #openStack(): void {
    this.#stack.clear();
    this.#stackBatch = this.#writer.batch;
    this.#stackEvent = this.#writer.batch.length - 1;
  }

  /** Nanoseconds from the base; a clock beyond 2^53 ns (tai) moves the base to the day before the first record. */
  #time(seconds: number, nanoseconds: number): number {
    if (this.#baseSeconds < 0) {
      this.#baseSeconds = seconds > 9_000_000 ? seconds - (seconds % 86400) - 86400 : 0;
      this.#context.facts.baseNs = BigInt(this.#baseSeconds) * 1_000_000_000n;
    }
    return (seconds - this.#baseSeconds) * 1e9 + nanoseconds;
  }

  #seeCpu(cpu: number): void {
    if (cpu >= this.#context.facts.cpus) this.#context.facts.cpus = cpu + 1;
  }

  #readRecord(bytes: Uint8Array, end: number): void {
    const prefix = this.#prefix;
    const header = this.#header;
    header.tsNs = this.#time(prefix.seconds, prefix.nanoseconds);
    header.cpu = prefix.cpu;
    header.tid = prefix.tid;
    header.comm = prefix.comm;
    header.flags = prefix.flags;
    this.ticks ??= prefix.ticks;
    this.#seeCpu(prefix.cpu);
    if (this.#lost.pending) this.#lost.write(this.#writer, header.tsNs);
    this.#textLines = 0;
    let start = prefix.payload;
    while (start < end && bytes[start] === BLANK) start++;
    const nameEnd = eventNameEnd(bytes, start, end);
    if (nameEnd > 0) this.#readNamed(bytes, start, nameEnd, end);
    else this.#readUnnamed(bytes, start, end);
  }

  /** `lock_release:         0xffffffff81ee16d0 trace_types_lock`. */
  #readNamed(bytes: Uint8Array, nameStart: number, nameEnd: number, end: number): void {
    let payload = nameEnd + 1;
    while (payload < end && (bytes[payload] === BLANK || bytes[payload] === TAB)) payload++;
    if (!this.layout.report && isPadded(nameEnd - nameStart, payload - nameEnd)) this.layout.report = true;
    if (this.layout.report && this.#prefix.hasFlagColumn) this.#events.plugin.setModern();
    this.#events.kernelText = !this.layout.report;
    const first = bytes[nameStart];
    if (first === 0x66 && this.#readTraceCmdGraph(bytes, nameStart, nameEnd, payload, end)) return;
    if ((first === 0x6b || first === 0x75) && this.#readTraceCmdStack(bytes, nameStart, nameEnd, payload, end)) return;
    const text = Math.min(payload, this.layout.report ? Math.max(nameStart + REPORT_COLUMN, nameEnd + 2) : nameEnd + 2);
    if (bytes[end - 1] === COLON && announcesStack(bytes, payload, end) === 'attached') {
      // `… delta=76 stack=STACK:`: the field is the stack that follows.
      const field = bytes.lastIndexOf(BLANK, end - 1);
      this.#events.write(this.#writer, this.#header, bytes, nameStart, nameEnd, text, Math.max(text, field));
      this.#openStack();
    } else this.#events.write(this.#writer, this.#header, bytes, nameStart, nameEnd, text, end);
  }

  /** `funcgraph_entry:      ! 318.387 us |  mutex_unlock();`; false when it is not that, `func=… depth=…` for one. */
  #readTraceCmdGraph(bytes: Uint8Array, nameStart: number, nameEnd: number, start: number, end: number): boolean {
    if (!startsWith(bytes, nameStart, nameEnd, 'funcgraph_')) return false;
    // The blanks before the bar are part of the payload's columns.
    if (!this.#graph.readCall(bytes, start, end)) return false;
    this.#writeCall(bytes, this.#header.tid);
    return true;
  }

  /** `kernel_stack:         <stack trace >`, with -N the first frame instead, with -R `size=7 caller=ARRAY[…]`. */
  #readTraceCmdStack(bytes: Uint8Array, nameStart: number, nameEnd: number, start: number, end: number): boolean {
    const name = textOf(bytes, nameStart, nameEnd);
    if (name !== 'kernel_stack' && name !== 'user_stack') return false;
    this.#events.writeNamed(this.#writer, this.#header, name, EMPTY, 0, 0);
    this.#openStack();
    const frame = frameStart(bytes, start, end);
    if (frame >= 0) this.#stack.addFrame(bytes, frame, end);
    else this.#stack.addArray(bytes, start, end);
    return true;
  }

  /** Payloads of the tracers themselves, which have no event name. */
  #readUnnamed(bytes: Uint8Array, start: number, end: number): void {
    this.#events.kernelText = !this.layout.report;
    if (isFunctionCall(bytes, start, end)) {
      this.#events.writeNamed(this.#writer, this.#header, 'function', bytes, start, end);
      return;
    }
    const shape = classifyPayload(bytes, start, end, this.layout.tracer);
    this.#events.writeNamed(this.#writer, this.#header, shape.event, bytes, shape.start, shape.end);
    if (shape.stack) this.#openStack();
  }

  #readGraphLine(bytes: Uint8Array): LineOutcome {
    const graph = this.#graph;
    const header = this.#header;
    const cpu = graph.cpu;
    this.#seeCpu(cpu);
    if (graph.tid >= 0) {
      this.#cpuTid[cpu] = graph.tid;
      this.#cpuComm[cpu] = this.#context.dictionary.bytes(bytes, graph.commStart, graph.commEnd);
    }
    if (graph.kind === 'switch' || graph.kind === 'mark') return 'layout';
    if (this.#isForeign(graph.seconds >= 0 ? 'graph' : 'graph-untimed')) return 'foreign';
    header.cpu = cpu;
    header.tid = this.#cpuTid[cpu] ?? NO_TID;
    header.comm = this.#cpuComm[cpu] ?? 0;
    header.flags =
      graph.flagsStart < graph.flagsEnd ? this.#flagColumn.decode(bytes, graph.flagsStart, graph.flagsEnd) : 0;
    // Without the absolute time column the trace has durations only: every record stands at the time of the last one known.
    if (graph.seconds >= 0) header.tsNs = this.#time(graph.seconds, graph.nanoseconds);
    this.ticks ??= graph.seconds < 0;
    if (this.#lost.pending) this.#lost.write(this.#writer, header.tsNs);
    this.#textLines = 0;
    if (graph.kind !== 'comment') {
      this.#writeCall(bytes, header.tid >= 0 ? header.tid : -1 - cpu);
      return 'record';
    }
    const nameEnd = eventNameEnd(bytes, graph.nameStart, graph.nameEnd);
    if (nameEnd > 0) {
      this.#events.kernelText = true;
      this.#events.write(this.#writer, header, bytes, graph.nameStart, nameEnd, nameEnd + 1, graph.nameEnd);
    } else this.#readUnnamed(bytes, graph.nameStart, graph.nameEnd);
    return 'record';
  }

  /** Writes the call that #graph holds. @param key task, or −1 − CPU when the task is unknown. */
  #writeCall(bytes: Uint8Array, key: number): void {
    const graph = this.#graph;
    const header = this.#header;
    if (graph.kind === 'entry' || graph.kind === 'leaf') {
      const func = this.#context.dictionary.bytes(bytes, graph.nameStart, graph.nameEnd);
      this.#calls.enter(key, graph.depth, func);
      this.#calls.writeEntry(this.#writer, header, func, graph.depth, bytes, graph.argsStart, graph.argsEnd);
      if (graph.kind === 'leaf' && graph.durationNs >= 0)
        this.#calls.writeExit(this.#writer, header, header.tsNs + graph.durationNs, func, graph, bytes);
    } else if (graph.kind === 'exit') {
      const func =
        graph.nameStart < graph.nameEnd
          ? this.#context.dictionary.bytes(bytes, graph.nameStart, graph.nameEnd)
          : this.#calls.functionAt(key, graph.depth);
      this.#calls.writeExit(this.#writer, header, header.tsNs, func, graph, bytes);
    }
  }
}
