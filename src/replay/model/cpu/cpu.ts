/**
 * Per-CPU context: which task runs, which interrupt contexts are open, and how much time each kind of context took.
 *
 * Sources, strongest first (MODEL E0.2, E1.7): entry/exit events and durations reported at exit (see interrupt-sources.ts), the
 * context flags of records or, without flags, their stacks: a lower bound. Threads that do the work of interrupts count as interrupts.
 * Time is exclusive: an NMI inside a hardirq counts as NMI only (T40), so the kinds of a CPU sum to its observed time (O20).
 */

import {
  CTX_HARDIRQ,
  CTX_KNOWN,
  CTX_NMI,
  CTX_SOFTIRQ,
  type EventCursor,
  type EventType,
  fieldsOf,
  knownName,
  NO_CPU,
} from '../../../../schema/index.ts';
import { Listeners } from '../../core/listeners.ts';
import type { Visibility } from '../../core/visibility.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { interruptThread } from '../../knowledge/interrupt-threads.ts';
import { contextOfFrames } from '../../knowledge/stack/context-frames.ts';
import { ClockResolution } from './clock-resolution.ts';
import {
  type BusySource,
  type CpuListener,
  CpuState,
  type InterruptKind,
  OCC_HARDIRQ,
  OCC_IDLE,
  OCC_KINDS,
  OCC_NMI,
  OCC_SOFTIRQ,
  OCC_TASK,
  OCC_UNKNOWN,
  type Occupancy,
  TID_UNKNOWN,
} from './cpu-state.ts';
import { InterruptSources } from './interrupt-sources.ts';
import { MachineSilence, SILENCE_NS } from './machine-silence.ts';
import { OccupancyHistory } from './occupancy-history.ts';
import { TextCodes } from './text-codes.ts';
import { type ClockEvidence, TickClock } from './tick-clock.ts';

export * from './cpu-state.ts';

const SWITCH = fieldsOf('sched_switch');
const WATCHING = fieldsOf('rcu_watching', 'rcu_dyntick');
const UTILIZATION = fieldsOf('rcu_utilization');
const TICK_STOP = fieldsOf('tick_stop');
const LOST = fieldsOf('quiesce_lost');

const INTERRUPTED = CTX_NMI | CTX_HARDIRQ | CTX_SOFTIRQ;

/** Two records in interrupts that are further apart may belong to two interrupts (E1.7 b). */
const SAME_INTERRUPT_NS = 1e5;

/** Shorter runs of records in an interrupt are no span worth a row. */
const SPAN_NS = 1e4;

const KIND_NAMES = ['idle', 'task', 'softirq', 'hardirq', 'nmi'] as const;

export class CpuModel implements Model {
  readonly #world: World;
  readonly #cpus: CpuState[] = [];
  readonly history = new OccupancyHistory(OCC_KINDS);
  readonly silence = new MachineSilence();
  readonly #sources: InterruptSources;
  readonly #clock = new TickClock();
  readonly resolution = new ClockResolution();
  #fromRecords = false;
  /** OCC kind of tasks by their name, a string id. */
  readonly #taskKinds: (number | undefined)[] = [];
  /** Context bits by stack id. */
  readonly #stackContexts: (number | undefined)[] = [];

  readonly listeners = new Listeners<CpuListener>({
    onInterrupt: [],
    onBusy: [],
    onTick: [],
    onQuiescent: [],
    onWatching: [],
  });

  readonly #utilization = new TextCodes({ 'Start scheduler-tick': 1 });

  constructor(world: World) {
    this.#world = world;
    this.#sources = new InterruptSources(world, this);
  }

  /** Number of CPUs seen: highest number + 1. */
  get count(): number {
    return this.#cpus.length;
  }

  /** CPUs that have shown an event. */
  all(): readonly CpuState[] {
    return this.#cpus.filter((cpu) => cpu !== undefined);
  }

  /** A CPU of which records were seen; others are only spoken of. */
  find(cpu: number): CpuState | undefined {
    return this.#cpus[cpu];
  }

  get(cpu: number): CpuState {
    let state = this.#cpus[cpu];
    if (state === undefined) {
      state = new CpuState(cpu);
      this.#cpus[cpu] = state;
    }
    return state;
  }

  get sources(): InterruptSources {
    return this.#sources;
  }

  /** Every record passes here first. Hot: no allocation. */
  observe(cpu: number, tid: number, comm: number, nowNs: number, flags: number, eventId: number, stack: number): void {
    if (cpu === NO_CPU) return;
    const state = this.#cpus[cpu] ?? this.get(cpu);
    if (state.accountedNs < 0) state.accountedNs = nowNs;
    const { silence } = this;
    if (nowNs - silence.lastNs >= SILENCE_NS) silence.broken(nowNs, this.#busy());
    silence.lastNs = nowNs;
    if (this.resolution.open) this.resolution.advance(nowNs);
    let context = 0;
    if (flags & CTX_KNOWN) {
      this.#world.contextFlagsSeen = true;
      context = flags & INTERRUPTED;
    } else if (stack !== 0) context = this.contextOfStack(stack);
    if (context !== 0 || state.context !== 0) this.#interrupted(state, context, nowNs);
    state.context = context;
    state.lastEventNs = nowNs;
    state.lastEvent = eventId;
    if (state.records++ === 0) {
      state.firstEventNs = nowNs;
      state.firstEvent = eventId;
    }
    if (context === 0 && state.hardirqDepth === 0 && state.softirqDepth === 0) {
      state.taskRecords++;
      state.taskRecord = state.records;
    }
    state.flags = flags;
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

  /** Context bits of a stack, 0 for a task. */
  contextOfStack(stack: number): number {
    let context = this.#stackContexts[stack];
    if (context === undefined) {
      context = contextOfFrames(this.#world.dictionary.stackSymbols(stack));
      this.#stackContexts[stack] = context;
    }
    return context;
  }

  /** A record inside an interrupt right after another one: what lies between them belongs to it, unless events tell better. */
  #interrupted(state: CpuState, context: number, nowNs: number): void {
    const sinceNs = state.lastEventNs;
    const kind = Math.min(kindOf(context), kindOf(state.context));
    const same = kind > OCC_TASK && nowNs - sinceNs <= SAME_INTERRUPT_NS;
    if (state.interruptedSinceNs >= 0 && (!same || kind !== state.interruptedKind)) this.#endInterrupted(state);
    if (!same || this.#sources.shows(kind) || kind <= this.#current(state)) return;
    if (state.interruptedSinceNs < 0) {
      state.interruptedSinceNs = sinceNs;
      state.interruptedKind = kind;
    }
    this.occupied(state, kind, sinceNs, nowNs, 'contexts');
  }

  #endInterrupted(state: CpuState): void {
    const { interruptedSinceNs: startNs, lastEventNs: endNs, cpu } = state;
    state.interruptedSinceNs = -1;
    if (endNs - startNs < SPAN_NS) return;
    const kind = KIND_NAMES[state.interruptedKind] as InterruptKind;
    this.#world.facts.contextSpan({ cpu, kind, name: 'records in it', startNs, endNs });
    this.#world.facts.sample(kind, 'records in it', endNs - startNs);
    this.interrupt(kind, cpu, startNs, endNs, 'records in it');
  }

  #busy(): number {
    return this.#cpus.reduce((busy, state) => busy + (state.tid > 0 && !state.inGap ? 1 : 0), 0);
  }

  /** Books the time since the last booking to what the CPU was doing. */
  account(state: CpuState, nowNs: number): void {
    const elapsed = nowNs - state.accountedNs;
    if (elapsed <= 0) return;
    const inHandler = state.hardirqDepth > 0 || state.softirqDepth > 0;
    const hidden = inHandler && this.resolution.hides(nowNs - handlerSinceNs(state));
    this.#book(state, hidden ? this.#beneath(state) : this.#current(state), nowNs, inHandler ? 'events' : 'thread');
  }

  /** Books [startNs, endNs), as far as it is not booked yet, to a kind; what lies before it to what the CPU was doing. */
  occupied(state: CpuState, kind: number, startNs: number, endNs: number, source: BusySource): void {
    const fromNs = Math.max(startNs, state.accountedNs);
    if (endNs <= fromNs) return;
    this.account(state, fromNs);
    this.#book(state, kind, endNs, source);
  }

  /** Moves `ns` of what was booked in [startNs, endNs) to what the CPU is doing now, to a kind that is known only afterwards. */
  rebook(
    state: CpuState,
    kind: number,
    startNs: number,
    endNs: number,
    ns: number,
    startEvent = state.lastEvent,
  ): void {
    const from = this.#current(state);
    const moved = Math.min(ns, endNs - startNs, state.occupancy[from]);
    if (moved <= 0 || from >= kind) return;
    state.occupancy[from] -= moved;
    state.occupancy[kind] += moved;
    this.history.move(state.cpu, from, kind, startNs, endNs, moved);
    const name = KIND_NAMES[kind] as InterruptKind;
    const { cpu, lastEvent } = state;
    for (const call of this.listeners.on.onBusy) call(name, cpu, endNs - moved, endNs, startEvent, lastEvent, 'events');
  }

  #book(state: CpuState, kind: number, untilNs: number, source: BusySource): void {
    const { accountedNs, accountedEvent, cpu, lastEvent } = state;
    if (source === 'contexts' || source === 'samples') this.#fromRecords = true;
    state.occupancy[kind] += untilNs - accountedNs;
    this.history.add(cpu, kind, accountedNs, untilNs);
    state.accountedNs = untilNs;
    state.accountedEvent = lastEvent;
    if (kind <= OCC_TASK || kind === OCC_UNKNOWN) return;
    const name = KIND_NAMES[kind] as InterruptKind;
    for (const call of this.listeners.on.onBusy)
      call(name, cpu, accountedNs, untilNs, accountedEvent, lastEvent, source);
  }

  #current(state: CpuState): number {
    if (state.inGap || state.tid === TID_UNKNOWN) return OCC_UNKNOWN;
    if (state.hardirqDepth > 0) return OCC_HARDIRQ;
    if (state.softirqDepth > 0) return OCC_SOFTIRQ;
    return this.#beneath(state);
  }

  /** What the CPU does outside of interrupts. */
  #beneath(state: CpuState): number {
    if (state.inGap || state.tid === TID_UNKNOWN) return OCC_UNKNOWN;
    if (state.tid === 0) return OCC_IDLE;
    return this.#taskKinds[state.comm] ?? this.#taskKind(state.comm);
  }

  beneathNs(state: CpuState): number {
    return state.occupancy[this.#beneath(state)];
  }

  #taskKind(comm: number): number {
    const thread = interruptThread(this.#world.dictionary.string(comm));
    const kind = thread === 'hardirq' ? OCC_HARDIRQ : thread === 'softirq' ? OCC_SOFTIRQ : OCC_TASK;
    this.#taskKinds[comm] = kind;
    return kind;
  }

  /**
   * Cumulative occupancy up to now; subtract two to get an interval's. Books nothing: an interrupt that goes on may be known only
   * when it is over.
   */
  snapshot(cpu: number, nowNs: number): Occupancy {
    const state = this.#cpus[cpu];
    if (!state) return new Float64Array(OCC_KINDS);
    const occupancy = state.occupancy.slice();
    const pendingNs = nowNs - state.accountedNs;
    if (state.accountedNs >= 0 && pendingNs > 0) occupancy[this.#current(state)] += pendingNs;
    return occupancy;
  }

  /** What is known of ticks and NMIs so far, besides the CPUs' own states: live state of a snapshot. */
  get clockEvidence(): ClockEvidence {
    const { tickNs, closeTicks, firstTickEvent, lastTickEvent } = this.#clock;
    return { nmiEvent: this.#sources.nmiEvent, tickNs, closeTicks, firstTickEvent, lastTickEvent };
  }

  set clockEvidence({ nmiEvent, ...clock }: ClockEvidence) {
    this.#sources.nmiEvent = nmiEvent;
    Object.assign(this.#clock, clock);
  }

  /** What of interrupt load the capture shows so far. */
  visibility(): Visibility {
    const { tickNs, firstTickEvent, lastTickEvent } = this.#clock;
    const { nmiEvent } = this.#sources;
    const ticks = tickNs === Number.POSITIVE_INFINITY ? undefined : tickNs;
    const switches = this.#cpus.some((state) => state !== undefined && state.switches > 0);
    return {
      switches,
      nmi: nmiEvent > 0,
      nmiEvent,
      interruptEvents: [...this.#sources.live.shown].map(([kind, event]) => [KIND_NAMES[kind], event]),
      fromRecords: this.#fromRecords,
      tickNs: ticks,
      firstTickEvent,
      lastTickEvent,
    };
  }

  /** An interrupt span is over and accounted. */
  interrupt(kind: InterruptKind, cpu: number, startNs: number, endNs: number, name: string, continues = false): void {
    for (const call of this.listeners.on.onInterrupt) call(kind, cpu, startNs, endNs, name, continues);
  }

  /** A scheduler tick on this CPU. */
  tick(cpu: number, nowNs: number, eventId: number): void {
    if (!this.#clock.tick(this.get(cpu), nowNs, eventId)) return;
    for (const call of this.listeners.on.onTick) call(cpu, nowNs, eventId);
  }

  /** Interrupt context of the event at the cursor: innermost of NMI, hardirq, softirq, task. */
  contextOf(event: EventCursor): InterruptKind | 'task' {
    const flags = event.flags;
    if (flags & CTX_KNOWN) {
      if (flags & CTX_NMI) return 'nmi';
      if (flags & CTX_HARDIRQ) return 'hardirq';
      return flags & CTX_SOFTIRQ ? 'softirq' : 'task';
    }
    if (event.cpu === NO_CPU) return 'task';
    const state = this.get(event.cpu);
    if (state.inHardirq) return 'hardirq';
    return state.inSoftirq ? 'softirq' : 'task';
  }

  subscribe(type: EventType): EventHandler | undefined {
    const ours = this.#sources.subscribe(type);
    if (ours) return ours;
    switch (knownName(type)) {
      case 'sched_switch':
        return (event) => this.#switch(event);
      case 'quiesce_lost':
        return (event) => this.#gap(event);
      case 'rcu_utilization':
        return (event) => {
          if (this.#utilization.of(event, UTILIZATION.s) === 1) this.tick(event.cpu, event.tsNs, event.eventId);
        };
      case 'rcu_watching':
      case 'rcu_dyntick':
        return (event) => this.#watching(event);
      case 'tick_stop':
        return (event) => {
          const state = this.get(event.cpu);
          if (event.int(TICK_STOP.success) === 1 && state.tid > 0) state.tickless = true;
        };
      default:
        return undefined;
    }
  }

  #switch(event: EventCursor): void {
    const state = this.get(event.cpu);
    this.account(state, event.tsNs);
    this.#sources.leaves(state, event);
    state.inGap = false;
    state.tid = event.int(SWITCH.next_pid);
    state.comm = event.str(SWITCH.next_comm);
    state.lastSwitchNs = event.tsNs;
    state.switchEvent = event.eventId;
    state.switchedOutTid = event.int(SWITCH.prev_pid);
    state.switchRecord = state.records;
    state.switches++;
    this.#sources.enters(state, event);
    if (state.watching !== undefined) return;
    if (state.tid === 0) this.#quiet(state, event);
    else if (state.switchedOutTid === 0) this.#watched(state);
  }

  /**
   * The strings of these events were swapped when rcu_dyntick became rcu_watching (T1); the nesting tells on every kernel (E1.4).
   */
  #watching(event: EventCursor): void {
    const state = this.get(event.cpu);
    if (event.key(WATCHING.newnesting) === 0) {
      state.watching = false;
      this.#quiet(state, event);
    } else if (event.key(WATCHING.oldnesting) === 0) {
      state.watching = true;
      this.#watched(state);
    }
  }

  #quiet(state: CpuState, event: EventCursor): void {
    state.quiescentEvent = event.eventId;
    for (const call of this.listeners.on.onQuiescent) call(state.cpu, event.tsNs, event.eventId);
  }

  #watched(state: CpuState): void {
    for (const call of this.listeners.on.onWatching) call(state.cpu);
  }

  /** The CPU is in an extended quiescent state, as far as events tell: idle stands for it where rcu_watching is not recorded. */
  isQuiescent(state: CpuState): boolean {
    if (state.inGap) return false;
    return state.watching === undefined ? state.tid === 0 : !state.watching;
  }

  /** From the CPU's last record before the marker to the first one after it nothing is known (E0.4). */
  #gap(event: EventCursor): void {
    this.#world.lostMarkers++;
    const state = this.get(event.int(LOST.lost_cpu));
    if (state.accountedNs >= 0) this.account(state, state.lastEventNs);
    if (state.interruptedSinceNs >= 0) this.#endInterrupted(state);
    if (!state.inGap) state.tidAtGap = state.tid;
    state.inGap = true;
    state.tid = TID_UNKNOWN;
    state.context = 0;
    state.watching = undefined;
    this.#sources.lost(state);
  }

  finish(endNs: number): void {
    for (const state of this.all()) {
      if (state.accountedNs >= 0) this.account(state, endNs);
      if (state.interruptedSinceNs >= 0) this.#endInterrupted(state);
    }
  }
}

/** Innermost context as an OCC kind; OCC_TASK outside of interrupts. */
function kindOf(context: number): number {
  if (context & CTX_NMI) return OCC_NMI;
  if (context & CTX_HARDIRQ) return OCC_HARDIRQ;
  return context & CTX_SOFTIRQ ? OCC_SOFTIRQ : OCC_TASK;
}

/** Since when the CPU is in the handler that it is in. */
function handlerSinceNs(state: CpuState): number {
  return state.hardirqDepth > 0 ? state.hardirqSinceNs : state.softirqSinceNs;
}
