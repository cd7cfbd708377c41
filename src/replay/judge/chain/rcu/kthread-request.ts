/** A grace period was asked for and had not begun: what the grace-period kthread did instead of beginning it (W3, R2.2). */
import { overlapNs } from '../../../core/interval.ts';
import { SLOW_NS } from '../../../knowledge/thresholds.ts';
import { WAITS_FOR } from '../../../knowledge/waits-for.ts';
import type { KthreadSleep } from '../../../model/inferred/gp-kthread.ts';
import type { Link } from '../draft.ts';
import type { AttributionWalk } from '../walk.ts';
import { blameKthread, citeKthreadSleep } from './kthread.ts';

/**
 * A piece before the grace period began: to the task that had the kthread's CPU, else to the kthread that slept on although it was asked.
 * @returns how much of it neither explains
 */
export function blameRequest(
  walk: AttributionWalk,
  period: Link,
  flavor: string,
  fromNs: number,
  toNs: number,
): number {
  const sleep = longestSleep(walk.timeline.data.kthreadSleeps, flavor, fromNs, toNs, (other) =>
    walk.timeline.end(other),
  );
  if (!sleep) return blameKthread(walk, period, flavor, fromNs, toNs);
  const { draft, timeline } = walk;
  const untilNs = Math.min(toNs, timeline.end(sleep));
  const sinceNs = Math.max(fromNs, sleep.startNs);
  citeKthreadSleep(draft.evidence, sleep, timeline.data.lastEvent);
  const { tid, blocked } = sleep;
  const note = `asleep${blocked ? ' (D)' : ''} although a grace period was requested`;
  const shown = { tid, note, event: sleep.event };
  period.waitsFor(WAITS_FOR.gpKthread, `${flavor}:${tid}`, shown).blame(untilNs - sinceNs);
  const code = blocked ? 'GPKTHREAD_BLOCKED' : 'GPKTHREAD_ASLEEP';
  draft.root({ kind: 'gp-kthread-starved', code, task: flavor, tid }, untilNs - sinceNs);
  const before = sinceNs > fromNs ? blameKthread(walk, period, flavor, fromNs, sinceNs) : 0;
  return before + (toNs > untilNs ? blameKthread(walk, period, flavor, untilNs, toNs) : 0);
}

/** Shorter sleeps are how a kthread is woken: a request that lies for milliseconds is no starvation. */
function longestSleep(
  sleeps: readonly KthreadSleep[],
  flavor: string,
  fromNs: number,
  toNs: number,
  end: (sleep: KthreadSleep) => number,
): KthreadSleep | undefined {
  const within = (sleep: KthreadSleep): number => overlapNs(fromNs, toNs, sleep.startNs, end(sleep));
  return sleeps
    .filter((sleep) => sleep.flavor === flavor && within(sleep) >= Math.max(SLOW_NS, 0.5 * (toNs - fromNs)))
    .sort((a, b) => within(b) - within(a))[0];
}
