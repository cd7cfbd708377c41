/**
 * How coarse the clock of a recording is. Without a usable TSC the kernel stamps in jiffies (jiffies_sched_clock, kernel/time/sched_clock.c): all
 * stamps then advance in steps of 1 to 10 ms, and an interrupt that the step falls into, as it does into every timer interrupt, which makes it,
 * seems to last one. What lasts no longer than a step is of unknown length, neither none nor a step.
 */

/** Shorter steps are those of a clock that counts: a jiffy lasts 1 ms or more, but for HZ=1024. */
const COARSE_NS = 9e5;
/** The values that CONFIG_HZ has (kernel/Kconfig.hz; arch/mips, arch/alpha). */
const TICK_RATES_HZ = [24, 48, 100, 128, 250, 256, 300, 500, 512, 1000, 1024];
/** Stamps of one step differ by less than that, and steps are equal up to it. */
const ROUNDING_NS = 2e3;
/** So many coarse steps are no coincidence, if hardly any is shorter. */
const ENOUGH_STEPS = 64;
const FINE_SHARE = 0.01;
/** So many steps between two jiffies, and the clock counts: with a jiffies clock a recording would last for hours until they are the rare ones. */
const SETTLED_STEPS = 1 << 16;

export class ClockResolution {
  #lastNs = -1;
  #coarseSteps = 0;
  #fineSteps = 0;
  #shortestNs = Number.POSITIVE_INFINITY;

  /** False once the clock is known to be fine: no record has to be looked at any more. */
  get open(): boolean {
    return this.#fineSteps < SETTLED_STEPS;
  }

  /** Hot: every record while it is {@link open}, in order of time. */
  advance(nowNs: number): void {
    const stepNs = nowNs - this.#lastNs;
    const first = this.#lastNs < 0;
    this.#lastNs = nowNs;
    if (first || stepNs <= ROUNDING_NS) return;
    if (stepNs < COARSE_NS) this.#fineSteps++;
    else {
      this.#coarseSteps++;
      if (stepNs < this.#shortestNs) this.#shortestNs = stepNs;
    }
  }

  /** Length of a step, in ns; 0 for a clock that is fine enough to measure interrupts. */
  get stepNs(): number {
    const coarse = this.#coarseSteps >= ENOUGH_STEPS && this.#fineSteps <= FINE_SHARE * this.#coarseSteps;
    return coarse && isJiffy(this.#shortestNs) ? this.#shortestNs : 0;
  }

  /** The clock cannot tell how long that was. */
  hides(ns: number): boolean {
    const { stepNs } = this;
    return stepNs > 0 && ns <= stepNs + ROUNDING_NS;
  }
}

/** A recording that happens to be sparse has steps of any length; those of jiffies are of one of these. */
const isJiffy = (stepNs: number): boolean => TICK_RATES_HZ.some((hz) => Math.abs(stepNs - 1e9 / hz) <= ROUNDING_NS);
