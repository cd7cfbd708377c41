/**
 * Tasks that do not give up their CPU: from the time they become runnable to the next switch by which they sleep. RCU Tasks waits for exactly
 * that of every task that runs or could (S3.40), so these are what holds its grace periods up (W27). Being preempted does not end a stretch.
 */
import type { Model, World } from '../../core/world.ts';
import { LONG_STRETCH_NS } from '../../knowledge/thresholds.ts';
import type { CpuModel } from '../cpu/cpu.ts';
import type { Occupancy } from '../cpu/cpu-state.ts';
import { TASK_DEAD, TASK_RUNNABLE, type Task, type TaskKey, type TaskModel } from './task.ts';

export interface NoVoluntarySwitch {
  readonly tid: number;
  readonly comm: string;
  readonly fromNs: number;
  readonly fromEvent: number;
  /** null: to the end of the capture. */
  readonly toNs: number | null;
  readonly toEvent: number;
  /** CPU and priority at its end. */
  readonly cpu: number;
  readonly prio: number;
  /** The task's times by state, and those of the CPU, at both ends. */
  readonly timesFrom: Float64Array;
  readonly timesTo: Float64Array;
  readonly occupancyFrom: Occupancy;
  readonly occupancyTo: Occupancy;
}

/** Reused from one stretch of the task to its next. */
interface Open {
  active: boolean;
  ns: number;
  event: number;
  gaps: number;
  cpu: number;
  /** It has been on a CPU since. */
  placed: boolean;
  readonly times: Float64Array;
  readonly occupancy: Occupancy;
}

const KEPT = 8192;

export class NoVoluntarySwitchModel implements Model {
  readonly #world: World;
  readonly #tasks: TaskModel;
  readonly stretches: NoVoluntarySwitch[] = [];
  readonly #open = new Map<TaskKey, Open>();
  readonly #cpus: CpuModel;

  constructor(world: World, cpus: CpuModel, tasks: TaskModel) {
    this.#world = world;
    this.#cpus = cpus;
    this.#tasks = tasks;
    tasks.listeners.push({
      onRunnable: (task, nowNs) => this.#runs(task, nowNs),
      onSwitchIn: (task, nowNs) => {
        const open = this.#runs(task, nowNs);
        if (open && !open.placed) this.#placed(task, open);
      },
      onSwitchOut: (task, nowNs) => {
        if (task.state !== TASK_RUNNABLE) this.#ended(task, nowNs, task.offEvent);
      },
    });
  }

  subscribe(): undefined {
    return undefined;
  }

  #runs(task: Task, nowNs: number): Open | undefined {
    if (task.tid <= 0) return undefined;
    const gaps = this.#world.lostMarkers;
    let open = this.#open.get(task.key);
    if (open === undefined) {
      open = {
        active: false,
        ns: 0,
        event: 0,
        gaps,
        cpu: 0,
        placed: false,
        times: new Float64Array(4),
        occupancy: new Float64Array(6),
      };
      this.#open.set(task.key, open);
    }
    // A sleep may be among what was lost.
    if (open.active && open.gaps === gaps) return open;
    open.active = true;
    open.ns = nowNs;
    open.event = task.stateEvent;
    open.gaps = gaps;
    open.cpu = Math.max(0, task.cpu);
    open.placed = false;
    open.times.set(task.times);
    open.occupancy.set(this.#cpus.get(open.cpu).occupancy);
    return open;
  }

  /** Where it runs is known when it does: the account of that CPU counts. */
  #placed(task: Task, open: Open): void {
    open.placed = true;
    if (open.cpu === task.cpu) return;
    open.cpu = task.cpu;
    open.occupancy.set(this.#cpus.get(task.cpu).occupancy);
  }

  #ended(task: Task, nowNs: number, event: number): void {
    const open = this.#open.get(task.key);
    if (!open?.active) return;
    open.active = false;
    if (task.state === TASK_DEAD) this.#open.delete(task.key);
    if (nowNs - open.ns >= LONG_STRETCH_NS && open.gaps === this.#world.lostMarkers)
      this.#keep(task, open, nowNs, event);
  }

  #keep(task: Task, open: Open, nowNs: number, toEvent: number): void {
    if (this.stretches.length >= KEPT) this.stretches.shift();
    this.stretches.push({
      tid: task.tid,
      comm: this.#tasks.name(task),
      fromNs: open.ns,
      fromEvent: open.event,
      toNs: toEvent === 0 ? null : nowNs,
      toEvent,
      cpu: open.cpu,
      prio: task.prio,
      timesFrom: open.times.slice(),
      timesTo: this.#tasks.timesAt(task, nowNs),
      occupancyFrom: open.occupancy.slice(),
      occupancyTo: this.#cpus.snapshot(open.cpu, nowNs),
    });
  }

  finish(endNs: number): void {
    for (const [key, open] of this.#open) {
      const task = this.#tasks.find(key);
      if (task && open.active && endNs - open.ns >= LONG_STRETCH_NS && open.gaps === this.#world.lostMarkers)
        this.#keep(task, open, endNs, 0);
    }
  }
}
