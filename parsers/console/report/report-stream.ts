/**
 * The lines of one caller: the reports that are open among them, and the trace that is being read. A line goes to the newest report
 * that can use it; a trace goes to the report that it stands in (G0.2).
 */
import type { LogBacktrace } from '../../../schema/index.ts';
import type { BacktraceBuilder } from './backtrace-builder.ts';
import type { LogLine, ReportBody, ReportBuilder } from './report-builder.ts';

/** Open reports of one stream; more would be a log that only begins reports. */
const MAX_OPEN = 6;
/** A report that took none of this many lines of its stream is over. */
const MAX_MISSES = 200;
/** Nor does it pause for so long; a slow serial console delays single lines by tenths of a second. */
const MAX_PAUSE_NS = 60e9;
/** How far below a report's line a `CPU: … Comm:` header still begins that report's own trace. */
const HEADER_DISTANCE = 8;

/** Line that announces the trace of the task on a CPU. */
export const TASK_DUMP = 'Task dump for CPU ';

/** Where something in the log begins. */
export interface Place {
  readonly tsNs: number;
  readonly line: number;
  readonly cpu: number | undefined;
}

/** Where finished reports go. */
export interface ReportOutlet {
  emit(body: ReportBody, at: Place, endLine: number): void;
  /** A report ends before it has said what it should. */
  cut(line: number, title: string): void;
  /** Every stream of the log. */
  streams(): Iterable<ReportStream>;
}

interface OpenReport extends Place {
  readonly builder: ReportBuilder;
  readonly title: string;
  endLine: number;
  lastNs: number;
  misses: number;
}

export class ReportStream {
  readonly #outlet: ReportOutlet;
  /** Oldest first. */
  readonly #open: OpenReport[] = [];
  #dump: BacktraceBuilder | undefined;
  /** CPU of the task dump that was announced and has not begun. */
  #announced: number | undefined;

  constructor(outlet: ReportOutlet) {
    this.#outlet = outlet;
  }

  /** Nothing is open. */
  get idle(): boolean {
    return this.#open.length === 0 && this.#dump === undefined && this.#announced === undefined;
  }

  /** Most lines inside reports are frames: they go to the newest trace that reads any, and begin nothing. */
  takeFrame(line: LogLine): void {
    if (this.#dump?.accept(line)) {
      this.#dump.endLine = line.line;
      return;
    }
    this.#open.findLast((report) => {
      const taken = report.builder.accept(line);
      if (taken) extend(report, line);
      return taken;
    });
  }

  /** @returns whether the line is part of the trace that is being read */
  takeIntoTrace(line: LogLine): boolean {
    const dump = this.#dump;
    if (!dump?.accept(line)) return false;
    dump.endLine = line.line;
    if (dump.done) this.#closeTrace();
    return true;
  }

  /** @returns whether the line is part of an open report; those that are over by it are closed */
  takeIntoReport(line: LogLine): boolean {
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const report = this.#open[i];
      if (line.tsNs - report.lastNs > MAX_PAUSE_NS || report.misses > MAX_MISSES) {
        this.#close(i);
        continue;
      }
      const taken = report.builder.accept(line);
      if (taken) {
        extend(report, line);
        this.takeAnnouncement(line.text);
      } else report.misses++;
      if (report.builder.done) this.#close(i);
      if (taken) return true;
    }
    return false;
  }

  /** `Task dump for CPU n:` @returns whether the line is one */
  takeAnnouncement(text: string): boolean {
    if (!text.startsWith(TASK_DUMP)) return false;
    this.#announced = Number.parseInt(text.slice(TASK_DUMP.length), 10);
    return true;
  }

  /** CPU of the announced task dump, which this line begins or not. */
  forgetAnnouncement(): number | undefined {
    const announced = this.#announced;
    this.#announced = undefined;
    return announced;
  }

  /** A report begins. */
  begin(builder: ReportBuilder, line: LogLine): void {
    this.#closeTrace();
    for (let i = this.#open.length - 1; i >= 0; i--) {
      if (this.#open[i].builder.family === builder.family) this.#close(i);
      else this.#open[i].builder.suspend();
    }
    if (this.#open.length === MAX_OPEN) this.#close(0);
    const { tsNs, line: at, cpu, text: title } = line;
    this.#open.push({ tsNs, line: at, cpu, builder, title, endLine: at, lastNs: tsNs, misses: 0 });
  }

  /** A trace begins. */
  beginTrace(dump: BacktraceBuilder, line: LogLine): void {
    this.#closeTrace();
    for (const report of this.#open) report.builder.suspend();
    dump.tsNs = line.tsNs;
    dump.line = line.line;
    dump.endLine = line.line;
    if (dump.done) this.#deliver(dump);
    else this.#dump = dump;
  }

  /** What is open is complete or cut. */
  closeAll(): void {
    this.#closeTrace();
    while (this.#open.length > 0) this.#close(0);
  }

  #close(index: number): void {
    if (this.#dump && this.#open[index].builder.adopt) this.#closeTrace();
    const [report] = this.#open.splice(index, 1);
    const body = report.builder.finish();
    if (!body || isCut(body)) this.#outlet.cut(report.line, report.title);
    if (body) this.#outlet.emit({ ...body, headline: report.title }, report, report.endLine);
  }

  #closeTrace(): void {
    const dump = this.#dump;
    if (!dump) return;
    this.#dump = undefined;
    this.#deliver(dump);
  }

  /** Gives a trace to the report that it belongs to; alone it is a report. */
  #deliver(dump: BacktraceBuilder): void {
    if (dump.empty) return;
    const trace = dump.finish();
    if (this.#adopt(dump, trace)) return;
    // Other CPUs print their NMI backtraces themselves, under their own caller.
    if (trace.nmi) for (const stream of this.#outlet.streams()) if (stream.#adoptRemote(dump, trace)) return;
    this.#outlet.emit(
      { kind: 'backtrace', ...trace },
      { tsNs: dump.tsNs, line: dump.line, cpu: trace.cpu },
      dump.endLine,
    );
  }

  #adopt(dump: BacktraceBuilder, trace: LogBacktrace): boolean {
    const adopter = this.#open.findLast((report) => {
      const near = dump.line - report.endLine <= HEADER_DISTANCE;
      return (trace.nmi || trace.state !== undefined || near) && report.builder.adopt?.(trace);
    });
    if (adopter === undefined) return false;
    adopter.endLine = Math.max(adopter.endLine, dump.endLine);
    adopter.lastNs = Math.max(adopter.lastNs, dump.tsNs);
    adopter.misses = 0;
    return true;
  }

  #adoptRemote(dump: BacktraceBuilder, trace: LogBacktrace): boolean {
    const adopter = this.#open.find(
      (report) => dump.tsNs - report.lastNs < MAX_PAUSE_NS && report.builder.adopt?.(trace),
    );
    if (adopter) adopter.lastNs = Math.max(adopter.lastNs, dump.tsNs);
    return adopter !== undefined;
  }
}

function extend(report: OpenReport, line: LogLine): void {
  report.endLine = line.line;
  report.lastNs = line.tsNs;
  report.misses = 0;
}

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
