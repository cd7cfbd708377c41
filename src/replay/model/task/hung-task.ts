/** Long uninterruptible sleeps, collected while they end; the open ones are still with their tasks. */
import type { Model, World } from '../../core/world.ts';
import type { BlockedInterval, Task, TaskModel } from './task.ts';

export interface HungSleep {
  readonly task: Task;
  readonly comm: string;
  readonly startNs: number;
  readonly endNs: number | null;
  readonly stack: number;
  /** Events: the stack, the switch-out, sched_waking and what ended it; 0 when not recorded. */
  readonly stackEvent: number;
  readonly offEvent: number;
  readonly wakeEvent: number;
  readonly endEvent: number;
  /** Task that woke it, −1 unknown or none. */
  readonly wakerTid: number;
  /** Events were lost meanwhile: it may have been several sleeps (E0.4). */
  readonly censored: boolean;
}

/** Sleeps shorter than this cannot become a finding under any sensible hung_task_timeout. */
const SHORTEST_NS = 1e9;

export class HungTaskModel implements Model {
  readonly #tasks: TaskModel;
  readonly sleeps: HungSleep[] = [];

  constructor(_world: World, tasks: TaskModel) {
    this.#tasks = tasks;
    tasks.listeners.push({ onUnblocked: (interval) => this.#ended(interval) });
  }

  subscribe(): undefined {
    return undefined;
  }

  /** D proper: killable (`D|K`) and idle sleeps do not count (G4.1). */
  counts(task: Task): boolean {
    return task.tid > 0 && !task.letters.includes('K') && !task.letters.includes('N');
  }

  #ended(interval: BlockedInterval): void {
    const { task, startNs, endNs } = interval;
    if (endNs - startNs < SHORTEST_NS || !this.counts(task)) return;
    this.sleeps.push({
      task,
      comm: this.#tasks.name(task),
      startNs,
      endNs,
      stack: interval.stack,
      stackEvent: interval.stackEvent,
      offEvent: interval.offEvent,
      wakeEvent: interval.wakeEvent,
      endEvent: interval.endEvent,
      wakerTid: interval.wakerTid,
      censored: interval.censored,
    });
  }
}
