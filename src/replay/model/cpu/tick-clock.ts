/** Scheduler ticks: how far apart they come on a CPU that takes them, which is how their absence is noticed. */
import { LONGEST_TICK_NS, SHORTEST_TICK_NS } from '../../knowledge/thresholds.ts';
import type { CpuState } from './cpu-state.ts';

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

const ENOUGH_TICKS = 16;

/** One tick shows up twice when both its vector and rcu_utilization are recorded. */
const SAME_TICK_NS = 5e5;

export class TickClock {
  tickNs = Number.POSITIVE_INFINITY;
  closeTicks = 0;
  firstTickEvent = 0;
  lastTickEvent = 0;

  /** @returns whether it is a tick of its own */
  tick(state: CpuState, nowNs: number, eventId: number): boolean {
    const gapNs = nowNs - state.lastTickNs;
    if (state.lastTickNs >= 0 && gapNs >= SHORTEST_TICK_NS && gapNs <= LONGEST_TICK_NS) this.#close(gapNs, eventId);
    if (gapNs < SAME_TICK_NS && state.lastTickNs >= 0) return false;
    state.ticks++;
    state.tickless = false;
    state.lastTickNs = nowNs;
    return true;
  }

  /** CONFIG_HZ lies between 100 and 1000; a first guess is confirmed by repetition, not by one late tick after another. */
  #close(gapNs: number, eventId: number): void {
    if (this.closeTicks === 0) this.firstTickEvent = eventId;
    if (++this.closeTicks <= ENOUGH_TICKS) return;
    if (this.closeTicks === ENOUGH_TICKS + 1) this.lastTickEvent = eventId;
    this.tickNs = Math.min(this.tickNs, gapNs);
  }
}
