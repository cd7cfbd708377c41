/**
 * Routine grace periods of captures without rcu:* events, from where the grace-period kthread sleeps: inside rcu_gp_fqs_loop() one is in
 * flight, elsewhere none is (R2.1). In one run between two sleeps it may end one and begin the next, so only those are kept whose both ends
 * are sure: by a sleep elsewhere, or by the wakeup of a caller of synchronize_rcu(), where the kthread itself wakes them (R2.21).
 */
import { type EventCursor, type EventType, fieldsOf, knownName } from '../../../../schema/index.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { GP_KTHREAD } from '../../knowledge/kthread-names.ts';
import type { SyncWaitModel } from '../sync/sync-wait.ts';
import { NameTest } from '../task/name-test.ts';
import { TASK_SLEEPING, type Task, type TaskKey, type TaskModel } from '../task/task.ts';

export interface KthreadPeriod {
  readonly flavor: string;
  readonly startNs: number;
  readonly startEvent: number;
  readonly endNs: number;
  readonly endEvent: number;
}

interface Instant {
  readonly ns: number;
  readonly event: number;
}

interface Kthread {
  /** Since when it runs; undefined when that was not seen. */
  run: Instant | undefined;
  /** The first caller that it woke in this run. */
  woke: Instant | undefined;
  /** Whether a grace period was in flight at its last sleep; undefined before the first. */
  inFlight: boolean | undefined;
  /** Its start, where that is sure. */
  start: Instant | undefined;
  /** Callers slept when it began: they are woken when it ends, and until then it is one and the same. */
  awaited: boolean;
  /** Lost-event markers seen when its state was last sure. */
  gaps: number;
}

const WAKING = fieldsOf('sched_waking');

const IN_FLIGHT_FRAME = 'rcu_gp_fqs_loop';

/** Enough for minutes of back-to-back grace periods. */
const KEPT = 1 << 15;

export class KthreadPeriodModel implements Model {
  readonly #world: World;
  readonly #tasks: TaskModel;
  readonly #sync: SyncWaitModel;
  readonly #kthreads = new Map<TaskKey, Kthread>();
  /** By stack: whether rcu_gp_fqs_loop() is in it. */
  readonly #inFlight: (boolean | undefined)[] = [];
  readonly #names: NameTest;
  /** The kthread has been seen to wake callers: this kernel completes them so. */
  #wakesCallers = false;
  /** By end. */
  readonly periods: KthreadPeriod[] = [];

  constructor(world: World, tasks: TaskModel, sync: SyncWaitModel) {
    this.#world = world;
    this.#names = new NameTest(world.dictionary, GP_KTHREAD);
    this.#tasks = tasks;
    this.#sync = sync;
    tasks.listeners.push({
      onSwitchIn: (task, nowNs) => {
        if (this.#drives(task)) this.#runs(task, nowNs);
      },
      onSwitchOutStack: (task) => {
        if (task.state === TASK_SLEEPING && this.#drives(task)) this.#sleeps(task);
      },
    });
  }

  subscribe(type: EventType): EventHandler | undefined {
    return knownName(type) === 'sched_waking' ? (event) => this.#waking(event) : undefined;
  }

  #drives(task: Task): boolean {
    return this.#names.matches(task.comm);
  }

  #runs(task: Task, nowNs: number): void {
    let kthread = this.#kthreads.get(task.key);
    if (!kthread) {
      kthread = { run: undefined, woke: undefined, inFlight: undefined, start: undefined, awaited: false, gaps: 0 };
      this.#kthreads.set(task.key, kthread);
    }
    // It was preempted, and goes on.
    if (kthread.run) return;
    kthread.run = { ns: nowNs, event: task.stateEvent };
    kthread.woke = undefined;
  }

  #waking(event: EventCursor): void {
    const kthread = this.#kthreads.size > 0 ? this.#kthreads.get(event.tid) : undefined;
    if (!kthread?.run || kthread.woke) return;
    const waiter = this.#tasks.find(event.int(WAKING.pid));
    if (!waiter?.stack || this.#sync.verdict(waiter.stack).resource !== 'rcu') return;
    this.#wakesCallers = true;
    kthread.woke = { ns: event.tsNs, event: event.eventId };
  }

  #sleeps(task: Task): void {
    const kthread = this.#kthreads.get(task.key);
    if (!kthread) return;
    const { run, woke, start } = kthread;
    const wasInFlight = kthread.inFlight;
    this.#inFlight[task.stack] ??= this.#world.dictionary.stackSymbols(task.stack).includes(IN_FLIGHT_FRAME);
    const inFlight = this.#inFlight[task.stack] as boolean;
    const lost = kthread.gaps !== this.#world.lostMarkers;
    kthread.run = undefined;
    kthread.inFlight = inFlight;
    kthread.gaps = this.#world.lostMarkers;
    if (!run || lost) {
      kthread.start = undefined;
      return;
    }
    const asleep = { ns: task.sinceNs, event: task.offEvent };
    if (wasInFlight) {
      if (woke || !inFlight) this.#ended(task, kthread, woke ?? asleep);
      if (woke && inFlight) this.#began(kthread, woke);
      // It may be the same that goes on, or the next one.
      else if (!inFlight || !start || !kthread.awaited || !this.#wakesCallers) kthread.start = undefined;
      return;
    }
    kthread.start = undefined;
    if (wasInFlight === undefined) {
      if (inFlight && woke) this.#began(kthread, woke);
    } else if (inFlight && !woke) this.#began(kthread, run);
    else if (woke && !inFlight) {
      kthread.start = run;
      this.#ended(task, kthread, woke);
    }
  }

  #began(kthread: Kthread, start: Instant): void {
    kthread.start = start;
    kthread.awaited = this.#sync.allOpen().some((wait) => wait.resource === 'rcu' && wait.startNs < start.ns);
  }

  #ended(task: Task, kthread: Kthread, end: Instant): void {
    const { start } = kthread;
    kthread.start = undefined;
    if (!start || end.ns <= start.ns) return;
    this.periods.push({
      flavor: this.#tasks.name(task),
      startNs: start.ns,
      startEvent: start.event,
      endNs: end.ns,
      endEvent: end.event,
    });
    if (this.periods.length > 2 * KEPT) this.periods.splice(0, KEPT);
  }
}
