/**
 * The reader that a grace period waited for, where no event names it: a task that did not sleep from the time the grace period could begin until
 * it woke the grace-period kthread itself, right before the grace period ended. That is what the unlock of the last reader does (R2.10, R2.11).
 */

import type { Holdout } from '../rcu/grace-period.ts';
import type { NoVoluntarySwitch, NoVoluntarySwitchModel } from '../task/no-voluntary-switch.ts';
import type { KthreadWake, KthreadWakerModel } from './kthread-waker.ts';

/** After the unlock the kthread has to run, a further grace period may be needed, and its callbacks are invoked. */
const AFTER_NS = 2e8;
const AFTER_SHARE = 0.05;
/** The reader was there for nearly all of it. */
const COVERS = 0.9;

export interface InferredReader {
  readonly stretch: NoVoluntarySwitch;
  readonly holdout: Holdout;
}

/** @param wokenNs the last waiter is woken: wakes of the kthread after it ask for the next grace period */
export function findReader(
  from: { readonly involuntary: NoVoluntarySwitchModel; readonly wakers: KthreadWakerModel },
  fromNs: number,
  toNs: number,
  wokenNs: number,
): InferredReader | undefined {
  const sinceNs = toNs - Math.max(AFTER_NS, AFTER_SHARE * (toNs - fromNs));
  const { stretches } = from.involuntary;
  // The first one that fits: what comes later may serve a later grace period.
  for (const wake of from.wakers.wakes) {
    if (wake.ns < sinceNs || wake.ns >= wokenNs) continue;
    const stretch = stretches.find(
      (candidate) =>
        candidate.tid === wake.tid &&
        wake.ns - Math.max(fromNs, candidate.fromNs) >= COVERS * (toNs - fromNs) &&
        (candidate.toNs ?? Number.POSITIVE_INFINITY) >= wake.ns,
    );
    if (stretch) return { stretch, holdout: holdout(stretch, wake, stretches, fromNs) };
  }
  return undefined;
}

function holdout(
  stretch: NoVoluntarySwitch,
  wake: KthreadWake,
  stretches: readonly NoVoluntarySwitch[],
  fromNs: number,
): Holdout {
  const { ran, prios } = whoRan(stretch, stretches);
  return {
    kind: 'reader',
    cpu: stretch.cpu,
    tid: stretch.tid,
    name: `${stretch.comm}:${stretch.tid}`,
    fromNs: Math.max(fromNs, stretch.fromNs),
    fromEvent: stretch.fromEvent,
    toNs: wake.ns,
    toEvent: wake.event,
    accountedToEvent: stretch.toEvent,
    cpuEvent: stretch.fromEvent,
    taskEvent: stretch.fromEvent,
    queuedEvent: 0,
    passedNs: null,
    passedBy: undefined,
    passedEvent: 0,
    occupancyFrom: stretch.occupancyFrom,
    occupancyTo: stretch.occupancyTo,
    timesFrom: stretch.timesFrom,
    timesTo: stretch.timesTo,
    ran,
    prios,
    ticksFrom: 0,
    ticks: 0,
    interruptsFrom: 0,
    interrupts: 0,
    inferred: true,
  };
}

/** Of tasks that kept a CPU for long, those that had this one at the time. */
function whoRan(
  stretch: NoVoluntarySwitch,
  stretches: readonly NoVoluntarySwitch[],
): { ran: Map<string, number>; prios: Map<string, number> } {
  const ran = new Map<string, number>();
  const prios = new Map<string, number>();
  const untilNs = stretch.toNs ?? Number.POSITIVE_INFINITY;
  for (const other of stretches) {
    if (other.fromNs >= untilNs || (other.toNs ?? Number.POSITIVE_INFINITY) <= stretch.fromNs) continue;
    const label = `${other.comm}:${other.tid}`;
    const runningNs = other.timesTo[0] - other.timesFrom[0];
    if (other.cpu === stretch.cpu && runningNs > (ran.get(label) ?? 0)) {
      ran.set(label, runningNs);
      prios.set(label, other.prio);
    }
  }
  return { ran, prios };
}
