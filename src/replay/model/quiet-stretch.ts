/**
 * Stretches in which a CPU ran one task without a context switch. Where rcu:* events are missing they are what is left to
 * tell who kept a grace period from ending: a CPU that switches, or idles, has passed a quiescent state (R2.6).
 */
import type { EventCursor, EventType } from '../../../schema/index.ts';
import type { EventHandler, Model, World } from '../world.ts';
import type { CpuModel, Occupancy } from './cpu.ts';
import type { TaskModel } from './task.ts';

export interface QuietStretch {
  readonly cpu: number;
  /** `comm:tid`. */
  readonly task: string;
  readonly fromNs: number;
  readonly fromEvent: number;
  readonly toNs: number;
  readonly toEvent: number;
  readonly occupancyFrom: Occupancy;
  readonly occupancyTo: Occupancy;
  /** Scheduler ticks of the CPU within it. */
  readonly ticks: number;
}

/** State of a CPU at its last context switch. */
interface Since {
  ns: number;
  event: number;
  ticks: number;
  readonly occupancy: Occupancy;
}

/** Shorter stretches hold no grace period up for long enough to be asked about. */
const SHORTEST_NS = 2e8;

export class QuietStretchModel implements Model {
  readonly #cpus: CpuModel;
  readonly #tasks: TaskModel;
  readonly stretches: QuietStretch[] = [];
  /** Per CPU: occupancy, time and event of the last switch. */
  readonly #since: (Since | undefined)[] = [];

  constructor(_world: World, cpus: CpuModel, tasks: TaskModel) {
    this.#cpus = cpus;
    this.#tasks = tasks;
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (type.name === 'sched_switch' && type.shape === 'tracepoint') return (event) => this.#switch(event);
    if (type.name !== 'quiesce_lost') return undefined;
    // A context switch may be among what was lost: nothing may be concluded from its absence (E0.4).
    return (event) => {
      this.#since[event.int(0)] = undefined;
    };
  }

  #switch(event: EventCursor): void {
    const cpu = event.cpu;
    const state = this.#cpus.get(cpu);
    let since = this.#since[cpu];
    if (since) {
      const tid = event.int(1);
      if (tid > 0 && event.tsNs - since.ns >= SHORTEST_NS)
        this.#keep(cpu, `${event.text(0)}:${tid}`, since, event.tsNs, event.eventId);
      since.ns = event.tsNs;
      since.event = event.eventId;
      since.ticks = state.ticks;
      since.occupancy.set(state.occupancy);
    } else {
      since = { ns: event.tsNs, event: event.eventId, ticks: state.ticks, occupancy: state.occupancy.slice() };
      this.#since[cpu] = since;
    }
  }

  #keep(cpu: number, task: string, since: Since, toNs: number, toEvent: number): void {
    this.stretches.push({
      cpu,
      task,
      fromNs: since.ns,
      fromEvent: since.event,
      toNs,
      toEvent,
      occupancyFrom: since.occupancy.slice(),
      occupancyTo: this.#cpus.snapshot(cpu, toNs),
      ticks: this.#cpus.get(cpu).ticks - since.ticks,
    });
  }

  finish(endNs: number): void {
    for (const state of this.#cpus.all()) {
      const since = this.#since[state.cpu];
      if (!since || state.tid <= 0 || endNs - since.ns < SHORTEST_NS) continue;
      this.#keep(state.cpu, this.#tasks.label(this.#tasks.get(state.tid, state.cpu)), since, endNs, 0);
    }
  }
}
