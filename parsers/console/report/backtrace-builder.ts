/**
 * Task and CPU dumps (MODEL 7.6): a task line, an `NMI backtrace for cpu` or a `CPU: … PID: … Comm:` header, then a stack.
 * Inside another report they belong to it; on their own they are a report.
 */
import type { LogBacktrace, LogTask, LogWork } from '../../../schema/index.ts';
import { type StackLine, StackReader } from '../text/stack-text.ts';
import { parseTaskLine } from '../text/task-line.ts';

/** `Call Trace:` (x86), `Call trace:` (arm64), `Backtrace:` (arm). */
export function isTraceHeading(text: string): boolean {
  return text.startsWith('Call Trace:') || text.startsWith('Call trace:') || text.startsWith('Backtrace:');
}

const IDLING = ' skipped: idling at ';

/** `Workqueue: rcu_gp process_srcu` (a description in brackets may follow). */
export function parseWorkqueueLine(text: string): LogWork | undefined {
  const match = /^Workqueue: (\S+) (\S+)/.exec(text);
  return match ? { name: match[1], fn: match[2] } : undefined;
}

/**
 *     CPU: 1 UID: 0 PID: 67 Comm: lab_chain Tainted: G           O       6.12.117-labA #2
 *     CPU: 0 PID: 5032 Comm: syz-executor7 Not tainted 4.9.0-rc7+ #58
 *     Pid: 5710, comm: sysctl Not tainted 3.6.0-rc1+ #109
 */
export function parseCpuHeader(text: string): { cpu?: number; task: LogTask; rest: string } | undefined {
  const match =
    /^(?:CPU: (\d{1,4}) (?:UID: \d+ )?PID: |Pid: )(\d{1,10}),? [Cc]omm: (.{1,64}?) ((?:Not tainted|Tainted:|Kdump:).*)$/.exec(
      text,
    );
  if (!match) return undefined;
  const task = { comm: match[3], tid: Number(match[2]) };
  return match[1] === undefined ? { task, rest: match[4] } : { cpu: Number(match[1]), task, rest: match[4] };
}

export class BacktraceBuilder {
  cpu: number | undefined;
  #task: LogTask | undefined;
  #state: string | undefined;
  #workqueue: LogWork | undefined;
  #idle = false;
  #nmi = false;
  readonly #stack = new StackReader();
  #header = false;
  #trace = false;
  /** So far the stack is only the `RIP:` line above the trace. */
  #ripOnly = false;
  tsNs = 0;
  line = 0;
  endLine = 0;

  /** A builder when the line heads a dump. `dumpCpu`: number of a `Task dump for CPU n:` line above. */
  static open(text: string, dumpCpu: number | undefined): BacktraceBuilder | undefined {
    switch (text.charCodeAt(0)) {
      case 0x4e: // N
        return BacktraceBuilder.#openNmi(text);
      case 0x43: // C
      case 0x50: {
        const header = parseCpuHeader(text);
        if (!header) break;
        const builder = new BacktraceBuilder();
        builder.#takeHeader(header);
        return builder;
      }
      default:
    }
    const task = parseTaskLine(text);
    if (!task) return undefined;
    const builder = new BacktraceBuilder();
    builder.#task = { comm: task.comm, tid: task.tid };
    builder.#state = task.state;
    builder.cpu = dumpCpu;
    return builder;
  }

  static #openNmi(text: string): BacktraceBuilder | undefined {
    const nmi = /^(?:NMI watchdog: )?NMI backtrace for cpu (\d{1,4})\b/.exec(text);
    if (!nmi) return undefined;
    const builder = new BacktraceBuilder();
    builder.cpu = Number(nmi[1]);
    builder.#nmi = true;
    builder.#idle = text.includes(IDLING);
    return builder;
  }

  /** A trace without a heading, below another report's: its frames are nobody's. */
  static openBare(text: string): BacktraceBuilder | undefined {
    if (!isTraceHeading(text)) return undefined;
    const builder = new BacktraceBuilder();
    builder.#trace = true;
    return builder;
  }

  #takeHeader(header: { cpu?: number; task: LogTask }): void {
    this.#header = true;
    this.#task = header.task;
    this.cpu ??= header.cpu;
  }

  get done(): boolean {
    return this.#stack.complete || this.#idle;
  }

  suspend(): void {
    this.#stack.suspend();
  }

  accept(line: StackLine): boolean {
    if (this.done) return false;
    if (this.#trace && this.#stack.accept(line)) return true;
    const { text } = line;
    const workqueue = this.#stack.started ? undefined : parseWorkqueueLine(text);
    if (workqueue) {
      this.#workqueue = workqueue;
      return true;
    }
    if (isTraceHeading(text)) {
      // The second trace under one header is somebody else's.
      if (this.#trace && this.#stack.started && !this.#ripOnly) return false;
      this.#trace = true;
      this.#ripOnly = false;
      return true;
    }
    // A task dump has named its task: such a header is another's.
    const named = this.#header || this.#state !== undefined || this.#stack.started;
    const header = named ? undefined : parseCpuHeader(text);
    if (header) {
      this.#takeHeader(header);
      return true;
    }
    if (!this.#trace && (text.startsWith('RIP: ') || text.startsWith('pc : '))) {
      this.#trace = true;
      this.#ripOnly = true;
      return this.#stack.accept(line);
    }
    // arm prints frames without a heading below the task line.
    if (!this.#trace && text.startsWith('[<') && this.#stack.accept(line)) {
      this.#trace = true;
      return true;
    }
    return false;
  }

  /** Says nothing: a bare trace, or a header without one. */
  get empty(): boolean {
    if (this.#idle || this.#nmi || this.#state !== undefined) return false;
    return this.#task === undefined || (this.#stack.stack.length === 0 && !this.#stack.userMode);
  }

  finish(): LogBacktrace {
    const { nmiFrames, irqFrames, userMode, stack, printed } = this.#stack;
    return {
      ...(this.cpu !== undefined && { cpu: this.cpu }),
      ...(this.#task && { task: this.#task }),
      ...(this.#state !== undefined && { state: this.#state }),
      stack,
      ...printed,
      ...(nmiFrames > 0 && { nmiFrames }),
      ...(this.#stack.marked && { irqFrames }),
      ...(userMode && { userMode }),
      ...(this.#workqueue && { workqueue: this.#workqueue }),
      ...(this.#idle && { idle: true }),
      ...(this.#nmi && { nmi: true }),
    };
  }
}
