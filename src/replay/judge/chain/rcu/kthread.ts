/** The grace-period kthread on the way from a blocked task to its root: runnable, without a CPU, and who had it (W3, W9, R2.45). */
import type { Root } from '../../../../../schema/index.ts';
import type { EvidenceList } from '../../../core/evidence-list.ts';
import { overlapNs } from '../../../core/interval.ts';
import { splitLabel } from '../../../core/wording.ts';
import { SCHEDULING_EVENTS } from '../../../knowledge/scheduling-events.ts';
import { WAITS_FOR } from '../../../knowledge/waits-for.ts';
import type { KthreadSleep, KthreadStarvation } from '../../../model/inferred/gp-kthread.ts';
import type { GracePeriod } from '../../../model/rcu/grace-period.ts';
import type { Timeline } from '../../../record/timeline.ts';
import { blameBusyWait, busyWaitRoot } from '../busy-wait.ts';
import type { Link, Waiter } from '../draft.ts';
import { citeCpuTime } from '../occupancy-evidence.ts';
import { type AttributionWalk, addContexts, occupantLink, splitByShares, stormRoot } from '../walk.ts';

/**
 * A piece of a grace period in which only its kthread could have moved things on.
 * @returns how much of it is not explained by the kthread having no CPU
 */
export function blameKthread(
  walk: AttributionWalk,
  period: Link,
  flavor: string,
  fromNs: number,
  toNs: number,
): number {
  const { timeline } = walk;
  let leftNs = toNs - fromNs;
  for (const starvation of timeline.data.starvations) {
    if (starvation.flavor !== flavor) continue;
    const ns = overlapNs(fromNs, toNs, starvation.startNs, timeline.end(starvation));
    if (ns <= 0) continue;
    blameStarvation(walk, period, starvation, ns);
    leftNs -= ns;
  }
  const unexplainedNs = Math.max(0, leftNs);
  period.blame(unexplainedNs);
  return unexplainedNs;
}

/** A while in which the kthread, or a worker, waited for a CPU: it goes to the task that had it. */
export function blameStarvation(
  walk: AttributionWalk,
  waiter: Waiter,
  starvation: KthreadStarvation,
  ns: number,
  kind: 'kthread' | 'worker' = 'kthread',
): void {
  const { draft, timeline } = walk;
  const { flavor, tid, cpu, occupant, shares, event } = starvation;
  citeStarvation(draft.evidence, starvation, timeline);
  const pieces = splitByShares(shares, ns);
  const note = `runnable, waiting for CPU ${cpu}${occupant ? `, which ${occupant} had` : ''}`;
  const edge = kind === 'kthread' ? WAITS_FOR.gpKthread : WAITS_FOR.poolWorker;
  const starved = waiter.waitsFor(edge, `${flavor}:${tid}`, { tid, note, event });
  const wanted = starved.waitsFor(WAITS_FOR.cpu, `CPU ${cpu}`, { cpu });
  const spin = timeline.busyWait(cpu, starvation.startNs, timeline.end(starvation));
  if (spin) {
    blameBusyWait(walk, wanted, spin.wait, spin.verdict, pieces.own);
    addContexts(wanted, cpu, pieces);
    draft.root(busyWaitRoot(spin.wait, spin.verdict), ns - pieces.own);
    return;
  }
  if (occupant === undefined) wanted.blame(pieces.own);
  else occupantLink(wanted, occupant, pieces.own);
  const storm = timeline.stormDuring('nmi', cpu, starvation.startNs, timeline.end(starvation));
  addContexts(wanted, cpu, pieces, storm?.firstEvent);
  draft.root(kind === 'kthread' ? starvationRoot(starvation) : workerRoot(starvation), ns);
}

/** The load of its CPU, else that it got none. */
function starvationRoot({ flavor, tid, cpu, shares }: KthreadStarvation): Root {
  return stormRoot(shares, cpu) ?? { kind: 'gp-kthread-starved', cpu, task: flavor, tid };
}

/**
 * Nobody else was left to wait for while the kthread slept: nobody woke it (GPKTHREAD_NOT_WOKEN, GPKTHREAD_BLOCKED).
 * @returns how much of the piece that explains
 */
export function blameKthreadSleep(walk: AttributionWalk, gp: GracePeriod, fromNs: number, toNs: number): number {
  const { draft, timeline } = walk;
  let asleepNs = 0;
  citeKthread(draft.evidence, gp, timeline);
  for (const sleep of timeline.data.kthreadSleeps) {
    if (sleep.flavor !== gp.flavor || gp.expedited) continue;
    const ns = overlapNs(fromNs, toNs, sleep.startNs, timeline.end(sleep));
    if (ns <= 0) continue;
    citeKthreadSleep(draft.evidence, sleep, timeline.data.lastEvent);
    draft.root({ kind: 'gp-kthread-starved', code: 'GPKTHREAD_NOT_WOKEN', task: sleep.flavor, tid: sleep.tid }, ns);
    asleepNs += ns;
  }
  return asleepNs;
}

/** Cite the kthread's scheduling, to show that it was not asleep. */
export function citeKthread(evidence: EvidenceList, gp: GracePeriod, timeline: Timeline): void {
  const tid = timeline.data.kthreadTids.get(gp.flavor);
  if (tid === undefined) return;
  const to = gp.endEvent || timeline.data.lastEvent;
  evidence.range(gp.startEvent, to, { events: SCHEDULING_EVENTS, tid }, `scheduling of ${gp.flavor}:${tid}`);
}

/** The kthread sleeps although nobody is left to wait for. */
export function citeKthreadSleep(evidence: EvidenceList, sleep: KthreadSleep, lastEvent: number): void {
  const label = `${sleep.flavor}:${sleep.tid}`;
  evidence.cite(sleep.event, `${label} goes to sleep`);
  evidence.cite(sleep.endEvent, `${label} is woken`);
  const to = sleep.endEvent || lastEvent;
  evidence.range(sleep.event, to, { events: SCHEDULING_EVENTS, tid: sleep.tid }, `scheduling of ${label}`);
}

/** A worker's CPU: its load, else the task that has it. */
function workerRoot({ cpu, shares, occupant }: KthreadStarvation): Root {
  const storm = stormRoot(shares, cpu);
  if (storm || occupant === undefined) return storm ?? { kind: 'workqueue-starved', cpu };
  return { kind: 'workqueue-starved', cpu, ...splitLabel(occupant) };
}

/** The kthread waits for a CPU, and who has it. */
export function citeStarvation(evidence: EvidenceList, starvation: KthreadStarvation, timeline: Timeline): void {
  const { flavor, tid, cpu, event, endEvent, cpuEvent } = starvation;
  const label = `${flavor}:${tid}`;
  const to = endEvent || timeline.data.lastEvent;
  evidence.cite(event, `${label} becomes runnable`);
  evidence.cite(endEvent, `${label} gets a CPU`);
  evidence.range(event, to, { events: SCHEDULING_EVENTS, tid }, `scheduling of ${label}`);
  citeCpuTime(evidence, timeline, cpu, cpuEvent || event, to);
}
