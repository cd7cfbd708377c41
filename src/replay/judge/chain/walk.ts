/** What the parts of blame share: the timeline, the chain under construction, the tasks on the way. */
import type { Root } from '../../../../schema/index.ts';
import type { Trail } from '../../core/wait-walk.ts';
import { splitLabel } from '../../core/wording.ts';
import { SCHEDULING_EVENTS } from '../../knowledge/scheduling-events.ts';
import { WAITS_FOR, type WaitEdge } from '../../knowledge/waits-for.ts';
import { OCC_HARDIRQ, OCC_NMI, OCC_SOFTIRQ } from '../../model/cpu/cpu-state.ts';
import { type HoldoutVerdict, IRQ_SHARE, NMI_SHARE } from '../../model/rcu/holdout/shares.ts';
import type { SyncWait } from '../../model/sync/sync-wait.ts';
import type { Timeline } from '../../record/timeline.ts';
import type { ChainDraft, Link, LinkDetails, Waiter } from './draft.ts';
import { citeCpuTime } from './occupancy-evidence.ts';

/** First and last event of what is being cut. */
export interface EventSpan {
  readonly from: number;
  readonly to: number;
}

/** Times are absolute. Whatever something waits for is opened inside its own link. */
export interface AttributionWalk {
  readonly timeline: Timeline;
  readonly draft: ChainDraft;
  /** Pieces shorter than this are no evidence of their own, only part of a range. */
  readonly minCitedNs: number;
  /** Tasks on the way, by key: meeting one again is a cycle (W4.41). */
  readonly trail: Trail<number>;
  /** Cuts a wait, or a part of it, along what it waited for. */
  wait(waiter: Link, wait: SyncWait, fromNs: number, toNs: number): void;
}

/** A task that is met on the way. */
export interface TaskLink extends LinkDetails {
  readonly edge: WaitEdge;
  /** `comm:tid`. */
  readonly label: string;
  readonly tid: number;
}

/**
 * Enters a task inside its waiter. One that is on the way already closes a cycle, which nobody outside can resolve (W4.41).
 * @param ns time that the task answers for, itself or by what it waits for
 */
export function enterTask(
  walk: AttributionWalk,
  waiter: Waiter,
  { edge, label, ...details }: TaskLink,
  ns: number,
  follow: (link: Link) => void,
): void {
  const { trail, draft } = walk;
  const { tid } = details;
  if (trail.isOnWay(tid)) {
    waiter.waitsFor(edge, label, { ...details, closes: true }).blame(ns);
    draft.root({ kind: 'deadlock', ...splitLabel(label) }, ns);
    return;
  }
  trail.within(tid, () => follow(waiter.waitsFor(edge, label, details)));
}

/** First and last event of a wait; to the end of the capture while it is open. */
export function spanOf(
  timeline: Timeline,
  wait: { startEvent: number; endEvent: number; endNs: number | null },
): EventSpan {
  return { from: wait.startEvent, to: (wait.endNs === null ? 0 : wait.endEvent) || timeline.data.lastEvent };
}

/** The scheduling of a task, as evidence: its switches, wakeups and stacks. */
export function citeScheduling(walk: AttributionWalk, tid: number, label: string, span: EventSpan): void {
  walk.draft.evidence.range(span.from, span.to, { events: SCHEDULING_EVENTS, tid }, `scheduling of ${label}`);
}

/** What took the time of a CPU, as evidence. */
export function citeOccupancy(walk: AttributionWalk, cpu: number, span: EventSpan): void {
  citeCpuTime(walk.draft.evidence, walk.timeline, cpu, span.from, span.to);
}

type Shares = HoldoutVerdict['shares'];

/** Splits `ns` by shares; integers that sum to `ns`. */
export function splitByShares(
  shares: Shares,
  ns: number,
): { own: number; softirq: number; hardirq: number; nmi: number } {
  const softirq = Math.floor(shares.softirq * ns);
  const hardirq = Math.floor(shares.hardirq * ns);
  const nmi = Math.floor(shares.nmi * ns);
  return { own: ns - softirq - hardirq - nmi, softirq, hardirq, nmi };
}

/** Adds the interrupt contexts of a CPU below its link (W7). */
export function addContexts(
  link: Link,
  cpu: number,
  pieces: Omit<ReturnType<typeof splitByShares>, 'own'>,
  nmiEvent = 0,
): void {
  if (pieces.softirq > 0) link.waitsFor(WAITS_FOR.softirqs, `softirqs on CPU ${cpu}`, { cpu }).blame(pieces.softirq);
  if (pieces.hardirq > 0) link.waitsFor(WAITS_FOR.hardirqs, `interrupts on CPU ${cpu}`, { cpu }).blame(pieces.hardirq);
  if (pieces.nmi > 0) link.waitsFor(WAITS_FOR.nmis, `NMIs on CPU ${cpu}`, { cpu, event: nmiEvent }).blame(pieces.nmi);
}

/** The task that had a CPU (W8). @param cpu link of the CPU, @param label `comm:tid` */
export function occupantLink(cpu: Link, label: string, ns: number): void {
  cpu.waitsFor(WAITS_FOR.cpuOwner, label, { tid: splitLabel(label).tid, note: 'runs on it' }).blame(ns);
}

/** What interrupts took of a CPU in an interval, as far as the run's buckets tell. */
export function sharesDuring(timeline: Timeline, cpu: number, fromNs: number, toNs: number): Shares {
  const spent = timeline.data.history.between(cpu, fromNs, toNs);
  const total = spent.reduce((sum, ns) => sum + ns, 0) || 1;
  return { nmi: spent[OCC_NMI] / total, hardirq: spent[OCC_HARDIRQ] / total, softirq: spent[OCC_SOFTIRQ] / total };
}

/** The storm that such shares are, if any. */
export function stormRoot(shares: Shares, cpu: number): Root | undefined {
  if (shares.nmi >= NMI_SHARE) return { kind: 'nmi-storm', cpu };
  if (shares.hardirq >= IRQ_SHARE) return { kind: 'irq-storm', cpu };
  return shares.softirq >= IRQ_SHARE ? { kind: 'softirq-storm', cpu } : undefined;
}
