/**
 * Work that waits for a worker, on the way from a blocked task to its root: who had the pool or the workqueue instead (W14–W17, S3.70); and
 * work that waits for its timer (W11, W12).
 */

import { splitLabel } from '../../core/wording.ts';
import { WAITS_FOR } from '../../knowledge/waits-for.ts';
import type { LateWork, WorkExecution } from '../../model/work/workqueue.ts';
import type { Link, Waiter } from './draft.ts';
import { type QueueReason, queueReason } from './queue-reason.ts';
import { blameStarvation } from './rcu/kthread.ts';
import { blameWaits } from './task.ts';
import {
  type AttributionWalk,
  addContexts,
  citeOccupancy,
  citeScheduling,
  enterTask,
  sharesDuring,
  splitByShares,
  stormRoot,
} from './walk.ts';

/** Queued and not executing in [fromNs, toNs). */
export function blameQueuedWork(
  walk: AttributionWalk,
  waiter: Waiter,
  late: LateWork,
  fromNs: number,
  toNs: number,
): void {
  const ns = toNs - fromNs;
  if (ns <= 0) return;
  const { draft, timeline } = walk;
  const { fn, pool, workqueue } = late;
  const reason = queueReason(timeline, late, fromNs, toNs);
  const { lastEvent } = timeline.data;
  draft.evidence.cite(late.queueEvent, `${fn} is queued`);
  const { domainSource } = late;
  if (domainSource) {
    draft.evidence.cite(
      domainSource.event,
      `an earlier execution of this work item names its srcu_struct ${late.domain}`,
    );
    const { startEvent, endEvent, workerTid } = domainSource;
    draft.evidence.range(startEvent, endEvent, { tid: workerTid }, `what ${timeline.labelOf(workerTid)} did`);
  }
  draft.evidence.cite(late.startEvent || lastEvent, late.startEvent ? `${fn} starts` : `${fn} still waits`);
  if (late.cpu >= 0)
    citeOccupancy(walk, late.cpu, { from: late.cpuEvent || late.queueEvent, to: late.startEvent || lastEvent });
  const note = `queued on ${workqueue}, ${NOTES[reason.kind]}`;
  const work = waiter.waitsFor(WAITS_FOR.queue, fn, { note: `${note} (pool ${pool})`, event: late.queueEvent });
  work.passThrough(ns);
  // The pool's CPU may not let any worker run.
  if (blameLoad(walk, work, late.cpu, fromNs, toNs, 'runs the workers of the pool')) return;
  switch (reason.kind) {
    case 'no-cpu':
      blameStarvation(walk, work, reason.starvation, ns, 'worker');
      return;
    case 'hog':
    case 'max-active':
    case 'itself':
      if (reason.run) {
        const ranNs = blameOccupant(walk, work, reason.run, reason.kind, fromNs, toNs);
        work.blame(ns - ranNs);
        draft.root({ kind: 'workqueue-starved' }, ns - ranNs);
        return;
      }
      break;
    default:
  }
  work.blame(ns);
  draft.root({ kind: 'workqueue-starved', ...(late.cpu >= 0 && { cpu: late.cpu }) }, ns);
}

const NOTES: Readonly<Record<QueueReason['kind'], string>> = {
  hog: 'no worker takes it',
  'no-cpu': 'no worker takes it',
  'max-active': 'not activated, or held back by another item of its workqueue',
  itself: 'its last execution goes on',
  backlog: 'behind others',
  unknown: 'no worker takes it',
};

/** @returns how much of the interval the occupant answers for */
function blameOccupant(
  walk: AttributionWalk,
  work: Link,
  run: WorkExecution,
  why: 'hog' | 'max-active' | 'itself',
  fromNs: number,
  toNs: number,
): number {
  const { draft, timeline } = walk;
  const beganNs = Math.max(fromNs, run.startNs);
  const ns = Math.max(0, Math.min(toNs, timeline.end(run)) - beganNs);
  const label = timeline.workerLabel(run);
  const tid = run.workerTid;
  const who = { task: splitLabel(label).task, tid };
  const span = { from: run.startEvent, to: run.endEvent || timeline.data.lastEvent };
  draft.evidence.cite(run.queueEvent, `${run.fn} is queued`);
  draft.evidence.cite(run.startEvent, `${label} starts ${run.fn}`);
  draft.evidence.cite(run.endEvent, `${label} is done with ${run.fn}`);
  citeScheduling(walk, tid, label, span);
  const edge = why === 'hog' ? WAITS_FOR.poolWorker : WAITS_FOR.maxActive;
  const note = `runs ${run.fn}${why === 'hog' ? ' without sleeping: no other worker is woken' : ''}`;
  const worker = { edge, label, tid, note, event: run.startEvent };
  enterTask(walk, work, worker, ns, (link) => {
    const ownNs = blameWaits(walk, link, worker, beganNs, beganNs + ns);
    draft.root({ kind: 'workqueue-starved', ...(why === 'hog' && { cpu: run.cpu }), ...who }, ownNs);
  });
  return ns;
}

/** The timer of a delayed work is due, and its CPU takes no timer softirqs (W12). @returns whether a load explains it */
export function blameTimer(
  walk: AttributionWalk,
  waiter: Waiter,
  fn: string,
  cpu: number,
  fromNs: number,
  toNs: number,
): boolean {
  if (cpu < 0 || !stormRoot(sharesDuring(walk.timeline, cpu, fromNs, toNs), cpu)) return false;
  const work = waiter.waitsFor(WAITS_FOR.delayTimer, fn, { note: `delayed: its timer is due on CPU ${cpu}` });
  work.passThrough(toNs - fromNs);
  return blameLoad(walk, work, cpu, fromNs, toNs, 'has to run the timer');
}

/** A CPU whose time goes to interrupts. @returns false when it does not */
function blameLoad(
  walk: AttributionWalk,
  work: Link,
  cpu: number,
  fromNs: number,
  toNs: number,
  note: string,
): boolean {
  if (cpu < 0) return false;
  const { draft, timeline } = walk;
  const shares = sharesDuring(timeline, cpu, fromNs, toNs);
  const storm = stormRoot(shares, cpu);
  if (!storm) return false;
  const pieces = splitByShares(shares, toNs - fromNs);
  const loaded = work.waitsFor(WAITS_FOR.poolCpu, `CPU ${cpu}`, { cpu, note });
  loaded.blame(pieces.own);
  addContexts(loaded, cpu, pieces);
  draft.root(storm, toNs - fromNs);
  return true;
}
