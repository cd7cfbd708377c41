/**
 * Where deferring and waking APIs were called, and what the caller held (MODEL 6.2). Seen in four ways: a probe on the API
 * itself; an event that lies inside the API (workqueue_queue_work is recorded under the pool lock); the stack of an acquisition; a
 * lock that only that API takes.
 */
import type { EventCursor, EventType } from '../../../../../schema/index.ts';
import type { EventHandler } from '../../../core/world.ts';
import { API_EVENTS, API_SIGNATURES, TRACEPOINT_LOCKS } from '../../../knowledge/lock/api-profiles.ts';
import { API_FRAMES } from '../../../knowledge/lock/functions.ts';
import type { LockClass } from '../class.ts';
import type { LockEvents } from '../events.ts';
import { CONTEXT_TASK, type HeldLock, type TaskLocks } from '../held.ts';
import type { StackTraitsCache } from './stack-traits.ts';

export interface DeferralHold {
  readonly classId: number;
  readonly eventId: number;
}

/** One distinct call: API, held classes, context. */
export interface DeferralSite {
  readonly api: string;
  /** Classes that the caller held in this context, oldest first. */
  readonly held: readonly DeferralHold[];
  readonly context: number;
  readonly flags: number;
  readonly eventId: number;
  readonly tsNs: number;
  readonly taskKey: number;
  readonly comm: number;
  /** How the call is known. */
  readonly seenBy: 'probe' | 'event' | 'stack' | 'lock';
  /** Locks of the API that this call, or one like it, was seen to take. */
  readonly took: Set<number>;
  stack: number;
  bpf: boolean;
  /** Where the held locks are known from, instead of lock events: the tracepoint that called (D6.8). */
  readonly tracepoint?: string;
  count: number;
}

/** A call seen in a capture without lock events. */
interface UnlockedCall {
  readonly api: string;
  readonly taskKey: number;
  readonly comm: number;
  readonly context: number;
  readonly flags: number;
  readonly eventId: number;
  readonly tsNs: number;
  /** CpuState.records at the call. */
  readonly record: number;
}

const MAX_SITES = 4096;

export class DeferralSites {
  readonly all: DeferralSite[] = [];
  readonly #events: LockEvents;
  readonly #stacks: StackTraitsCache;
  readonly #byKey = new Map<number, DeferralSite>();
  readonly #apiIds = new Map<string, number>();
  readonly #awaitsStack: (UnlockedCall | undefined)[] = [];
  readonly #recordOf: (cpu: number) => number;
  /** API that a lock of this class gives away, by class number; '' for none. */
  readonly #signatures: (string | undefined)[] = [];

  /** @param recordOf number of the newest record of a CPU. */
  constructor(events: LockEvents, stacks: StackTraitsCache, recordOf: (cpu: number) => number) {
    this.#events = events;
    this.#recordOf = recordOf;
    this.#stacks = stacks;
  }

  subscribeProbe(type: EventType): EventHandler | undefined {
    const api = API_FRAMES.find((candidate) => candidate.match.test(type.name))?.api;
    return api === undefined ? undefined : (event) => this.#probe(event, api);
  }

  subscribeEvent(type: EventType): EventHandler | undefined {
    const known = API_EVENTS[type.name];
    return known === undefined ? undefined : (event) => this.#inside(event, known.api, known.own);
  }

  #probe(event: EventCursor, api: string): void {
    const task = this.#events.tasks.at(event);
    if (task === undefined) return;
    const context = this.#events.contextOf(event);
    if (this.#events.acquisitions === 0) {
      const call: UnlockedCall = {
        api,
        taskKey: task.key,
        comm: task.comm,
        context,
        flags: event.flags,
        eventId: event.eventId,
        tsNs: event.tsNs,
        record: this.#recordOf(event.cpu),
      };
      if (event.stack !== 0) this.#atTracepoint(call, event.stack);
      else this.#awaitsStack[event.cpu] = call;
      return;
    }
    if (task.depth === 0 && context === CONTEXT_TASK) return;
    this.#add(api, task, task.depth, context, event.flags, event.eventId, event.tsNs, 'probe', event.stack);
  }

  /** A stack record: it may belong to a call that was seen without lock events. */
  stackRecord(cpu: number, record: number, stack: number): void {
    const call = this.#awaitsStack[cpu];
    if (call?.record === record) this.#atTracepoint(call, stack);
  }

  /** Without lock events: a call from a tracepoint's probe runs under the locks that are held where the tracepoint sits (D6.8). */
  #atTracepoint(call: UnlockedCall, stack: number): void {
    const { tracepoint, bpf } = this.#stacks.of(stack);
    const names = TRACEPOINT_LOCKS[tracepoint];
    if (names === undefined || this.all.length >= MAX_SITES) return;
    const held = names.map((name) => ({ classId: this.#events.table.named(name).classId, eventId: 0 }));
    const known = this.all.find((site) => site.api === call.api && site.tracepoint === tracepoint);
    if (known) {
      known.count++;
      return;
    }
    const { api, taskKey, comm, context, flags, eventId, tsNs } = call;
    this.all.push({
      api,
      held,
      context,
      flags,
      eventId,
      tsNs,
      taskKey,
      comm,
      seenBy: 'probe',
      tracepoint,
      took: new Set(),
      stack,
      bpf,
      count: 1,
    });
  }

  /** The event is recorded under the API's own locks: they are not the caller's. */
  #inside(event: EventCursor, api: string, own: readonly string[]): void {
    const task = this.#events.tasks.at(event);
    if (task === undefined || task.depth === 0) return;
    const context = this.#events.contextOf(event);
    if (this.#events.printsReport(task, context)) return;
    let depth = task.depth;
    for (const name of own) {
      const at = topmost(task, depth, this.#events.table.find(name)?.classId ?? -1);
      if (at >= 0) depth = at;
    }
    if (depth === 0 || task.entries[depth - 1].context !== context) return;
    this.#add(api, task, depth, context, event.flags, event.eventId, event.tsNs, 'event', event.stack);
  }

  /** Every acquisition passes here: is it one that only an API makes? */
  acquired(task: TaskLocks, entry: HeldLock, cls: LockClass): void {
    let api = this.#signatures[cls.classId];
    if (api === undefined) {
      api = API_SIGNATURES.find((signature) => signature.lock.test(cls.name))?.api ?? '';
      this.#signatures[cls.classId] = api;
    }
    if (api === '' || task.depth < 2) return;
    const below = task.entries[task.depth - 2];
    if (below.context !== entry.context) return;
    const site = this.#add(
      api,
      task,
      task.depth - 1,
      entry.context,
      entry.flags,
      entry.eventId,
      entry.sinceNs,
      'lock',
      entry.stack,
    );
    site?.took.add(cls.classId);
  }

  /** An acquisition whose stack shows that it happens inside an API call. */
  acquiredWithin(task: TaskLocks, cls: LockClass, api: string, eventId: number, stack: number, bpf: boolean): void {
    const entry = task.top();
    if (entry === undefined || entry.eventId !== eventId) return;
    // Locks taken by the call itself before this one carry a stack with the same API; the caller's do not.
    let depth = task.depth - 1;
    while (depth > 0 && this.#stacks.of(task.entries[depth - 1].stack).api === api) depth--;
    if (depth === 0 || task.entries[depth - 1].context !== entry.context) return;
    const site = this.#add(api, task, depth, entry.context, entry.flags, eventId, entry.sinceNs, 'stack', stack);
    if (site === undefined) return;
    site.took.add(cls.classId);
    if (bpf) site.bpf = true;
    if (site.stack === 0) site.stack = stack;
  }

  #add(
    api: string,
    task: TaskLocks,
    depth: number,
    context: number,
    flags: number,
    eventId: number,
    tsNs: number,
    seenBy: DeferralSite['seenBy'],
    stack: number,
  ): DeferralSite | undefined {
    let apiId = this.#apiIds.get(api);
    if (apiId === undefined) {
      apiId = this.#apiIds.size + 1;
      this.#apiIds.set(api, apiId);
    }
    const path = depth > 0 && task.entries[depth - 1].context === context ? task.entries[depth - 1].classPath : 0;
    const key = (apiId * 8 + context) * 4294967296 + (path >>> 0);
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.count++;
      return known;
    }
    if (this.all.length >= MAX_SITES) return undefined;
    const held: DeferralHold[] = [];
    for (let i = depth - 1; i >= 0 && task.entries[i].context === context; i--)
      held.unshift({ classId: task.entries[i].classId, eventId: task.entries[i].eventId });
    const made: DeferralSite = {
      api,
      held,
      context,
      flags,
      eventId,
      tsNs,
      taskKey: task.key,
      comm: task.comm,
      seenBy,
      took: new Set(),
      stack,
      bpf: false,
      count: 1,
    };
    this.#byKey.set(key, made);
    this.all.push(made);
    return made;
  }
}

/** Index of the topmost of the first `depth` entries with that class, −1 when there is none. */
function topmost(task: TaskLocks, depth: number, classId: number): number {
  for (let i = depth - 1; i >= 0; i--) if (task.entries[i].classId === classId) return i;
  return -1;
}
