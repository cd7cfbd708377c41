/**
 * Tasks that do not give up their CPU: from the time they become runnable to the next switch by which they sleep. RCU Tasks waits for exactly
 * that of every task that runs or could (S3.40), so these are what holds its grace periods up (W27). Being preempted does not end a stretch.
 */
import type { Model, World } from '../world.ts';
import { TASK_RUNNABLE, type Task, type TaskKey, type TaskModel } from './task.ts';

export interface InvoluntaryStretch {
  readonly tid: number;
  readonly comm: string;
  readonly fromNs: number;
  readonly fromEvent: number;
  /** null: to the end of the capture. */
  readonly toNs: number | null;
  readonly toEvent: number;
}

/** Shorter ones hold no grace period of RCU Tasks up that anybody asks about: it polls every tenth of a second. */
const SHORTEST_NS = 2e8;
const KEPT = 8192;

export class InvoluntaryStretchModel implements Model {
  readonly #world: World;
  readonly #tasks: TaskModel;
  readonly stretches: InvoluntaryStretch[] = [];
  readonly #open = new Map<TaskKey, { ns: number; event: number; gaps: number }>();

  constructor(world: World, tasks: TaskModel) {
    this.#world = world;
    this.#tasks = tasks;
    tasks.listeners.push({
      onRunnable: (task, nowNs) => this.#runs(task, nowNs),
      onSwitchIn: (task, nowNs) => this.#runs(task, nowNs),
      onSwitchOut: (task, nowNs) => {
        if (task.state !== TASK_RUNNABLE) this.#ended(task, nowNs, task.offEvent);
      },
      onExit: (task, nowNs) => this.#ended(task, nowNs, 0),
    });
  }

  subscribe(): undefined {
    return undefined;
  }

  #runs(task: Task, nowNs: number): void {
    if (task.tid <= 0) return;
    const open = this.#open.get(task.key);
    const gaps = this.#world.lostMarkers;
    if (open === undefined) this.#open.set(task.key, { ns: nowNs, event: task.stateEvent, gaps });
    else if (open.gaps !== gaps) {
      // A sleep may be among what was lost.
      open.ns = nowNs;
      open.event = task.stateEvent;
      open.gaps = gaps;
    }
  }

  #ended(task: Task, nowNs: number, event: number): void {
    const open = this.#open.get(task.key);
    if (open === undefined) return;
    this.#open.delete(task.key);
    if (nowNs - open.ns < SHORTEST_NS || open.gaps !== this.#world.lostMarkers) return;
    this.#keep(task, open.ns, open.event, nowNs, event);
  }

  #keep(task: Task, fromNs: number, fromEvent: number, toNs: number | null, toEvent: number): void {
    if (this.stretches.length >= KEPT) this.stretches.shift();
    this.stretches.push({ tid: task.tid, comm: this.#tasks.name(task), fromNs, fromEvent, toNs, toEvent });
  }

  finish(endNs: number): void {
    for (const [key, { ns, event, gaps }] of this.#open) {
      const task = this.#tasks.find(key);
      if (task && endNs - ns >= SHORTEST_NS && gaps === this.#world.lostMarkers) this.#keep(task, ns, event, null, 0);
    }
  }
}
