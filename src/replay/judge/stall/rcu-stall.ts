/**
 * RCU stalls: grace periods that the kernel warned about, or would have by its own rule (MODEL 2.5, R2.60).
 */
import { type Finding, formatDuration } from '../../../../schema/index.ts';
import { EvidenceList } from '../../core/evidence-list.ts';
import { inferred, note, notesOf, threshold } from '../../core/note.ts';
import { LOST_EVENTS_NOTE, splitLabel } from '../../core/wording.ts';
import { gracePeriodFloorNs } from '../../knowledge/collection-floors.ts';
import type { KthreadSleep, KthreadStarvation } from '../../model/inferred/gp-kthread.ts';
import { type GracePeriod, gracePeriodName, type Holdout, heldUntilNs } from '../../model/rcu/grace-period.ts';
import type { RunRecord } from '../../record/run-record.ts';
import type { Timeline } from '../../record/timeline.ts';
import {
  citeHoldoutTimes,
  citeQuiescent,
  decisiveHoldout,
  decisiveOf,
  GRACE_PERIOD_EVENTS,
  inferredBy,
} from '../chain/rcu/grace-period.ts';
import { citeKthread, citeKthreadSleep, citeStarvation } from '../chain/rcu/kthread.ts';
import { citeLocks } from '../chain/task.ts';
import { identified } from '../finding-id.ts';
import { cpuStrips, STRIP_LEGEND } from '../storm/cpu-strip.ts';
import { holdoutNote, stallHoldouts } from './holdouts.ts';
import { decisionOf, describePrediction, givenWarning, predictStall, tickOfWarning } from './prediction.ts';
import { expeditedRule, reportOf, type StallRule, stallRule } from './rule.ts';

const EXPEDITED_DECISION = note(
  'an expedited grace period is watched by the worker that runs it, with its own timeout; the CPUs it waits for are inferred: their interrupt or their next context switch shows when they were quiescent',
  'R2.47',
);

export function detectRcuStalls(record: RunRecord): Finding[] {
  const { timeline } = record;
  const floorNs = gracePeriodFloorNs(record.thresholds);
  const periods = timeline.data.periods.filter((gp) => gp.warnedNs !== undefined || timeline.length(gp) >= floorNs);
  const rule = stallRule(record, periods, timeline.data.stallReports);
  const expedited = expeditedRule(record, periods, rule);
  return periods
    .map((gp) => [gp, gp.expedited ? expedited : rule] as const)
    .filter(([gp, { timeoutNs }]) => gp.warnedNs !== undefined || timeline.length(gp) >= timeoutNs)
    .map(([gp, inForce]) => stall(timeline, gp, inForce));
}

/** Nobody to wait for, and the kthread that has to notice it neither runs nor gets a CPU. */
function kthreadNote(
  flavor: string,
  starved: KthreadStarvation | undefined,
  asleep: KthreadSleep | undefined,
): string[] {
  if (starved) {
    const occupant = starved.occupant ? `, which ${starved.occupant} had` : '';
    return [
      `all quiescent states were reported; ${flavor}:${starved.tid} was runnable, waiting for CPU ${starved.cpu}${occupant} (GPKTHREAD_RUNNABLE)`,
    ];
  }
  if (!asleep) return [];
  const how = asleep.blocked
    ? 'slept in D state, waiting for something else (GPKTHREAD_BLOCKED)'
    : 'slept, and its timer did not wake it (GPKTHREAD_NOT_WOKEN)';
  return [`all quiescent states were reported; ${flavor}:${asleep.tid} ${how}`];
}

function stall(timeline: Timeline, gp: GracePeriod, rule: StallRule): Finding {
  const endNs = timeline.end(gp);
  const atNs = gp.warnedNs ?? Math.min(endNs, gp.startNs + rule.timeoutNs);
  const pending = pendingAt(gp, atNs);
  // Of those pending then, the one pending longest: what cleared shortly after it became a holdout explains nothing.
  const holding = pending.filter((holdout) => !doneBy(holdout, atNs));
  // No holdout was pending then: one that was before, or became one later, is not the reason.
  const decisive = decisiveOf(holding) ?? (pending.length > 0 ? decisiveHoldout(gp) : undefined);
  // Readers that were preempted hold the grace period after their CPU has reported; the kernel lists both (R2.7).
  const cpus = [...new Set(pending.filter((h) => h.kind === 'cpu').map((h) => h.cpu))].sort((a, b) => a - b);
  const tasks = [...new Set(pending.filter((h) => h.kind === 'reader').map((h) => h.name))].sort();
  const judged = decisive ? timeline.judge(decisive) : undefined;
  const unrecorded = decisive?.kind === 'cpu' && timeline.data.unrecordedCpus.includes(decisive.cpu);
  const starved = pending.every((holdout) => doneBy(holdout, atNs))
    ? timeline.kthreadWithoutCpu(gp.flavor, atNs)
    : undefined;
  const undecided = !gp.expedited && pending.every((holdout) => doneBy(holdout, atNs));
  const asleep = !starved && undecided && gp.initDoneNs !== null ? timeline.kthreadAsleep(gp.flavor, atNs) : undefined;
  const cause = starved || asleep ? 'gp-kthread-starved' : (judged?.cause ?? 'unknown');
  const who =
    [...cpus.map((cpu) => `CPU ${cpu}`), ...tasks.map((task) => `reader ${task}`)].join(', ') || 'nobody recorded';
  const prediction = predictStall(gp, endNs, rule.timeoutNs, rule.hz, rule.earlyNs);
  const report = reportOf(timeline.data.stallReports, gp);
  const given = givenWarning(gp, report, rule.hz);
  const ticksSeen = timeline.data.visible.firstTickEvent > 0;
  const evidence = stallEvidence(timeline, gp, decisive ? [...pending, decisive] : pending);
  evidence.cite(tickOfWarning(gp, prediction, rule), 'the tick that brings the warning, by the replayed decision');
  if (rule.shownBy && rule.shownBy !== gp) {
    evidence.cite(rule.shownBy.startEvent, `${gracePeriodName(rule.shownBy)} starts`);
    evidence.cite(rule.shownBy.warnedEvent ?? 0, 'the warning that shows the threshold');
  }
  if (judged?.lockSpin)
    for (const tid of [splitLabel(judged.lockSpin.task).tid, judged.lockSpin.ownerTid])
      citeLocks(evidence, timeline, tid);
  if (undecided) citeKthread(evidence, gp, timeline);
  if (starved) citeStarvation(evidence, starved, timeline);
  if (asleep) citeKthreadSleep(evidence, asleep, timeline.data.lastEvent);
  const notes = notesOf([
    threshold(`${formatDuration(rule.timeoutNs)} (${rule.why})`, ...(rule.rules ?? [])),
    ...(gp.censored ? [LOST_EVENTS_NOTE] : []),
    ...(decisive?.inferred ? [inferredBy(decisive)] : []),
    ...kthreadNote(gp.flavor, starved, asleep),
    ...(decisive
      ? [
          inferred(
            note(
              `${decisive.name}: ${holdoutNote(timeline, decisive)}`,
              ...(judged?.code === 'DEFERRED_UNLOCK' ? ['R2.11'] : []),
            ),
          ),
        ]
      : [nobodyPending(timeline, gp, starved !== undefined || asleep !== undefined)]),
    gp.expedited ? EXPEDITED_DECISION : describePrediction(gp, prediction, rule, given, ticksSeen),
  ]);
  return identified({
    kind: 'rcu-stall',
    severity: gp.censored && gp.warnedNs === undefined ? 'warning' : 'error',
    confidence: gp.endInferred || gp.censored || unrecorded || decisive?.inferred ? 'inferred' : 'observed',
    title: `${gracePeriodName(gp)}${gp.seq === null && report?.eventSeq ? ` ${report.eventSeq}` : ''} stalled for ${formatDuration(endNs - gp.startNs)}${gp.endNs === null ? ' and had not ended' : ''}: waits for ${who}, cause ${cause}`,
    start_ns: gp.startNs,
    end_ns: endNs,
    evidence: evidence.list(),
    notes,
    flavor: gp.flavor,
    gp_seq: gp.seq === null ? (report?.eventSeq ?? null) : String(gp.seq),
    ...(gp.expedited && { expedited: true }),
    cpus,
    tasks,
    cause,
    holdouts: stallHoldouts(timeline, pending),
    ...(!gp.expedited && gp.seq !== null && { decision: decisionOf(gp, prediction, given, rule) }),
    timeline: { legend: STRIP_LEGEND, cpus: cpuStrips(timeline, gp.startNs, endNs) },
  });
}

/** What is left to say of a grace period that waits for nobody that the capture shows. */
function nobodyPending(timeline: Timeline, gp: GracePeriod, starved: boolean): string {
  if (gp.holdouts.length === 0)
    return 'no CPU or reader was recorded as holding it up: rcu_grace_period_init and rcu_quiescent_state_report tell';
  if (starved) return 'every CPU had reported';
  return timeline.data.visible.preemptedReaders
    ? 'every CPU had reported, and no preempted reader was recorded: the kthread did not end it'
    : 'every CPU had reported: a preempted reader, or the kthread; record rcu_preempt_task and rcu_unlock_preempted_task to tell which';
}

/** It was quiescent; at most it had to be noticed. */
function doneBy(holdout: Holdout, atNs: number): boolean {
  return (heldUntilNs(holdout) ?? Number.POSITIVE_INFINITY) <= atNs;
}

/** Holdouts at that time. CPUs that have only to be noticed count when there is no other: the kernel lists them too. */
function pendingAt(gp: GracePeriod, atNs: number): Holdout[] {
  const pending = gp.holdouts.filter((h) => h.fromNs <= atNs && (h.toNs ?? Number.POSITIVE_INFINITY) > atNs);
  const holding = pending.filter((holdout) => !doneBy(holdout, atNs));
  return holding.length > 0 ? holding : pending;
}

function stallEvidence(timeline: Timeline, gp: GracePeriod, holdouts: readonly Holdout[]): EvidenceList {
  const evidence = new EvidenceList();
  const { lastEvent } = timeline.data;
  const name = gracePeriodName(gp);
  evidence.cite(gp.startEvent, `${name} starts`);
  for (const holdout of holdouts) {
    evidence.cite(holdout.fromEvent, `quiescent state of ${holdout.name} pending`);
    evidence.cite(holdout.toEvent, `${holdout.name} reports its quiescent state`);
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
