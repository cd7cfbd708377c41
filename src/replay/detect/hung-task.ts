/**
 * Tasks in uninterruptible sleep for longer than the hung-task threshold (kernel/hung_task.c check_hung_task): D without
 * TASK_WAKEKILL or TASK_NOLOAD (G4.1). Sleeps of the callers of blocked-sync carry that finding's chain.
 */
import { type ChainLink, DEFAULT_THRESHOLDS, type Finding, type Root } from '../../../schema/index.ts';
import { Blame } from '../blame.ts';
import { findingId } from '../finding-id.ts';
import type { HungSleep } from '../model/hung-task.ts';
import { TASK_BLOCKED } from '../model/task.ts';
import type { Models } from '../models.ts';
import { seconds } from '../wording.ts';
import type { World } from '../world.ts';

/** The user's, else what the log shows of hung_task_timeout_secs, else the kernel's default of 120 s. */
export function hungTaskThresholdNs(world: World): number {
  const fromLog = world.profile.hungTaskTimeoutS;
  return fromLog !== undefined && world.thresholds.hungTaskNs === DEFAULT_THRESHOLDS.hungTaskNs
    ? fromLog * 1e9
    : world.thresholds.hungTaskNs;
}

export function detectHungTasks(world: World, models: Models): Finding[] {
  const limitNs = hungTaskThresholdNs(world);
  const sleeps: HungSleep[] = [...models.hung.sleeps];
  for (const task of models.tasks.all()) {
    if (task.state !== TASK_BLOCKED || !models.hung.counts(task)) continue;
    sleeps.push({
      task,
      comm: models.tasks.name(task),
      startNs: task.sinceNs,
      endNs: null,
      stack: task.stack,
      offEvent: task.offEvent,
      wakeEvent: 0,
    });
  }
  return sleeps
    .filter((sleep) => (sleep.endNs ?? world.nowNs) - sleep.startNs >= limitNs)
    .map((sleep) => finding(world, models, sleep));
}

function finding(world: World, models: Models, sleep: HungSleep): Finding {
  const endNs = sleep.endNs ?? world.nowNs;
  const { chain, root } = chainOf(world, models, sleep);
  const verdict = sleep.stack ? models.sync.verdict(sleep.stack) : undefined;
  const what = verdict?.api ? ` in ${verdict.api}` : '';
  return {
    kind: 'hung-task',
    id: findingId('hung-task', sleep.comm, verdict?.api ?? ''),
    severity: 'error',
    confidence: 'observed',
    title: `${sleep.comm}:${sleep.task.tid} slept uninterruptibly for ${seconds(endNs - sleep.startNs)}${what}${sleep.endNs === null ? ', and still does' : ''}`,
    start_ns: sleep.startNs,
    end_ns: endNs,
    evidence: [
      { event: sleep.offEvent, role: `${sleep.comm}:${sleep.task.tid} goes to sleep in D` },
      ...(sleep.wakeEvent ? [{ event: sleep.wakeEvent, role: 'woken' }] : []),
    ],
    notes: [`threshold ${seconds(hungTaskThresholdNs(world))} (hung_task_timeout_secs)`],
    task: sleep.comm,
    tid: sleep.task.tid,
    blocked_ns: endNs - sleep.startNs,
    chain,
    ...(root && { root }),
  };
}

/** The chain of the sync wait that the sleep belongs to, else the task alone. */
function chainOf(world: World, models: Models, sleep: HungSleep): { chain: readonly ChainLink[]; root?: Root } {
  const wait = models.sync.waits.find(
    (candidate) =>
      candidate.tid === sleep.task.tid &&
      candidate.startNs <= sleep.startNs &&
      (candidate.endNs ?? world.nowNs) >= (sleep.endNs ?? world.nowNs),
  );
  if (wait) {
    const { links, root } = Blame.ofWait(world, models, wait);
    return { chain: links, root };
  }
  const ns = (sleep.endNs ?? world.nowNs) - sleep.startNs;
  return { chain: [{ kind: 'task', name: `${sleep.comm}:${sleep.task.tid}`, tid: sleep.task.tid, blame_ns: ns }] };
}
