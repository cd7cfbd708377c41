/**
 * Tasks that wait for a grace period: synchronize_rcu*, synchronize_srcu*, RCU Tasks and the barriers (W1, W2, W18).
 *
 * Sources, strongest first (W4.12): entry and return of the function, as probes or tracers show them; rcu_sr_normal request/complete; the
 * stack of the switch-out. Successive sleeps in the same call are one wait (W4.13). Where no return is recorded, a call is over when
 * its task sleeps in another way, or leaves the kernel: grace-period waits sleep in D.
 */
import type { EventCursor, EventType } from '../../../../schema/index.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { classifyStack, type StackVerdict } from '../../knowledge/stack/stack-verdict.ts';
import type { SrcuIdentity } from '../srcu/identity.ts';
import type { SrcuReader, SrcuReaderModel } from '../srcu/reader.ts';
import type { FunctionCall, FunctionCallModel } from '../task/function-calls.ts';
import {
  type BlockedInterval,
  TASK_BLOCKED,
  TASK_SLEEPING,
  type Task,
  type TaskKey,
  type TaskModel,
} from '../task/task.ts';
import type { WorkqueueModel } from '../work/workqueue.ts';
import { OpenWaits } from './open-waits.ts';
import { SyncEvents } from './sync-events.ts';
import { SyncNames } from './sync-names.ts';
import type { SyncResource, SyncWait } from './sync-wait-record.ts';
import { TracepointSyncOrder } from './tracepoint-sync-order.ts';

export type { SrcuReader } from '../srcu/reader.ts';
export type { SyncWait } from './sync-wait-record.ts';

/** Stands for a function in {@link SyncWait.calls} where only the stack of a sleep shows the wait. */
const BY_STACK = '?';

export class SyncWaitModel implements Model {
  readonly #world: World;
  readonly #tasks: TaskModel;
  readonly #work: WorkqueueModel;
  readonly #readers: SrcuReaderModel;
  readonly #open: OpenWaits;
  readonly #events: SyncEvents;
  readonly #names: SyncNames;
  readonly #verdicts = new Map<number, StackVerdict>();

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
    this.#readers = readers;
    const teardowns = new TracepointSyncOrder(world.profile);
    this.#open = new OpenWaits(world, tasks, work, identity, teardowns);
    this.#events = new SyncEvents(tasks, this.#open);
    this.#names = new SyncNames(identity, work, teardowns, this.#open);
    calls.listeners.push((call, event) => this.#called(call, event));
    readers.updateLockListeners.push((task, domain, event) => this.#names.tookUpdateLock(task, domain, event));
    identity.listeners.push((from, to) => this.#names.renamed(from, to));
    tasks.listeners.push({
      onSwitchOutStack: (task) => this.#sleptWithStack(task),
      onSwitchOut: (task) => {
        if (task.state === TASK_SLEEPING) this.#sleptElsewhere(task);
      },
      onUnblocked: (interval) => this.#unblocked(interval),
      onExit: (task, nowNs) => this.#open.exited(task, nowNs),
    });
  }

  /** Tasks inside SRCU read sections now, by domain. */
  get readers(): Map<string, Map<TaskKey, SrcuReader>> {
    return this.#readers.readers;
  }

  /** Every wait in order of start, finished or not. */
  get waits(): SyncWait[] {
    return this.#open.waits;
  }

  /** Waits above the threshold for a verdict; kept for good. */
  get long(): SyncWait[] {
    return this.#open.long;
  }

  /** Called when a wait is over, and at the end of the capture of those that are not. */
  get settledListeners(): ((wait: SyncWait) => void)[] {
    return this.#open.settledListeners;
  }

  /** Waits of a task that are open now, outermost first. */
  openOf(key: TaskKey): readonly SyncWait[] {
    return this.#open.byTask.get(key) ?? [];
  }

  allOpen(): SyncWait[] {
    return [...this.#open.byTask.values()].flat();
  }

  /** Open waits by task, innermost last, the end of their last sleep, and functions that return: live state of a snapshot. */
  get live(): {
    readonly open: Map<TaskKey, SyncWait[]>;
    readonly wokenNs: Map<TaskKey, number>;
    readonly returning: Set<string>;
    readonly silent: Set<string>;
  } {
    const { byTask: open, wokenNs, returning, silent } = this.#open;
    return { open, wokenNs, returning, silent };
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
    const ours = this.#events.subscribe(type);
    if (ours) return ours;
    const leavesKernel = type.shape === 'syscall' ? /^sys_exit_/.test(type.name) : type.name === 'sys_exit';
    if (!leavesKernel) return undefined;
    return (event) => {
      if (this.#open.byTask.has(event.tid)) this.#open.left(this.#tasks.get(event.tid, event.cpu));
    };
  }

  #called({ role, returns, ssp }: FunctionCall, event: EventCursor): void {
    switch (role.role) {
      case 'wait': {
        const task = this.#tasks.get(event.tid, event.cpu);
        task.comm ||= event.comm;
        if (returns) this.#open.returned(task, role.fn, role.resource, event);
        else {
          const call = { resource: role.resource, api: role.api, domain: ssp, source: 'probe', fn: role.fn } as const;
          this.#open.enter(task, call, event.tsNs, event.eventId);
        }
        break;
      }
      case 'srcu-worker':
        if (role.workItem && returns) this.#work.endImpliedRun(event.tid, event.tsNs, event.eventId);
        if (role.workItem && !returns) this.#work.implyRun(event.tid, event.cpu, event.tsNs, event.eventId, role.work);
        if (!returns && ssp) this.#names.nameWork(event.tid, ssp, event.eventId);
        break;
      case 'srcu-gp-end':
        if (!returns && ssp) this.#names.nameWork(event.tid, ssp, event.eventId);
        break;
      default:
    }
  }

  /** The stack of a D sleep: opens a wait when no probe did, and tells who called. */
  #sleptWithStack(task: Task): void {
    if (task.state !== TASK_BLOCKED || !task.stack) return;
    const verdict = this.verdict(task.stack);
    const innermost = this.#open.innermost(task);
    const resource = syncResource(verdict);
    if (resource && innermost?.resource !== resource) {
      if (innermost?.source === 'stack') this.#open.left(task);
      if (verdict.insideSrcuRun) this.#work.implyRun(task.tid, task.cpu, task.sinceNs, task.offEvent, 'process_srcu');
      const call = { resource, api: verdict.api, domain: '', source: 'stack', fn: BY_STACK } as const;
      const wait = this.#open.enter(task, call, task.sinceNs, task.offEvent);
      this.#names.describe(wait, task, verdict);
      return;
    }
    if (!resource && innermost?.source === 'stack') this.#open.left(task);
    for (const wait of this.openOf(task.key)) this.#names.describe(wait, task, verdict);
  }

  /** Grace-period waits sleep in D, those of some kthreads in TASK_IDLE: a sleep of another kind is another wait (W4.13). */
  #sleptElsewhere(task: Task): void {
    const innermost = this.#open.innermost(task);
    if (!innermost) {
      this.#open.leftRun(task);
      return;
    }
    const slept = (this.#open.wokenNs.get(task.key) ?? -1) >= innermost.startNs;
    if (slept || task.letters.includes('S')) this.#open.left(task);
  }

  #unblocked({ task, startNs, endNs, stack, endEvent }: BlockedInterval): void {
    const open = this.#open.byTask.get(task.key);
    if (!open) return;
    for (const wait of open) wait.sleptNs += endNs - startNs;
    this.#open.wokenNs.set(task.key, endNs);
    // A loop over synchronize_rcu() sleeps in the same stack again and again: many short waits, not a long one.
    const innermost = open[open.length - 1];
    if (innermost.resource === 'srcu') this.#names.nameByCallbacks(innermost, task);
    if (innermost.source !== 'stack' || !stack) return;
    const verdict = this.verdict(stack);
    if (!verdict.lastSleep || syncResource(verdict) !== innermost.resource) return;
    this.#open.slept(task, endNs, endEvent);
  }

  finish(): void {
    this.#open.finish();
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
