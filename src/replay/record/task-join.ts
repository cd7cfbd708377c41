/**
 * Waits of a task for another task: kthread_stop(), flush_work() and whatever else ends when somebody wakes it (W24). Who that is, in the order
 * of W4.12: the event that says so, the only work item that runs all the while, the task that woke it in the end.
 */

import type { Note } from '../../../schema/index.ts';
import { note } from '../core/note.ts';
import type { StackVerdict } from '../knowledge/stack/stack-verdict.ts';
import { LATE_NS } from '../knowledge/thresholds.ts';
import type { HungSleep } from '../model/task/hung-task.ts';
import type { KthreadStop } from '../model/task/kthread-stop.ts';
import type { WorkExecution } from '../model/work/workqueue.ts';

export interface TaskJoin {
  readonly tid: number;
  readonly startNs: number;
  readonly endNs: number | null;
  readonly targetTid: number;
  /** What the waiter waits in: `kthread_stop`, `flush_work`, … */
  readonly api: string;
  /** Function of the work item, where it waits for one. */
  readonly fn: string | undefined;
  /** A lock that nothing names lies between: the waker let go of it (W22, W23). */
  readonly lock: string | undefined;
  /** Shows the wait. */
  readonly event: number;
  /** Shows who ends it, 0 when nothing does. */
  readonly targetEvent: number;
  /** How the target is known, when no event says so. */
  readonly inferredBy: Note | undefined;
}

/** Sleeps of which the stack names a lock: the task that wakes the sleeper has released it. */
const LOCKS: Partial<Record<NonNullable<StackVerdict['resource']>, string>> = {
  mutex: 'a mutex',
  rwsem: 'an rw-semaphore',
  'rt-lock': 'an rtmutex',
  semaphore: 'a semaphore',
};

/** Sleeps that another task ends; those that only time, a device or a grace period ends have nobody to blame in their waker. */
const ENDED_BY_TASK: ReadonlySet<StackVerdict['resource']> = new Set([
  'flush',
  'exit',
  'user',
  'ipi',
  'stopper',
  'mutex',
  'rwsem',
  'rt-lock',
  'semaphore',
]);

/** @param runs executions of work items that lasted */
export function taskJoins(
  stops: readonly KthreadStop[],
  sleeps: readonly HungSleep[],
  runs: readonly WorkExecution[],
  verdictOf: (stack: number) => StackVerdict,
): TaskJoin[] {
  const stopped = stops.map(
    (stop): TaskJoin => ({
      tid: stop.tid,
      startNs: stop.startNs,
      endNs: stop.endNs,
      targetTid: stop.targetTid,
      api: 'kthread_stop',
      fn: undefined,
      lock: undefined,
      event: stop.startEvent,
      targetEvent: stop.startEvent,
      inferredBy: undefined,
    }),
  );
  const known = new Set(stops.map((stop) => stop.tid));
  const slept = sleeps.flatMap((sleep): TaskJoin[] => {
    if (known.has(sleep.task.tid) || !sleep.stack) return [];
    const join = joinOf(sleep, verdictOf(sleep.stack), runs);
    return join ? [join] : [];
  });
  return [...stopped, ...slept];
}

function joinOf(sleep: HungSleep, verdict: StackVerdict, runs: readonly WorkExecution[]): TaskJoin | undefined {
  const { resource, api } = verdict;
  if (!ENDED_BY_TASK.has(resource)) return undefined;
  const lock = resource && LOCKS[resource];
  const common = { tid: sleep.task.tid, startNs: sleep.startNs, endNs: sleep.endNs, api, lock, event: sleep.offEvent };
  if (resource === 'flush') {
    const run = onlyRun(sleep, runs);
    if (run) {
      const inferredBy = note(
        `${api}: which work item it waits for is not recorded; ${run.fn} is the only one that runs all the while`,
        'W4.20',
      );
      return { ...common, targetTid: run.workerTid, fn: run.fn, targetEvent: run.startEvent, inferredBy };
    }
  }
  if (sleep.endNs === null || sleep.wakerTid <= 0 || sleep.wakerTid === sleep.task.tid) return undefined;
  const inferredBy = note(
    `${api}: whom ${sleep.comm}:${sleep.task.tid} waits for is known from who woke it in the end`,
    'W4.12',
  );
  return { ...common, targetTid: sleep.wakerTid, fn: undefined, targetEvent: sleep.wakeEvent, inferredBy };
}

/** The only work item that ran from before the sleep to its end. */
function onlyRun(sleep: HungSleep, runs: readonly WorkExecution[]): WorkExecution | undefined {
  const until = (endNs: number | null): number => endNs ?? Number.POSITIVE_INFINITY;
  // The waiter wakes after the work is done, within a scheduling delay.
  const all = runs.filter(
    (run) =>
      run.workerTid !== sleep.task.tid &&
      run.startNs <= sleep.startNs &&
      (sleep.endNs === null ? run.endNs === null : until(run.endNs) >= sleep.endNs - LATE_NS),
  );
  return all.length === 1 ? all[0] : undefined;
}
