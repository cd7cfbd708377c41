/**
 * Per-CPU context: which task runs, which interrupt contexts are open, and how much time each kind of context took.
 *
 * Sources, strongest first (MODEL E0.2, E1.7): entry/exit events (irq, softirq, irq_vectors), nmi_handler durations, the
 * context flags of each record. Time is exclusive: an NMI inside a hardirq counts as NMI only (T40), so the kinds of a CPU
 * sum to its observed time (O20).
 */
import {
  CTX_HARDIRQ,
  CTX_KNOWN,
  CTX_NMI,
  CTX_SOFTIRQ,
  type EventCursor,
  type EventType,
  NO_CPU,
} from '../../../schema/index.ts';
import { hardirqVector, softirqName } from '../knowledge/interrupt-events.ts';
import type { Visibility } from '../visibility.ts';
import type { EventHandler, Model, World } from '../world.ts';
import { OccupancyHistory } from './occupancy-history.ts';
import { TextCodes } from './text-codes.ts';

/** Kinds of CPU time, as indexes into {@link Occupancy}. */
export const OCC_IDLE = 0;
export const OCC_TASK = 1;
export const OCC_SOFTIRQ = 2;
export const OCC_HARDIRQ = 3;
export const OCC_NMI = 4;
/** Inside a gap of lost events. */
export const OCC_UNKNOWN = 5;
const OCC_KINDS = 6;

/** Cumulative nanoseconds by kind. */
export type Occupancy = Float64Array;

const ENOUGH_TICKS = 16;

/** No record of the CPU has told its task, or events were lost since. */
const TID_UNKNOWN = -1;

export class CpuState {
  readonly cpu: number;
  /** Task on the CPU. */
  tid = TID_UNKNOWN;
  /** Task that ran when events began to be lost. */
  tidAtGap = TID_UNKNOWN;
  comm = 0;
  /** Time up to which `occupancy` is accounted. */
  accountedNs = -1;
  readonly occupancy: Occupancy = new Float64Array(OCC_KINDS);
  /** Open hardirq handlers and vectors. */
  hardirqDepth = 0;
  hardirqSinceNs = 0;
  hardirqEvent = 0;
  hardirqName = '';
  softirqDepth = 0;
  softirqSinceNs = 0;
  softirqEvent = 0;
  softirqVec = 0;
  lastEventNs = 0;
  /** Flags of the last record. */
  flags = 0;
  /** After a gap, until the next record of the CPU, nothing is known of what ran. */
  inGap = false;
  lastTickNs = -1;
  /** Scheduler ticks seen. */
  ticks = 0;
  lastSwitchNs = -1;
  /** The last context switch, the task that left, and the number of the record. */
  switchEvent = 0;
  switchedOutTid = TID_UNKNOWN;
  switchRecord = 0;
  /** Records seen on this CPU: a kernel_stack record belongs to the record right before it on its CPU (E0.8). */
  records = 0;
  /** Number of context switches seen. */
  switches = 0;
  /** RCU watches the CPU (E1.4); undefined until an event tells. */
  watching: boolean | undefined;
  /** The event that showed the extended quiescent state, or the idle task. */
  quiescentEvent = 0;

  constructor(cpu: number) {
    this.cpu = cpu;
  }
}

/** What is known of ticks and NMIs besides the CPUs' own states. */
export interface ClockEvidence {
  /** First nmi_handler event, 0 without. */
  readonly nmiEvent: number;
  /** Time between ticks, infinite while unknown. */
  readonly tickNs: number;
  /** Ticks that came as close as ticks can, and the events of the first and of the one that settled it. */
  readonly closeTicks: number;
  readonly firstTickEvent: number;
  readonly lastTickEvent: number;
}

export class CpuModel implements Model {
  readonly #world: World;
  readonly #cpus: CpuState[] = [];
  readonly history = new OccupancyHistory(OCC_KINDS);
  /** Called for each finished interrupt span, after accounting, with the events that begin and end it. */
  onInterrupt:
    | ((
        kind: 'nmi' | 'hardirq' | 'softirq',
        cpu: number,
        startNs: number,
        endNs: number,
        startEvent: number,
        endEvent: number,
      ) => void)
    | undefined;

  /** Called at each scheduler tick. */
  onTick: ((cpu: number, nowNs: number, eventId: number) => void) | undefined;

  /** Called when a CPU enters an extended quiescent state: idle, or user mode without ticks. */
  onQuiescent: ((cpu: number, nowNs: number, eventId: number) => void) | undefined;

  readonly #utilization = new TextCodes({ 'Start scheduler-tick': 1 });

  constructor(world: World) {
    this.#world = world;
  }

  /** Number of CPUs seen: highest number + 1. */
  get count(): number {
    return this.#cpus.length;
  }

  /** CPUs that have shown an event. */
  all(): readonly CpuState[] {
    return this.#cpus.filter((cpu) => cpu !== undefined);
  }

  get(cpu: number): CpuState {
    let state = this.#cpus[cpu];
    if (state === undefined) {
      state = new CpuState(cpu);
      this.#cpus[cpu] = state;
    }
    return state;
  }

  /** Every record passes here first. Hot: no allocation. */
  observe(cpu: number, tid: number, comm: number, nowNs: number, flags: number, eventId: number): void {
    if (cpu === NO_CPU) return;
    const state = this.#cpus[cpu] ?? this.get(cpu);
    if (state.accountedNs < 0) state.accountedNs = nowNs;
    state.lastEventNs = nowNs;
    state.records++;
    state.flags = flags;
    if (flags & CTX_KNOWN) this.#world.contextFlagsSeen = true;
    // The record's own tid is the running task, also in interrupts; it corrects a missed switch. The stack of a switch is still
    // recorded by the task that leaves (E0.8).
    if (state.tid !== tid && tid >= 0 && (tid !== state.switchedOutTid || state.records !== state.switchRecord + 1)) {
      this.account(state, nowNs);
      state.tid = tid;
      state.inGap = false;
      state.switchEvent = eventId;
      if (tid === 0) state.quiescentEvent = eventId;
    }
    state.comm = comm;
  }

  /** Books the time since the last booking to what the CPU was doing. */
  account(state: CpuState, nowNs: number): void {
    const elapsed = nowNs - state.accountedNs;
    if (elapsed <= 0) return;
    const kind = this.#current(state);
    state.occupancy[kind] += elapsed;
    this.history.add(state.cpu, kind, state.accountedNs, nowNs);
    state.accountedNs = nowNs;
  }

  #current(state: CpuState): number {
    if (state.inGap || state.tid === TID_UNKNOWN) return OCC_UNKNOWN;
    if (state.hardirqDepth > 0) return OCC_HARDIRQ;
    if (state.softirqDepth > 0) return OCC_SOFTIRQ;
    return state.tid === 0 ? OCC_IDLE : OCC_TASK;
  }

  /** Cumulative occupancy up to now; subtract two to get an interval's. */
  snapshot(cpu: number, nowNs: number): Occupancy {
    const state = this.get(cpu);
    if (state.accountedNs >= 0) this.account(state, nowNs);
    return state.occupancy.slice();
  }

  /** What is known of ticks and NMIs so far, besides the CPUs' own states: live state of a snapshot. */
  get clockEvidence(): ClockEvidence {
    return { ...this.#clock };
  }

  set clockEvidence(evidence: ClockEvidence) {
    this.#clock = { ...evidence };
  }

  /** What of interrupt load the capture shows so far. */
  visibility(): Visibility {
    const { nmiEvent, tickNs, firstTickEvent, lastTickEvent } = this.#clock;
    const ticks = tickNs === Number.POSITIVE_INFINITY ? undefined : tickNs;
    return { nmi: nmiEvent > 0, nmiEvent, tickNs: ticks, firstTickEvent, lastTickEvent };
  }

  #clock: { -readonly [K in keyof ClockEvidence]: ClockEvidence[K] } = {
    nmiEvent: 0,
    tickNs: Number.POSITIVE_INFINITY,
    closeTicks: 0,
    firstTickEvent: 0,
    lastTickEvent: 0,
  };

  #tick(cpu: number, nowNs: number, eventId: number): void {
    const state = this.get(cpu);
    const gapNs = nowNs - state.lastTickNs;
    if (state.lastTickNs >= 0 && gapNs >= 9e5 && gapNs <= 1.1e7) this.#closeTick(gapNs, eventId);
    // One tick shows up twice when both its vector and rcu_utilization are recorded.
    if (gapNs < 5e5 && state.lastTickNs >= 0) return;
    state.ticks++;
    state.lastTickNs = nowNs;
    this.onTick?.(cpu, nowNs, eventId);
  }

  /** CONFIG_HZ lies between 100 and 1000; a first guess is confirmed by repetition, not by one late tick after another. */
  #closeTick(gapNs: number, eventId: number): void {
    const clock = this.#clock;
    if (clock.closeTicks === 0) clock.firstTickEvent = eventId;
    if (++clock.closeTicks <= ENOUGH_TICKS) return;
    if (clock.closeTicks === ENOUGH_TICKS + 1) clock.lastTickEvent = eventId;
    clock.tickNs = Math.min(clock.tickNs, gapNs);
  }

  /** Interrupt context of the event at the cursor: innermost of NMI, hardirq, softirq, task. */
  contextOf(event: EventCursor): 'nmi' | 'hardirq' | 'softirq' | 'task' {
    const flags = event.flags;
    if (flags & CTX_KNOWN) {
      if (flags & CTX_NMI) return 'nmi';
      if (flags & CTX_HARDIRQ) return 'hardirq';
      return flags & CTX_SOFTIRQ ? 'softirq' : 'task';
    }
    if (event.cpu === NO_CPU) return 'task';
    const state = this.get(event.cpu);
    if (state.hardirqDepth > 0) return 'hardirq';
    return state.softirqDepth > 0 ? 'softirq' : 'task';
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (type.shape !== 'tracepoint' && type.shape !== 'marker') return undefined;
    switch (type.name) {
      case 'sched_switch':
        return (event) => this.#switch(event);
      case 'irq_handler_entry':
        return (event) => this.#enterHardirq(event, event.text(1));
      case 'irq_handler_exit':
        return (event) => this.#exitHardirq(event);
      case 'softirq_entry':
        return (event) => this.#enterSoftirq(event);
      case 'softirq_exit':
        return (event) => this.#exitSoftirq(event);
      case 'nmi_handler':
        return (event) => this.#nmi(event);
      case 'quiesce_lost':
        return (event) => this.#gap(event);
      case 'rcu_utilization':
        return (event) => {
          if (this.#utilization.of(event, 0) === 1) this.#tick(event.cpu, event.tsNs, event.eventId);
        };
      case 'rcu_watching':
      case 'rcu_dyntick':
        return (event) => this.#watching(event);
      default: {
        const vector = hardirqVector(type.name);
        if (!vector) return undefined;
        const { name, enters } = vector;
        if (!enters) return (event) => this.#exitHardirq(event);
        const tick = name === 'local_timer';
        return (event) => {
          this.#enterHardirq(event, name);
          if (tick) this.#tick(event.cpu, event.tsNs, event.eventId);
        };
      }
    }
  }

  #switch(event: EventCursor): void {
    const state = this.get(event.cpu);
    this.account(state, event.tsNs);
    state.inGap = false;
    state.tid = event.int(5);
    state.comm = event.str(4);
    state.lastSwitchNs = event.tsNs;
    state.switchEvent = event.eventId;
    state.switchedOutTid = event.int(1);
    state.switchRecord = state.records;
    state.switches++;
    // The scheduler runs in task context: whatever exit was not recorded is over.
    state.hardirqDepth = 0;
    state.softirqDepth = 0;
    if (state.tid === 0 && state.watching === undefined) this.#quiet(state, event);
  }

  /**
   * The strings of these events were swapped when rcu_dyntick became rcu_watching (T1); the nesting tells on every kernel (E1.4).
   */
  #watching(event: EventCursor): void {
    const state = this.get(event.cpu);
    if (event.key(2) === 0) {
      state.watching = false;
      this.#quiet(state, event);
    } else if (event.key(1) === 0) state.watching = true;
  }

  #quiet(state: CpuState, event: EventCursor): void {
    state.quiescentEvent = event.eventId;
    this.onQuiescent?.(state.cpu, event.tsNs, event.eventId);
  }

  /** The CPU is in an extended quiescent state, as far as events tell: idle stands for it where rcu_watching is not recorded. */
  isQuiescent(state: CpuState): boolean {
    if (state.inGap) return false;
    return state.watching === undefined ? state.tid === 0 : !state.watching;
  }

  #enterHardirq(event: EventCursor, name: string): void {
    const state = this.get(event.cpu);
    this.account(state, event.tsNs);
    if (state.hardirqDepth++ === 0) {
      state.hardirqSinceNs = event.tsNs;
      state.hardirqEvent = event.eventId;
      state.hardirqName = name;
    }
  }

  #exitHardirq(event: EventCursor): void {
    const state = this.get(event.cpu);
    this.account(state, event.tsNs);
    if (state.hardirqDepth === 0 || --state.hardirqDepth > 0) return;
    this.#span(state, 'hardirq', state.hardirqName, state.hardirqSinceNs, event);
  }

  #enterSoftirq(event: EventCursor): void {
    const state = this.get(event.cpu);
    this.account(state, event.tsNs);
    state.softirqDepth = 1;
    state.softirqSinceNs = event.tsNs;
    state.softirqEvent = event.eventId;
    state.softirqVec = event.int(0);
  }

  #exitSoftirq(event: EventCursor): void {
    const state = this.get(event.cpu);
    this.account(state, event.tsNs);
    if (state.softirqDepth === 0) return;
    state.softirqDepth = 0;
    this.#span(state, 'softirq', softirqName(state.softirqVec), state.softirqSinceNs, event);
  }

  #span(state: CpuState, kind: 'hardirq' | 'softirq', name: string, startNs: number, event: EventCursor): void {
    const endNs = event.tsNs;
    this.#world.facts.contextSpan({ cpu: state.cpu, kind, name, startNs, endNs });
    this.#world.facts.sample(kind, name, endNs - startNs);
    const startEvent = kind === 'hardirq' ? state.hardirqEvent : state.softirqEvent;
    this.onInterrupt?.(kind, state.cpu, startNs, endNs, startEvent, event.eventId);
  }

  /** The record comes after the handler: it occupied [ts − delta, ts] (E1.5, T39). */
  #nmi(event: EventCursor): void {
    const state = this.get(event.cpu);
    this.#clock.nmiEvent ||= event.eventId;
    const endNs = event.tsNs;
    const startNs = endNs - event.int(1);
    const nmiNs = endNs - Math.max(startNs, state.accountedNs);
    if (nmiNs > 0) {
      this.account(state, endNs - nmiNs);
      state.occupancy[OCC_NMI] += nmiNs;
      this.history.add(state.cpu, OCC_NMI, endNs - nmiNs, endNs);
      state.accountedNs = endNs;
    }
    const handler = event.text(0);
    this.#world.facts.contextSpan({ cpu: state.cpu, kind: 'nmi', name: handler, startNs, endNs });
    this.#world.facts.sample('nmi', handler, endNs - startNs);
    this.onInterrupt?.('nmi', state.cpu, startNs, endNs, event.eventId, event.eventId);
  }

  /** From the CPU's last record before the marker to the first one after it nothing is known (E0.4). */
  #gap(event: EventCursor): void {
    this.#world.lostMarkers++;
    const state = this.get(event.int(0));
    if (state.accountedNs >= 0) this.account(state, state.lastEventNs);
    if (!state.inGap) state.tidAtGap = state.tid;
    state.inGap = true;
    state.tid = TID_UNKNOWN;
    state.watching = undefined;
    state.hardirqDepth = 0;
    state.softirqDepth = 0;
  }

  finish(endNs: number): void {
    for (const state of this.all()) if (state.accountedNs >= 0) this.account(state, endNs);
  }
}
