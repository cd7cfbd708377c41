/**
 * The task that runs expedited grace periods, asleep until the CPUs and readers have answered: kthread `rcu_exp_gp_kthr`, or a worker of rcu_gp on
 * kernels without it (kernel/rcu/tree_exp.h: synchronize_rcu_expedited_wait). The sleep is cut by the stall timeout (R2.47).
 */
import type { EventHandler, Model, World } from '../../core/world.ts';
import { TASK_BLOCKED, TASK_SLEEPING, type Task, type TaskKey, type TaskModel } from '../task/task.ts';

export interface ExecutorSleep {
  readonly tid: number;
  readonly label: string;
  readonly startNs: number;
  readonly startEvent: number;
  /** Woken; null while it sleeps. */
  endNs: number | null;
  endEvent: number;
}

/** Innermost frames of the wait for quiescent states; the outer ones also select CPUs and wake callers. */
const WAIT_FRAME = /^(synchronize_rcu_expedited_wait(_once)?|synchronize_sched_expedited_wait|rcu_exp_wait_wake)$/;

const KEPT = 4096;

export class ExpeditedExecutorModel implements Model {
  readonly #world: World;
  readonly #tasks: TaskModel;
  /** By start. */
  readonly sleeps: ExecutorSleep[] = [];
  readonly #asleep = new Map<TaskKey, ExecutorSleep>();
  /** By stack. */
  readonly #waits: (boolean | undefined)[] = [];

  constructor(world: World, tasks: TaskModel) {
    this.#world = world;
    this.#tasks = tasks;
    tasks.listeners.push({
      onSwitchOutStack: (task) => this.#slept(task),
      onRunnable: (task, nowNs) => this.#woken(task, nowNs),
    });
  }

  subscribe(): EventHandler | undefined {
    return undefined;
  }

  #slept(task: Task): void {
    if (task.state !== TASK_BLOCKED && task.state !== TASK_SLEEPING) return;
    this.#waits[task.stack] ??= this.#world.dictionary.stackSymbols(task.stack).some((frame) => WAIT_FRAME.test(frame));
    if (!this.#waits[task.stack]) return;
    const sleep: ExecutorSleep = {
      tid: task.tid,
      label: this.#tasks.label(task),
      startNs: task.sinceNs,
      startEvent: task.offEvent,
      endNs: null,
      endEvent: 0,
    };
    this.#asleep.set(task.key, sleep);
    this.sleeps.push(sleep);
    if (this.sleeps.length > 2 * KEPT) this.sleeps.splice(0, KEPT);
  }

  #woken(task: Task, nowNs: number): void {
    const sleep = this.#asleep.get(task.key);
    if (!sleep) return;
    this.#asleep.delete(task.key);
    sleep.endNs = nowNs;
    sleep.endEvent = task.stateEvent;
  }
}
