/** Long uninterruptible sleeps, collected while they end; the open ones are still with their tasks. */
import type { MayBeOpen } from '../../core/interval.ts';

import type { Model, World } from '../../core/world.ts';
import { sleepFloorNs } from '../../knowledge/collection-floors.ts';
import type { BlockedInterval, Task, TaskModel } from './task.ts';

export interface HungSleep extends MayBeOpen {
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
  /** Events were lost while it lasted: it may have been several sleeps (E0.4). */
  readonly censored: boolean;
}

export class HungTaskModel implements Model {
  readonly #tasks: TaskModel;
  readonly #shortestNs: number;
  readonly sleeps: HungSleep[] = [];

  constructor(world: World, tasks: TaskModel) {
    this.#tasks = tasks;
    this.#shortestNs = sleepFloorNs(world.thresholds);
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
    if (endNs - startNs < this.#shortestNs || !this.counts(task)) return;
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
