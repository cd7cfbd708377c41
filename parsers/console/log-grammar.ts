/**
 * Recognises kernel reports in a stream of prepared log lines (MODEL §7) and turns each into a {@link LogReport}.
 *
 * Fed by the console format with the lines of a log, and by ingest with the texts of `printk:console` events. Total on any text,
 * linear in it, bounded in memory. Budget: a line outside of a report costs one table look-up (bench: ≥ 100 MB/s of log).
 *
 * Lines of one caller (`printk.caller`) form a stream. Without callers all lines are one stream in which reports of several
 * CPUs interleave: a line goes to the newest open report that can use it (G0.2).
 */
import type { KernelSetting, LogBacktrace, LogReport } from '../../schema/index.ts';
import { BacktraceBuilder } from './report/backtrace-builder.ts';
import { openCsdLock } from './report/csd-builder.ts';
import { openHeldLocks } from './report/held-builder.ts';
import { openHungTask } from './report/hung-task-builder.ts';
import { LockdepBuilder } from './report/lockdep-builder.ts';
import { openLockup } from './report/lockup-builder.ts';
import type { LogLine, ReportBody, ReportBuilder } from './report/report-builder.ts';
import { type LineLook, NOTHING, REPORT, STATEMENT } from './report/report-words.ts';
import { parseSetting, parseSingleLine, parseTaintLine } from './report/single-line.ts';
import { openSleepInAtomic } from './report/sleep-builder.ts';
import { openStall, withoutRcuPrefix } from './report/stall-builder.ts';
import { looksLikeReport, reportNotJudged } from './report/unread.ts';
import { openWorkqueueLockup } from './report/workqueue-builder.ts';
import { parseLockdepTitle } from './text/lockdep-title.ts';
import { parseFrame } from './text/stack-text.ts';

/** Caller of lines that name none. */
export const NO_CALLER = -1;

/**
 * Stream key of a caller: the task, or the CPU when the line was printed in interrupt context. Task 0 is the idle task of whichever
 * CPU (T25).
 */
export function callerKey(tid: number | undefined, cpu: number | undefined): number {
  if (tid !== undefined && (tid > 0 || cpu === undefined)) return tid;
  return cpu === undefined ? NO_CALLER : -2 - cpu;
}

/** Open reports of one stream; more would be a log that only begins reports. */
const MAX_OPEN = 6;
const MAX_STREAMS = 256;
/** A report that took none of this many lines of its stream is over. */
const MAX_MISSES = 200;
/** Nor does it pause for so long; a slow serial console delays single lines by tenths of a second. */
const MAX_PAUSE_NS = 60e9;
/** No kernel line is longer (LOG_LINE_MAX is 1 KiB less prefix; decoded and joined ones are longer). */
const MAX_TEXT = 4096;
/** How far below a report's line a `CPU: … Comm:` header still begins that report's own trace. */
const HEADER_DISTANCE = 8;

/** Unread lines that are kept as reports; all are counted. */
const MAX_UNREAD = 64;
const MAX_UNREAD_TEXT = 160;

/** Called with what could not be read as it should, with the line and its text. */
export interface GrammarTrouble {
  /** A report ends before it has said what it should; line of its beginning. */
  readonly cut?: (line: number, title: string) => void;
  /** A line looks like a report, or like a piece of one, and no grammar reads it. */
  readonly unread?: (line: number, text: string) => void;
  /** The kernel reports something that is about neither RCU nor locks nor stalls. */
  readonly notJudged?: (line: number, name: string) => void;
}

interface Place {
  readonly tsNs: number;
  readonly line: number;
  readonly cpu: number | undefined;
}

interface OpenReport extends Place {
  readonly builder: ReportBuilder;
  readonly title: string;
  endLine: number;
  lastNs: number;
  misses: number;
}

interface Stream {
  /** Oldest first. */
  readonly open: OpenReport[];
  dump: BacktraceBuilder | undefined;
  /** From `Task dump for CPU n:`. */
  dumpCpu: number | undefined;
}

const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;

/** First characters with which something that matters can begin outside of a report. */
const OPENERS = new Uint8Array(128);
for (const char of '[IBWrwNphtLSPHCKTRUA0123456789nxsc') OPENERS[char.charCodeAt(0)] = 1;

export class LogGrammar {
  readonly #streams = new Map<number, Stream>();
  readonly #settings = new Map<string, string | number | boolean>();
  readonly #line: LogLine = { tsNs: 0, line: 0, cpu: undefined, text: '', frame: undefined };
  #out: LogReport[] = [];
  readonly #trouble: GrammarTrouble;
  #unread = 0;

  constructor(trouble: GrammarTrouble = {}) {
    this.#trouble = trouble;
  }

  /**
   * Consumes one line.
   * @param lineNumber 1-based, 0 for printk:console events
   * @param cpu that printed it, when known
   * @param caller stream key, see {@link callerKey}
   * @param text without prefix and line end; its indentation says nothing: pastes have any
   * @param look what a glance at the line has shown; with nothing it is read inside of reports only
   */
  feed(
    tsNs: number,
    lineNumber: number,
    cpu: number | undefined,
    caller: number,
    text: string,
    look: LineLook = mayOpen(text) ? REPORT : NOTHING,
  ): void {
    const key = this.#streams.size === 0 ? caller : this.#streamOf(caller);
    const stream = this.#streams.size === 0 ? undefined : this.#streams.get(key);
    if (stream === undefined && look === NOTHING) return;
    this.#read(tsNs, lineNumber, cpu, key, stream, ownCopy(text.trim()), look);
  }

  /** Whose stream the line goes on: where callers are shown on few lines, a line without one belongs to the only report that is open. */
  #streamOf(caller: number): number {
    if (caller !== NO_CALLER || this.#streams.size !== 1 || this.#streams.has(NO_CALLER)) return caller;
    for (const only of this.#streams.keys()) return only;
    return caller;
  }

  #read(
    tsNs: number,
    lineNumber: number,
    cpu: number | undefined,
    caller: number,
    stream: Stream | undefined,
    text: string,
    look: LineLook,
  ): void {
    const line = this.#line;
    line.tsNs = tsNs;
    line.line = lineNumber;
    line.cpu = cpu;
    line.text = text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text;
    if (stream !== undefined) {
      this.#continue(caller, stream, line);
      if (stream.open.length === 0 && stream.dump === undefined && stream.dumpCpu === undefined)
        this.#streams.delete(caller);
    } else if (look === STATEMENT) this.#statement(line);
    else this.#begin(caller, undefined, line);
  }

  /** Outside of reports: a setting, or a report of one line. */
  #statement(line: LogLine): void {
    const { text } = line;
    const single = parseSingleLine(text);
    if (single) {
      this.#emit(single, line, line.line);
      return;
    }
    this.#taint(line);
    const setting = parseSetting(withoutRcuPrefix(text));
    if (setting) this.#setting(setting, line);
  }

  /** Reports completed since the last call, by time. */
  take(): LogReport[] {
    const out = this.#out;
    if (out.length === 0) return out;
    this.#out = [];
    return out.sort((a, b) => a.tsNs - b.tsNs || a.line - b.line);
  }

  /** Ends the log: what is open is complete or cut. */
  finish(): LogReport[] {
    for (const stream of this.#streams.values()) this.#closeAll(stream);
    this.#streams.clear();
    return this.take();
  }

  #continue(caller: number, stream: Stream, line: LogLine): void {
    const { text } = line;
    if (text === '' || isRegisterDump(text)) return; // layout (G0.2)
    line.frame = parseFrame(text);
    if (line.frame !== undefined) {
      takeFrame(stream, line);
      return;
    }
    const { dump } = stream;
    if (dump?.accept(line)) {
      dump.endLine = line.line;
      if (dump.done) this.#closeDump(stream);
      return;
    }
    this.#taint(line);
    const single = parseSingleLine(text);
    if (single) {
      this.#emit(single, line, line.line);
      return;
    }
    for (let i = stream.open.length - 1; i >= 0; i--) {
      const report = stream.open[i];
      if (line.tsNs - report.lastNs > MAX_PAUSE_NS || report.misses > MAX_MISSES) {
        this.#close(stream, i);
        continue;
      }
      if (report.builder.accept(line)) {
        report.endLine = line.line;
        report.lastNs = line.tsNs;
        report.misses = 0;
        if (text.startsWith('Task dump for CPU ')) stream.dumpCpu = Number.parseInt(text.slice(18), 10);
        if (report.builder.done) this.#close(stream, i);
        return;
      }
      report.misses++;
      if (report.builder.done) this.#close(stream, i);
    }
    this.#begin(caller, stream, line);
  }

  /** The line may begin a report or a dump. */
  #begin(caller: number, known: Stream | undefined, line: LogLine): void {
    const { text } = line;
    if (!known) {
      const single = parseSingleLine(text);
      if (single) {
        this.#emit(single, line, line.line);
        return;
      }
      this.#taint(line);
    }
    // Task lines of old kernels begin with any name, and end with flags.
    if (known && !mayOpen(text) && !text.includes(' 0x')) {
      known.dumpCpu = undefined;
      this.#guard(line.tsNs, line.line, line.cpu, text);
      return;
    }
    const builder = openReport(text);
    if (builder) {
      const stream = known ?? this.#stream(caller);
      this.#closeDump(stream);
      for (let i = stream.open.length - 1; i >= 0; i--) {
        if (stream.open[i].builder.family === builder.family) this.#close(stream, i);
        else stream.open[i].builder.suspend();
      }
      if (stream.open.length === MAX_OPEN) this.#close(stream, 0);
      stream.open.push({ ...place(line), builder, title: text, endLine: line.line, lastNs: line.tsNs, misses: 0 });
      return;
    }
    const dumpCpu = text.startsWith('Task dump for CPU ') ? Number.parseInt(text.slice(18), 10) : undefined;
    if (dumpCpu !== undefined) {
      (known ?? this.#stream(caller)).dumpCpu = dumpCpu;
      return;
    }
    const announced = known?.dumpCpu;
    if (known) known.dumpCpu = undefined;
    const dump = BacktraceBuilder.open(text, announced) ?? (known && BacktraceBuilder.openBare(text));
    if (dump) {
      this.#openDump(known ?? this.#stream(caller), dump, line);
      return;
    }
    const setting = parseSetting(withoutRcuPrefix(text));
    if (setting) this.#setting(setting, line);
    else this.#guard(line.tsNs, line.line, line.cpu, text);
  }

  /** No grammar has read the line: it may still be a report, or a piece of one. */
  #guard(tsNs: number, line: number, cpu: number | undefined, text: string): void {
    const about = looksLikeReport(text);
    if (about) {
      this.#trouble.unread?.(line, text);
      if (this.#unread++ < MAX_UNREAD)
        this.#emit({ kind: 'unread', about, text: text.slice(0, MAX_UNREAD_TEXT) }, { tsNs, line, cpu }, line);
      return;
    }
    const other = this.#trouble.notJudged && reportNotJudged(text);
    if (other) this.#trouble.notJudged?.(line, other);
  }

  #openDump(stream: Stream, dump: BacktraceBuilder, line: LogLine): void {
    this.#closeDump(stream);
    for (const report of stream.open) report.builder.suspend();
    dump.tsNs = line.tsNs;
    dump.line = line.line;
    dump.endLine = line.line;
    if (dump.done) this.#deliver(stream, dump);
    else stream.dump = dump;
  }

  #stream(caller: number): Stream {
    if (this.#streams.size >= MAX_STREAMS) {
      for (const [key, stream] of this.#streams) {
        this.#closeAll(stream);
        this.#streams.delete(key);
        break;
      }
    }
    const stream: Stream = { open: [], dump: undefined, dumpCpu: undefined };
    this.#streams.set(caller, stream);
    return stream;
  }

  #closeAll(stream: Stream): void {
    this.#closeDump(stream);
    while (stream.open.length > 0) this.#close(stream, 0);
  }

  #close(stream: Stream, index: number): void {
    if (stream.dump && stream.open[index].builder.adopt) this.#closeDump(stream);
    const [report] = stream.open.splice(index, 1);
    const body = report.builder.finish();
    if (!body || isCut(body)) this.#trouble.cut?.(report.line, report.title);
    if (body) this.#emit({ ...body, headline: report.title }, report, report.endLine);
  }

  #closeDump(stream: Stream): void {
    const dump = stream.dump;
    if (!dump) return;
    stream.dump = undefined;
    this.#deliver(stream, dump);
  }

  /** Gives a dump to the report that it belongs to; alone it is a report. */
  #deliver(stream: Stream, dump: BacktraceBuilder): void {
    if (dump.empty) return;
    const trace = dump.finish();
    if (this.#adopted(stream, dump, trace)) return;
    this.#emit({ kind: 'backtrace', ...trace }, { tsNs: dump.tsNs, line: dump.line, cpu: trace.cpu }, dump.endLine);
  }

  #adopted(stream: Stream, dump: BacktraceBuilder, trace: LogBacktrace): boolean {
    for (let i = stream.open.length - 1; i >= 0; i--) {
      const report = stream.open[i];
      const near = dump.line - report.endLine <= HEADER_DISTANCE;
      if (!(trace.nmi || trace.state !== undefined || near) || !report.builder.adopt?.(trace)) continue;
      report.endLine = Math.max(report.endLine, dump.endLine);
      report.lastNs = Math.max(report.lastNs, dump.tsNs);
      report.misses = 0;
      return true;
    }
    // Other CPUs print their NMI backtraces themselves, under their own caller.
    if (!trace.nmi) return false;
    for (const other of this.#streams.values())
      for (const report of other.open)
        if (dump.tsNs - report.lastNs < MAX_PAUSE_NS && report.builder.adopt?.(trace)) {
          report.lastNs = Math.max(report.lastNs, dump.tsNs);
          return true;
        }
    return false;
  }

  #taint(line: LogLine): void {
    const at = line.text.indexOf('ainted');
    if (at < 0) return;
    const start = line.text.startsWith('Not t', at - 5) ? at - 5 : at - 1;
    if (start >= 0) for (const setting of parseTaintLine(line.text.slice(start))) this.#setting(setting, line);
  }

  /** Settings are stated again and again: only news is reported. */
  #setting(setting: KernelSetting, line: LogLine): void {
    if (this.#settings.get(setting.field) === setting.value) return;
    this.#settings.set(setting.field, setting.value);
    this.#emit({ kind: 'kernel-setting', ...setting }, line, line.line);
  }

  #emit(body: ReportBody, at: Place, endLine: number): void {
    const { cpu: bodyCpu } = body as { cpu?: number };
    const cpu = bodyCpu ?? at.cpu;
    const report = { ...body, tsNs: at.tsNs, line: at.line, endLine, ...(cpu !== undefined && { cpu }) };
    this.#out.push(report as LogReport);
  }
}

/** Reports keep parts of the text, and a part keeps the whole chunk of the log that the text is a part of. */
const ownCopy = (text: string): string => ` ${text}`.slice(1);

/** lockdep ends each of its reports with a backtrace. */
function isCut(body: ReportBody): boolean {
  switch (body.kind) {
    case 'lockdep-circular':
      return body.chain.length < 2 || body.stack.length === 0;
    case 'lockdep-irq-order':
    case 'lockdep-irq-inversion':
    case 'lockdep-irq-state':
    case 'lockdep-recursion':
    case 'lockdep-wait-context':
      return body.stack.length === 0;
    default:
      return false;
  }
}

function place(line: LogLine): Place {
  return { tsNs: line.tsNs, line: line.line, cpu: line.cpu };
}

/** Most lines inside reports are frames: they go to the newest trace that reads any, and begin nothing. */
function takeFrame(stream: Stream, line: LogLine): void {
  const { dump, open } = stream;
  if (dump?.accept(line)) {
    dump.endLine = line.line;
    return;
  }
  for (let i = open.length - 1; i >= 0; i--) {
    const report = open[i];
    if (!report.builder.accept(line)) continue;
    report.endLine = line.line;
    report.lastNs = line.tsNs;
    report.misses = 0;
    return;
  }
}

/** `RAX: 000…`, `R10: …`, `CR2: …`, `FS:  …`, `Code: …`: what stands between the parts of a trace. */
function isRegisterDump(text: string): boolean {
  const first = text.charCodeAt(0);
  switch (first) {
    case 0x52: // R: RAX: … R15:, but not RIP:
      return text.charCodeAt(3) === COLON && !text.startsWith('RIP');
    case 0x43: // C: CS:, CR2:, Code:
      return text.startsWith('CS: ') || text.startsWith('CR2: ') || text.startsWith('Code: ');
    case 0x44: // D: DR0:, DR3:
      return text.startsWith('DR0: ') || text.startsWith('DR3: ');
    case 0x46: // F
      return text.startsWith('FS: ');
    case 0x48: // H
      return text.startsWith('Hardware name: ');
    default:
      return false;
  }
}

/** Whether a line outside of all reports deserves a closer look. */
function mayOpen(text: string): boolean {
  let i = 0;
  let code = text.charCodeAt(0);
  while (code === SPACE || code === TAB) code = text.charCodeAt(++i);
  return code < 128 && OPENERS[code] === 1;
}

function openReport(text: string): ReportBuilder | undefined {
  switch (text.charCodeAt(0)) {
    case 0x5b: // [
    case 0x57: // W
      return openLockdep(text);
    case 0x49: // I
      return openHungTask(text) ?? openStall(text) ?? openLockdep(text);
    case 0x42: // B
      return openLockup(text) ?? openWorkqueueLockup(text) ?? openSleepInAtomic(text) ?? openLockdep(text);
    case 0x4b: // K
      return openLockup(text);
    case 0x72: // r
      return text.startsWith('rcu') ? openStall(withoutRcuPrefix(text)) : undefined;
    case 0x63: // c
      return openCsdLock(text) ?? openHeldLocks(text);
    case 0x73: // s
      return openCsdLock(text) ?? openLockup(text) ?? openHeldLocks(text);
    case 0x77: // w
    case 0x4e: // N
      return openLockup(text);
    default:
      return openHeldLocks(text);
  }
}

function openLockdep(text: string): ReportBuilder | undefined {
  const title = parseLockdepTitle(text);
  return title && new LockdepBuilder(title);
}
