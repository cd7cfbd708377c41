/**
 * Tasks that wait for a grace period: synchronize_rcu*, synchronize_srcu*, RCU Tasks and the barriers (W1, W2, W18).
 *
 * Sources, strongest first (W4.12): entry and return of a probe on the function; rcu_sr_normal request/complete; the stack
 * of the switch-out. Successive sleeps in the same call are one wait (W4.13).
 */
import type { EventCursor, EventType } from '../../../schema/index.ts';
import { type ProbeRole, roleOfFunction, SSP_ARGUMENT } from '../knowledge/probe-roles.ts';
import { classifyStack, type StackVerdict } from '../stack-verdict.ts';
import type { EventHandler, Model, World } from '../world.ts';
import { type BlockedInterval, TASK_BLOCKED, TASK_SLEEPING, type Task, type TaskKey, type TaskModel } from './task.ts';
import type { WorkqueueModel } from './workqueue.ts';

export type SyncResource = 'rcu' | 'rcu-expedited' | 'srcu' | 'rcu-tasks' | 'barrier';

export interface SyncWait {
  readonly task: Task;
  /** Task name at the time of the wait. */
  comm: string;
  readonly tid: number;
  readonly resource: SyncResource;
  api: string;
  /** Identity of the srcu_struct (symbol, name or address), or '' while unknown; RCU flavour for the others. */
  domain: string;
  readonly startNs: number;
  readonly startEvent: number;
  endNs: number | null;
  endEvent: number;
  /** CPU on which it began. */
  readonly cpu: number;
  /** When the waiter was woken for the last time within it; null when that was not recorded, or it still sleeps. */
  wokenNs: number | null;
  /** How the wait is known. */
  readonly source: 'probe' | 'event' | 'stack';
  /** Stack id of its first recorded sleep, and the event that brought it. */
  stack: number;
  stackEvent: number;
  /** What the caller was doing (`closing a perf event`), from its stack. */
  site: string | undefined;
  /** The execution of process_srcu on whose behalf a worker waits (W18). */
  readonly insideSrcuPass: boolean;
  /** Sleeping ns of the current wait so far, from finished D intervals. */
  sleptNs: number;
  /** Lost-event markers seen when it began, and whether its end may be among what was lost (E0.4). */
  readonly gapsAtStart: number;
  censored: boolean;
  /** Nesting of probed calls of the same resource (synchronize_srcu → __synchronize_srcu). */
  depth: number;
}

/** A task inside srcu_read_lock() of one srcu_struct. */
export interface SrcuReader {
  readonly domain: string;
  readonly task: Task;
  readonly sinceNs: number;
  readonly event: number;
  endNs: number | null;
  endEvent: number;
  /** Nesting of sections. */
  depth: number;
}

/** Shorter sections cannot explain a wait that anybody asks about. */
const LONG_READER_NS = 1e6;

/** Metric of each kind of wait. */
const METRICS: Readonly<Record<SyncResource, string>> = {
  rcu: 'synchronize-rcu',
  'rcu-expedited': 'synchronize-rcu',
  srcu: 'synchronize-srcu',
  'rcu-tasks': 'synchronize-rcu',
  barrier: 'rcu-barrier',
};

/** Finished waits kept for blame of waits that contain them. */
const KEPT = 8192;

export class SyncWaitModel implements Model {
  readonly #world: World;
  readonly #tasks: TaskModel;
  readonly #work: WorkqueueModel;
  /** Innermost last. */
  readonly #open = new Map<TaskKey, SyncWait[]>();
  /** Every wait in order of start, finished or not. */
  readonly waits: SyncWait[] = [];
  /** Waits above the threshold for a verdict; kept for good. */
  readonly long: SyncWait[] = [];
  readonly #verdicts = new Map<number, StackVerdict>();
  /** Called when a wait is over, and at the end of the capture for those that are not. */
  onSettled: ((wait: SyncWait) => void) | undefined;
  /** Readers inside srcu_read_lock by domain: task → since, from probes on __srcu_read_lock. */
  readonly readers = new Map<string, Map<TaskKey, SrcuReader>>();
  /** Sections that are over and were long enough to hold up a grace period, in order of their end. */
  readonly pastReaders: SrcuReader[] = [];

  constructor(world: World, tasks: TaskModel, work: WorkqueueModel) {
    this.#world = world;
    this.#tasks = tasks;
    this.#work = work;
    tasks.listeners.push({
      onSwitchOutStack: (task) => this.#sleptWithStack(task),
      onSwitchOut: (task) => {
        // Grace-period waits sleep in D: a sleep of another kind is another wait (W4.13).
        if (task.state === TASK_SLEEPING) this.#closeFromStack(task);
      },
      onUnblocked: (interval) => this.#unblocked(interval),
      onExit: (task, nowNs) => this.#exited(task, nowNs),
    });
  }

  /** Waits of a task that are open now, outermost first. */
  openOf(key: TaskKey): readonly SyncWait[] {
    return this.#open.get(key) ?? [];
  }

  allOpen(): SyncWait[] {
    return [...this.#open.values()].flat();
  }

  /** Open waits by task, innermost last, and the end of their last sleep: live state of a snapshot. */
  get live(): { readonly open: Map<TaskKey, SyncWait[]>; readonly wokenNs: Map<TaskKey, number> } {
    return { open: this.#open, wokenNs: this.#wokenNs };
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
    if (type.shape === 'kprobe' || type.shape === 'kretprobe') return this.#subscribeProbe(type);
    if (type.name === 'rcu_sr_normal' && type.shape === 'tracepoint') return (event) => this.#srNormal(event);
    return undefined;
  }

  /** Which function is probed is in the event when the capture has symbols, else in the probe's name. */
  #subscribeProbe(type: EventType): EventHandler {
    let resolved = false;
    let role: ProbeRole | undefined;
    const returns = type.shape === 'kretprobe';
    const sspField = type.fields.findIndex((field) => SSP_ARGUMENT.test(field.name));
    return (event) => {
      if (!resolved) {
        role = roleOfFunction(event.text(0)) ?? roleOfFunction(type.name);
        resolved = true;
      }
      if (role) this.#probe(role, returns, sspField, event);
    };
  }

  #probe(role: ProbeRole, returns: boolean, sspField: number, event: EventCursor): void {
    const domain = sspField >= 0 ? this.#domainName(event, sspField) : '';
    const task = this.#tasks.get(event.tid, event.cpu);
    if (task.comm === 0) task.comm = event.comm;
    switch (role.role) {
      case 'wait':
        if (returns) this.#closeInnermost(task, role.resource, event.tsNs, event.eventId);
        else this.#enter(task, role.resource, role.api, domain, 'probe', event.tsNs, event.eventId);
        break;
      case 'srcu-worker':
        if (role.pass && !returns) this.#work.implyPass(event.tid, event.cpu, event.tsNs, event.eventId);
        if (role.pass && returns) this.#work.endImpliedPass(event.tid, event.tsNs, event.eventId);
        if (!returns && domain) this.#work.nameDomain(event.tid, domain, event.eventId);
        break;
      case 'srcu-call':
        break;
      case 'srcu-read-lock':
      case 'srcu-read-unlock':
        if (!returns && domain) this.#reader(role.role === 'srcu-read-lock', domain, task, event);
        break;
      default:
        role satisfies never;
    }
  }

  /** `tracepoint_srcu` when the probe printed a symbol, else `srcu_struct 0xffff…`. */
  #domainName(event: EventCursor, field: number): string {
    const id = event.str(field);
    if (id) return this.#world.dictionary.string(id).replace(/\+0x0\b.*$/, '');
    const address = BigInt.asUintN(64, event.bigint(field));
    return address === 0n ? '' : `srcu_struct 0x${address.toString(16)}`;
  }

  #reader(enters: boolean, domain: string, task: Task, event: EventCursor): void {
    let readers = this.readers.get(domain);
    if (!readers) {
      readers = new Map();
      this.readers.set(domain, readers);
    }
    const reader = readers.get(task.key);
    if (enters) {
      if (reader) reader.depth++;
      else
        readers.set(task.key, {
          domain,
          task,
          sinceNs: event.tsNs,
          event: event.eventId,
          endNs: null,
          endEvent: 0,
          depth: 1,
        });
    } else if (reader && --reader.depth === 0) {
      readers.delete(task.key);
      reader.endNs = event.tsNs;
      reader.endEvent = event.eventId;
      if (event.tsNs - reader.sinceNs >= LONG_READER_NS) {
        this.pastReaders.push(reader);
        if (this.pastReaders.length > KEPT * 2) this.pastReaders.splice(0, KEPT);
      }
      this.#world.facts.srcuReader({
        domain,
        comm: this.#tasks.name(task),
        tid: task.tid,
        startNs: reader.sinceNs,
        endNs: event.tsNs,
      });
    }
  }

  /** request/complete pair on one on-stack head per call (MODEL 1.1). */
  #srNormal(event: EventCursor): void {
    const task = this.#tasks.get(event.tid, event.cpu);
    if (event.text(2) === 'request')
      this.#enter(task, 'rcu', 'synchronize_rcu', event.text(0), 'event', event.tsNs, event.eventId);
    else this.#closeInnermost(task, 'rcu', event.tsNs, event.eventId);
  }

  #enter(
    task: Task,
    resource: SyncResource,
    api: string,
    domain: string,
    source: SyncWait['source'],
    nowNs: number,
    eventId: number,
  ): SyncWait {
    let stack = this.#open.get(task.key);
    if (!stack) {
      stack = [];
      this.#open.set(task.key, stack);
    }
    const innermost = stack.at(-1);
    if (innermost && innermost.resource === resource) {
      innermost.depth++;
      if (domain && !innermost.domain) innermost.domain = domain;
      return innermost;
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
      stack: 0,
      stackEvent: 0,
      site: undefined,
      insideSrcuPass: this.#work.executing(task.tid)?.fn === 'process_srcu',
      sleptNs: 0,
      gapsAtStart: this.#world.lostMarkers,
      censored: false,
      depth: 1,
    };
    stack.push(wait);
    this.waits.push(wait);
    if (this.waits.length > KEPT * 2) this.waits.splice(0, KEPT);
    return wait;
  }

  #closeInnermost(task: Task, resource: SyncResource, nowNs: number, eventId: number): void {
    const stack = this.#open.get(task.key);
    const index = stack?.findLastIndex((wait) => wait.resource === resource) ?? -1;
    if (!stack || index < 0) return;
    const wait = stack[index];
    if (--wait.depth > 0) return;
    while (stack.length > index) this.#close(stack.pop() as SyncWait, nowNs, eventId);
    if (stack.length === 0) this.#open.delete(task.key);
  }

  #close(wait: SyncWait, nowNs: number, eventId: number): void {
    wait.endNs = nowNs;
    wait.endEvent = eventId;
    wait.comm = this.#tasks.name(wait.task);
    if (wait.task.wakingNs >= wait.startNs && wait.task.wakingNs <= nowNs) wait.wokenNs = wait.task.wakingNs;
    this.#settle(wait);
  }

  #settle(wait: SyncWait): void {
    // A return probe closes its own call whatever was lost in between; an open end or a stack does not.
    if (wait.endNs === null || wait.source === 'stack') wait.censored = wait.gapsAtStart !== this.#world.lostMarkers;
    const metric = METRICS[wait.resource];
    const by = wait.domain || wait.api;
    if (wait.endNs === null) this.#world.facts.openSample(metric, by);
    else this.#world.facts.sample(metric, by, wait.endNs - wait.startNs);
    const endNs = wait.endNs ?? this.#world.nowNs;
    if (endNs - wait.startNs >= this.#world.thresholds.blockedSyncNs) this.long.push(wait);
    this.#world.facts.syncWait({
      api: wait.api,
      domain: wait.domain,
      comm: wait.comm,
      tid: wait.tid,
      startNs: wait.startNs,
      endNs: wait.endNs,
      rootKind: null,
      confidence: wait.source === 'stack' ? 'inferred' : 'observed',
    });
    this.onSettled?.(wait);
  }

  /** The stack of a D sleep: opens a wait when no probe did, and tells who called. */
  #sleptWithStack(task: Task): void {
    if (task.state !== TASK_BLOCKED || !task.stack) return;
    const verdict = this.verdict(task.stack);
    const open = this.#open.get(task.key);
    const innermost = open?.at(-1);
    const resource = syncResource(verdict);
    if (resource && innermost?.resource !== resource) {
      if (innermost?.source === 'stack') this.#closeFromStack(task);
      if (verdict.insideSrcuPass) this.#work.implyPass(task.tid, task.cpu, task.sinceNs, task.offEvent);
      const wait = this.#enter(task, resource, verdict.api, '', 'stack', task.sinceNs, task.offEvent);
      this.#describe(wait, task, verdict);
      return;
    }
    if (!resource && innermost?.source === 'stack') this.#closeFromStack(task);
    if (open) for (const wait of open) this.#describe(wait, task, verdict);
  }

  #describe(wait: SyncWait, { stack, stackEvent }: Task, verdict: StackVerdict): void {
    if (wait.stack) return;
    wait.stack = stack;
    wait.stackEvent = stackEvent;
    wait.site = verdict.site;
    if (wait.resource === 'srcu' && verdict.srcuDomain && (!wait.domain || wait.domain.startsWith('srcu_struct '))) {
      wait.domain = wait.domain
        ? `${verdict.srcuDomain} (${wait.domain.slice('srcu_struct '.length)})`
        : verdict.srcuDomain;
    }
  }

  /** A wait known by its stack ends when the task runs on without sleeping there again: at its next different sleep. */
  #closeFromStack(task: Task): void {
    const stack = this.#open.get(task.key);
    const wait = stack?.at(-1);
    if (!stack || !wait || wait.source !== 'stack') return;
    stack.pop();
    if (stack.length === 0) this.#open.delete(task.key);
    const endNs = this.#wokenNs.get(task.key) ?? task.sinceNs;
    this.#close(wait, endNs, task.wakeEvent);
    this.#work.endImpliedPass(task.tid, endNs, task.wakeEvent);
  }

  /** End of the last D sleep of a task whose wait is known from stacks only. */
  readonly #wokenNs = new Map<TaskKey, number>();

  #unblocked(interval: BlockedInterval): void {
    const open = this.#open.get(interval.task.key);
    if (!open) return;
    for (const wait of open) wait.sleptNs += interval.endNs - interval.startNs;
    if (open.at(-1)?.source === 'stack') this.#wokenNs.set(interval.task.key, interval.endNs);
  }

  #exited(task: Task, nowNs: number): void {
    const open = this.#open.get(task.key);
    if (!open) return;
    for (const wait of open) this.#close(wait, nowNs, 0);
    this.#open.delete(task.key);
    this.#wokenNs.delete(task.key);
  }

  finish(): void {
    for (const [key, stack] of this.#open) {
      for (const wait of stack) {
        const wokenNs = this.#wokenNs.get(key);
        // Known from stacks only, and running since: it was over by then.
        if (wait.source === 'stack' && wokenNs !== undefined && wait.task.state !== TASK_BLOCKED)
          this.#close(wait, wokenNs, wait.task.wakeEvent);
        else this.#settle(wait);
      }
    }
    for (const [domain, readers] of this.readers) {
      for (const reader of readers.values()) {
        this.#world.facts.srcuReader({
          domain,
          comm: this.#tasks.name(reader.task),
          tid: reader.task.tid,
          startNs: reader.sinceNs,
          endNs: null,
        });
      }
    }
  }
}

/** `tracepoint_srcu (0xffff…)` → `srcu_struct 0xffff…`: the key under which probes know the domain. */
export function baseDomain(domain: string): string {
  const address = /\((0x[0-9a-f]+)\)$/.exec(domain);
  return address ? `srcu_struct ${address[1]}` : domain;
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
