/** A CPU without a quiescent state as the holdout of a grace period whose holdouts no event shows (R2.6). */
import { overlapNs } from '../../core/interval.ts';
import type { Holdout } from '../rcu/grace-period.ts';
import type { NoQsInterval } from '../task/no-qs-interval.ts';

/** How much of [fromNs, toNs) the stretch covers, in ns. */
export function coveredNs(stretch: NoQsInterval, fromNs: number, toNs: number): number {
  return Math.max(0, overlapNs(stretch.fromNs, stretch.toNs, fromNs, toNs));
}

/** @param open the grace period goes on at `toNs`, the end of the capture */
export function quietHoldout(stretch: NoQsInterval, fromNs: number, toNs: number, open: boolean): Holdout {
  const lasts = Math.min(stretch.toNs, toNs);
  return {
    kind: 'cpu',
    cpu: stretch.cpu,
    tid: -1,
    name: `CPU ${stretch.cpu}`,
    fromNs: Math.max(stretch.fromNs, fromNs),
    fromEvent: stretch.fromEvent,
    toNs: open && stretch.toNs >= toNs ? null : lasts,
    toEvent: stretch.toEvent,
    cpuEvent: stretch.fromEvent,
    taskEvent: 0,
    queuedEvent: 0,
    passedNs: null,
    passedBy: undefined,
    passedEvent: 0,
    occupancyFrom: stretch.occupancyFrom,
    occupancyTo: stretch.occupancyTo,
    timesFrom: undefined,
    timesTo: undefined,
    ran: new Map([[stretch.task, lasts - Math.max(stretch.fromNs, fromNs)]]),
    prios: new Map(),
    ticksFrom: 0,
    ticks: stretch.ticks,
    interruptsFrom: 0,
    interrupts: stretch.interrupts,
    inferred: true,
  };
}
