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
  /** The tick. */
  readonly event?: number;
  /** Earliest further warning: three timeouts and three jiffies after the first (R2.43); slow consoles come later (T59). */
  readonly nextNs?: number;
}

/** RCU_STALL_RAT_DELAY: others may report two jiffies after the deadline. The longest jiffy is 10 ms. */
const OTHERS_DELAY_NS = 2e7;

/**
 * @param tillNs threshold from the grace period's start (R2.40)
 * @param hz ticks per second, 1000 when unknown: the earliest answer
 */
export function predictStall(gp: GracePeriod, endNs: number, tillNs: number, hz = 1000): StallPrediction {
  const dueNs = gp.startNs + tillNs;
  if (endNs < dueNs) return { verdict: 'no-stall' };
  const self = gp.ticks.find((tick) => tick.owes && tick.ns >= dueNs);
  const other = gp.ticks.find((tick) => tick.ns >= dueNs + OTHERS_DELAY_NS);
  const tick = self && (!other || self.ns <= other.ns) ? self : other;
  if (!tick) return { verdict: 'cannot-warn' };
  return {
    verdict: 'would-warn',
    atNs: tick.ns,
    cpu: tick.cpu,
    self: tick === self,
    event: tick.event,
    nextNs: tick.ns + 3 * tillNs + (3 * 1e9) / hz,
  };
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
