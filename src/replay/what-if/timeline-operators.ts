/**
 * Operators on the timeline: who would have waited for how long. Waiting is recomputed from the service times that were
 * observed; nothing is re-scheduled in response, so every new length is an interval [min, max] and the timeline gets the
 * longest (X-R1).
 */
import { formatDuration } from '../../../schema/index.ts';
import { Attribution, decisiveHoldout } from '../judge/chain/blame.ts';
import { LONG_DELAY_NS, LONGEST_JIFFY_NS, SLOW_NS, SRCU_SCAN_JIFFIES, SRCU_SCANS } from '../knowledge/thresholds.ts';
import { type GracePeriod, gracePeriodName } from '../model/rcu/grace-period.ts';
import type { SyncWait } from '../model/sync/sync-wait.ts';
import type { HungSleep } from '../model/task/hung-task.ts';
import type { Timeline } from '../record/timeline.ts';
import type { InterruptContext, Operator, OperatorOf } from './operator.ts';

/** What an operator did: the rewritten timeline, how many facts it touched, and why, in sentences. */
export interface Rewrite {
  readonly timeline: Timeline;
  readonly selected: number;
  readonly because: readonly string[];
  /** Possible length of waits that changed, ns. */
  readonly lengths: ReadonlyMap<SyncWait, readonly [number, number]>;
}

export type TimelineOperator = Extract<
  Operator,
  {
    op:
      | 'scale-context'
      | 'insert-wait'
      | 'replace-srcu-wait'
      | 'set-srcu-flavor'
      | 'srcu-to-rcu'
      | 'expedite'
      | 'remove-wait'
      | 'remove-lock-wait';
  }
>;

export function rewriteTimeline(timeline: Timeline, operator: TimelineOperator): Rewrite {
  switch (operator.op) {
    case 'scale-context':
      return scaleContext(timeline, operator);
    case 'insert-wait':
      return insertWait(timeline, operator);
    case 'replace-srcu-wait':
      return replaceSrcuWait(timeline, operator.how);
    case 'set-srcu-flavor':
      return shortenSrcuWaits(timeline, new RegExp(operator.domains));
    case 'srcu-to-rcu':
      return srcuToRcu(timeline, new RegExp(operator.domains));
    case 'expedite':
      return expedite(timeline);
    case 'remove-wait':
      return removeWaits(timeline, new RegExp(operator.sites));
    case 'remove-lock-wait':
      return removeLockWaits(timeline, new RegExp(operator.frames));
  }
}

/** Copies of waits with other ends; sleeps inside them follow. */
function withWaits(
  timeline: Timeline,
  ends: ReadonlyMap<SyncWait, number>,
  more: Partial<Parameters<Timeline['with']>[0]> = {},
): Timeline {
  const replaced = new Map<SyncWait, SyncWait>();
  for (const [wait, endNs] of ends) replaced.set(wait, { ...wait, endNs });
  const sleeps = timeline.data.sleeps.map((sleep) => {
    const wait = [...ends.keys()].find((candidate) => contains(timeline, candidate, sleep));
    return wait
      ? { ...sleep, endNs: Math.max(sleep.startNs, Math.min(timeline.end(sleep), ends.get(wait) as number)) }
      : sleep;
  });
  return timeline.with({ sleeps, ...more, waits: timeline.data.waits.map((wait) => replaced.get(wait) ?? wait) });
}

function contains(timeline: Timeline, wait: SyncWait, sleep: HungSleep): boolean {
  return wait.tid === sleep.task.tid && wait.startNs <= sleep.startNs && timeline.end(wait) >= timeline.end(sleep);
}

const CONTEXT_WORDS: Readonly<Record<InterruptContext, string>> = {
  nmi: 'NMIs',
  hardirq: 'interrupts',
  softirq: 'softirqs',
};

/** X15: time spent in a context shrinks; grace periods and waits end earlier by what it cost them. */
function scaleContext(timeline: Timeline, operator: OperatorOf<'scale-context'>): Rewrite {
  const { context, factor } = operator;
  const affects = (cpu: number | undefined): boolean => operator.cpu === undefined || operator.cpu === cpu;
  const because: string[] = [];
  const periods = timeline.data.periods.map((gp): GracePeriod => {
    const holdout = decisiveHoldout(gp);
    if (!holdout || !affects(holdout.cpu)) return gp;
    const share = timeline.judge(holdout).shares[context];
    const freedNs = share * (timeline.end({ endNs: holdout.toNs }) - holdout.fromNs) * (1 - factor);
    if (freedNs < 1) return gp;
    const endNs = Math.round(timeline.end(gp) - freedNs);
    if (freedNs > SLOW_NS)
      because.push(
        `${gracePeriodName(gp)}: ${formatDuration(freedNs)} of its ${formatDuration(timeline.length(gp))} went to ${CONTEXT_WORDS[context]} on CPU ${holdout.cpu}`,
      );
    const { warnedNs, ...rest } = gp;
    const holdouts = gp.holdouts.map((h) => ({ ...h, toNs: Math.min(h.toNs ?? endNs, endNs) }));
    return { ...rest, endNs, holdouts, ...(warnedNs !== undefined && warnedNs <= endNs && { warnedNs }) };
  });
  const ends = new Map<SyncWait, number>();
  const lengths = new Map<SyncWait, readonly [number, number]>();
  for (const wait of timeline.data.waits) {
    if (timeline.length(wait) < LONG_DELAY_NS) continue; // shorter ones make no finding
    const { links } = Attribution.ofWait(timeline, wait);
    const cost = links
      .filter((link) => link.kind === context && affects(link.cpu))
      .reduce((sum, link) => sum + link.blame_ns, 0);
    const freedNs = Math.round(cost * (1 - factor));
    if (freedNs === 0) continue;
    const longest = timeline.length(wait) - freedNs;
    // With the interrupts gone the CPU reports at its next chance: at best at once.
    const waitingForCpu = links
      .filter((link) => link.kind === 'cpu' || link.kind === 'reader')
      .reduce((sum, link) => sum + link.blame_ns, 0);
    lengths.set(wait, [Math.max(0, longest - waitingForCpu), longest]);
    // What little else the CPU did, it did in the gaps of the load.
    const loaded = new Set(links.filter((link) => link.kind === context).map((link) => link.cpu));
    const betweenNs = links
      .filter((link) => link.kind === 'cpu' && loaded.has(link.cpu))
      .reduce((sum, link) => sum + link.blame_ns, 0);
    ends.set(wait, wait.startNs + Math.max(0, longest - (factor === 0 && cost > betweenNs ? betweenNs : 0)));
  }
  const starvations = timeline.data.starvations.map((starvation) => {
    const costNs = Attribution.ofStarvation(timeline, starvation)
      .links.filter((link) => link.kind === context && affects(link.cpu))
      .reduce((sum, link) => sum + link.blame_ns, 0);
    const freedNs = Math.round(costNs * (1 - factor));
    return freedNs > 0 ? { ...starvation, endNs: timeline.end(starvation) - freedNs } : starvation;
  });
  const storms = timeline.data.storms.filter((storm) => storm.kind !== context || !affects(storm.cpu) || factor >= 1);
  const selected =
    ends.size +
    periods.filter((gp, i) => gp !== timeline.data.periods[i]).length +
    starvations.filter((starvation, i) => starvation !== timeline.data.starvations[i]).length +
    (timeline.data.storms.length - storms.length);
  return { timeline: withWaits(timeline, ends, { periods, storms, starvations }), selected, because, lengths };
}

/** A hop more on the way of every such wait. */
function insertWait(timeline: Timeline, { domains, minMs, maxMs, because }: OperatorOf<'insert-wait'>): Rewrite {
  const selects = new RegExp(domains);
  const lengths = new Map<SyncWait, readonly [number, number]>();
  for (const wait of timeline.data.waits) {
    if (wait.resource !== 'srcu' || !selects.test(wait.domain || 'unknown')) continue;
    const ns = timeline.length(wait);
    lengths.set(wait, [ns + minMs * 1e6, ns + maxMs * 1e6]);
  }
  return { timeline, selected: lengths.size, because: lengths.size > 0 ? [because] : [], lengths };
}

/** X9, X9b: the workers are free; the callers wait for the same grace periods. */
function replaceSrcuWait(timeline: Timeline, how: 'async' | 'polled'): Rewrite {
  const inside = timeline.data.waits.filter((wait) => wait.insideSrcuRun);
  const sleeps = timeline.data.sleeps.filter(
    (sleep) =>
      !inside.some((wait) => contains(timeline, wait, sleep)) && !timeline.stackVerdict(sleep.stack).insideSrcuRun,
  );
  const selected = inside.length + timeline.data.sleeps.length - sleeps.length;
  const lengths = new Map<SyncWait, readonly [number, number]>();
  if (how === 'polled' && selected > 0) {
    for (const wait of timeline.data.waits) {
      if (wait.resource !== 'srcu') continue;
      const scansNs = SRCU_SCANS * SRCU_SCAN_JIFFIES * LONGEST_JIFFY_NS;
      lengths.set(wait, [timeline.length(wait), timeline.length(wait) + scansNs]);
    }
  }
  const asleep = timeline.data.sleeps.filter((sleep) => !sleeps.includes(sleep));
  const freed = new Set([
    ...inside.map((wait) => `${wait.comm}:${wait.tid}`),
    ...asleep.map((sleep) => `${sleep.comm}:${sleep.task.tid}`),
  ]);
  return {
    timeline: timeline.with({ sleeps }),
    selected,
    because:
      selected > 0
        ? [
            `${[...freed].join(', ')} no longer sleep${freed.size === 1 ? 's' : ''} in synchronize_rcu() inside process_srcu; its callers wait for the same RCU grace periods`,
          ]
        : [],
    lengths,
  };
}

/** X10: what an SRCU grace period spent on RCU grace periods falls away. */
function shortenSrcuWaits(timeline: Timeline, domains: RegExp): Rewrite {
  const ends = new Map<SyncWait, number>();
  const lengths = new Map<SyncWait, readonly [number, number]>();
  for (const wait of timeline.data.waits) {
    if (wait.resource !== 'srcu' || !domains.test(wait.domain || 'unknown') || timeline.length(wait) < LONG_DELAY_NS)
      continue;
    const { links } = Attribution.ofWait(timeline, wait);
    const start = links.findIndex((link) => link.kind === 'rcu-gp');
    if (start < 0) continue;
    const rcuNs = links.slice(start).reduce((sum, link) => sum + link.blame_ns, 0);
    const rest = timeline.length(wait) - rcuNs;
    ends.set(wait, wait.startNs + rest);
    lengths.set(wait, [0, rest]);
  }
  const inside = timeline.data.waits.filter((wait) => wait.insideSrcuRun);
  for (const wait of inside) ends.set(wait, wait.startNs);
  return {
    timeline: withWaits(timeline, ends),
    selected: ends.size,
    because: ends.size > 0 ? ['scans of process_srcu use a memory barrier instead of synchronize_rcu()'] : [],
    lengths,
  };
}

/** X11: the caller waits for RCU itself: for the grace period in flight and a whole next one (R2.3). */
function srcuToRcu(timeline: Timeline, domains: RegExp): Rewrite {
  const ends = new Map<SyncWait, number>();
  const lengths = new Map<SyncWait, readonly [number, number]>();
  const normal = timeline.data.periods.filter((gp) => !gp.expedited);
  const replaced = new Map<SyncWait, SyncWait>();
  for (const wait of timeline.data.waits) {
    if (wait.resource !== 'srcu' || !domains.test(wait.domain)) continue;
    const target = normal.find((gp) => gp.startNs >= wait.startNs);
    const endNs = target ? Math.min(timeline.end(wait), timeline.end(target)) : timeline.end(wait);
    replaced.set(wait, { ...wait, resource: 'rcu', endNs: target || wait.endNs !== null ? endNs : null });
    ends.set(wait, endNs);
    lengths.set(wait, [endNs - wait.startNs, timeline.length(wait)]);
  }
  const rewritten = withWaits(timeline, ends);
  const because = [...replaced.keys()].map(
    (wait) => `${wait.comm}:${wait.tid} waits for RCU directly, and so for the same holdout`,
  );
  const swap = new Map([...replaced].map(([wait, copy]) => [wait.startEvent, copy]));
  return {
    timeline: rewritten.with({ waits: rewritten.data.waits.map((wait) => swap.get(wait.startEvent) ?? wait) }),
    selected: replaced.size,
    because: [...new Set(because)],
    lengths,
  };
}

/** X12: waiting for the grace period in flight and its pacing fall away; a holdout that makes no quiescent state stays (T46). */
function expedite(timeline: Timeline): Rewrite {
  const lengths = new Map<SyncWait, readonly [number, number]>();
  for (const wait of timeline.data.waits) {
    if (timeline.length(wait) < LONG_DELAY_NS) continue;
    const { links } = Attribution.ofWait(timeline, wait);
    const pacing = links
      .filter((link) => link.kind === 'rcu-gp' || link.kind === 'srcu-gp')
      .reduce((sum, link) => sum + link.blame_ns, 0);
    lengths.set(wait, [timeline.length(wait) - pacing, timeline.length(wait)]);
  }
  return {
    timeline,
    selected: lengths.size,
    because:
      lengths.size > 0
        ? ['an expedited grace period waits for the same holdouts; it only interrupts them once more']
        : [],
    lengths,
  };
}

/** X17: the callers return at once; what they would have freed waits for the same grace periods. */
function removeWaits(timeline: Timeline, sites: RegExp): Rewrite {
  const gone = timeline.data.waits.filter((wait) =>
    timeline.stackSymbols(wait.stack).some((symbol) => sites.test(symbol)),
  );
  const sleeps = timeline.data.sleeps.filter((sleep) => !gone.some((wait) => contains(timeline, wait, sleep)));
  return {
    timeline: timeline.with({ waits: timeline.data.waits.filter((wait) => !gone.includes(wait)), sleeps }),
    selected: gone.length,
    because: gone.map(
      (wait) => `${wait.comm}:${wait.tid} returns; its memory is freed by a callback after the same grace periods`,
    ),
    lengths: new Map(gone.map((wait) => [wait, [0, 0] as const])),
  };
}

/** X16: tasks that slept on a lock held by a waiting caller run on. */
function removeLockWaits(timeline: Timeline, frames: RegExp): Rewrite {
  const gone = timeline.data.sleeps.filter((sleep) => {
    const verdict = timeline.stackVerdict(sleep.stack);
    return (
      (verdict.resource === 'mutex' || verdict.resource === 'rwsem') &&
      timeline.stackSymbols(sleep.stack).some((symbol) => frames.test(symbol))
    );
  });
  return {
    timeline: timeline.with({ sleeps: timeline.data.sleeps.filter((sleep) => !gone.includes(sleep)) }),
    selected: gone.length,
    because: gone.map((sleep) => `${sleep.comm}:${sleep.task.tid} need not wait for the lock`),
    lengths: new Map(),
  };
}
