/**
 * Who made a task wait, and for how long: the chain from a blocked task to the root, with exclusive time per link.
 *
 * Backward critical path of MODEL 4.5: the waited interval is cut along what the task needed at each moment, every piece goes
 * to exactly one link, so the pieces sum to the blocked time (O21). Occupancy of a CPU within a piece is that of the whole
 * stretch in which the CPU was waited for, scaled.
 */
import type { ChainLink, Evidence, Note, Root } from '../../../../schema/index.ts';
import { Trail } from '../../core/wait-walk.ts';
import { LATE_NS } from '../../knowledge/thresholds.ts';
import { awaitedPeriod } from '../../knowledge/waits-for.ts';
import type { KthreadStarvation } from '../../model/inferred/gp-kthread.ts';
import type { SyncWait } from '../../model/sync/sync-wait.ts';
import type { HungSleep } from '../../model/task/hung-task.ts';
import type { LateWork } from '../../model/work/workqueue.ts';
import type { Timeline } from '../../record/timeline.ts';
import { ChainDraft, type Link } from './draft.ts';
import { blameBarrier } from './rcu/callbacks.ts';
import { blameRcu } from './rcu/grace-period.ts';
import { blameStarvation } from './rcu/kthread.ts';
import { blameTasks } from './rcu/tasks-gp.ts';
import { blameSrcu } from './srcu/grace-period.ts';
import { blameWaits } from './task.ts';
import { type AttributionWalk, citeOccupancy, citeScheduling, sharesDuring, spanOf, stormRoot } from './walk.ts';
import { blameQueuedWork } from './work.ts';

export { decisiveHoldout } from './rcu/grace-period.ts';

export interface Chain {
  readonly links: readonly ChainLink[];
  readonly root: Root;
  readonly evidence: readonly Evidence[];
  /** What of it is no observation, one phrase each; empty when events show all of it. */
  readonly inferredBy: readonly Note[];
}

/** Pieces of less than this share of the wait are not cited one by one. */
const MIN_CITED_SHARE = 0.01;

export class Attribution implements AttributionWalk {
  readonly timeline: Timeline;
  readonly draft = new ChainDraft();
  readonly trail = new Trail<number>();
  readonly minCitedNs: number;

  private constructor(timeline: Timeline, minCitedNs: number) {
    this.timeline = timeline;
    this.minCitedNs = minCitedNs;
  }

  /** The chain of one wait, from its start to its end (or to the end of the capture), or of the part of it that is asked for. */
  static ofWait(timeline: Timeline, wait: SyncWait, fromNs = wait.startNs, toNs = timeline.end(wait)): Chain {
    const blame = new Attribution(timeline, timeline.length(wait) * MIN_CITED_SHARE);
    const { draft } = blame;
    const label = `${wait.comm}:${wait.tid}`;
    draft.evidence.cite(wait.startEvent, `${label} enters ${wait.api}`);
    if (wait.endEvent) draft.evidence.cite(wait.endEvent, `${label} leaves ${wait.api}`);
    else draft.evidence.cite(timeline.data.lastEvent, `the recording ends, ${label} still waits`);
    draft.evidence.cite(wait.stackEvent, `${label} sleeps with this stack`);
    const span = spanOf(timeline, wait);
    draft.evidence.range(span.from, span.to, { tid: wait.tid }, `what ${label} did`);
    const note = wait.site ?? `in ${wait.api}`;
    const first = draft.waitsFor({ kind: 'task' }, label, { tid: wait.tid, note, event: wait.startEvent });
    blame.trail.within(wait.task.key, () => blame.wait(first, wait, fromNs, toNs));
    return blame.#chain();
  }

  /** The chain of an uninterruptible sleep that is no wait for a grace period: via the locks that the task waits for. */
  static ofSleep(timeline: Timeline, sleep: HungSleep): Chain {
    const endNs = timeline.end(sleep);
    const blame = new Attribution(timeline, (endNs - sleep.startNs) * MIN_CITED_SHARE);
    const label = `${sleep.comm}:${sleep.task.tid}`;
    const api = sleep.stack ? timeline.stackVerdict(sleep.stack).api : '';
    const note = api === '' ? 'asleep (D)' : `in ${api}`;
    const { tid } = sleep.task;
    const first = blame.draft.waitsFor({ kind: 'task' }, label, { tid, note, event: sleep.offEvent });
    const leftNs = blame.trail.within(sleep.task.key, () =>
      blameWaits(blame, first, { label, tid }, sleep.startNs, endNs),
    );
    blame.draft.root({ kind: 'unknown' }, leftNs);
    return blame.#chain();
  }

  /** The chain of a grace-period kthread that is runnable and gets no CPU. */
  static ofStarvation(timeline: Timeline, starvation: KthreadStarvation): Chain {
    const ns = timeline.length(starvation);
    const blame = new Attribution(timeline, ns * MIN_CITED_SHARE);
    blameStarvation(blame, blame.draft, starvation, ns);
    return blame.#chain();
  }

  /** The chain of a work item that waits for a worker. */
  static ofWork(timeline: Timeline, late: LateWork): Chain {
    const endNs = late.startNs ?? timeline.data.endNs;
    const blame = new Attribution(timeline, (endNs - late.queuedNs) * MIN_CITED_SHARE);
    blameQueuedWork(blame, blame.draft, late, late.queuedNs, endNs);
    return blame.#chain();
  }

  #chain(): Chain {
    const { draft } = this;
    return {
      links: draft.links(),
      root: draft.bestRoot(),
      evidence: draft.evidence.list(),
      inferredBy: draft.inferredBy.list(),
    };
  }

  wait(waiter: Link, wait: SyncWait, fromNs: number, toNs: number): void {
    const span = spanOf(this.timeline, wait);
    citeScheduling(this, wait.tid, `${wait.comm}:${wait.tid}`, span);
    // From its wakeup on the waiter needs nothing but a CPU (SCHED_LATENCY, W9).
    const neededNs = Math.min(toNs, Math.max(fromNs, wait.wokenNs ?? toNs));
    let cursor = fromNs;
    for (const inner of this.#innerWaits(wait, fromNs, neededNs)) {
      const startNs = Math.max(cursor, inner.startNs);
      const endNs = Math.min(neededNs, this.timeline.end(inner));
      if (endNs <= startNs) continue;
      this.#resource(waiter, wait, cursor, startNs);
      this.draft.evidence.cite(inner.startEvent, `inside it, ${wait.comm}:${wait.tid} enters ${inner.api}`);
      this.wait(waiter, inner, startNs, endNs);
      cursor = endNs;
    }
    this.#resource(waiter, wait, cursor, neededNs);
    if (neededNs < toNs) this.#withoutCpu(waiter, wait, neededNs, toNs);
  }

  /** Nested calls; the innermost one names the wait (W4.12). */
  #innerWaits(wait: SyncWait, fromNs: number, toNs: number): SyncWait[] {
    if (wait.nested) return [];
    return this.timeline
      .waitsOf(wait.tid, fromNs, toNs)
      .filter(
        (inner) => inner.nested && inner.startNs >= wait.startNs && this.timeline.end(inner) <= this.timeline.end(wait),
      );
  }

  #resource(waiter: Link, wait: SyncWait, fromNs: number, toNs: number): void {
    if (toNs <= fromNs) return;
    const awaited = awaitedPeriod(wait);
    if (awaited?.kind === 'srcu-gp') blameSrcu(this, waiter, wait, fromNs, toNs);
    else if (awaited?.kind === 'tasks-gp') blameTasks(this, waiter, wait, fromNs, toNs);
    else if (wait.resource === 'barrier') blameBarrier(this, waiter, wait, fromNs, toNs);
    // Where callbacks complete the caller, they are those of its CPU (R2.21).
    else blameRcu(this, waiter, wait, fromNs, toNs, wait.resource === 'rcu' && wait.cpu >= 0 ? wait.cpu : undefined);
  }

  #withoutCpu(waiter: Link, wait: SyncWait, fromNs: number, toNs: number): void {
    const { draft, timeline } = this;
    const ns = toNs - fromNs;
    const late = ns >= LATE_NS && wait.cpu >= 0;
    if (late) citeOccupancy(this, wait.cpu, spanOf(timeline, wait));
    const storm = late ? stormRoot(sharesDuring(timeline, wait.cpu, fromNs, toNs), wait.cpu) : undefined;
    waiter.blame(ns, ns >= this.minCitedNs ? 'woken, without a CPU for a while' : undefined);
    draft.root(storm ?? { kind: 'unknown' }, ns);
  }
}
