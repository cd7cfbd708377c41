/**
 * RCU stalls: grace periods that the kernel warned about, or would have by its own rule (MODEL 2.5, R2.60).
 */
import type { Finding, KernelProfile } from '../../../schema/index.ts';
import {
  citeHoldoutTimes,
  citeQuiescent,
  citeStarvation,
  decisiveHoldout,
  decisiveOf,
  GRACE_PERIOD_EVENTS,
} from '../blame-rcu.ts';
import { cpuStrips, STRIP_LEGEND } from '../cpu-strip.ts';
import { EvidenceList } from '../evidence-list.ts';
import { findingId } from '../finding-id.ts';
import { type GracePeriod, gracePeriodName, type Holdout, heldUntilNs } from '../model/grace-period.ts';
import { describePrediction, predictStall } from '../stall-prediction.ts';
import type { Timeline } from '../timeline.ts';
import { CENSORED, seconds } from '../wording.ts';
import type { World } from '../world.ts';

/** R2.40: clamp(timeout, 3..300 s), plus 5 s with PROVE_RCU. Nothing known: the kernel's default of 21 s, plus the 5 s. */
export function stallThresholdNs(profile: KernelProfile): number {
  const timeoutS = Math.min(300, Math.max(3, profile.rcuStallTimeoutS ?? 21));
  return (timeoutS + (profile.proveRcu === false ? 0 : 5)) * 1e9;
}

interface Threshold {
  readonly ns: number;
  readonly why: string;
  /** The grace period whose warning showed it. */
  readonly shownBy?: GracePeriod;
}

/** The threshold in force: the user's, else what the kernel's own first warning shows, else the profile's rule. */
function effectiveThreshold(world: World, periods: readonly GracePeriod[]): Threshold {
  if (world.thresholds.rcuStallNs !== undefined) return { ns: world.thresholds.rcuStallNs, why: 'as given' };
  const ruleNs = stallThresholdNs(world.profile);
  let shown: Threshold | undefined;
  for (const gp of periods) {
    if (gp.warnedNs === undefined || gp.expedited) continue;
    const ns = gp.warnedNs - gp.startNs;
    // The first report comes at the threshold or later (other tasks report, slow consoles), never earlier.
    if (ns < (shown?.ns ?? ruleNs)) shown = { ns, why: `the kernel warned after ${seconds(ns)}`, shownBy: gp };
  }
  if (shown) return shown;
  return { ns: ruleNs, why: 'rcu_cpu_stall_timeout rule, R2.40' };
}

export function detectRcuStalls(world: World, timeline: Timeline): Finding[] {
  const periods = timeline.data.periods.filter((gp) => gp.warnedNs !== undefined || timeline.length(gp) >= 1e9);
  const threshold = effectiveThreshold(world, periods);
  return periods
    .filter((gp) => gp.warnedNs !== undefined || timeline.length(gp) >= threshold.ns)
    .map((gp) => stall(world, timeline, gp, threshold));
}

function stall(world: World, timeline: Timeline, gp: GracePeriod, threshold: Threshold): Finding {
  const endNs = timeline.end(gp);
  const atNs = gp.warnedNs ?? Math.min(endNs, gp.startNs + threshold.ns);
  const pending = pendingAt(gp, atNs);
  // Of those that owed then, who owed on for longest: what cleared after a short debt of its own explains nothing.
  const decisive = decisiveOf(pending.filter((holdout) => !doneBy(holdout, atNs))) ?? decisiveHoldout(gp);
  // Readers that were preempted hold the grace period after their CPU has reported; the kernel lists both (R2.7).
  const cpus = [...new Set(pending.filter((h) => h.kind === 'cpu').map((h) => h.cpu))].sort((a, b) => a - b);
  const tasks = [...new Set(pending.filter((h) => h.kind === 'reader').map((h) => h.name))].sort();
  const judged = decisive ? timeline.judge(decisive) : undefined;
  const starved = pending.every((holdout) => doneBy(holdout, atNs))
    ? timeline.kthreadWithoutCpu(gp.flavor, atNs)
    : undefined;
  const cause = starved ? 'gp-kthread-starved' : (judged?.cause ?? 'unknown');
  const who =
    [...cpus.map((cpu) => `CPU ${cpu}`), ...tasks.map((task) => `reader ${task}`)].join(', ') || 'nobody recorded';
  const prediction = predictStall(gp, endNs, threshold.ns, world.profile.hz);
  const evidence = stallEvidence(timeline, gp, decisive ? [...pending, decisive] : pending);
  evidence.cite(prediction.event ?? 0, 'the tick that brings the warning, by the replayed decision');
  if (threshold.shownBy && threshold.shownBy !== gp) {
    evidence.cite(threshold.shownBy.startEvent, `${gracePeriodName(threshold.shownBy)} starts`);
    evidence.cite(threshold.shownBy.warnedEvent ?? 0, 'the warning that shows the threshold');
  }
  if (starved) citeStarvation(evidence, starved, timeline.data.lastEvent);
  const notes = [
    `threshold ${seconds(threshold.ns)} (${threshold.why})`,
    ...(gp.censored ? [CENSORED] : []),
    ...(starved
      ? [
          `every quiescent state was there; ${gp.flavor}:${starved.tid} was runnable without CPU ${starved.cpu}${starved.instead ? `, which ${starved.instead} had` : ''}`,
        ]
      : []),
    ...(judged
      ? [`${decisive?.name}: ${judged.note}`]
      : ['no CPU or reader was recorded as holding it up: rcu_grace_period_init and rcu_quiescent_state_report tell']),
    describePrediction(gp, prediction),
    ...(gp.warnedNs === undefined ? ['no warning of the kernel in this capture'] : []),
  ];
  return {
    kind: 'rcu-stall',
    id: findingId('rcu-stall', gp.flavor, cause, ...cpus, ...tasks),
    severity: gp.censored && gp.warnedNs === undefined ? 'warning' : 'error',
    confidence: gp.endInferred || gp.censored ? 'inferred' : 'observed',
    title: `${gracePeriodName(gp)} stalled for ${seconds(endNs - gp.startNs)}${gp.endNs === null ? ' and had not ended' : ''}: waits for ${who}, cause ${cause}`,
    start_ns: gp.startNs,
    end_ns: endNs,
    evidence: evidence.list(),
    notes,
    flavor: gp.flavor,
    gp_seq: gp.seq === null ? null : String(gp.seq),
    ...(gp.expedited && { expedited: true }),
    cpus,
    tasks,
    cause,
    timeline: { legend: STRIP_LEGEND, cpus: cpuStrips(timeline, gp.startNs, endNs) },
  };
}

/** It owed nothing any more; at most it had to be noticed. */
function doneBy(holdout: Holdout, atNs: number): boolean {
  return (heldUntilNs(holdout) ?? Number.POSITIVE_INFINITY) <= atNs;
}

/** Who still owed at that time. CPUs that have only to be noticed count when there is nobody else: the kernel lists them too. */
function pendingAt(gp: GracePeriod, atNs: number): Holdout[] {
  const owing = gp.holdouts.filter((h) => h.fromNs <= atNs && (h.toNs ?? Number.POSITIVE_INFINITY) > atNs);
  const holding = owing.filter((holdout) => !doneBy(holdout, atNs));
  return holding.length > 0 ? holding : owing;
}

function stallEvidence(timeline: Timeline, gp: GracePeriod, holdouts: readonly Holdout[]): EvidenceList {
  const evidence = new EvidenceList();
  const { lastEvent } = timeline.data;
  const name = gracePeriodName(gp);
  evidence.cite(gp.startEvent, `${name} starts`);
  for (const holdout of holdouts) {
    evidence.cite(holdout.fromEvent, `${holdout.name} owes a quiescent state`);
    evidence.cite(holdout.toEvent, `${holdout.name} reports`);
    citeHoldoutTimes(evidence, holdout, timeline);
  }
  citeQuiescent(evidence, gp);
  evidence.cite(gp.warnedEvent ?? 0, 'the kernel warns of the stall');
  if (gp.endEvent) evidence.cite(gp.endEvent, `${name} ends`);
  else evidence.cite(lastEvent, `the recording ends, ${name} does not`);
  evidence.range(
    gp.startEvent,
    gp.endEvent || lastEvent,
    { events: GRACE_PERIOD_EVENTS },
    `${gp.flavor} grace periods, their masks and readers`,
  );
  return evidence;
}
