/** Soft and hard lockups (MODEL 7.5; kernel/watchdog.c, kernel/watchdog_buddy.c, arch/powerpc/kernel/watchdog.c). */
import type { LogTask } from '../../../schema/index.ts';
import { StackReader } from '../text/stack-text.ts';
import { isTraceHeading, parseCpuHeader } from './backtrace-builder.ts';
import { parseColonTask } from './hung-task-builder.ts';
import type { LogLine, ReportBody, ReportBuilder } from './report-builder.ts';

/**
 * A builder when the line begins a report:
 *
 *     watchdog: BUG: soft lockup - CPU#1 stuck for 134s! [syz-executor2:10431]
 *     BUG: soft lockup - CPU#1 stuck for 22s! [X:5189]
 *     watchdog: Watchdog detected hard LOCKUP on cpu 1
 *     watchdog: CPU3: Watchdog detected hard LOCKUP on cpu 1
 */
export function openLockup(text: string): LockupBuilder | undefined {
  const soft = /BUG: soft lockup (?:- |detected on )CPU#(\d{1,5})(?: stuck for (\d{1,9})s)?!(?: \[(.*)\])?/.exec(text);
  if (soft) {
    const task = soft[3] === undefined ? undefined : parseColonTask(soft[3]);
    return new LockupBuilder('soft-lockup', Number(soft[1]), Number(soft[2] ?? 0), task);
  }
  const hard =
    /Watchdog detected hard LOCKUP on cpu (\d{1,5})/.exec(text) ??
    /CPU (\d{1,5}) self-detected hard LOCKUP/.exec(text) ??
    /detected hard LOCKUP on other CPUs (\d{1,5})/.exec(text);
  return hard ? new LockupBuilder('hard-lockup', Number(hard[1]), 0, undefined) : undefined;
}

export class LockupBuilder implements ReportBuilder {
  readonly family = 'lockup';
  readonly #kind: 'soft-lockup' | 'hard-lockup';
  readonly #cpu: number;
  readonly #seconds: number;
  #task: LogTask | undefined;
  readonly #stack = new StackReader();
  #header = false;
  #trace = false;

  constructor(kind: 'soft-lockup' | 'hard-lockup', cpu: number, seconds: number, task: LogTask | undefined) {
    this.#kind = kind;
    this.#cpu = cpu;
    this.#seconds = seconds;
    this.#task = task;
  }

  get done(): boolean {
    return this.#stack.complete;
  }

  suspend(): void {
    this.#stack.suspend();
  }

  accept(line: LogLine): boolean {
    if ((this.#trace || this.#header) && this.#stack.accept(line)) return true;
    const { text } = line;
    if (!this.#header) {
      const header = parseCpuHeader(text);
      if (!header || (header.cpu !== undefined && header.cpu !== this.#cpu)) return this.#layout(text);
      this.#header = true;
      this.#task ??= header.task;
      return true;
    }
    if (!this.#trace && isTraceHeading(text)) {
      this.#trace = true;
      return true;
    }
    return this.#layout(text);
  }

  #layout(text: string): boolean {
    return /^(?:Modules linked in|irq event stamp|(?:hard|soft)irqs last|CPU#\d+ Utilization|\s*#\d+: +\d+% system)/.test(
      text,
    );
  }

  finish(): ReportBody {
    const { stack, irqFrames } = this.#stack;
    const task = this.#task && { task: this.#task };
    if (this.#kind === 'hard-lockup') return { kind: this.#kind, cpu: this.#cpu, ...task, stack };
    return {
      kind: this.#kind,
      cpu: this.#cpu,
      seconds: this.#seconds,
      ...task,
      stack,
      ...(this.#stack.marked && { irqFrames }),
    };
  }
}
