/**
 * The grace-period kthread without a CPU: runnable for long while a grace period is in flight (R2.45, GPKTHREAD_RUNNABLE).
 */
import type { Model, World } from '../world.ts';
import { TASK_RUNNABLE, type Task, type TaskModel } from './task.ts';

export interface KthreadStarvation {
  readonly flavor: string;
  readonly tid: number;
  readonly cpu: number;
  readonly startNs: number;
  readonly endNs: number | null;
  readonly event: number;
  /** `comm:tid` that got the CPU at the end, when known. */
  readonly instead: string | undefined;
}

const KTHREAD = /^rcu_(preempt|sched|bh)$/;

/** The kernel calls it starved after 2 s (`2 * HZ` in rcu_check_gp_kthread_starvation). */
const STARVED_NS = 2e9;

export class GpKthreadModel implements Model {
  readonly #world: World;
  readonly #tasks: TaskModel;
  readonly starvations: KthreadStarvation[] = [];
  readonly #runnableSince = new Map<number, number>();

  constructor(world: World, tasks: TaskModel) {
    this.#world = world;
    this.#tasks = tasks;
    tasks.listeners.push({
      onRunnable: (task, nowNs) => {
        if (KTHREAD.test(tasks.name(task))) this.#runnableSince.set(task.key, nowNs);
      },
      onLeavesRunnable: (task, nowNs) => this.#gotCpu(task, nowNs),
    });
  }

  subscribe(): undefined {
    return undefined;
  }

  #gotCpu(task: Task, nowNs: number): void {
    const sinceNs = this.#runnableSince.get(task.key);
    if (sinceNs === undefined) return;
    this.#runnableSince.delete(task.key);
    if (nowNs - sinceNs >= STARVED_NS && task.gapsAtSince === this.#world.lostMarkers) this.#add(task, sinceNs, nowNs);
  }

  #add(task: Task, startNs: number, endNs: number | null): void {
    const running = [...this.#tasks.all()].find(
      (other) => other !== task && other.cpu === task.cpu && other.sinceNs <= startNs && other.tid > 0,
    );
    this.starvations.push({
      flavor: this.#tasks.name(task),
      tid: task.tid,
      cpu: task.cpu,
      startNs,
      endNs,
      event: task.wakeEvent || task.offEvent,
      instead: running && this.#tasks.label(running),
    });
  }

  finish(endNs: number): void {
    for (const [key, sinceNs] of this.#runnableSince) {
      const task = this.#tasks.find(key);
      const censored = task?.gapsAtSince !== this.#world.lostMarkers;
      if (task?.state === TASK_RUNNABLE && !censored && endNs - sinceNs >= STARVED_NS) this.#add(task, sinceNs, null);
    }
  }
}
