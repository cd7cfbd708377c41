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
 *     watchdog: CPU 59 Hard LOCKUP
 *     Kernel panic - not syncing: Hard LOCKUP
 *     sched: CPU 1 need_resched set for > 100004000 ns (25 ticks) without schedule
 */
export function openLockup(text: string): LockupBuilder | undefined {
  const soft = /BUG: soft lockup (?:- |detected on )CPU#(\d{1,5})(?: stuck for (\d{1,9})s)?!(?: \[(.*)\])?/.exec(text);
  if (soft) {
    const task = soft[3] === undefined ? undefined : parseColonTask(soft[3]);
    return new LockupBuilder('soft-lockup', Number(soft[1]), Number(soft[2] ?? 0), task);
  }
  const late = RESCHED.exec(text);
  if (late) return new LockupBuilder('soft-lockup', Number(late[1]), Number(late[2]) / 1e9, undefined, true);
  for (const pattern of HARD) {
    const hard = pattern.exec(text);
    if (hard) return new LockupBuilder('hard-lockup', Number(hard[1]), 0, undefined);
  }
  const panic = /^Kernel panic - not syncing: (?:(Hard LOCKUP)|softlockup: hung tasks)/.exec(text);
  return panic ? new LockupBuilder(panic[1] ? 'hard-lockup' : 'soft-lockup', undefined, 0, undefined) : undefined;
}

/** kernel/sched/debug.c resched_latency_warn: asked to schedule, and has not for resched_latency_warn_ms. */
const RESCHED = /^sched: CPU (\d{1,5}) need_resched(?:_lazy)? set for > (\d{1,19}) ns \(\d+ ticks\) without schedule/;

/** x86, arm64, buddy watchdog; powerpc. */
const HARD: readonly RegExp[] = [
  /Watchdog detected hard LOCKUP on cpu (\d{1,5})/i,
  /CPU (\d{1,5}) (?:self-detected )?hard LOCKUP/i,
  /detected hard LOCKUP on other CPUs (\d{1,5})/i,
];

export class LockupBuilder implements ReportBuilder {
  readonly family = 'lockup';
  readonly #kind: 'soft-lockup' | 'hard-lockup';
  /** Undefined: only the panic tells of it, and the header names the CPU that panicked. */
  #cpu: number | undefined;
  readonly #seconds: number;
  #task: LogTask | undefined;
  readonly #stack = new StackReader();
  /** A warning of the scheduler, whose `WARNING:` line follows the message. */
  readonly #resched: boolean;
  #header = false;
  #trace = false;

  constructor(
    kind: 'soft-lockup' | 'hard-lockup',
    cpu: number | undefined,
    seconds: number,
    task: LogTask | undefined,
    resched = false,
  ) {
    this.#kind = kind;
    this.#cpu = cpu;
    this.#seconds = seconds;
    this.#task = task;
    this.#resched = resched;
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
      if (!header || (this.#cpu !== undefined && header.cpu !== undefined && header.cpu !== this.#cpu))
        return this.#layout(text);
      this.#cpu ??= header.cpu;
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
    if (this.#resched && text.startsWith('WARNING: ')) return true;
    return /^(?:Modules linked in|watchdog: CPU \d+ TB:|irq event stamp|(?:hard|soft)irqs last|CPU#\d+ Utilization|\s*#\d+: +\d+% system)/.test(
      text,
    );
  }

  finish(): ReportBody | undefined {
    if (this.#cpu === undefined) return undefined;
    const { stack, irqFrames, printed } = this.#stack;
    const task = this.#task && { task: this.#task };
    if (this.#kind === 'hard-lockup') return { kind: this.#kind, cpu: this.#cpu, ...task, stack, ...printed };
    return {
      kind: this.#kind,
      cpu: this.#cpu,
      seconds: this.#seconds,
      ...(this.#resched && { resched: true }),
      ...task,
      stack,
      ...printed,
      ...(this.#stack.marked && { irqFrames }),
    };
  }
}
