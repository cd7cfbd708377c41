/**
 * Tasks that wait for a grace period: synchronize_rcu*, synchronize_srcu*, RCU Tasks and the barriers (W1, W2, W18).
 *
 * Sources, strongest first (W4.12): entry and return of the function, as probes or tracers show them; rcu_sr_normal request/complete; the
 * stack of the switch-out. Successive sleeps in the same call are one wait (W4.13). Where no return is recorded, a call is over when
 * its task sleeps in another way, or leaves the kernel: grace-period waits sleep in D.
 */
import { type EventCursor, type EventType, fieldsOf, knownName, type MetricName } from '../../../../schema/index.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { classifyStack, type StackVerdict } from '../../knowledge/stack/stack-verdict.ts';
import { isEither, isOfWork, isUnnamed, type SrcuIdentity } from '../srcu/identity.ts';
import type { SrcuReader, SrcuReaderModel } from '../srcu/reader.ts';
import type { FunctionCall, FunctionCallModel } from '../task/function-calls.ts';
import {
  type BlockedInterval,
  TASK_BLOCKED,
  TASK_RUNNABLE,
  TASK_SLEEPING,
  type Task,
  type TaskKey,
  type TaskModel,
} from '../task/task.ts';
import type { WorkqueueModel } from '../work/workqueue.ts';
import type { SyncResource, SyncWait } from './sync-wait-record.ts';
import { TracepointSyncOrder } from './tracepoint-sync-order.ts';

export type { SrcuReader } from '../srcu/reader.ts';
export type { SyncResource, SyncWait } from './sync-wait-record.ts';

const NORMAL = fieldsOf('rcu_sr_normal');
const BARRIER = fieldsOf('rcu_barrier');
const EXPEDITED = fieldsOf('rcu_exp_grace_period');

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

/** Stands for a function in {@link SyncWait.calls} where only the stack of a sleep shows the wait. */
const BY_STACK = '?';

export class SyncWaitModel implements Model {
  readonly #world: World;
  readonly #tasks: TaskModel;
  readonly #work: WorkqueueModel;
  readonly #identity: SrcuIdentity;
  readonly #readers: SrcuReaderModel;
  readonly #teardowns: TracepointSyncOrder;
  /** Innermost last. */
  readonly #open = new Map<TaskKey, SyncWait[]>();
  /** Functions whose return has been seen. */
  readonly #returning = new Set(['rcu_sr_normal', 'rcu_exp', 'barrier_events']);
  /** Functions that have no probe on their return: what they called has returned, and then the task did something else. */
  readonly #silent = new Set<string>();
  /** Every wait in order of start, finished or not. */
  readonly waits: SyncWait[] = [];
  /** Waits above the threshold for a verdict; kept for good. */
  readonly long: SyncWait[] = [];
  readonly #verdicts = new Map<number, StackVerdict>();
  /** End of the last D sleep of a task that waits. */
  readonly #wokenNs = new Map<TaskKey, number>();
  /** Told when a wait is over, and at the end of the capture of those that are not. */
  readonly settledListeners: ((wait: SyncWait) => void)[] = [];

  constructor(
    world: World,
    tasks: TaskModel,
    work: WorkqueueModel,
    calls: FunctionCallModel,
    identity: SrcuIdentity,
    readers: SrcuReaderModel,
  ) {
    this.#world = world;
    this.#tasks = tasks;
    this.#work = work;
    this.#identity = identity;
    this.#readers = readers;
    this.#teardowns = new TracepointSyncOrder(world.profile);
    calls.listeners.push((call, event) => this.#called(call, event));
    readers.updateLockListeners.push((task, domain, event) => this.#tookUpdateLock(task, domain, event));
    identity.listeners.push((from, to) => this.#renamed(from, to));
    tasks.listeners.push({
      onSwitchOutStack: (task) => this.#sleptWithStack(task),
      onSwitchOut: (task) => {
        if (task.state === TASK_SLEEPING) this.#sleptElsewhere(task);
      },
      onUnblocked: (interval) => this.#unblocked(interval),
      onExit: (task, nowNs) => this.#exited(task, nowNs),
    });
  }

  /** Tasks inside SRCU read sections now, by domain. */
  get readers(): Map<string, Map<TaskKey, SrcuReader>> {
    return this.#readers.readers;
  }

  /** Waits of a task that are open now, outermost first. */
  openOf(key: TaskKey): readonly SyncWait[] {
    return this.#open.get(key) ?? [];
  }

  allOpen(): SyncWait[] {
    return [...this.#open.values()].flat();
  }

  /** Open waits by task, innermost last, the end of their last sleep, and functions that return: live state of a snapshot. */
  get live(): {
    readonly open: Map<TaskKey, SyncWait[]>;
    readonly wokenNs: Map<TaskKey, number>;
    readonly returning: Set<string>;
    readonly silent: Set<string>;
  } {
    return { open: this.#open, wokenNs: this.#wokenNs, returning: this.#returning, silent: this.#silent };
  }

  verdict(stack: number): StackVerdict {
    let verdict = this.#verdicts.get(stack);
    if (!verdict) {
      verdict = classifyStack(this.#world.dictionary.stackSymbols(stack));
      this.#verdicts.set(stack, verdict);
    }
    return verdict;
  }

  subscribe(type: EventType): EventHandler | undefined {
    const name = knownName(type);
    if (name === 'rcu_sr_normal') return (event) => this.#srNormal(event);
    if (name === 'rcu_exp_grace_period') return (event) => this.#expedited(event);
    if (name === 'rcu_barrier') return (event) => this.#barrier(event);
    const leavesKernel = type.shape === 'syscall' ? /^sys_exit_/.test(type.name) : type.name === 'sys_exit';
    if (!leavesKernel) return undefined;
    return (event) => {
      if (this.#open.has(event.tid)) this.#left(this.#tasks.get(event.tid, event.cpu));
    };
  }

  #called({ role, returns, ssp }: FunctionCall, event: EventCursor): void {
    switch (role.role) {
      case 'wait': {
        const task = this.#tasks.get(event.tid, event.cpu);
        task.comm ||= event.comm;
        if (returns) this.#returned(task, role.fn, role.resource, event);
        else this.#enter(task, role.resource, role.api, ssp, 'probe', role.fn, event.tsNs, event.eventId);
        break;
      }
      case 'srcu-worker':
        if (role.workItem && returns) this.#work.endImpliedRun(event.tid, event.tsNs, event.eventId);
        if (role.workItem && !returns) this.#work.implyRun(event.tid, event.cpu, event.tsNs, event.eventId, role.work);
        if (!returns && ssp) this.#nameWork(event.tid, ssp, event.eventId);
        break;
      case 'srcu-gp-end':
        if (!returns && ssp) this.#nameWork(event.tid, ssp, event.eventId);
        break;
      default:
    }
  }

  #nameWork(workerTid: number, ssp: string, event: number): void {
    this.#work.nameDomain(workerTid, this.#identity.resolve(ssp), event);
  }

  /** A task takes `<name>_srcu_usage.lock`: inside a run or a synchronize_srcu() it is the one of that struct (S3.2). */
  #tookUpdateLock(task: Task, domain: string, event: number): void {
    const work = this.#work.executing(task.tid);
    if (work?.fn === 'process_srcu' || work?.fn === 'srcu_invoke_callbacks') {
      if (work.domain === undefined) this.#work.nameDomain(task.tid, domain, event);
      else if (isUnnamed(work.domain)) this.#identity.link(work.domain, domain);
    }
    const wait = this.#open.get(task.key)?.at(-1);
    if (wait?.resource === 'srcu') this.#nameWait(wait, domain);
  }

  #nameWait(wait: SyncWait, name: string): void {
    if (!wait.domain) wait.domain = this.#identity.resolve(name);
    else if (isUnnamed(wait.domain)) this.#identity.link(wait.domain, name);
  }

  /** request/complete pair on one on-stack head per call (MODEL 1.1). */
  #srNormal(event: EventCursor): void {
    const task = this.#tasks.get(event.tid, event.cpu);
    if (event.text(NORMAL.srevent) === 'request')
      this.#enter(
        task,
        'rcu',
        'synchronize_rcu',
        event.text(NORMAL.rcuname),
        'event',
        'rcu_sr_normal',
        event.tsNs,
        event.eventId,
      );
    else this.#returned(task, 'rcu_sr_normal', 'rcu', event);
  }

  /** `Begin` to `Inc2`, or to `EarlyExit` when another barrier had done it (R2.24). */
  #barrier(event: EventCursor): void {
    const what = event.text(BARRIER.s);
    const task = (): Task => this.#tasks.get(event.tid, event.cpu);
    if (what === 'Begin')
      this.#enter(
        task(),
        'barrier',
        'rcu_barrier',
        event.text(BARRIER.rcuname),
        'event',
        'barrier_events',
        event.tsNs,
        event.eventId,
      );
    else if (what === 'Inc2' || what === 'EarlyExit') this.#returned(task(), 'barrier_events', 'barrier', event);
  }

  /** `snap` when the caller takes its target, `done` when it sees that it is reached: both by the caller itself (R2.23). */
  #expedited(event: EventCursor): void {
    const what = event.text(EXPEDITED.gpevent);
    if (what !== 'snap' && what !== 'done') return;
    const task = this.#tasks.get(event.tid, event.cpu);
    const api = 'synchronize_rcu_expedited';
    if (what === 'done') this.#returned(task, 'rcu_exp', 'rcu-expedited', event);
    else
      this.#enter(
        task,
        'rcu-expedited',
        api,
        event.text(EXPEDITED.rcuname),
        'event',
        'rcu_exp',
        event.tsNs,
        event.eventId,
      );
  }

  #enter(
    task: Task,
    resource: SyncResource,
    api: string,
    observedDomain: string,
    source: SyncWait['source'],
    fn: string,
    nowNs: number,
    eventId: number,
  ): SyncWait {
    const domain = this.#identity.resolve(observedDomain);
    const innermost = this.#open.get(task.key)?.at(-1);
    if (innermost?.resource === resource) {
      // The same function again, though its call was not over: its return was not recorded.
      if (innermost.calls.split(' ').includes(fn)) this.#left(task);
      else {
        innermost.calls += ` ${fn}`;
        if (domain && !innermost.domain) innermost.domain = domain;
        return innermost;
      }
    }
    let stack = this.#open.get(task.key);
    if (!stack) {
      stack = [];
      this.#open.set(task.key, stack);
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
      innerReturnNs: -1,
      innerReturnEvent: 0,
      calls: fn,
    };
    stack.push(wait);
    this.waits.push(wait);
    if (this.waits.length > KEPT * 2) this.waits.splice(0, KEPT);
    return wait;
  }

  #returned(task: Task, fn: string, resource: SyncResource, event: EventCursor): void {
    this.#returning.add(fn);
    const stack = this.#open.get(task.key);
    const index = stack?.findLastIndex((wait) => wait.resource === resource) ?? -1;
    if (!stack || index < 0) return;
    const wait = stack[index];
    const calls = wait.calls.split(' ');
    const outer = calls.slice(0, Math.max(0, calls.lastIndexOf(fn)));
    wait.calls = outer.join(' ');
    // The return of an outer function ends the wait. Whether it is recorded too is known from earlier calls, or turns out.
    if (outer.some((caller) => !this.#silent.has(caller))) {
      wait.innerReturnNs = event.tsNs;
      wait.innerReturnEvent = event.eventId;
      return;
    }
    while (stack.length > index) this.#close(stack.pop() as SyncWait, event.tsNs, event.eventId, true);
    if (stack.length === 0) this.#open.delete(task.key);
  }

  #close(wait: SyncWait, nowNs: number, eventId: number, returned: boolean): void {
    const inner = !returned && wait.innerReturnNs >= 0;
    if (inner) for (const fn of wait.calls.split(' ')) if (!this.#returning.has(fn)) this.#silent.add(fn);
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
    if (endNs - wait.startNs >= this.#world.thresholds.blockedSyncNs) this.long.push(wait);
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

  /** The stack of a D sleep: opens a wait when no probe did, and tells who called. */
  #sleptWithStack(task: Task): void {
    if (task.state !== TASK_BLOCKED || !task.stack) return;
    const verdict = this.verdict(task.stack);
    const open = this.#open.get(task.key);
    const innermost = open?.at(-1);
    const resource = syncResource(verdict);
    if (resource && innermost?.resource !== resource) {
      if (innermost?.source === 'stack') this.#left(task);
      if (verdict.insideSrcuRun) this.#work.implyRun(task.tid, task.cpu, task.sinceNs, task.offEvent, 'process_srcu');
      const wait = this.#enter(task, resource, verdict.api, '', 'stack', BY_STACK, task.sinceNs, task.offEvent);
      this.#describe(wait, task, verdict);
      return;
    }
    if (!resource && innermost?.source === 'stack') this.#left(task);
    for (const wait of this.#open.get(task.key) ?? []) this.#describe(wait, task, verdict);
  }

  #describe(wait: SyncWait, { stack, stackEvent }: Task, verdict: StackVerdict): void {
    if (wait.stack) return;
    wait.stack = stack;
    wait.stackEvent = stackEvent;
    wait.site = verdict.site;
    if (wait.resource !== 'srcu' || !verdict.srcuDomain) return;
    const { name, certain } = this.#teardowns.nameOf(wait, verdict);
    if (certain) this.#nameWait(wait, name);
    else if (!wait.domain) wait.domain = name;
  }

  /** Grace-period waits sleep in D, those of some kthreads in TASK_IDLE: a sleep of another kind is another wait (W4.13). */
  #sleptElsewhere(task: Task): void {
    const innermost = this.#open.get(task.key)?.at(-1);
    if (!innermost) {
      this.#leftRun(task);
      return;
    }
    const slept = (this.#wokenNs.get(task.key) ?? -1) >= innermost.startNs;
    if (slept || task.letters.includes('S')) this.#left(task);
  }

  /** The task does something else: calls without a recorded return are over since their last sleep. */
  #left(task: Task): void {
    const stack = this.#open.get(task.key);
    if (!stack) return;
    this.#open.delete(task.key);
    const wokenNs = this.#wokenNs.get(task.key);
    this.#wokenNs.delete(task.key);
    for (const wait of stack.reverse()) {
      const endNs = wokenNs !== undefined && wokenNs >= wait.startNs ? wokenNs : wait.startNs;
      this.#close(wait, endNs, task.wakeEvent, false);
      this.#work.endImpliedRun(task.tid, endNs, task.wakeEvent);
    }
  }

  #unblocked({ task, startNs, endNs, stack, endEvent }: BlockedInterval): void {
    const open = this.#open.get(task.key);
    if (!open) return;
    for (const wait of open) wait.sleptNs += endNs - startNs;
    this.#wokenNs.set(task.key, endNs);
    // A loop over synchronize_rcu() sleeps in the same stack again and again: many short waits, not a long one.
    const innermost = open[open.length - 1];
    if (innermost.resource === 'srcu') this.#nameByCallbacks(innermost, task);
    if (innermost.source !== 'stack' || !stack) return;
    const verdict = this.verdict(stack);
    if (!verdict.lastSleep || syncResource(verdict) !== innermost.resource) return;
    open.pop();
    if (open.length === 0) this.#open.delete(task.key);
    this.#close(innermost, endNs, endEvent, false);
  }

  /** A caller of synchronize_srcu() is woken by the callbacks of its struct (S3.16, O12): what names one names the other. */
  #nameByCallbacks(wait: SyncWait, { wakerTid, wakingNs }: Task): void {
    const run = wakerTid > 0 && wakingNs >= wait.startNs ? this.#work.executing(wakerTid) : undefined;
    if (run?.fn !== 'srcu_invoke_callbacks' || !run.domain) return;
    const certain = wait.domain !== '' && !isEither(wait.domain);
    if (!isOfWork(run.domain)) {
      if (!certain) wait.domain = run.domain;
    } else if (certain) wait.domain = this.#identity.nameWork(run.domain, wait.domain);
    else if (wait.domain === '') wait.domain = run.domain;
  }

  /** A worker that was in process_srcu by its stacks sleeps in another way: the run was over when it last woke. */
  #leftRun(task: Task): void {
    const wokenNs = this.#wokenNs.get(task.key);
    if (wokenNs === undefined) return;
    this.#wokenNs.delete(task.key);
    this.#work.endImpliedRun(task.tid, wokenNs, task.wakeEvent);
  }

  #exited(task: Task, nowNs: number): void {
    for (const wait of this.#open.get(task.key) ?? []) this.#close(wait, nowNs, 0, false);
    this.#open.delete(task.key);
    this.#wokenNs.delete(task.key);
  }

  #renamed(from: string, to: string): void {
    for (const list of [this.waits, this.long]) for (const wait of list) if (wait.domain === from) wait.domain = to;
  }

  finish(): void {
    for (const [key, stack] of this.#open) {
      for (const wait of stack) {
        const wokenNs = this.#wokenNs.get(key);
        // Known from stacks only, and running since: it was over by then.
        if (wait.innerReturnNs >= 0) this.#close(wait, wait.innerReturnNs, wait.innerReturnEvent, false);
        else if (wait.source === 'stack' && wokenNs !== undefined && wait.task.state !== TASK_BLOCKED)
          this.#close(wait, wokenNs, wait.task.wakeEvent, false);
        else if (this.#endUnseen(wait))
          this.#close(wait, Math.max(wait.startNs, wokenNs ?? 0), wait.task.wakeEvent, false);
        else this.#settle(wait);
      }
    }
  }

  /** Only the entry of the function is recorded, and its task runs by now, or no switch tells what it does: it may have returned long ago. */
  #endUnseen({ source, calls, task }: SyncWait): boolean {
    if (source !== 'probe' || task.state === TASK_BLOCKED || task.state === TASK_SLEEPING) return false;
    if (task.state === TASK_RUNNABLE) return false;
    return !calls.split(' ').some((fn) => this.#returning.has(fn));
  }
}

function syncResource(verdict: StackVerdict): SyncResource | undefined {
  switch (verdict.resource) {
    case 'rcu':
    case 'rcu-expedited':
    case 'srcu':
    case 'rcu-tasks':
    case 'barrier':
      return verdict.resource;
    default:
      return undefined;
  }
}
