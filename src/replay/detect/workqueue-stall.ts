/** Work items that waited for a worker longer than the kernel's workqueue watchdog allows (kernel/workqueue.c, 30 s). */
import type { Finding } from '../../../schema/index.ts';
import { Blame } from '../blame.ts';
import { findingId } from '../finding-id.ts';
import type { LateWork } from '../model/workqueue.ts';
import type { Timeline } from '../timeline.ts';
import { seconds } from '../wording.ts';
import type { World } from '../world.ts';
import { rootPhrase } from './root-phrase.ts';

/** wq_watchdog_thresh. */
const THRESHOLD_NS = 30e9;

export function detectWorkqueueStalls(_world: World, timeline: Timeline): Finding[] {
  return timeline.data.lateWork
    .filter((late) => waitedNs(timeline, late) >= THRESHOLD_NS)
    .map((late) => finding(timeline, late, waitedNs(timeline, late)));
}

function waitedNs(timeline: Timeline, late: LateWork): number {
  return (late.startNs ?? timeline.data.endNs) - late.queuedNs;
}

function finding(timeline: Timeline, late: LateWork, blockedNs: number): Finding {
  const pool = late.cpu < 0 ? 'unbound' : `cpu ${late.cpu}`;
  const chain = Blame.ofWork(timeline, late);
  return {
    kind: 'workqueue-stall',
    id: findingId('workqueue-stall', late.workqueue, late.fn, late.cpu),
    severity: 'error',
    confidence: 'observed',
    title: `${late.fn} on workqueue ${late.workqueue} waited ${seconds(blockedNs)} for a worker${late.startNs === null ? ', and still does' : ''}${chain.root.kind === 'unknown' ? '' : `: ${rootPhrase(chain.root)}`}`,
    start_ns: late.queuedNs,
    end_ns: late.startNs ?? timeline.data.endNs,
    evidence: chain.evidence,
    notes: [
      `threshold ${seconds(THRESHOLD_NS)} (workqueue.watchdog_thresh)`,
      late.activatedNs === null
        ? 'never activated: max_active of the workqueue was in use (W16)'
        : 'activated, but no worker of the pool took it (W15)',
    ],
    workqueue: late.workqueue,
    pool,
    work: late.fn,
    blocked_ns: blockedNs,
    chain: chain.links,
    root: chain.root,
  };
}
