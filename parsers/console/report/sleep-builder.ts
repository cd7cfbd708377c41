/** Sleeping in atomic context (kernel/sched/core.c __might_resched, __schedule_bug). */
import type { LogTask } from '../../../schema/index.ts';
import { HeldListReader } from '../text/held-list.ts';
import { parseHeldHeader, parseTask } from '../text/lock-text.ts';
import { StackReader } from '../text/stack-text.ts';
import { isTraceHeading, parseCpuHeader } from './backtrace-builder.ts';
import type { LogLine, ReportBody, ReportBuilder } from './report-builder.ts';

/**
 * A builder when the line begins a report:
 *
 *     BUG: sleeping function called from invalid context at kernel/locking/mutex.c:586
 *     BUG: scheduling while atomic: syz-fuzzer/2188/0x00000101
 */
export function openSleepInAtomic(text: string): SleepInAtomicBuilder | undefined {
  const sleeping = /^BUG: sleeping function called from invalid context at (\S{1,200})/.exec(text);
  if (sleeping) return new SleepInAtomicBuilder('sleeping-function', sleeping[1], undefined);
  const scheduling = /^BUG: scheduling while atomic: (.{1,80})\/0x([0-9a-f]{1,8})/.exec(text);
  if (!scheduling) return undefined;
  return new SleepInAtomicBuilder('scheduling', `0x${scheduling[2]}`, parseTask(scheduling[1]));
}

export class SleepInAtomicBuilder implements ReportBuilder {
  readonly family = 'atomic';
  readonly #how: 'sleeping-function' | 'scheduling';
  readonly #where: string;
  #task: LogTask | undefined;
  #cpu: number | undefined;
  #inAtomic: number | undefined;
  #irqsDisabled: number | undefined;
  #preemptCount: number | undefined;
  readonly #held = new HeldListReader();
  #inHeld = false;
  readonly #stack = new StackReader();
  #trace = false;
  #preemptSite = false;

  constructor(how: 'sleeping-function' | 'scheduling', where: string, task: LogTask | undefined) {
    this.#how = how;
    this.#where = where;
    this.#task = task;
    if (how === 'scheduling') this.#preemptCount = Number(where);
  }

  get done(): boolean {
    return this.#stack.complete;
  }

  suspend(): void {
    this.#stack.suspend();
  }

  accept(line: LogLine): boolean {
    if (this.#preemptSite && line.frame !== undefined) {
      this.#preemptSite = false;
      return true;
    }
    if (this.#trace && this.#stack.accept(line)) return true;
    const { text } = line;
    if (this.#trace && this.#stack.started) return false;
    if (isTraceHeading(text)) {
      this.#trace = true;
      return true;
    }
    return this.#header(text) || this.#heldLine(text);
  }

  #header(text: string): boolean {
    // `in_atomic(): 1, irqs_disabled(): 0, non_block: 0, pid: 66, name: lab_atomic`
    const state = /^in_atomic\(\): (\d+), irqs_disabled\(\): (\d+),.* pid: (\d{1,10}), name: (.{1,64})$/.exec(
      text.trimEnd(),
    );
    if (state && this.#how === 'sleeping-function') {
      this.#inAtomic = Number(state[1]);
      this.#irqsDisabled = Number(state[2]);
      this.#task ??= { comm: state[4], tid: Number(state[3]) };
      return true;
    }
    const count = /^preempt_count: ([0-9a-f]+), expected:/.exec(text);
    if (count && this.#how === 'sleeping-function') {
      this.#preemptCount = Number.parseInt(count[1], 16);
      return true;
    }
    if (text.startsWith('Preemption disabled at:')) {
      this.#preemptSite = true;
      return true;
    }
    const header = parseCpuHeader(text);
    if (header && (!this.#task || header.task.tid === this.#task.tid)) {
      this.#task ??= header.task;
      this.#cpu ??= header.cpu;
      this.#inHeld = false;
      return true;
    }
    return /^(?:RCU nest depth|INFO: lockdep is turned off|irq event stamp|(?:hard|soft)irqs last|Hardware name|Tainted: \[|Modules linked in)/.test(
      text,
    );
  }

  #heldLine(text: string): boolean {
    const held = parseHeldHeader(text);
    if (held) {
      if (this.#task && held.task.tid !== this.#task.tid) return false;
      this.#task ??= held.task;
      this.#inHeld = true;
      return true;
    }
    return this.#inHeld && this.#held.accept(text);
  }

  finish(): ReportBody {
    return {
      kind: 'sleep-in-atomic',
      how: this.#how,
      where: this.#where,
      ...(this.#task && { task: this.#task }),
      held: this.#held.locks,
      stack: this.#stack.stack,
      ...this.#stack.printed,
      ...(this.#inAtomic !== undefined && { inAtomic: this.#inAtomic }),
      ...(this.#irqsDisabled !== undefined && { irqsDisabled: this.#irqsDisabled }),
      ...(this.#preemptCount !== undefined && { preemptCount: this.#preemptCount }),
      ...(this.#cpu !== undefined && { cpu: this.#cpu }),
    };
  }
}
