/**
 * Expedited grace periods of captures without rcu_exp_grace_period (MODEL R2.23, W26). A task that waits long in synchronize_rcu_expedited() proves
 * one in flight. It selects its CPUs once, when it begins, and waits for those that neither take its interrupt outside of a reader nor switch
 * context: a CPU that has passed a quiescent state since then is done with. The grace-period kthread of the flavour has no part in it.
 */

import { type GracePeriod, type Holdout, newGracePeriod } from '../rcu/grace-period.ts';
import type { SyncWait } from '../sync/sync-wait.ts';
import type { NoQsInterval } from '../task/no-qs-interval.ts';
import type { ExecutorSleep } from './expedited-executor.ts';
import { coveredNs, quietHoldout } from './quiet-holdout.ts';

/** The executor has to be woken and to get a CPU before it selects: a CPU that switches within that time may still be asked. */
const SELECT_NS = 2e7;
const SELECT_SHARE = 0.02;
/** A stretch must cover this share of the time after the selection to be taken for its reason. */
const COVERS = 0.5;

/** @param waits long waits in synchronize_rcu_expedited() @param sleeps of the executor, by start @param captureEndNs where open waits are cut */
export function expeditedPeriods(
  flavor: string,
  waits: readonly SyncWait[],
  sleeps: readonly ExecutorSleep[],
  stretches: readonly NoQsInterval[],
  captureEndNs: number,
): GracePeriod[] {
  const periods: GracePeriod[] = [];
  for (const group of overlapping(waits, captureEndNs)) {
    const [first] = group;
    const fromNs = first.startNs;
    const open = group.some((wait) => wait.endNs === null);
    const toNs = Math.min(captureEndNs, Math.max(...group.map((wait) => wait.wokenNs ?? wait.endNs ?? captureEndNs)));
    const selected = sleeps.find((sleep) => sleep.startNs >= fromNs && sleep.startNs < toNs);
    const gp = newGracePeriod({
      flavor,
      seq: null,
      expedited: true,
      requestNs: fromNs,
      startNs: fromNs,
      startEvent: first.startEvent,
      gapsAtStart: 0,
    });
    const selectedNs = selected?.startNs ?? fromNs + Math.max(SELECT_NS, SELECT_SHARE * (toNs - fromNs));
    periods.push(
      Object.assign(gp, {
        initDoneNs: selected?.startNs ?? null,
        ...(selected && { executor: selected }),
        endNs: open ? null : toNs,
        endEvent: open ? 0 : group.reduce((last, wait) => Math.max(last, wait.endEvent), 0),
        endInferred: true,
        censored: group.some((wait) => wait.censored),
        holdouts: holdouts(stretches, fromNs, selectedNs, toNs, open),
      }),
    );
  }
  return periods;
}

/** Of the CPUs that have passed no quiescent state since the selection, the one that goes on longest. */
function holdouts(
  stretches: readonly NoQsInterval[],
  fromNs: number,
  selectedNs: number,
  toNs: number,
  open: boolean,
): Holdout[] {
  const [last] = stretches
    .filter((stretch) => stretch.fromNs <= selectedNs)
    .filter((stretch) => coveredNs(stretch, selectedNs, toNs) >= COVERS * (toNs - selectedNs))
    .sort((a, b) => Math.min(b.toNs, toNs) - Math.min(a.toNs, toNs) || a.fromNs - b.fromNs);
  return last ? [quietHoldout(last, fromNs, toNs, open)] : [];
}

/** Callers that overlap wait for the same grace period, give or take one: the funnel lets one of them start it (exp_funnel_lock). */
function overlapping(waits: readonly SyncWait[], captureEndNs: number): SyncWait[][] {
  const groups: SyncWait[][] = [];
  let endNs = Number.NEGATIVE_INFINITY;
  for (const wait of [...waits].sort((a, b) => a.startNs - b.startNs)) {
    if (wait.startNs > endNs) groups.push([]);
    groups[groups.length - 1].push(wait);
    endNs = Math.max(endNs, wait.endNs ?? captureEndNs);
  }
  return groups;
}
