/**
 * Recognises kernel reports in a stream of prepared log lines (MODEL §7) and turns each into a {@link LogReport}.
 *
 * Fed by the console format with the lines of a log, and by ingest with the texts of `printk:console` events. Total on any text,
 * linear in it, bounded in memory. Budget: a line outside of a report costs one table look-up (bench: ≥ 100 MB/s of log).
 *
 * Lines of one caller (`printk.caller`) form a stream. Without callers all lines are one stream in which reports of several
 * CPUs interleave: a line goes to the newest open report that can use it (G0.2).
 */
import type { KernelSetting, LogReport } from '../../schema/index.ts';
import { BacktraceBuilder } from './report/backtrace-builder.ts';
import { mayOpen, openReport } from './report/opening.ts';
import type { LogLine, ReportBody } from './report/report-builder.ts';
import { type Place, type ReportOutlet, ReportStream, TASK_DUMP } from './report/report-stream.ts';
import { type LineLook, NOTHING, REPORT, STATEMENT } from './report/report-words.ts';
import { parseSettings, parseSingleLine, parseTaintLine } from './report/single-line.ts';
import { withoutRcuPrefix } from './report/stall-builder.ts';
import { looksLikeReport, reportNotJudged } from './report/unread.ts';
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

const MAX_STREAMS = 256;
/** No kernel line is longer (LOG_LINE_MAX is 1 KiB less prefix; decoded and joined ones are longer). */
const MAX_TEXT = 4096;
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

const COLON = 0x3a;

export class LogGrammar {
  readonly #streams = new Map<number, ReportStream>();
  readonly #settings = new Map<string, string | number | boolean>();
  readonly #line: LogLine = { tsNs: 0, line: 0, cpu: undefined, text: '', frame: undefined };
  #out: LogReport[] = [];
  readonly #trouble: GrammarTrouble;
  #unread = 0;
  readonly #outlet: ReportOutlet = {
    emit: (body, at, endLine) => this.#emit(body, at, endLine),
    cut: (line, title) => this.#trouble.cut?.(line, title),
    streams: () => this.#streams.values(),
  };

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
    stream: ReportStream | undefined,
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
      if (stream.idle) this.#streams.delete(caller);
    } else if (look === STATEMENT) this.#statement(line);
    else this.#begin(caller, undefined, line);
  }

  /** Outside of reports: a setting, or a report of one line. */
  #statement(line: LogLine): void {
    if (this.#single(line)) return;
    this.#taint(line);
    for (const setting of parseSettings(withoutRcuPrefix(line.text))) this.#setting(setting, line);
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
    for (const stream of this.#streams.values()) stream.closeAll();
    this.#streams.clear();
    return this.take();
  }

  #continue(caller: number, stream: ReportStream, line: LogLine): void {
    const { text } = line;
    if (text === '' || isRegisterDump(text)) return; // layout (G0.2)
    line.frame = parseFrame(text);
    if (line.frame !== undefined) {
      stream.takeFrame(line);
      return;
    }
    if (stream.takeIntoTrace(line)) return;
    this.#taint(line);
    if (this.#single(line) || stream.takeIntoReport(line)) return;
    this.#begin(caller, stream, line);
  }

  /** @returns whether the line is a report of one line */
  #single(line: LogLine): boolean {
    const single = parseSingleLine(line.text);
    if (single) this.#emit(single, line, line.line);
    return single !== undefined;
  }

  /** The line may begin a report or a trace. */
  #begin(caller: number, known: ReportStream | undefined, line: LogLine): void {
    const { text } = line;
    if (!known) {
      if (this.#single(line)) return;
      this.#taint(line);
    }
    // Task lines of old kernels begin with any name, and end with flags.
    if (known && !mayOpen(text) && !text.includes(' 0x')) {
      known.forgetAnnouncement();
      this.#guard(line.tsNs, line.line, line.cpu, text);
      return;
    }
    const builder = openReport(text);
    if (builder) {
      (known ?? this.#stream(caller)).begin(builder, line);
      return;
    }
    if (text.startsWith(TASK_DUMP)) {
      (known ?? this.#stream(caller)).takeAnnouncement(text);
      return;
    }
    const dump = BacktraceBuilder.open(text, known?.forgetAnnouncement()) ?? (known && BacktraceBuilder.openBare(text));
    if (dump) {
      (known ?? this.#stream(caller)).beginTrace(dump, line);
      return;
    }
    const settings = parseSettings(withoutRcuPrefix(text));
    for (const setting of settings) this.#setting(setting, line);
    if (settings.length === 0) this.#guard(line.tsNs, line.line, line.cpu, text);
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

  #stream(caller: number): ReportStream {
    if (this.#streams.size >= MAX_STREAMS) {
      for (const [key, stream] of this.#streams) {
        stream.closeAll();
        this.#streams.delete(key);
        break;
      }
    }
    const stream = new ReportStream(this.#outlet);
    this.#streams.set(caller, stream);
    return stream;
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
