/** Hung-task reports (MODEL 7.4; kernel/hung_task.c check_hung_task, debug_show_blocker). */
import type { LogReport, LogTask, LogWork } from '../../../schema/index.ts';
import { HeldListReader } from '../text/held-list.ts';
import { parseHeldHeader } from '../text/lock-text.ts';
import { StackReader } from '../text/stack-text.ts';
import { parseTaskLine } from '../text/task-line.ts';
import { isTraceHeading, parseWorkqueueLine } from './backtrace-builder.ts';
import type { LogLine, ReportBody, ReportBuilder } from './report-builder.ts';

type Blocker = NonNullable<Extract<LogReport, { kind: 'hung-task' }>['blocker']>;

/** Lines of others that may stand between a report's stack and its blocker line. */
const PATIENCE = 16;

/** `<comm>:<pid>`: the comm may hold colons (`kworker/0:1:9`). */
export function parseColonTask(text: string): LogTask | undefined {
  const colon = text.lastIndexOf(':');
  const digits = text.slice(colon + 1);
  return colon > 0 && /^\d{1,10}$/.test(digits) ? { comm: text.slice(0, colon), tid: Number(digits) } : undefined;
}

/**
 * A builder when the line begins a report:
 *
 *     INFO: task perf close-1:84 blocked for more than 5 seconds.
 *     INFO: task udevd:5612 blocked in I/O wait for more than 143 seconds.
 *     INFO: task syz-executor.1:12632 can't die for more than 143 seconds.
 */
export function openHungTask(text: string): HungTaskBuilder | undefined {
  if (!text.startsWith('INFO: task ')) return undefined;
  const match = / (blocked(?: in I\/O wait)?|can't die) for more than (\d{1,9}) seconds/.exec(text);
  const task = match ? parseColonTask(text.slice(11, match.index)) : undefined;
  return match && task ? new HungTaskBuilder(task, Number(match[2]), match[1].startsWith('can')) : undefined;
}

export class HungTaskBuilder implements ReportBuilder {
  readonly family = 'hung';
  readonly #task: LogTask;
  readonly #seconds: number;
  readonly #cannotDie: boolean;
  #state: string | undefined;
  #workqueue: LogWork | undefined;
  #coredump = false;
  #blocker: Blocker | undefined;
  #held: HeldListReader | undefined;
  readonly #stack = new StackReader();
  #trace = false;
  #patience = PATIENCE;
  #done = false;

  constructor(task: LogTask, seconds: number, cannotDie: boolean) {
    this.#task = task;
    this.#seconds = seconds;
    this.#cannotDie = cannotDie;
  }

  get done(): boolean {
    return this.#done;
  }

  suspend(): void {
    this.#stack.suspend();
  }

  accept(line: LogLine): boolean {
    if (this.#trace && this.#stack.accept(line)) return true;
    const { text } = line;
    if (this.#blockerLine(text)) {
      this.#done = true;
      return true;
    }
    if (!this.#stack.started && this.#header(line)) return true;
    if (this.#heldLine(text)) return true;
    if (this.#stack.complete && --this.#patience === 0) this.#done = true;
    return false;
  }

  /** What stands between the title and the trace. */
  #header(line: LogLine): boolean {
    const { text } = line;
    if (/^(?:Not tainted|Tainted:) /.test(text)) return true;
    if (text.startsWith('"echo 0 > /proc/sys/kernel/hung_task')) return true;
    if (/^Blocked by coredump/.test(text)) {
      this.#coredump = true;
      return true;
    }
    if (isTraceHeading(text)) {
      this.#trace = true;
      return true;
    }
    const workqueue = parseWorkqueueLine(text);
    if (workqueue) {
      this.#workqueue = workqueue;
      return true;
    }
    const task = this.#state === undefined ? parseTaskLine(text) : undefined;
    if (task && task.tid === this.#task.tid) {
      this.#state = task.state;
      return true;
    }
    // arm prints its frames without a heading.
    if (this.#state !== undefined && text.startsWith('[<') && this.#stack.accept(line)) {
      this.#trace = true;
      return true;
    }
    return false;
  }

  /**
   *     INFO: task lab_dead/1:83 is blocked on a mutex likely owned by task lab_dead/2:84.
   *     INFO: task a:1 is blocked on a semaphore, but the last holder is not found.
   *     INFO: task a:1 <reader> blocked on an rw-semaphore likely owned by task b:2 <writer>
   */
  #blockerLine(text: string): boolean {
    const prefix = `INFO: task ${this.#task.comm}:${this.#task.tid} `;
    if (!text.startsWith(prefix)) return false;
    const match =
      /^(?:is )?(?:<(reader|writer)> )?blocked on an? (mutex|semaphore|rw-semaphore)(?:,? (?:but|likely))/.exec(
        text.slice(prefix.length),
      );
    if (!match) return false;
    const owner = / by task (.+?)(?: <(?:reader|writer)>)?\.?\s*$/.exec(text);
    const task = owner ? parseColonTask(owner[1]) : undefined;
    this.#blocker = {
      on: match[2] as Blocker['on'],
      ...(task && { owner: task }),
      ...(match[1] !== undefined && { as: match[1] as 'reader' | 'writer' }),
    };
    return true;
  }

  #heldLine(text: string): boolean {
    const held = this.#held ? undefined : parseHeldHeader(text);
    if (held) {
      if (held.task.tid !== this.#task.tid) return false;
      this.#held = new HeldListReader();
      this.#stack.suspend();
      return true;
    }
    return this.#held?.accept(text) ?? false;
  }

  finish(): ReportBody {
    const held = this.#held?.locks ?? [];
    return {
      kind: 'hung-task',
      task: this.#task,
      seconds: this.#seconds,
      stack: this.#stack.stack,
      ...this.#stack.printed,
      ...(this.#state !== undefined && { state: this.#state }),
      ...(this.#cannotDie && { cannotDie: true }),
      ...(this.#coredump && { coredump: true }),
      ...(this.#workqueue && { workqueue: this.#workqueue }),
      ...(this.#blocker && { blocker: this.#blocker }),
      ...(held.length > 0 && { held }),
    };
  }
}
