/**
 * Events that show interrupts (MODEL 1.5, E1.7): entry and exit of handlers, vectors and softirqs; durations that are reported when a handler is
 * over (nmi_handler, the osnoise events and the osnoise tracer's summaries); and the samples of a profiler.
 */

import {
  CTX_KNOWN,
  CTX_SOFTIRQ,
  type EventCursor,
  type EventType,
  type FieldPosition,
  fieldsOf,
  knownName,
  NO_CPU,
} from '../../../../schema/index.ts';
import type { EventHandler, World } from '../../core/world.ts';
import { hardirqVector, softirqName } from '../../knowledge/interrupt-events.ts';
import { LATE_NS, NOISE_NESTING } from '../../knowledge/thresholds.ts';
import type { ClockResolution } from './clock-resolution.ts';
import {
  type BusySource,
  type CpuState,
  type InterruptKind,
  OCC_HARDIRQ,
  OCC_NMI,
  OCC_SOFTIRQ,
  type UnprovenInterrupt,
} from './cpu-state.ts';

const SWITCH = fieldsOf('sched_switch');
const IRQ = fieldsOf('irq_handler_entry');
const SOFTIRQ = fieldsOf('softirq_entry');
const NMI = fieldsOf('nmi_handler');
const NMI_NOISE = fieldsOf('nmi_noise');
const IRQ_NOISE = fieldsOf('irq_noise');
const SOFTIRQ_NOISE = fieldsOf('softirq_noise');
const OSNOISE = fieldsOf('osnoise');

/** Counts in a summary of the osnoise tracer that are of one kind of interrupt. */
const SUMMARY_COUNTS: readonly (readonly [FieldPosition<'int'>, number])[] = [
  [OSNOISE.nmi_count, OCC_NMI],
  [OSNOISE.irq_count, OCC_HARDIRQ],
  [OSNOISE.softirq_count, OCC_SOFTIRQ],
];

const KINDS = { nmi: OCC_NMI, hardirq: OCC_HARDIRQ, softirq: OCC_SOFTIRQ } as const;

/** A softirq that was preempted together with its task, as PREEMPT_RT does. */
export interface PreemptedSoftirq {
  readonly sinceNs: number;
  readonly vec: number;
  /** Of one that no exit has proven yet; its time so far. */
  readonly unproven?: UnprovenInterrupt;
}

/** The accounts of the CPUs. */
export interface CpuAccounts {
  readonly resolution: ClockResolution;
  get(cpu: number): CpuState;
  account(state: CpuState, nowNs: number): void;
  occupied(state: CpuState, kind: number, startNs: number, endNs: number, source: BusySource): void;
  rebook(state: CpuState, kind: number, startNs: number, endNs: number, ns: number, startEvent?: number): void;
  /** Time booked so far to what the CPU does outside of interrupts now. */
  beneathNs(state: CpuState): number;
  contextOfStack(stack: number): number;
  interrupt(kind: InterruptKind, cpu: number, startNs: number, endNs: number, name: string, continues: boolean): void;
  tick(cpu: number, nowNs: number, eventId: number): void;
}

/**
 * Entry and exit of one kind of handler. Until the first exit an entry may be all that is recorded (`trace-cmd record -e irq_handler_entry` counts
 * interrupts): it is an interrupt context until the next sign that it is over, and takes no time before an exit proves that it did.
 */
interface EventPair {
  readonly name: string;
  exits: 'unknown' | 'recorded' | 'missing';
}

/** Samples further apart than that are no profile of what lies between them. */
const LONGEST_PERIOD_NS = 5e7;

/** Samples of a CPU before their period is settled. */
const FEWEST_SAMPLES = 4;

export class InterruptSources {
  /** Pairs of entry and exit events by name. */
  readonly #pairs = new Map<string, EventPair>();
  readonly #world: World;
  readonly #cpus: CpuAccounts;
  /** Kinds that events show, by OCC number, and the first of these: contexts of records add nothing to them. */
  readonly #shown = new Map<number, number>();
  /** First event that shows NMIs, 0 without. */
  nmiEvent = 0;
  /** By task. */
  readonly #preempted = new Map<number, PreemptedSoftirq>();

  constructor(world: World, cpus: CpuAccounts) {
    this.#world = world;
    this.#cpus = cpus;
  }

  /** Events show all time of that kind. */
  shows(kind: number): boolean {
    return this.#shown.has(kind);
  }

  /** Kinds that events have shown, preempted softirqs, and what is known of the exits of pairs: live state of a snapshot. */
  get live(): {
    readonly shown: Map<number, number>;
    readonly preempted: Map<number, PreemptedSoftirq>;
    readonly pairs: readonly EventPair[];
  } {
    return {
      shown: this.#shown,
      preempted: this.#preempted,
      pairs: [...this.#pairs.values()].map((pair) => ({ ...pair })),
    };
  }

  set live({ pairs }: { readonly pairs: readonly EventPair[] }) {
    for (const { name, exits } of pairs) this.#pair(name).exits = exits;
  }

  #pair(name: string): EventPair {
    let pair = this.#pairs.get(name);
    if (pair === undefined) {
      pair = { name, exits: 'unknown' };
      this.#pairs.set(name, pair);
    }
    return pair;
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (type.shape === 'sample') return (event) => this.#sample(event);
    if (type.shape !== 'tracepoint') return undefined;
    switch (knownName(type)) {
      case 'irq_handler_entry': {
        const pair = this.#pair('irq_handler');
        return (event) => this.#enterHardirq(event, event.text(IRQ.name), pair);
      }
      case 'irq_handler_exit': {
        const pair = this.#pair('irq_handler');
        return (event) => this.#exitHardirq(event, pair);
      }
      case 'softirq_entry': {
        const pair = this.#pair('softirq');
        return (event) => this.#enterSoftirq(event, pair);
      }
      case 'softirq_exit': {
        const pair = this.#pair('softirq');
        return (event) => this.#exitSoftirq(event, pair);
      }
      case 'nmi_handler':
        return (event) => this.#nmi(event);
      case 'nmi_noise':
        return (event) =>
          this.#noiseOf(event, 'nmi', 'NMI', event.int(NMI_NOISE.start_ns), event.int(NMI_NOISE.duration_ns));
      case 'irq_noise':
        return (event) =>
          this.#noiseOf(
            event,
            'hardirq',
            event.text(IRQ_NOISE.desc),
            event.int(IRQ_NOISE.start_ns),
            event.int(IRQ_NOISE.duration_ns),
          );
      case 'softirq_noise':
        return (event) =>
          this.#noiseOf(
            event,
            'softirq',
            softirqName(event.int(SOFTIRQ_NOISE.vector)),
            event.int(SOFTIRQ_NOISE.start_ns),
            event.int(SOFTIRQ_NOISE.duration_ns),
          );
      case 'osnoise':
        return (event) => this.#summary(event);
      default: {
        const vector = hardirqVector(type.name);
        if (!vector) return undefined;
        const { name, enters } = vector;
        const pair = this.#pair(name);
        if (!enters) return (event) => this.#exitHardirq(event, pair);
        const tick = name === 'local_timer';
        return (event) => {
          this.#enterHardirq(event, name, pair);
          if (tick) this.#cpus.tick(event.cpu, event.tsNs, event.eventId);
        };
      }
    }
  }

  /** An exit, or a duration reported at exit: alone it opens nothing. */
  #shows(kind: number, event: number): void {
    if (!this.#shown.has(kind)) this.#shown.set(kind, event);
  }

  #enterHardirq(event: EventCursor, name: string, pair: EventPair): void {
    const state = this.#cpus.get(event.cpu);
    this.#cpus.account(state, event.tsNs);
    state.interrupts++;
    if (pair.exits !== 'recorded') {
      this.#openUnproven(state, 'hardirq', name, 0, pair, event);
      return;
    }
    // A vector may run a handler; the same again, or a third, follows an exit that was not recorded.
    if (state.hardirqDepth >= 2 || (state.hardirqDepth === 1 && state.hardirqName === name)) state.hardirqDepth = 0;
    if (state.hardirqDepth++ === 0) {
      state.hardirqSinceNs = event.tsNs;
      state.hardirqName = name;
    }
  }

  #exitHardirq(event: EventCursor, pair: EventPair): void {
    const state = this.#cpus.get(event.cpu);
    this.#proven(state, pair, event);
    this.#shows(OCC_HARDIRQ, event.eventId);
    this.#cpus.account(state, event.tsNs);
    if (state.hardirqDepth === 0 || --state.hardirqDepth > 0) return;
    this.#span(state, 'hardirq', state.hardirqName, state.hardirqSinceNs, event);
  }

  #enterSoftirq(event: EventCursor, pair: EventPair): void {
    const state = this.#cpus.get(event.cpu);
    this.#cpus.account(state, event.tsNs);
    if (pair.exits !== 'recorded') {
      const vec = event.int(SOFTIRQ.vec);
      this.#openUnproven(state, 'softirq', softirqName(vec), vec, pair, event);
      return;
    }
    state.softirqDepth = 1;
    state.softirqSinceNs = event.tsNs;
    state.softirqVec = event.int(SOFTIRQ.vec);
  }

  #exitSoftirq(event: EventCursor, pair: EventPair): void {
    const state = this.#cpus.get(event.cpu);
    this.#proven(state, pair, event);
    this.#shows(OCC_SOFTIRQ, event.eventId);
    this.#cpus.account(state, event.tsNs);
    if (state.softirqDepth === 0) return;
    state.softirqDepth = 0;
    this.#span(state, 'softirq', softirqName(state.softirqVec), state.softirqSinceNs, event);
  }

  #openUnproven(
    state: CpuState,
    kind: 'hardirq' | 'softirq',
    name: string,
    vec: number,
    pair: EventPair,
    event: EventCursor,
  ): void {
    const { unproven } = state;
    // One that goes on when the same comes again had an exit that was not recorded.
    const before = unproven.findIndex((open) => open.pair === pair.name);
    if (before >= 0) {
      pair.exits = 'missing';
      unproven.splice(before, 1);
    }
    const { tsNs: sinceNs, eventId } = event;
    const spentNs = this.#cpus.beneathNs(state);
    const doubtful = pair.exits === 'missing';
    unproven.push({ kind, name, vec, pair: pair.name, sinceNs, event: eventId, spentNs, doubtful });
  }

  /** The first exit of its kind: what was open took its time after all, less what other interrupts had of it. */
  #proven(state: CpuState, pair: EventPair, event: EventCursor): void {
    pair.exits = 'recorded';
    const { unproven } = state;
    if (unproven.length === 0) return;
    const index = unproven.findIndex((open) => open.pair === pair.name);
    if (index < 0) return;
    const { kind, name, sinceNs, spentNs, event: startEvent } = unproven[index];
    unproven.length = index;
    this.#cpus.account(state, event.tsNs);
    const ns = this.#cpus.beneathNs(state) - spentNs;
    if (ns <= 0) return;
    if (!this.#cpus.resolution.hides(event.tsNs - sinceNs))
      this.#cpus.rebook(state, KINDS[kind], sinceNs, event.tsNs, ns, startEvent);
    // One within another is a part of it.
    if (index === 0) this.#span(state, kind, name, sinceNs, event);
  }

  #span(
    state: CpuState,
    kind: InterruptKind,
    name: string,
    startNs: number,
    event: EventCursor,
    ns = event.tsNs - startNs,
    continues = false,
  ): void {
    const endNs = event.tsNs;
    this.#world.facts.contextSpan({ cpu: state.cpu, kind, name, startNs, endNs });
    // Those of NMIs are the kernel's own, at no fixed place within the step: their sum is right.
    if (kind === 'nmi' || !this.#cpus.resolution.hides(ns)) this.#world.facts.sample(kind, name, ns);
    this.#cpus.interrupt(kind, state.cpu, startNs, endNs, name, continues);
  }

  /** The record comes after the handler: it occupied [ts − delta, ts] (E1.5, T39). */
  #nmi(event: EventCursor): void {
    this.#shows(OCC_NMI, event.eventId);
    this.nmiEvent ||= event.eventId;
    const state = this.#cpus.get(event.cpu);
    const startNs = event.tsNs - event.int(NMI.delta_ns);
    this.#cpus.occupied(state, OCC_NMI, startNs, event.tsNs, 'events');
    const handler = event.text(NMI.handler);
    // nmi_handle() calls every handler of the list in each NMI (arch/x86/kernel/nmi.c): one that comes again is of another NMI.
    const continues = state.nmiHandlers.length > 0 && !state.nmiHandlers.includes(handler);
    if (!continues) state.nmiHandlers.length = 0;
    state.nmiHandlers.push(handler);
    this.#span(state, 'nmi', handler, startNs, event, event.tsNs - startNs, continues);
  }

  /**
   * Reported at the end of an interrupt, with its duration less what was nested in it (kernel/trace/trace_osnoise.c): the whole of it began
   * at `start_ns`, where that is on the clock of the trace.
   */
  #noiseOf(event: EventCursor, kind: InterruptKind, name: string, beganNs: number, netNs: number): void {
    this.#shows(KINDS[kind], event.eventId);
    if (kind === 'nmi') this.nmiEvent ||= event.eventId;
    const state = this.#cpus.get(event.cpu);
    if (kind === 'hardirq') state.interrupts++;
    const endNs = event.tsNs;
    const onClock = beganNs <= endNs - netNs && endNs - beganNs < NOISE_NESTING * netNs + LATE_NS;
    const startNs = onClock ? beganNs : endNs - netNs;
    // Since then something nested in it, or a record within it, has been booked.
    const bookedNs = Math.max(state.accountedNs, startNs, endNs - netNs);
    this.#cpus.occupied(state, KINDS[kind], bookedNs, endNs, 'events');
    this.#cpus.rebook(state, KINDS[kind], startNs, bookedNs, netNs - (endNs - bookedNs));
    this.#span(state, kind, name, startNs, event, netNs);
  }

  /** One line per period of the tracer: its noise is that of a kind when it counts no other. Events tell more. */
  #summary(event: EventCursor): void {
    if (this.#shown.size > 0) return;
    const runtimeNs = event.int(OSNOISE.runtime) * 1e3;
    const noiseNs = event.int(OSNOISE.noise) * 1e3;
    if (event.int(OSNOISE.hw_count) + event.int(OSNOISE.thread_count) > 0) return;
    const kinds = SUMMARY_COUNTS.filter(([count]) => event.int(count) > 0).map(([, kind]) => kind);
    if (kinds.length !== 1 || noiseNs <= 0) return;
    const [kind] = kinds;
    if (kind === OCC_NMI) this.nmiEvent ||= event.eventId;
    const state = this.#cpus.get(event.cpu);
    this.#cpus.account(state, event.tsNs);
    this.#cpus.rebook(state, kind, event.tsNs - runtimeNs, event.tsNs, Math.min(noiseNs, runtimeNs));
  }

  /**
   * A sample stands for the time since the one before (E0.10): what interrupts it finds is known to ±1/√n only. NMIs are invisible to
   * samples that are NMIs themselves (T63).
   */
  #sample(event: EventCursor): void {
    if (event.cpu === NO_CPU || event.stack === 0 || event.flags & CTX_KNOWN) return;
    const state = this.#cpus.get(event.cpu);
    const gapNs = event.tsNs - state.sampleNs;
    const first = state.sampleNs < 0 || gapNs > LONGEST_PERIOD_NS;
    state.sampleNs = event.tsNs;
    if (first) return;
    state.samples++;
    state.samplePeriodNs += (gapNs - state.samplePeriodNs) / Math.min(state.samples, 16);
    const context = this.#cpus.contextOfStack(event.stack);
    if (context === 0 || state.samples < FEWEST_SAMPLES) return;
    const kind = context & CTX_SOFTIRQ ? OCC_SOFTIRQ : OCC_HARDIRQ;
    if (this.#shown.has(kind)) return;
    const forNs = Math.min(gapNs, 2 * state.samplePeriodNs);
    this.#cpus.occupied(state, kind, event.tsNs - forNs, event.tsNs, 'samples');
  }

  /**
   * A task leaves the CPU. Outside of PREEMPT_RT the scheduler runs in task context: whatever exit was not recorded is over. There, a
   * softirq is preempted with its task.
   */
  leaves(state: CpuState, event: EventCursor): void {
    state.hardirqDepth = 0;
    const inSoftirq = event.flags & CTX_KNOWN ? (event.flags & CTX_SOFTIRQ) !== 0 : this.#world.profile.rt === true;
    const { unproven } = state;
    if (unproven.length > 0) {
      for (const open of unproven) if (open.kind === 'hardirq') this.#pair(open.pair).exits = 'missing';
      const softirq = unproven.find((open) => open.kind === 'softirq');
      if (softirq && inSoftirq && event.int(SWITCH.prev_pid) > 0) {
        const spentNs = this.#cpus.beneathNs(state) - softirq.spentNs;
        const { sinceNs, vec } = softirq;
        this.#preempted.set(event.int(SWITCH.prev_pid), { sinceNs, vec, unproven: { ...softirq, spentNs } });
      }
      unproven.length = 0;
    }
    if (state.softirqDepth > 0) {
      const { softirqSinceNs: sinceNs, softirqVec: vec } = state;
      if (inSoftirq && event.int(SWITCH.prev_pid) > 0)
        this.#preempted.set(event.int(SWITCH.prev_pid), { sinceNs, vec });
      state.softirqDepth = 0;
    }
  }

  enters(state: CpuState, event: EventCursor): void {
    if (this.#preempted.size === 0) return;
    const softirq = this.#preempted.get(event.int(SWITCH.next_pid));
    if (!softirq) return;
    this.#preempted.delete(event.int(SWITCH.next_pid));
    if (softirq.unproven) {
      state.unproven.push({ ...softirq.unproven, spentNs: this.#cpus.beneathNs(state) - softirq.unproven.spentNs });
      return;
    }
    state.softirqDepth = 1;
    state.softirqSinceNs = softirq.sinceNs;
    state.softirqVec = softirq.vec;
  }

  lost(state: CpuState): void {
    state.hardirqDepth = 0;
    state.unproven.length = 0;
    state.softirqDepth = 0;
    state.sampleNs = -1;
    this.#preempted.clear();
  }
}
