/** The grace periods of a run, as many as verdicts need: all recent ones, and every slow one. */

import type { GracePeriod } from './grace-period.ts';

/** Recent grace periods kept for blame; the time of older ones becomes `unknown` (W4.43). */
const KEPT = 4096;

export class GracePeriodHistory {
  /** Recent ones by start; the open ones are the last of their flavour. */
  readonly recent: GracePeriod[] = [];
  /** Slow ones by end. Never dropped, because they are few: each takes its length of the run. */
  readonly #slow: GracePeriod[] = [];
  readonly #slowNs: number;

  /** @param slowNs long enough to matter for a verdict by itself */
  constructor(slowNs: number) {
    this.#slowNs = slowNs;
  }

  add(gp: GracePeriod): void {
    this.recent.push(gp);
    if (this.recent.length > KEPT * 2) this.recent.splice(0, KEPT);
  }

  /** The grace period is over, or the capture is, at `endNs`. */
  ended(gp: GracePeriod, endNs: number): void {
    if (endNs - gp.startNs >= this.#slowNs) this.#slow.push(gp);
  }

  /** All that are kept, each once, by start. */
  all(): GracePeriod[] {
    return [...new Set([...this.#slow, ...this.recent])].sort((a, b) => a.startNs - b.startNs);
  }

  /** Grace periods of a flavour that ended after `sinceNs` or are open, by start. */
  overlapping(flavor: string, sinceNs: number): GracePeriod[] {
    const found: GracePeriod[] = [];
    for (let i = this.recent.length - 1; i >= 0; i--) {
      const gp = this.recent[i];
      if (gp.flavor !== flavor) continue;
      if (gp.endNs === null || gp.endNs > sinceNs) found.push(gp);
      // Starts are in order: one that ended before the wait, and is not expedited beside longer ones, bounds the search.
      else if (!gp.expedited) break;
    }
    return found.reverse();
  }
}
