/**
 * The kernel's own stall decision, replayed: when check_cpu_stall() would have warned about a grace period, and which CPU
 * would have noticed (MODEL 2.5, R2.60, R2.61). Compared with the warning when there is one.
 */
import { formatDuration, type StallDecision } from '../../../../schema/index.ts';
import { type NoteInput, note } from '../../core/note.ts';
import type { LogStall } from '../../model/log/stall.ts';
import type { GracePeriod, TickSample } from '../../model/rcu/grace-period.ts';
import { jiffyNs, type StallRule } from './rule.ts';

export interface StallPrediction {
  readonly verdict: 'would-warn' | 'cannot-warn' | 'no-stall';
  /** Earliest warning and whose tick brings it. */
  readonly atNs?: number;
  readonly cpu?: number;
  /** The detecting CPU is a holdout itself. */
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
 * @param timeoutNs threshold from the grace period's start (R2.40)
 * @param hz ticks per second, when known
 * @param earlyNs by how much the clock of the capture may show the deadline too early
 */
export function predictStall(
  gp: GracePeriod,
  endNs: number,
  timeoutNs: number,
  hz?: number,
  earlyNs = 0,
): StallPrediction {
  const dueNs = gp.startNs + timeoutNs;
  if (endNs < dueNs) return { verdict: 'no-stall' };
  const jiffy = jiffyNs(hz);
  const othersNs = dueNs + OTHERS_DELAY_JIFFIES * jiffy;
  const mayAt = (tick: TickSample): number => (tick.qsPending ? dueNs : othersNs) - earlyNs;
  const tick = gp.ticks.find((candidate) => candidate.ns >= mayAt(candidate));
  if (!tick) return { verdict: 'cannot-warn' };
  return {
    verdict: 'would-warn',
    atNs: tick.ns,
    cpu: tick.cpu,
    self: tick.qsPending,
    event: tick.event,
    ties: gp.ticks.filter((tie) => tie.cpu !== tick.cpu && tie.ns >= mayAt(tie) - jiffy && tie.ns <= tick.ns + jiffy),
    nextNs: tick.ns + 3 * timeoutNs + (3 * 1e9) / (hz ?? 1000),
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
    due_ns: Math.round(rule.timeoutNs),
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

const fromCpu = (cpu: number | undefined): string => (cpu === undefined ? 'a CPU' : `CPU ${cpu}`);

/** Whom the warning is about. */
const about = (self: boolean | undefined): string[] =>
  self === undefined ? [] : [self ? 'about itself' : 'about other CPUs'];

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
): NoteInput {
  // The start of an inferred one, and so its deadline, are not known to the jiffy.
  if (gp.seq === null) {
    if (!given)
      return 'whether and when the kernel warned of it is not recorded (record rcu_stall_warning, or the log)';
    const from = given.cpu === undefined ? '' : `, from ${fromCpu(given.cpu)}`;
    return `the kernel warned ${formatDuration(given.afterNs)} after it began${from}${details(given)}${given.jiffies === undefined ? ', at the latest' : ''}`;
  }
  const timeout = `replaying check_cpu_stall(): timeout at +${formatDuration(rule.timeoutNs)}`;
  if (prediction.verdict === 'no-stall') return note(`${timeout}; the grace period ended before it`, 'R2.60');
  // The threshold gives the jiffies of the warning that it rests on.
  const { jiffies: _, ...unnumbered } = given ?? { jiffies: undefined };
  const told = given && (rule.shownBy === gp ? (unnumbered as GivenWarning) : given);
  const did = given ? `${fromCpu(given.cpu)} at +${formatDuration(given.afterNs)}${details(told as GivenWarning)}` : '';
  if (prediction.verdict === 'cannot-warn') {
    const yet = did === '' ? '' : `. The kernel did warn, from ${did}`;
    return ticksSeen
      ? note(`${timeout}; no CPU took a tick after that, so the kernel cannot warn${yet}`, 'R2.41')
      : note(`${timeout}; ticks are not recorded, so it is unknown which CPU would warn${yet}`, 'R2.41');
  }
  const others = [...new Set(prediction.ties?.map((tie) => tie.cpu))].sort((a, b) => a - b);
  const or =
    others.length > 0
      ? ` (or CPU ${others.slice(0, TIES_NAMED).join(', ')}${others.length > TIES_NAMED ? ' …' : ''}, within a jiffy)`
      : '';
  const whom = prediction.self ? 'itself' : 'other CPUs';
  const first = `${timeout}; first tick past it is ${fromCpu(prediction.cpu)}'s${or} at +${formatDuration((prediction.atNs as number) - gp.startNs)} (would report ${whom})`;
  if (!given) return note(`${first}. No warning is in this capture`, 'R2.61');
  switch (compareWarning(gp, prediction, given, rule)) {
    case 'earlier':
      return note(`${first}. The kernel did warn earlier, from ${did}: the timeout or the clock is another`, 'R2.61');
    case 'later':
      return note(
        `${first}. The kernel did warn later, from ${did}: suppressed or reset in between, or jiffies stood still`,
        'R2.42',
      );
    case 'other-cpu':
      return note(`${first}. The kernel did warn, from ${did}: that CPU won the race`, 'R2.43');
    default:
      return note(`${first}. The kernel did warn, from ${did}`, 'R2.61');
  }
}

/** ` (about itself, t=2015 jiffies)`. */
function details({ self, jiffies }: GivenWarning): string {
  const parts = [...about(self), ...(jiffies === undefined ? [] : [`t=${jiffies} jiffies`])];
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}
