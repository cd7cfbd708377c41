/** A CPU that spins until another one answers, on the way from a blocked task to its root: the time belongs to the other CPU. */
import type { Root } from '../../../../schema/index.ts';
import type { EvidenceList } from '../../core/evidence-list.ts';
import { splitLabel } from '../../core/wording.ts';
import { WAITS_FOR } from '../../knowledge/waits-for.ts';
import type { BusyWait } from '../../model/inferred/busy-wait.ts';
import type { HoldoutVerdict } from '../../model/rcu/holdout/shares.ts';
import type { Timeline } from '../../record/timeline.ts';
import type { Link } from './draft.ts';
import { citeCpuTime } from './occupancy-evidence.ts';
import { type AttributionWalk, addContexts, occupantLink, splitByShares } from './walk.ts';

/** Below the CPU that spins: its task, the CPU that does not answer, and what takes the time of that one; the root is what keeps it. */
export function blameBusyWait(
  walk: AttributionWalk,
  spinning: Link,
  wait: BusyWait,
  verdict: HoldoutVerdict,
  ns: number,
): void {
  const { draft, timeline } = walk;
  const { target, targetCpu } = wait;
  citeBusyWait(draft.evidence, timeline, wait);
  draft.root(busyWaitRoot(wait, verdict), ns);
  const task = spinning.waitsFor(WAITS_FOR.cpuOwner, wait.task, {
    tid: splitLabel(wait.task).tid,
    note: `spins in ${wait.fn} until ${targetCpu === undefined ? 'another CPU' : `CPU ${targetCpu}`} answers`,
    event: wait.event,
  });
  if (targetCpu === undefined) {
    task.blame(ns);
    return;
  }
  const silent = task.waitsFor(WAITS_FOR.answer, `CPU ${targetCpu}`, {
    cpu: targetCpu,
    note: 'takes no call-function interrupt',
    ...(target && { event: target.fromEvent }),
  });
  const pieces = splitByShares(verdict.shares, ns);
  if (verdict.cause === 'cpu-hog' && verdict.task !== undefined) occupantLink(silent, verdict.task, pieces.own);
  else silent.blame(pieces.own);
  const storm = timeline.stormDuring('nmi', targetCpu, wait.startNs, wait.endNs);
  addContexts(silent, targetCpu, pieces, storm?.firstEvent);
}

/** What keeps the CPU that does not answer. */
export function busyWaitRoot({ targetCpu }: BusyWait, { cause, code, task }: HoldoutVerdict): Root {
  if (targetCpu === undefined) return { kind: 'unknown' };
  return {
    kind: cause,
    ...(code === 'IRQS_OFF' && { code }),
    cpu: targetCpu,
    ...(task !== undefined && splitLabel(task)),
  };
}

/** What shows the spin, and what the CPU did that does not answer. */
export function citeBusyWait(evidence: EvidenceList, timeline: Timeline, wait: BusyWait): void {
  evidence.cite(wait.event, wait.shown);
  if (!wait.target) return;
  const { cpu, fromEvent, toEvent } = wait.target;
  citeCpuTime(evidence, timeline, cpu, fromEvent, toEvent || timeline.data.lastEvent);
}
