/**
 * rcu_stall_warning of grace periods that no other event shows: the tracepoint is compiled into every kernel (E1.0). A warning during an inferred
 * grace period is that one's; by itself it proves a grace period, held up by the CPUs that had passed no quiescent state when it came.
 */

import { type GracePeriod, newGracePeriod } from '../rcu/grace-period.ts';
import type { StallWarning } from '../rcu/stall-warning.ts';
import type { NoQsInterval } from '../task/no-qs-interval.ts';
import { quietHoldout } from './quiet-holdout.ts';

/** Gives each grace period its first warning. @returns warnings outside of all of them */
export function assignWarnings(periods: readonly GracePeriod[], warnings: readonly StallWarning[]): StallWarning[] {
  return warnings.filter((warning) => {
    const gp = periods.find(
      (period) =>
        period.flavor === warning.flavor &&
        period.expedited === (warning.how === 'expedited') &&
        period.startNs <= warning.ns &&
        (period.endNs ?? Number.POSITIVE_INFINITY) >= warning.ns,
    );
    if (!gp) return true;
    if (gp.warnedNs === undefined) {
      gp.warnedNs = warning.ns;
      gp.warnedEvent = warning.event;
      if (warning.how !== 'expedited') {
        gp.warnedCpu = warning.cpu;
        gp.warnedSelf = warning.how === 'self';
      }
    }
    return false;
  });
}

/**
 * The grace period of a warning that nobody is known to have waited for: it began after the last quiescent state of the CPU that held it up, and
 * ended when that CPU passed the next one.
 * @param stretches of CPUs that do not spin for others
 */
export function periodOfWarning(
  warning: StallWarning,
  stretches: readonly NoQsInterval[],
  captureEndNs: number,
): GracePeriod | undefined {
  const [held] = stretches
    .filter(({ cpu }) => warning.how !== 'self' || cpu === warning.cpu)
    .filter(({ fromNs, toNs }) => fromNs < warning.ns && toNs >= warning.ns)
    .sort((a, b) => a.fromNs - b.fromNs);
  if (!held) return undefined;
  const open = held.toNs >= captureEndNs;
  const gp = newGracePeriod({
    flavor: warning.flavor,
    seq: null,
    expedited: warning.how === 'expedited',
    requestNs: null,
    startNs: held.fromNs,
    startEvent: held.fromEvent,
    gapsAtStart: 0,
  });
  return Object.assign(gp, {
    endNs: open ? null : held.toNs,
    endEvent: open ? 0 : held.toEvent,
    endInferred: true,
    holdouts: [quietHoldout(held, held.fromNs, held.toNs, open)],
  });
}
