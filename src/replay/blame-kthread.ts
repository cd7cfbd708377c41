/** The grace-period kthread on the way from a blocked task to its root: runnable, without a CPU, and who had it (W3, W9, R2.45). */
import type { Root } from '../../schema/index.ts';
import { addContexts, type BlameWalk, occupantLink, splitByShares, stormRoot } from './blame-walk.ts';
import type { EvidenceList } from './evidence-list.ts';
import { OCCUPANCY_EVENTS } from './knowledge/interrupt-events.ts';
import type { KthreadStarvation } from './model/gp-kthread.ts';
import { SCHEDULING_EVENTS } from './model/task.ts';

/**
 * A piece in which only the grace-period kthread could have moved things on.
 * @returns how much of it is not explained by the kthread having no CPU
 */
export function blameKthread(
  walk: BlameWalk,
  flavor: string,
  name: string,
  fromNs: number,
  toNs: number,
  depth: number,
): number {
  const { draft, timeline } = walk;
  let leftNs = toNs - fromNs;
  for (const starvation of timeline.data.starvations) {
    if (starvation.flavor !== flavor) continue;
    const ns = Math.min(toNs, timeline.end(starvation)) - Math.max(fromNs, starvation.startNs);
    if (ns <= 0) continue;
    blameStarvation(walk, starvation, ns, depth + 1);
    leftNs -= ns;
  }
  if (leftNs > 0) draft.add('rcu-gp', name, leftNs, depth);
  return Math.max(0, leftNs);
}

/** A while in which the kthread waited for a CPU: it goes to whoever had it. */
export function blameStarvation(walk: BlameWalk, starvation: KthreadStarvation, ns: number, depth: number): void {
  const { draft, timeline } = walk;
  const { flavor, tid, cpu, instead, shares, event } = starvation;
  citeStarvation(draft.evidence, starvation, timeline.data.lastEvent);
  const pieces = splitByShares(shares, ns);
  const note = `runnable without CPU ${cpu}${instead ? `, which ${instead} had` : ''}`;
  draft.add('kthread', `${flavor}:${tid}`, 0, depth, { tid, note, rule: 'W3', event });
  draft.add('cpu', `CPU ${cpu}`, instead === undefined ? pieces.own : 0, depth + 1, { cpu, rule: 'W9' });
  if (instead !== undefined) occupantLink(draft, instead, pieces.own, depth + 2);
  const storm = timeline.stormDuring('nmi', cpu, starvation.startNs, timeline.end(starvation));
  addContexts(walk, cpu, pieces, depth + 2, storm?.firstEvent);
  draft.root(starvationRoot(starvation), ns);
}

/** The load of its CPU, else that it got none. */
function starvationRoot({ flavor, tid, cpu, shares }: KthreadStarvation): Root {
  return stormRoot(shares, cpu) ?? { kind: 'gp-kthread-starved', cpu, task: flavor, tid };
}

/** The kthread waits for a CPU, and who has it. */
export function citeStarvation(evidence: EvidenceList, starvation: KthreadStarvation, lastEvent: number): void {
  const { flavor, tid, cpu, event, endEvent, cpuEvent } = starvation;
  const label = `${flavor}:${tid}`;
  const to = endEvent || lastEvent;
  evidence.cite(event, `${label} becomes runnable`);
  evidence.cite(endEvent, `${label} gets a CPU`);
  evidence.range(event, to, { events: SCHEDULING_EVENTS, tid }, `scheduling of ${label}`);
  evidence.range(cpuEvent || event, to, { events: OCCUPANCY_EVENTS, cpu }, `what CPU ${cpu} did`);
}
