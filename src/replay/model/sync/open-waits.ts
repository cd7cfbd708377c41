/**
 * Waits for grace periods from their beginning to their end: calls inside calls, returns that are recorded or not, and sleeps that tell when a
 * call without a recorded return was over (W4.12, W4.13).
 */
import type { EventCursor, MetricName } from '../../../../schema/index.ts';
import type { World } from '../../core/world.ts';
import type { SrcuIdentity } from '../srcu/identity.ts';
import { TASK_BLOCKED, TASK_RUNNABLE, TASK_SLEEPING, type Task, type TaskKey, type TaskModel } from '../task/task.ts';
import type { WorkqueueModel } from '../work/workqueue.ts';
import type { SyncResource, SyncWait } from './sync-wait-record.ts';
import type { TracepointSyncOrder } from './tracepoint-sync-order.ts';

/** Metric of each kind of wait; srcu_barrier() is of the barriers. */
const METRICS: Readonly<Record<SyncResource, MetricName>> = {
  rcu: 'synchronize-rcu',
  'rcu-expedited': 'synchronize-rcu',
  srcu: 'synchronize-srcu',
  'rcu-tasks': 'synchronize-rcu-tasks',
  barrier: 'rcu-barrier',
};

/** Finished waits kept for blame of waits that contain them. */
const KEPT = 8192;

/** A call for a grace period, as one source shows it. */
export interface SyncEntry {
  readonly resource: SyncResource;
  readonly api: string;
  /** Flavour or srcu_struct as the source names it, '' when it does not. */
  readonly domain: string;
  readonly source: SyncWait['source'];
  /** The function that is entered. */
  readonly fn: string;
}

export class OpenWaits {
  readonly #world: World;
  readonly #tasks: TaskModel;
  readonly #work: WorkqueueModel;
  readonly #identity: SrcuIdentity;
  readonly #teardowns: TracepointSyncOrder;
  /** Innermost last. */
  readonly byTask = new Map<TaskKey, SyncWait[]>();
  /** Functions whose return has been seen. */
  readonly returning = new Set(['rcu_sr_normal', 'rcu_exp', 'barrier_events']);
  /** Functions that have no probe on their return: what they called has returned, and then the task did something else. */
  readonly silent = new Set<string>();
  /** End of the last D sleep of a task that waits. */
  readonly wokenNs = new Map<TaskKey, number>();
  /** Every wait in order of start, finished or not. */
  readonly waits: SyncWait[] = [];
  /** Waits above the threshold for a verdict; kept for good. */
  readonly long: SyncWait[] = [];
  /** Called when a wait is over, and at the end of the capture of those that are not. */
  readonly settledListeners: ((wait: SyncWait) => void)[] = [];

  constructor(
    world: World,
    tasks: TaskModel,
    work: WorkqueueModel,
    identity: SrcuIdentity,
    teardowns: TracepointSyncOrder,
  ) {
    this.#world = world;
    this.#tasks = tasks;
    this.#work = work;
    this.#identity = identity;
    this.#teardowns = teardowns;
  }

  innermost(task: Task): SyncWait | undefined {
    return this.byTask.get(task.key)?.at(-1);
  }

  enter(task: Task, entry: SyncEntry, nowNs: number, eventId: number): SyncWait {
    const { resource, api, source, fn } = entry;
    const domain = this.#identity.resolve(entry.domain);
    const innermost = this.innermost(task);
    if (innermost?.resource === resource) {
      // The same function again, though its call was not over: its return was not recorded.
      if (innermost.calls.split(' ').includes(fn)) this.left(task);
      else {
        innermost.calls += ` ${fn}`;
        if (domain && !innermost.domain) innermost.domain = domain;
        return innermost;
      }
    }
    let stack = this.byTask.get(task.key);
    if (!stack) {
      stack = [];
      this.byTask.set(task.key, stack);
    }
    const wait: SyncWait = {
      task,
      comm: this.#tasks.name(task),
      tid: task.tid,
      resource,
      api,
      domain,
      startNs: nowNs,
      startEvent: eventId,
      endNs: null,
      endEvent: 0,
      cpu: task.cpu,
      wokenNs: null,
      source,
      returned: false,
      nested: stack.length > 0,
      stack: 0,
      stackEvent: 0,
      site: undefined,
      insideSrcuRun: this.#work.executing(task.tid)?.fn === 'process_srcu',
      sleptNs: 0,
      gapsAtStart: this.#world.lostMarkers,
      censored: false,
      endUnseen: false,
      innerReturnNs: -1,
      innerReturnEvent: 0,
      calls: fn,
    };
    stack.push(wait);
    this.waits.push(wait);
    if (this.waits.length > KEPT * 2) this.waits.splice(0, KEPT);
    return wait;
  }

  returned(task: Task, fn: string, resource: SyncResource, event: EventCursor): void {
    this.returning.add(fn);
    const stack = this.byTask.get(task.key);
    const index = stack?.findLastIndex((wait) => wait.resource === resource) ?? -1;
    if (!stack || index < 0) return;
    const wait = stack[index];
    const calls = wait.calls.split(' ');
    const outer = calls.slice(0, Math.max(0, calls.lastIndexOf(fn)));
    wait.calls = outer.join(' ');
    // The return of an outer function ends the wait. Whether it is recorded too is known from earlier calls, or turns out.
    if (outer.some((caller) => !this.silent.has(caller))) {
      wait.innerReturnNs = event.tsNs;
      wait.innerReturnEvent = event.eventId;
      return;
    }
    while (stack.length > index) this.#close(stack.pop() as SyncWait, event.tsNs, event.eventId, true);
    if (stack.length === 0) this.byTask.delete(task.key);
  }

  /** The innermost wait is over with the sleep that ends here. */
  slept(task: Task, endNs: number, endEvent: number): void {
    const stack = this.byTask.get(task.key);
    const wait = stack?.pop();
    if (stack?.length === 0) this.byTask.delete(task.key);
    if (wait) this.#close(wait, endNs, endEvent, false);
  }

  /** The task does something else: calls without a recorded return are over since their last sleep. */
  left(task: Task): void {
    const stack = this.byTask.get(task.key);
    if (!stack) return;
    this.byTask.delete(task.key);
    const wokenNs = this.wokenNs.get(task.key);
    this.wokenNs.delete(task.key);
    for (const wait of stack.reverse()) {
      const endNs = wokenNs !== undefined && wokenNs >= wait.startNs ? wokenNs : wait.startNs;
      this.#close(wait, endNs, task.wakeEvent, false);
      this.#work.endImpliedRun(task.tid, endNs, task.wakeEvent);
    }
  }

  /** A worker that was in process_srcu by its stacks sleeps in another way: the run was over when it last woke. */
  leftRun(task: Task): void {
    const wokenNs = this.wokenNs.get(task.key);
    if (wokenNs === undefined) return;
    this.wokenNs.delete(task.key);
    this.#work.endImpliedRun(task.tid, wokenNs, task.wakeEvent);
  }

  exited(task: Task, nowNs: number): void {
    for (const wait of this.byTask.get(task.key) ?? []) this.#close(wait, nowNs, 0, false);
    this.byTask.delete(task.key);
    this.wokenNs.delete(task.key);
  }

  finish(): void {
    for (const [key, stack] of this.byTask) {
      for (const wait of stack) {
        const wokenNs = this.wokenNs.get(key);
        // Known from stacks only, and running since: it was over by then.
        if (wait.innerReturnNs >= 0) this.#close(wait, wait.innerReturnNs, wait.innerReturnEvent, false);
        else if (wait.source === 'stack' && wokenNs !== undefined && wait.task.state !== TASK_BLOCKED)
          this.#close(wait, wokenNs, wait.task.wakeEvent, false);
        else {
          wait.endUnseen = this.#isEndUnseen(wait);
          this.#settle(wait);
        }
      }
    }
  }

  #close(wait: SyncWait, nowNs: number, eventId: number, returned: boolean): void {
    const inner = !returned && wait.innerReturnNs >= 0;
    if (inner) for (const fn of wait.calls.split(' ')) if (!this.returning.has(fn)) this.silent.add(fn);
    wait.endNs = inner ? wait.innerReturnNs : nowNs;
    wait.endEvent = inner ? wait.innerReturnEvent : eventId;
    wait.returned = returned || inner;
    wait.comm = this.#tasks.name(wait.task);
    if (wait.task.wakingNs >= wait.startNs && wait.task.wakingNs <= wait.endNs) wait.wokenNs = wait.task.wakingNs;
    if (wait.resource === 'srcu') this.#teardowns.ended(wait);
    this.#settle(wait);
  }

  #settle(wait: SyncWait): void {
    // A return probe closes its own call whatever was lost in between; an open end or a stack does not.
    if (!wait.returned) wait.censored = wait.gapsAtStart !== this.#world.lostMarkers;
    const metric = wait.nested ? null : METRICS[wait.api === 'srcu_barrier' ? 'barrier' : wait.resource];
    const by = wait.domain || wait.api;
    if (metric !== null) {
      if (wait.endNs === null) this.#world.facts.openSample(metric, by);
      else this.#world.facts.sample(metric, by, wait.endNs - wait.startNs);
    }
    const endNs = wait.endNs ?? this.#world.nowNs;
    if (!wait.endUnseen && endNs - wait.startNs >= this.#world.thresholds.blockedSyncNs) this.long.push(wait);
    this.#world.facts.syncWait({
      api: wait.api,
      domain: wait.domain,
      comm: wait.comm,
      tid: wait.tid,
      startNs: wait.startNs,
      endNs: wait.endNs,
      metric,
      rootKind: null,
      confidence: wait.source === 'stack' ? 'inferred' : 'observed',
    });
    for (const listener of this.settledListeners) listener(wait);
  }

  /** Only the entry of the function is recorded, and its task runs by now, or no switch tells what it does: it may have returned long ago. */
  #isEndUnseen({ source, calls, task }: SyncWait): boolean {
    if (source !== 'probe' || task.state === TASK_BLOCKED || task.state === TASK_SLEEPING) return false;
    if (task.state === TASK_RUNNABLE) return false;
    return !calls.split(' ').some((fn) => this.returning.has(fn));
  }
}
