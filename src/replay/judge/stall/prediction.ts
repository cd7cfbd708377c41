/**
 * The kernel's own stall decision, replayed: when check_cpu_stall() would have warned about a grace period, and which CPU
 * would have noticed (MODEL 2.5, R2.60, R2.61). Compared with the warning when there is one.
 */
import type { StallDecision } from '../../../../schema/index.ts';
import { seconds } from '../../core/wording.ts';
import type { LogStall } from '../../model/log/stall.ts';
import type { GracePeriod, TickSample } from '../../model/rcu/grace-period.ts';
import { jiffyNs, type StallRule } from './rule.ts';

export interface StallPrediction {
  readonly verdict: 'would-warn' | 'cannot-warn' | 'no-stall';
  /** Earliest warning and whose tick brings it. */
  readonly atNs?: number;
  readonly cpu?: number;
  /** The noticing CPU owes the quiescent state itself. */
  readonly self?: boolean;
  /** The tick. */
  readonly event?: number;
  /**
   * Other CPUs that a jiffy more or less would make the first: the deadline counts from a jiffy that had begun before the grace period,
   * and of several one wins the compare-exchange (R2.43).
   */
  readonly ties?: readonly TickSample[];
  /** Earliest further warning: three timeouts and three jiffies after the first (R2.43); slow consoles come later (T59). */
  readonly nextNs?: number;
}

/** RCU_STALL_RAT_DELAY: others may report two jiffies after the deadline. */
const OTHERS_DELAY_JIFFIES = 2;
/** Two jiffies for rounding at both ends, one for the tick itself; differences beyond are labelled (R2.61). */
const AGREE_JIFFIES = 3;

const TIES_NAMED = 4;

/**
 * @param tillNs threshold from the grace period's start (R2.40)
 * @param hz ticks per second, when known
 * @param earlyNs by how much the clock of the capture may show the deadline too early
 */
export function predictStall(
  gp: GracePeriod,
  endNs: number,
  tillNs: number,
  hz?: number,
  earlyNs = 0,
): StallPrediction {
  const dueNs = gp.startNs + tillNs;
  if (endNs < dueNs) return { verdict: 'no-stall' };
  const jiffy = jiffyNs(hz);
  const othersNs = dueNs + OTHERS_DELAY_JIFFIES * jiffy;
  const mayAt = (tick: TickSample): number => (tick.owes ? dueNs : othersNs) - earlyNs;
  const tick = gp.ticks.find((candidate) => candidate.ns >= mayAt(candidate));
  if (!tick) return { verdict: 'cannot-warn' };
  return {
    verdict: 'would-warn',
    atNs: tick.ns,
    cpu: tick.cpu,
    self: tick.owes,
    event: tick.event,
    ties: gp.ticks.filter((tie) => tie.cpu !== tick.cpu && tie.ns >= mayAt(tie) - jiffy && tie.ns <= tick.ns + jiffy),
    nextNs: tick.ns + 3 * tillNs + (3 * 1e9) / (hz ?? 1000),
  };
}

/** The tick to show: the one right before the warning where a jiffy more or less makes that the first, else the predicted one; 0 without. */
export function tickOfWarning(gp: GracePeriod, prediction: StallPrediction, rule: StallRule): number {
  const { atNs, event } = prediction;
  const { warnedNs, warnedCpu } = gp;
  if (atNs === undefined || warnedNs === undefined) return event ?? 0;
  const before = gp.ticks.findLast((tick) => tick.cpu === warnedCpu && tick.ns <= warnedNs);
  return before && Math.abs(before.ns - atNs) <= jiffyNs(rule.hz) + rule.driftNs ? before.event : (event ?? 0);
}

/** The warning that the kernel did give. */
export interface GivenWarning {
  readonly afterNs: number;
  readonly cpu: number | undefined;
  readonly self: boolean | undefined;
  /** `t=` of the report. */
  readonly jiffies: number | undefined;
}

export function givenWarning(
  gp: GracePeriod,
  report: LogStall | undefined,
  hz: number | undefined,
): GivenWarning | undefined {
  const jiffies = report?.first.jiffies;
  const byLog = jiffies !== undefined && hz !== undefined ? (jiffies * 1e9) / hz : undefined;
  const afterNs = gp.warnedNs === undefined || gp.seq === null ? byLog : gp.warnedNs - gp.startNs;
  if (afterNs === undefined && gp.warnedNs === undefined) return undefined;
  const selfByLog = report && (report.first.how === 'self' ? true : report.first.how === 'other' ? false : undefined);
  return {
    afterNs: afterNs ?? (gp.warnedNs as number) - gp.startNs,
    cpu: gp.warnedCpu ?? report?.first.detectedBy,
    self: gp.warnedSelf ?? selfByLog,
    jiffies,
  };
}

/** How the warning and the replayed decision compare (R2.61). */
export function compareWarning(
  gp: GracePeriod,
  prediction: StallPrediction,
  given: GivenWarning,
  rule: StallRule,
): StallDecision['agreement'] {
  if (prediction.atNs === undefined) return undefined;
  const apartNs = given.afterNs - (prediction.atNs - gp.startNs);
  const toleratedNs = AGREE_JIFFIES * jiffyNs(rule.hz) + rule.driftNs;
  if (apartNs < -toleratedNs) return 'earlier';
  if (apartNs > toleratedNs) return 'later';
  if (given.cpu === undefined || given.cpu === prediction.cpu) return 'agrees';
  return prediction.ties?.some((tie) => tie.cpu === given.cpu) ? 'agrees' : 'other-cpu';
}

/** The decision as the finding carries it. */
export function decisionOf(
  gp: GracePeriod,
  prediction: StallPrediction,
  given: GivenWarning | undefined,
  rule: StallRule,
): StallDecision {
  const { verdict, atNs, cpu, self, nextNs } = prediction;
  const agreement = given && compareWarning(gp, prediction, given, rule);
  return {
    verdict,
    due_ns: Math.round(rule.tillNs),
    hz: rule.hz ?? null,
    ...(atNs !== undefined && {
      predicted: {
        after_ns: Math.round(atNs - gp.startNs),
        cpu: cpu as number,
        self: self === true,
        or_cpus: [...new Set(prediction.ties?.map((tie) => tie.cpu))].sort((a, b) => a - b),
      },
    }),
    ...(nextNs !== undefined && { again_after_ns: Math.round(nextNs - gp.startNs) }),
    ...(given && {
      warned: {
        after_ns: Math.round(given.afterNs),
        cpu: given.cpu ?? null,
        self: given.self ?? null,
        jiffies: given.jiffies ?? null,
      },
    }),
    ...(agreement && { agreement }),
  };
}

const whom = (cpu: number | undefined, self: boolean | undefined): string => {
  const about = self === undefined ? '' : self ? ' about itself' : ' about others';
  return `${cpu === undefined ? 'a CPU' : `CPU ${cpu}`}${about}`;
};

/**
 * The decision as a sentence of the finding.
 * @param ticksSeen whether ticks are among the recorded events at all
 */
export function describePrediction(
  gp: GracePeriod,
  prediction: StallPrediction,
  rule: StallRule,
  given: GivenWarning | undefined,
  ticksSeen: boolean,
): string {
  // The start of an inferred one, and so its deadline, are not known to the jiffy.
  if (gp.seq === null) {
    if (!given) return 'whether and when the kernel warned of it is not recorded (rcu_stall_warning, or the log)';
    const whose = given.cpu === undefined ? '' : `, ${whom(given.cpu, given.self)}`;
    return `the kernel warned ${seconds(given.afterNs)} after it began${whose}${given.jiffies === undefined ? ', at the latest' : `, t=${given.jiffies} jiffies`}`;
  }
  const due = `the kernel's stall decision, replayed: due ${seconds(rule.tillNs)} after the start, at the next tick`;
  if (prediction.verdict === 'no-stall') return `${due}; the grace period ended before that (R2.60)`;
  const did = given
    ? `the kernel warned after ${seconds(given.afterNs)}, ${whom(given.cpu, given.self)}${given.jiffies === undefined ? '' : `, t=${given.jiffies} jiffies`}`
    : '';
  if (prediction.verdict === 'cannot-warn') {
    if (!ticksSeen) return `${due}; ticks are not recorded: who would warn cannot be told${did ? `; ${did}` : ''}`;
    return `${due}; no CPU took one from then on, so it cannot warn (R2.41)${did ? `; yet ${did}` : ''}`;
  }
  const others = [...new Set(prediction.ties?.map((tie) => tie.cpu))].sort((a, b) => a - b);
  const or =
    others.length > 0
      ? ` (or CPU ${others.slice(0, TIES_NAMED).join(', ')}${others.length > TIES_NAMED ? ' …' : ''}, a jiffy apart)`
      : '';
  const predicted = `${due}: ${whom(prediction.cpu, prediction.self)}${or}, after ${seconds((prediction.atNs as number) - gp.startNs)}`;
  if (!given) return `${predicted}; it would have warned, and no warning is in this capture (R2.61)`;
  switch (compareWarning(gp, prediction, given, rule)) {
    case 'earlier':
      return `${predicted}; yet ${did}: earlier than that, so the timeout or the clock is another (R2.61)`;
    case 'later':
      return `${predicted}; ${did}: later, so it was suppressed or reset meanwhile (R2.42), or jiffies stood still`;
    case 'other-cpu':
      return `${predicted}; ${did}: another CPU won the race (R2.43)`;
    default:
      return `${predicted}; as it happened: ${did} (R2.61)`;
  }
}
