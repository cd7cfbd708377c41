/**
 * Stretches in which a CPU ran one task without a context switch or a tick in user mode. Where rcu:* events are missing they are
 * what is left to tell who kept a grace period from ending: a CPU that does any of these, or idles, has passed a quiescent state (R2.6).
 */
import { type EventCursor, type EventType, fieldsOf, knownName } from '../../../../schema/index.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { TICK_EVENTS } from '../../knowledge/interrupt-events.ts';
import { interruptsUserMode } from '../../knowledge/stack/interrupted-mode.ts';
import { LONG_STRETCH_NS } from '../../knowledge/thresholds.ts';
import type { CpuModel, CpuState, Occupancy } from '../cpu/cpu.ts';
import type { TaskModel } from './task.ts';

const SWITCH = fieldsOf('sched_switch');
const LOST = fieldsOf('quiesce_lost');

export interface NoQsInterval {
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
  readonly interrupts: number;
}

/** State of a CPU at its last quiescent state. */
interface Since {
  ns: number;
  event: number;
  ticks: number;
  interrupts: number;
  readonly occupancy: Occupancy;
}

export class NoQsIntervalModel implements Model {
  readonly #world: World;
  readonly #cpus: CpuModel;
  readonly #tasks: TaskModel;
  readonly stretches: NoQsInterval[] = [];
  /** Per CPU: occupancy, time and event of the last quiescent state. */
  readonly #since: (Since | undefined)[] = [];
  /** CPUs of which events were lost: before the next quiescent state nothing is known of them. */
  readonly #lost = new Set<number>();
  /** Per stack of a tick: whether it interrupted user mode. */
  readonly #userMode: (boolean | undefined)[] = [];
  /** Per CPU: its last event was a tick, whose stack may follow. */
  readonly #ticked: boolean[] = [];

  constructor(world: World, cpus: CpuModel, tasks: TaskModel) {
    this.#world = world;
    this.#cpus = cpus;
    this.#tasks = tasks;
  }

  subscribe(type: EventType): EventHandler | undefined {
    const name = knownName(type);
    if (name === 'quiesce_lost') {
      // A context switch may be among what was lost: nothing may be concluded from its absence (E0.4).
      return (event) => {
        const cpu = event.int(LOST.lost_cpu);
        this.#since[cpu] = undefined;
        this.#lost.add(cpu);
      };
    }
    if (name === 'kernel_stack') return (event) => this.#stack(event);
    if (name === 'sched_switch') return (event) => this.#switch(event);
    return name !== undefined && TICK_EVENTS.includes(name) ? (event) => this.#tick(event) : undefined;
  }

  #tick(event: EventCursor): void {
    this.#ticked[event.cpu] = true;
    if (event.stack) this.#stack(event);
  }

  #stack(event: EventCursor): void {
    const { cpu, stack } = event;
    if (!this.#ticked[cpu]) return;
    this.#ticked[cpu] = false;
    this.#userMode[stack] ??= interruptsUserMode(this.#world.dictionary, stack);
    const { tid } = this.#cpus.get(cpu);
    if (!this.#userMode[stack] || tid <= 0) return;
    this.#quiescent(event, tid, () => this.#tasks.label(this.#tasks.get(tid, cpu)));
  }

  #switch(event: EventCursor): void {
    this.#ticked[event.cpu] = false;
    const tid = event.int(SWITCH.prev_pid);
    this.#quiescent(event, tid, () => `${event.text(SWITCH.prev_comm)}:${tid}`);
  }

  #quiescent(event: EventCursor, tid: number, task: () => string): void {
    const { cpu, tsNs, eventId } = event;
    const state = this.#cpus.get(cpu);
    const since = this.#sinceOf(state);
    if (!since) {
      const { ticks, interrupts, occupancy } = state;
      this.#since[cpu] = { ns: tsNs, event: eventId, ticks, interrupts, occupancy: occupancy.slice() };
      return;
    }
    if (tid > 0 && tsNs - since.ns >= LONG_STRETCH_NS) this.#keep(cpu, task(), since, tsNs, eventId);
    since.ns = tsNs;
    since.event = eventId;
    since.ticks = state.ticks;
    since.interrupts = state.interrupts;
    since.occupancy.set(state.occupancy);
  }

  /** Since its last quiescent state; before the first one, since its first record. */
  #sinceOf({ cpu, firstEvent, firstEventNs, occupancy }: CpuState): Since | undefined {
    if (this.#since[cpu] || this.#lost.has(cpu) || firstEvent === 0) return this.#since[cpu];
    const since: Since = {
      ns: firstEventNs,
      event: firstEvent,
      ticks: 0,
      interrupts: 0,
      occupancy: new Float64Array(occupancy.length),
    };
    this.#since[cpu] = since;
    return since;
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
      interrupts: this.#cpus.get(cpu).interrupts - since.interrupts,
    });
  }

  finish(endNs: number): void {
    for (const state of this.#cpus.all()) {
      const since = this.#sinceOf(state);
      if (!since || state.tid <= 0 || endNs - since.ns < LONG_STRETCH_NS) continue;
      this.#keep(state.cpu, this.#tasks.label(this.#tasks.get(state.tid, state.cpu)), since, endNs, 0);
    }
  }
}
