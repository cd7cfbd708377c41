/**
 * The stall timeout in force and the length of a jiffy, as far as a capture tells (MODEL R2.40, P0.1): the user's word, else what the
 * kernel's own warnings show, else the rule with the profile's numbers.
 */
import { formatDuration, type KernelProfile } from '../../../../schema/index.ts';
import { HZ_FEWEST_TICKS, LONGEST_JIFFY_NS } from '../../knowledge/thresholds.ts';
import type { LogStall } from '../../model/log/stall.ts';
import type { GracePeriod, TickSample } from '../../model/rcu/grace-period.ts';
import type { RunSettings } from '../../record/run-record.ts';

export interface StallRule {
  /** From the start of a grace period to the deadline of its warning, on the clock of the capture. */
  readonly timeoutNs: number;
  /** Ticks per second; undefined when nothing shows it. */
  readonly hz: number | undefined;
  /** How far jiffies and this clock drift apart by the deadline. */
  readonly driftNs: number;
  /** By how much this clock shows the deadline earlier than at a whole second. */
  readonly earlyNs: number;
  readonly why: string;
  /** Rules that it rests on. */
  readonly rules?: readonly string[];
  /** The grace period whose warning showed it. */
  readonly shownBy?: GracePeriod;
}

const HZ_VALUES = [100, 250, 300, 1000] as const;

/** What CONFIG_PROVE_RCU adds to the timeout, and the least that the kernel takes for one (R2.40). */
const PROVE_RCU_S = 5;
const SHORTEST_TIMEOUT_S = 3;

/** R2.40: clamp(timeout, 3..300 s), plus 5 s with PROVE_RCU. Nothing known: the kernel's default of 21 s, plus the 5 s. */
export function stallThresholdNs(profile: KernelProfile): number {
  const timeoutS = Math.min(300, Math.max(SHORTEST_TIMEOUT_S, profile.rcuStallTimeoutS ?? 21));
  return (timeoutS + (profile.proveRcu === false ? 0 : PROVE_RCU_S)) * 1e9;
}

/** The longest jiffy, for kernels that do not tell theirs. */
export function jiffyNs(hz: number | undefined): number {
  return hz === undefined ? LONGEST_JIFFY_NS : 1e9 / hz;
}

function hzOf(perSecond: number, tolerance: number): number | undefined {
  return HZ_VALUES.find((hz) => Math.abs(perSecond - hz) / hz <= tolerance);
}

/** HZ from the ticks of the CPU that took most: the usual distance between two of them. */
export function hzOfTicks(ticks: readonly TickSample[]): number | undefined {
  const gaps = new Map<number, number[]>();
  const last = new Map<number, number>();
  for (const { cpu, ns } of ticks) {
    const gapNs = ns - (last.get(cpu) ?? Number.NEGATIVE_INFINITY);
    last.set(cpu, ns);
    if (gapNs > 1.2 * LONGEST_JIFFY_NS) continue;
    const list = gaps.get(cpu);
    if (list) list.push(gapNs);
    else gaps.set(cpu, [gapNs]);
  }
  const [most] = [...gaps.values()].sort((a, b) => b.length - a.length);
  if (!most || most.length < HZ_FEWEST_TICKS) return undefined;
  most.sort((a, b) => a - b);
  return hzOf(1e9 / most[most.length >> 1], 0.1);
}

/** The kernel's report about a grace period in the log or in printk:console events, when there is one. */
export function reportOf(reports: readonly LogStall[], gp: GracePeriod): LogStall | undefined {
  // Of one that is inferred no number is known: the report was printed while it lasted.
  if (gp.seq === null)
    return reports.find(
      ({ flavor, expedited, first }) =>
        flavor === gp.flavor &&
        expedited === gp.expedited &&
        first.tsNs >= gp.startNs &&
        first.tsNs <= (gp.endNs ?? Number.POSITIVE_INFINITY),
    );
  return reports.find(
    (stall) => stall.flavor === gp.flavor && stall.expedited === gp.expedited && stall.eventSeq === String(gp.seq),
  );
}

/** `3 s timeout + 5 s PROVE_RCU = 2000`: what the limit is made of, in jiffies (R2.40). */
function limitWords(limitS: number, hz: number, { proveRcu, rcuStallTimeoutS }: KernelProfile): string {
  const jiffies = limitS * hz;
  const split = limitS - PROVE_RCU_S;
  const added = proveRcu !== false && split >= SHORTEST_TIMEOUT_S && (rcuStallTimeoutS ?? split) === split;
  if (!added) return `${limitS} s timeout = ${jiffies} at HZ ${hz}`;
  const other = proveRcu === undefined ? `, or a timeout of ${limitS} s` : '';
  return `${split} s timeout + ${PROVE_RCU_S} s PROVE_RCU = ${jiffies} at HZ ${hz}${other}`;
}

/** What one warning shows: the age of its grace period in whole seconds, and how the capture's clock runs against jiffies. */
function shown(gp: GracePeriod, report: LogStall | undefined, profile: KernelProfile): StallRule | undefined {
  const known = profile.hz;
  const jiffies = report?.first.jiffies;
  // When an inferred one began is not known exactly: the report counts from there.
  if (gp.seq === null && !gp.expedited && jiffies !== undefined && known !== undefined) {
    const limitS = Math.floor(jiffies / known);
    const why = `the kernel warned at t=${jiffies} jiffies; ${limitWords(limitS, known, profile)}`;
    return { timeoutNs: limitS * 1e9, hz: known, driftNs: 0, earlyNs: 0, why, shownBy: gp };
  }
  if (gp.expedited || gp.warnedNs === undefined || gp.seq === null) return undefined;
  const ageNs = gp.warnedNs - gp.startNs;
  const hz = known ?? (jiffies === undefined ? hzOfTicks(gp.ticks) : hzOf(jiffies / (ageNs / 1e9), 0.05));
  if (jiffies !== undefined && hz !== undefined) {
    // The clock of an emulated machine may run apart from its jiffies: the report counts those (R2.62).
    const scale = ageNs / ((jiffies * 1e9) / hz);
    const tillS = Math.floor(jiffies / hz);
    const drift = Math.abs(scale - 1);
    const apart = drift > 0.002 && drift < 0.05;
    return {
      timeoutNs: tillS * 1e9 * (apart ? scale : 1),
      hz,
      driftNs: apart ? drift * ageNs : 0,
      earlyNs: 0,
      why: `the kernel warned at t=${jiffies} jiffies; ${limitWords(tillS, hz, profile)}`,
      shownBy: gp,
    };
  }
  // The first report comes at a whole second or later: other CPUs notice later, and clocks differ a little.
  const nextS = Math.ceil(ageNs / 1e9);
  const tillS = nextS * 1e9 - ageNs <= 0.01 * ageNs ? nextS : Math.floor(ageNs / 1e9);
  // Others report two jiffies later than the CPU itself would, right after their tick.
  const othersNs = gp.warnedSelf === false ? 2 * jiffyNs(hz) : 0;
  const earlyNs = Math.max(0, tillS * 1e9 + othersNs + 1e6 - ageNs);
  return {
    timeoutNs: tillS * 1e9,
    hz,
    driftNs: earlyNs,
    earlyNs,
    why: `the kernel warned at +${formatDuration(ageNs)}`,
    shownBy: gp,
  };
}

/** The rule in force for normal grace periods. */
export function stallRule(
  settings: RunSettings,
  periods: readonly GracePeriod[],
  reports: readonly LogStall[],
): StallRule {
  const { profile, thresholds } = settings;
  const warnings = periods.flatMap((gp) => shown(gp, reportOf(reports, gp), profile) ?? []);
  const shortest = warnings.reduce<StallRule | undefined>(
    (a, b) => (a && a.timeoutNs <= b.timeoutNs ? a : b),
    undefined,
  );
  const hz = profile.hz ?? shortest?.hz ?? periods.map((gp) => hzOfTicks(gp.ticks)).find((found) => found);
  if (thresholds.rcuStallNs !== undefined)
    return { timeoutNs: thresholds.rcuStallNs, hz, driftNs: 0, earlyNs: 0, why: 'as given' };
  const ruleNs = stallThresholdNs(profile);
  // A warning may come late, never early: what it shows is the most that the timeout can be, unless nothing else is known of it.
  if (shortest && (shortest.timeoutNs < ruleNs || profile.rcuStallTimeoutS === undefined)) return { ...shortest, hz };
  return { timeoutNs: ruleNs, hz, driftNs: 0, earlyNs: 0, why: ruleWords(profile), rules: ['R2.40'] };
}

/**
 * The rule for expedited ones: rcu_exp_cpu_stall_timeout, which is the normal timeout unless it is set, and a quarter and a jiffy more with
 * PROVE_RCU (R2.47); what a warning shows is less.
 */
export function expeditedRule(settings: RunSettings, periods: readonly GracePeriod[], normal: StallRule): StallRule {
  if (settings.thresholds.rcuStallNs !== undefined) return normal;
  const slower = settings.profile.proveRcu === false ? 1 : 1.25;
  const rule: StallRule = {
    ...normal,
    timeoutNs: normal.timeoutNs * slower,
    why: `${normal.why}; expedited`,
    rules: ['R2.47'],
  };
  return periods.reduce((shortest, gp) => {
    if (!gp.expedited || gp.warnedNs === undefined || gp.warnedNs - gp.startNs >= shortest.timeoutNs) return shortest;
    const ageNs = gp.warnedNs - gp.startNs;
    return { ...normal, timeoutNs: ageNs, why: `the kernel warned at +${formatDuration(ageNs)}`, shownBy: gp };
  }, rule);
}

function ruleWords(profile: KernelProfile): string {
  const timeout =
    profile.rcuStallTimeoutS === undefined
      ? 'the default rcu_cpu_stall_timeout of 21 s'
      : `rcu_cpu_stall_timeout ${profile.rcuStallTimeoutS} s`;
  if (profile.proveRcu === false) return timeout;
  return profile.proveRcu ? `${timeout} plus 5 s for PROVE_RCU` : `${timeout} plus 5 s assuming PROVE_RCU (unknown)`;
}
