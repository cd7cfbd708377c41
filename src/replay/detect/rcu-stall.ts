/**
 * RCU stalls: grace periods that the kernel warned about, or would have by its own rule (MODEL 2.5, R2.60).
 */
import type { Evidence, Finding, KernelProfile } from '../../../schema/index.ts';
import { decisiveHoldout, decisiveOf } from '../blame.ts';
import { cpuStrips, STRIP_LEGEND } from '../cpu-strip.ts';
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

/** The threshold in force: the user's, else what the kernel's own first warning shows, else the profile's rule. */
function effectiveThreshold(world: World, periods: readonly GracePeriod[]): { ns: number; why: string } {
  if (world.thresholds.rcuStallNs !== undefined) return { ns: world.thresholds.rcuStallNs, why: 'as given' };
  const warned = periods.filter((gp) => gp.warnedNs !== undefined).map((gp) => (gp.warnedNs as number) - gp.startNs);
  const ruleNs = stallThresholdNs(world.profile);
  if (warned.length > 0) {
    const observed = Math.min(...warned);
    // The first report comes at the threshold or later (other tasks report, slow consoles), never earlier.
    if (observed < ruleNs) return { ns: observed, why: `the kernel warned after ${seconds(observed)}` };
  }
  return { ns: ruleNs, why: 'rcu_cpu_stall_timeout rule, R2.40' };
}

export function detectRcuStalls(world: World, timeline: Timeline): Finding[] {
  const periods = timeline.data.periods.filter((gp) => gp.warnedNs !== undefined || timeline.length(gp) >= 1e9);
  const threshold = effectiveThreshold(world, periods);
  return periods
    .filter((gp) => gp.warnedNs !== undefined || timeline.length(gp) >= threshold.ns)
    .map((gp) => stall(world, timeline, gp, threshold));
}

function stall(world: World, timeline: Timeline, gp: GracePeriod, threshold: { ns: number; why: string }): Finding {
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
  const evidence: Evidence[] = [{ event: gp.startEvent, role: `${gracePeriodName(gp)} starts` }];
  for (const holdout of pending) evidence.push(...holdoutEvidence(holdout));
  if (gp.warnedEvent) evidence.push({ event: gp.warnedEvent, role: 'the kernel warns of the stall' });
  if (gp.endEvent) evidence.push({ event: gp.endEvent, role: `${gracePeriodName(gp)} ends` });
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
    describePrediction(gp, predictStall(gp, endNs, threshold.ns, world.profile.hz)),
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
    evidence,
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

function holdoutEvidence(holdout: Holdout): Evidence[] {
  const evidence: Evidence[] = [{ event: holdout.fromEvent, role: `${holdout.name} owes a quiescent state` }];
  if (holdout.toEvent) evidence.push({ event: holdout.toEvent, role: `${holdout.name} reports` });
  return evidence;
}
