/** READER_* of MODEL 2.7: a preempted reader that runs (unless interrupts eat its CPU), waits for a CPU, sleeps, or has left its section. */
import { formatDuration, type HoldoutCode, type RootKind } from '../../../../../schema/index.ts';
import type { Visibility } from '../../../core/visibility.ts';
import { MAX_RT_PRIO, rtPriority } from '../../../knowledge/priorities.ts';
import { LATE_NS } from '../../../knowledge/thresholds.ts';
import type { Holdout } from '../grace-period.ts';
import { busiest, type HoldoutVerdict, MOST, NMI_SHARE, percentOf, realTime } from './shares.ts';

export function judgeReader(holdout: Holdout, shares: HoldoutVerdict['shares'], visible: Visibility): HoldoutVerdict {
  const from = holdout.timesFrom;
  const to = holdout.timesTo;
  const none = { nmi: 0, hardirq: 0, softirq: 0 };
  const spent = from && to ? [0, 1, 2, 3].map((state) => to[state] - from[state]) : [];
  const total = spent.reduce((sum, ns) => sum + ns, 0);
  // The accounts of its CPU add up to the time for which it was pending.
  const heldNs = (holdout.occupancyTo ?? holdout.occupancyFrom).reduce(
    (sum, ns, kind) => sum + ns - holdout.occupancyFrom[kind],
    0,
  );
  if (!visible.switches || total <= 0 || total < MOST * heldNs) {
    const note = 'inside rcu_read_lock; whether it was running is not recorded (record sched:sched_switch)';
    return { cause: 'unknown', code: 'UNKNOWN', shares: none, task: undefined, runnableShare: 0, note };
  }
  const [running, runnable, blocked, sleeping] = spent.map((ns) => ns / total);
  const verdict = (cause: RootKind, code: HoldoutCode, note: string, task?: string): HoldoutVerdict => ({
    cause,
    code,
    shares: code === 'READER_NMI_STARVED' ? shares : none,
    task,
    runnableShare: code === 'READER_NMI_STARVED' ? 0 : runnable,
    note: `${note}${boost(holdout)}${holdout.inferred ? '; it woke the grace-period kthread as the last one to leave' : ''}`,
  });
  if (shares.nmi >= NMI_SHARE && running + runnable >= MOST)
    return verdict(
      'nmi-storm',
      'READER_NMI_STARVED',
      `reader starved: NMIs take ${percentOf(shares.nmi)} of CPU ${holdout.cpu}`,
    );
  const leftNs = holdout.leftNs === undefined ? 0 : (holdout.toNs ?? holdout.fromNs + total) - holdout.leftNs;
  if (leftNs >= MOST * total && leftNs > LATE_NS) {
    const note = `had left the read-side section no later than its return to user mode, ${formatDuration(leftNs)} before the report (deferred unlock)`;
    return verdict('reader-running', 'DEFERRED_UNLOCK', note);
  }
  if (running >= MOST)
    return verdict(
      'reader-running',
      'READER_RUNNING_LONG',
      `inside rcu_read_lock, running ${percentOf(running)} of the time`,
    );
  if (runnable >= MOST) {
    const by = busiest(holdout, holdout.name);
    const who = by ? `, preempted by ${by}${realTime(holdout, by)}` : '';
    return verdict(
      'reader-preempted',
      'READER_RUNNABLE',
      `inside rcu_read_lock, runnable without a CPU ${percentOf(runnable)} of the time${who}`,
      by,
    );
  }
  return verdict(
    'reader-sleeping',
    'READER_BLOCKED',
    `inside rcu_read_lock, asleep ${percentOf(blocked + sleeping)} of the time`,
  );
}

function boost(holdout: Holdout): string {
  if (holdout.boostedNs === undefined) return '';
  const boostedTo = rtPriority(holdout.boostedTo ?? MAX_RT_PRIO - 1);
  return `, boosted to real-time priority ${boostedTo} after ${formatDuration(Math.max(0, holdout.boostedNs - holdout.fromNs))}`;
}
