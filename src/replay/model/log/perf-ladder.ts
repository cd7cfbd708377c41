/**
 * The ladder of "perf: interrupt took too long" (MODEL 7.5, kernel/events/core.c perf_sample_event_took): each complaint raises the allowance to
 * the printed average and a quarter, so the next one must name it. The print goes through one irq_work with global values and a
 * ratelimit: what does not fit shows complaints that were merged or lost (O53, T41). The numbers are nanoseconds (T67).
 */
export interface PerfStep {
  readonly averageNs: number;
  readonly allowedNs: number;
  readonly rateHz: number;
}

export class PerfLadder {
  steps = 0;
  firstAllowedNs = 0;
  /** The allowance after the last complaint, and the sample rate that it leaves. */
  allowedNs = 0;
  rateHz = 0;
  /** Complaints between two lines that were never printed, at least one each time. */
  merged = 0;
  /** The allowance was set anew: somebody wrote to kernel.perf_cpu_time_max_percent or the sample rate. */
  resets = 0;

  add({ averageNs, allowedNs, rateHz }: PerfStep): void {
    if (this.steps === 0) this.firstAllowedNs = allowedNs;
    else if (allowedNs > this.allowedNs) this.merged++;
    else if (allowedNs < this.allowedNs) this.resets++;
    this.steps++;
    this.allowedNs = nextAllowedNs(averageNs);
    this.rateHz = rateHz;
  }
}

/** The allowance after a complaint about that average. */
export function nextAllowedNs(averageNs: number): number {
  return averageNs + Math.floor(averageNs / 4);
}
