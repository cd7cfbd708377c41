/**
 * Tasks as the lock model sees them: found by the event's tid and CPU, born by fork, emptied by gaps (MODEL E0.4), and the list
 * of those that hold something.
 */
import type { EventCursor } from '../../../../schema/index.ts';
import { type HeldLock, TaskLocks } from './held.ts';
import type { CriticalSection, ThreadLife } from './order/critical-section.ts';

/** Tasks beyond this number are forgotten when they hold nothing: a capture of days forks millions. */
const SWEEP_AT = 8192;

export class LockTasks {
  readonly #tasks = new Map<number, TaskLocks>();
  /** Tasks that hold at least one lock. */
  readonly active: TaskLocks[] = [];
  readonly #current: (TaskLocks | undefined)[] = [];
  readonly #gapEpoch: number[] = [];
  #threads = 0;
  #sweepAt = SWEEP_AT;
  /** sched_switch is recorded: tasks do not change CPUs unseen. */
  switchesSeen = false;
  /** Holds whose end a gap swallowed. */
  lostHolds = 0;
  readonly #onLost: (entry: HeldLock) => void;
  readonly #onGone: (thread: ThreadLife) => void;
  readonly #onEmptied: (task: TaskLocks) => void;
  readonly #missesCpus: () => boolean;

  /**
   * @param onEmptied what the task holds is unknown from here on
   * @param missesCpus whether a CPU takes part of which nothing is recorded
   */
  constructor(
    onLost: (entry: HeldLock) => void,
    onGone: (thread: ThreadLife) => void,
    onEmptied: (task: TaskLocks) => void,
    missesCpus: () => boolean,
  ) {
    this.#missesCpus = missesCpus;
    this.#onLost = onLost;
    this.#onGone = onGone;
    this.#onEmptied = onEmptied;
  }

  /** Live state of a snapshot, per CPU: gaps seen, and the task of the last lock event. */
  get live(): { readonly gapEpochs: number[]; readonly current: (TaskLocks | undefined)[] } {
    return { gapEpochs: this.#gapEpoch, current: this.#current };
  }

  /** The task that runs at this event; undefined when the record names none. */
  at(event: EventCursor): TaskLocks | undefined {
    const tid = event.tid;
    const cpu = event.cpu;
    if (tid < 0) {
      // perf has no tid for a dying task any more (perf_event_pid): what the last task of that CPU holds is unknown.
      const last = this.#current[cpu];
      if (last !== undefined) last.unmatched = true;
      return undefined;
    }
    const key = tid > 0 ? tid : -1 - cpu;
    const cached = this.#current[cpu];
    if (cached !== undefined && cached.key === key && !cached.away && cached.gapEpoch === (this.#gapEpoch[cpu] ?? 0))
      return cached;
    const task = this.ensure(key);
    // It runs elsewhere although no switch took it off its CPU: the events in between are lost, the marker comes later (E0.4).
    if (this.switchesSeen && !task.away && task.cpu !== cpu && task.depth > 0) this.empty(task);
    // It was away, and there is a CPU of which nothing is recorded: it may have released what it held there (L5.24).
    else if (task.away && task.depth > 0 && this.#missesCpus()) this.empty(task);
    if (cached?.key !== key) task.arrivedNs = event.tsNs;
    task.away = false;
    task.cpu = cpu;
    task.gapEpoch = this.#gapEpoch[cpu] ?? 0;
    task.comm = event.comm;
    this.#current[cpu] = task;
    return task;
  }

  /** The task with that key, its stack valid; undefined when it showed no lock event yet. */
  get(key: number): TaskLocks | undefined {
    const task = this.#tasks.get(key);
    if (task !== undefined && task.gapEpoch !== (this.#gapEpoch[task.cpu] ?? 0)) {
      // It was last seen on a CPU that lost events since: what it holds now is unknown.
      this.empty(task);
      task.gapEpoch = this.#gapEpoch[task.cpu] ?? 0;
    }
    return task;
  }

  /** A new life of that tid begins. */
  forked(
    key: number,
    parent: TaskLocks | undefined,
    forkEvent: number,
    sections: readonly CriticalSection[],
  ): TaskLocks {
    const old = this.#tasks.get(key);
    if (old !== undefined) this.#drop(old);
    return this.#make(key, parent?.thread, forkEvent, sections);
  }

  /** The task with that key, made when it was not seen before. */
  ensure(key: number): TaskLocks {
    return this.get(key) ?? this.#make(key, undefined, 0, []);
  }

  #make(
    key: number,
    parent: ThreadLife | undefined,
    forkEvent: number,
    forkSections: readonly CriticalSection[],
  ): TaskLocks {
    if (this.#tasks.size >= this.#sweepAt) this.#sweep();
    const task = new TaskLocks(key, { threadId: ++this.#threads, parent, forkEvent, forkSections, heldBefore: [] });
    this.#tasks.set(key, task);
    return task;
  }

  /** Forgets tasks that are gone and hold nothing; live ones keep their identity for predictions. */
  #sweep(): void {
    for (const task of [...this.#tasks.values()]) if (task.dead && task.depth === 0) this.#drop(task);
    this.#sweepAt = Math.max(SWEEP_AT, this.#tasks.size * 2);
  }

  #drop(task: TaskLocks): void {
    this.empty(task);
    this.#tasks.delete(task.key);
    this.#onGone(task.thread);
    if (this.#current[task.cpu] === task) this.#current[task.cpu] = undefined;
  }

  /** Events were lost on a CPU: stacks of the tasks last seen there are unknown from here on. */
  gap(cpu: number): void {
    this.#gapEpoch[cpu] = (this.#gapEpoch[cpu] ?? 0) + 1;
    for (let i = this.active.length - 1; i >= 0; i--) this.get(this.active[i].key);
  }

  empty(task: TaskLocks): void {
    task.released.clear();
    this.#onEmptied(task);
    while (task.depth > 0) {
      this.#onLost(task.entries[--task.depth]);
      this.lostHolds++;
    }
    this.deactivate(task);
  }

  activate(task: TaskLocks): void {
    if (task.activeIndex >= 0) return;
    task.activeIndex = this.active.length;
    this.active.push(task);
  }

  deactivate(task: TaskLocks): void {
    const index = task.activeIndex;
    if (index < 0) return;
    const last = this.active.pop() as TaskLocks;
    if (last !== task) {
      this.active[index] = last;
      last.activeIndex = index;
    }
    task.activeIndex = -1;
  }
}
