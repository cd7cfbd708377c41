/**
 * The kernel's own stall decision, replayed: when check_cpu_stall() would have warned about a grace period, and which CPU
 * would have noticed (MODEL 2.5, R2.60, R2.61). Compared with the warning when there is one.
 */
import type { GracePeriod } from './model/grace-period.ts';
import { seconds } from './wording.ts';

export interface StallPrediction {
  readonly verdict: 'would-warn' | 'cannot-warn' | 'no-stall';
  /** Earliest warning and whose tick brings it. */
  readonly atNs?: number;
  readonly cpu?: number;
  /** The noticing CPU owes the quiescent state itself. */
  readonly self?: boolean;
}

/** RCU_STALL_RAT_DELAY: others may report two jiffies after the deadline. The longest jiffy is 10 ms. */
const OTHERS_DELAY_NS = 2e7;

/** @param tillNs threshold from the grace period's start (R2.40). */
export function predictStall(gp: GracePeriod, endNs: number, tillNs: number): StallPrediction {
  const dueNs = gp.startNs + tillNs;
  if (endNs < dueNs) return { verdict: 'no-stall' };
  const self = gp.ticks.find((tick) => tick.owes && tick.ns >= dueNs);
  const other = gp.ticks.find((tick) => tick.ns >= dueNs + OTHERS_DELAY_NS);
  if (self && (!other || self.ns <= other.ns))
    return { verdict: 'would-warn', atNs: self.ns, cpu: self.cpu, self: true };
  if (other) return { verdict: 'would-warn', atNs: other.ns, cpu: other.cpu, self: false };
  return { verdict: 'cannot-warn' };
}

/** The prediction as a sentence of the finding. */
export function describePrediction(gp: GracePeriod, prediction: StallPrediction): string {
  if (prediction.verdict === 'no-stall') return 'by this threshold the kernel does not warn (R2.60)';
  if (prediction.verdict === 'cannot-warn') {
    return 'no tick was recorded past the threshold: without one the kernel cannot warn (R2.41)';
  }
  const after = seconds((prediction.atNs as number) - gp.startNs);
  const who = prediction.self ? `CPU ${prediction.cpu} about itself` : `CPU ${prediction.cpu} about the others`;
  if (gp.warnedNs === undefined) return `by this threshold the kernel would have warned after ${after}, ${who} (R2.61)`;
  const apartNs = Math.abs(gp.warnedNs - (prediction.atNs as number));
  return `replayed decision: warns after ${after}, ${who}; the kernel's own warning came ${seconds(apartNs)} ${gp.warnedNs >= (prediction.atNs as number) ? 'later' : 'earlier'} (R2.61)`;
}
