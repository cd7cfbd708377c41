/**
 * The lock model: what lockdep would know, replayed over lock events (MODEL §5). It subscribes to the events and answers
 * questions; the replica itself is lock-events.ts, one file per mechanism beside it.
 */
import {
  type EventCursor,
  type EventType,
  fieldsOf,
  knownName,
  type LockMisuseKind,
  type LogReport,
} from '../../../../schema/index.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { entersHardirq } from '../../knowledge/interrupt-events.ts';
import type { CpuModel } from '../cpu/cpu.ts';
import { type LockClass, type LockInstance, WAIT_SLEPT } from './class.ts';
import { ContentionEvents } from './contention-events.ts';
import { DeferralSites } from './context/deferral-site.ts';
import { type AtomicSleep, AtomicSleeps, sleeps } from './context/sleep.ts';
import { StackTraitsCache } from './context/stack-traits.ts';
import { markEnabling, markInterrupted } from './context/usage.ts';
import { LockEvents } from './events.ts';
import {
  CONTEXT_HARDIRQ,
  CONTEXT_SOFTIRQ,
  CONTEXT_TASK,
  HELD_DUBIOUS,
  HELD_OWNED,
  HELD_READ,
  HELD_TRY,
  type HeldLock,
  newestWaiting,
  type TaskLocks,
} from './held.ts';
import { writeLockFacts } from './lock-facts.ts';
import { LockReports } from './reports.ts';
import {
  CONTENTION_READ,
  type ContentionTable,
  LONG_WAIT_NS,
  type LockHolder,
  type LockWaitState,
  NO_OWNER,
  type OpenContention,
  type PastLockWait,
  tidOf,
} from './wait.ts';

const LOST = fieldsOf('quiesce_lost');
const SWITCH = fieldsOf('sched_switch');
const FORK = fieldsOf('sched_process_fork');
const WAKING = fieldsOf('sched_waking');

export class LockModel implements Model {
  readonly #world: World;
  readonly #cpus: CpuModel;
  readonly events: LockEvents;
  readonly contention: ContentionEvents;
  readonly sleeps = new AtomicSleeps();
  readonly reports: LockReports;
  readonly deferrals: DeferralSites;
  readonly stacks: StackTraitsCache;
  /** Per CPU: what the next stack record may belong to besides an acquisition. */
  readonly stackOwner: ({ record: number; target: AtomicSleep | OpenContention } | undefined)[] = [];

  constructor(world: World, cpus: CpuModel, missesCpus: () => boolean) {
    this.#world = world;
    this.#cpus = cpus;
    this.events = new LockEvents(world, cpus, missesCpus);
    this.contention = new ContentionEvents(world, this.events);
    this.stacks = new StackTraitsCache(world.dictionary);
    this.reports = new LockReports(this.events.table, this.events.graph, (field, value) => world.learn(field, value));
    this.deferrals = new DeferralSites(this.events, this.stacks, (cpu) => cpus.get(cpu).records);
    this.events.table.newClassListeners.push((cls) => {
      // kernel/softirq.c has these only with PREEMPT_RT.
      if (cls.name === 'local_bh' || cls.name === '(softirq_ctrl.lock)') world.learn('rt', true);
    });
    this.events.acquiredListeners.push((task, entry, cls) => this.deferrals.acquired(task, entry, cls));
  }

  get classes(): readonly LockClass[] {
    return this.events.table.classes;
  }

  /** Slow paths of locks, from contention_begin and contention_end. */
  get contentions(): ContentionTable {
    return this.contention.table;
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (type.shape === 'kprobe') return this.deferrals.subscribeProbe(type);
    if (type.shape !== 'tracepoint' && type.shape !== 'marker') return undefined;
    const { events } = this;
    switch (knownName(type)) {
      case 'lock_acquire':
        return (event) => {
          events.acquire(event);
          if (event.stack !== 0) this.#stackOfAcquisition(event.cpu, event.stack);
        };
      case 'lock_release':
        return (event) => events.release(event);
      case 'lock_acquired':
        return (event) => events.acquired(event);
      case 'lock_contended':
        return (event) => events.contended(event);
      case 'contention_begin':
        return (event) => {
          const begun = this.contention.begin(event);
          if (begun !== undefined && begun.stack === 0) this.#awaitStack(event.cpu, begun);
        };
      case 'contention_end':
        return (event) => this.contention.end(event);
      case 'sched_switch':
        return (event) => this.#switch(event);
      case 'sched_process_fork':
        return (event) => this.#fork(event);
      case 'sched_waking': {
        const deferral = this.deferrals.subscribeEvent(type);
        return (event) => {
          this.#waking(event);
          deferral?.(event);
        };
      }
      case 'kernel_stack':
        return (event) => this.#stackRecord(event);
      case 'irq_enable':
        return (event) => this.#irqEnable(event);
      case 'quiesce_lost':
        return (event) => {
          const cpu = event.int(LOST.lost_cpu);
          events.trust.gap(cpu, this.#cpus.get(cpu).lastEventNs);
        };
      case 'workqueue_execute_start':
        return (event) => {
          const task = events.tasks.at(event);
          if (task !== undefined) task.workStart = event.eventId;
        };
      case 'workqueue_execute_end':
        return (event) => this.#workEnds(event);
      case 'sys_exit':
        return (event) => this.#mayHoldNothing('held-in-user', event);
      default:
        if (type.name.startsWith('sys_exit_')) return (event) => this.#mayHoldNothing('held-in-user', event);
        if (entersHardirq(type.name)) return (event) => this.#interrupted(event);
        return this.deferrals.subscribeEvent(type);
    }
  }

  onReport(report: LogReport): void {
    this.reports.onReport(report);
  }

  // -- stacks ----------------------------------------------------------------------------------------------------------

  #stackRecord(event: EventCursor): void {
    if (event.stack === 0) return;
    const record = this.#cpus.get(event.cpu).records - 1;
    if (this.events.latest[event.cpu]?.record === record) this.#stackOfAcquisition(event.cpu, event.stack);
    this.deferrals.stackRecord(event.cpu, record, event.stack);
    const owner = this.stackOwner[event.cpu];
    if (owner?.record === record) owner.target.stack = event.stack;
  }

  /** The newest acquisition of that CPU has this stack. */
  #stackOfAcquisition(cpu: number, stack: number): void {
    const latest = this.events.latest[cpu];
    const { entry, cls, task } = latest;
    if (!entry || !cls || !task) return;
    const traits = this.stacks.of(stack);
    if (traits.rt) this.#world.learn('rt', true);
    for (let bit = 1; bit <= traits.evidence; bit <<= 1)
      if (traits.evidence & bit) cls.noteEvidence(bit, latest.eventId);
    if (entry.eventId === latest.eventId) entry.stack = stack;
    cls.addUsageStack(latest.eventId, stack);
    for (const witness of latest.witnesses) if (witness.stack === 0) witness.stack = stack;
    for (const shown of this.events.sameClass.latest) if (shown.acquireEvent === latest.eventId) shown.stack = stack;
    for (const nesting of latest.nestings) {
      nesting.first.stack = stack;
      if (nesting.atomic) nesting.atomic.stack = stack;
    }
    if (traits.api !== undefined)
      this.deferrals.acquiredWithin(task, cls, traits.api, latest.eventId, stack, traits.bpf);
  }

  #awaitStack(cpu: number, target: AtomicSleep | OpenContention): void {
    this.stackOwner[cpu] = { record: this.#cpus.get(cpu).records, target };
  }

  // -- interrupts and scheduling ---------------------------------------------------------------------------------------

  /** preemptirq:irq_enable: emitted before interrupts go on; its flags show whether softirqs may come then. */
  #irqEnable(event: EventCursor): void {
    const task = this.events.tasks.at(event);
    if (task === undefined || task.depth === 0 || this.events.contextOf(event) > CONTEXT_SOFTIRQ) return;
    markEnabling(task, this.classes, event.flags, event.eventId, event.tsNs);
  }

  /** An interrupt got through: hardirqs were on while the interrupted task held what it holds. */
  #interrupted(event: EventCursor): void {
    const task = this.events.tasks.at(event);
    if (task === undefined || task.depth === 0) return;
    markInterrupted(task, this.classes, CONTEXT_HARDIRQ, event.flags, event.eventId, event.tsNs);
  }

  /** process_one_work() and the way back to user mode check for locks left behind. */
  #mayHoldNothing(misuse: LockMisuseKind, event: EventCursor, since = 0): void {
    const task = this.events.tasks.at(event);
    if (task !== undefined && task.depth > 0 && this.events.contextOf(event) === CONTEXT_TASK)
      this.events.misuses.stillHeld(misuse, task, event, since);
  }

  /** The maps of the work item itself, acquired before it starts, are held still. */
  #workEnds(event: EventCursor): void {
    const task = this.events.tasks.at(event);
    if (task === undefined || task.workStart === 0) return;
    this.#mayHoldNothing('leaked-by-work', event, task.workStart);
    task.workStart = 0;
  }

  #switch(event: EventCursor): void {
    this.events.tasks.switchesSeen = true;
    const tid = event.int(SWITCH.prev_pid);
    const task = this.events.tasks.get(tid > 0 ? tid : -1 - event.cpu);
    if (task === undefined) return;
    task.away = true;
    const state = event.text(SWITCH.prev_state);
    if (!sleeps(state)) {
      if (state.startsWith('X') || state.startsWith('Z')) {
        task.dead = true;
        this.events.misuses.stillHeld('held-at-exit', task, event);
      }
      return;
    }
    const waiting = newestWaiting(task);
    if (waiting !== undefined && waiting.contendedNs >= 0)
      this.classes[waiting.classId].noteEvidence(WAIT_SLEPT, waiting.contendedEvent);
    if (task.depth === 0) return;
    const asleep = this.sleeps.switchOut(event, task, this.classes);
    if (asleep !== undefined && asleep.stack === 0) this.#awaitStack(event.cpu, asleep);
  }

  #fork(event: EventCursor): void {
    const parent = this.events.tasks.at(event);
    const child = event.int(FORK.child_pid);
    if (child <= 0) return;
    const sections = parent ? this.events.witnesses.openSections(parent) : [];
    const made = this.events.tasks.forked(child, parent, event.eventId, sections);
    if (parent) this.events.wakes.order(parent.thread, made.thread);
  }

  /** A task that was woken because a lock became free is not ordered by it. */
  #waking(event: EventCursor): void {
    if (this.events.contextOf(event) !== CONTEXT_TASK) return;
    const pid = event.int(WAKING.pid);
    this.contentions.woken(pid, event.tid);
    if (this.events.acquisitions === 0) return;
    const waker = this.events.tasks.at(event);
    if (waker === undefined || pid <= 0) return;
    const woken = this.events.tasks.ensure(pid);
    if ((newestWaiting(woken)?.contendedNs ?? -1) < 0) this.events.wakes.order(waker.thread, woken.thread);
  }

  // -- questions -------------------------------------------------------------------------------------------------------

  /** Everything the task holds or waits for, oldest first. */
  heldBy(taskKey: number): LockHolder[] {
    const task = this.events.trust.releasesMissing ? undefined : this.events.tasks.get(taskKey);
    return task ? task.entries.slice(0, task.depth).map((entry) => this.#holder(task, entry)) : [];
  }

  /** All locks held or waited for right now, by task; what is in doubt left out. */
  allHeld(): LockHolder[] {
    return [...this.events.tasks.active]
      .sort((a, b) => a.key - b.key)
      .flatMap((task) => this.heldBy(task.key).filter((holder) => !holder.doubtful));
  }

  /** Tasks that own this lock (several readers may). */
  holders(instance: LockInstance): LockHolder[] {
    return [...this.events.tasks.active].flatMap((task) =>
      this.heldBy(task.key).filter((holder) => holder.owned && !holder.doubtful && holder.instance === instance),
    );
  }

  /** Tasks that wait for a lock right now, longest first. */
  waits(): LockWaitState[] {
    const waits: LockWaitState[] = [];
    const known = new Set<number>();
    for (const task of this.events.trust.releasesMissing ? [] : this.events.tasks.active) {
      for (let i = 0; i < task.depth; i++) {
        const entry = task.entries[i];
        const cls = this.classes[entry.classId];
        if (!cls.isLock || entry.how & HELD_OWNED) continue;
        known.add(task.key);
        waits.push({
          taskKey: task.key,
          tid: tidOf(task),
          comm: task.comm,
          instance: entry.instance,
          className: cls.name,
          flags: 0,
          sinceNs: entry.contendedNs >= 0 ? entry.contendedNs : entry.sinceNs,
          eventId: entry.contendedNs >= 0 ? entry.contendedEvent : entry.eventId,
          read: (entry.how & HELD_READ) !== 0,
          source: 'lockdep',
          stack: entry.stack,
        });
      }
    }
    for (const contention of this.contentions.open()) {
      if (known.has(contention.taskKey)) continue;
      const named = this.contentions.classByAddress.get(contention.address);
      waits.push({
        taskKey: contention.taskKey,
        tid: contention.tid,
        comm: contention.comm,
        instance: contention.address,
        className: named !== undefined ? this.classes[named].name : '',
        flags: contention.flags,
        sinceNs: contention.sinceNs,
        eventId: contention.eventId,
        read: (contention.flags & CONTENTION_READ) !== 0,
        source: 'contention',
        stack: contention.stack,
      });
    }
    return waits.sort((a, b) => a.sinceNs - b.sinceNs || a.eventId - b.eventId);
  }

  /** The class of what a task waits for. */
  waitedClass(wait: LockWaitState): LockClass {
    return this.events.table.find(wait.className) ?? this.contention.classOf(wait.instance, wait.flags);
  }

  /** Long waits that last to `endNs` and whose owner no event tells. */
  ownerlessWaits(endNs: number): PastLockWait[] {
    return this.waits()
      .filter((wait) => endNs - wait.sinceNs >= LONG_WAIT_NS)
      .map((wait) => ({
        lock: this.waitedClass(wait).name,
        tid: wait.tid,
        startNs: wait.sinceNs,
        endNs,
        owner: NO_OWNER,
      }));
  }

  #holder(task: TaskLocks, entry: HeldLock): LockHolder {
    const cls = this.classes[entry.classId];
    return {
      taskKey: task.key,
      tid: tidOf(task),
      comm: task.comm,
      className: cls.name,
      instance: entry.instance,
      sinceNs: entry.sinceNs,
      eventId: entry.eventId,
      read: (entry.how & HELD_READ) !== 0,
      trylock: (entry.how & HELD_TRY) !== 0,
      owned: (entry.how & HELD_OWNED) !== 0,
      pseudo: !cls.isLock,
      doubtful: (entry.how & HELD_DUBIOUS) !== 0,
    };
  }

  finish(): void {
    // irq_work/N kthreads exist on PREEMPT_RT only (kernel/irq_work.c).
    if (this.#world.dictionary.strings.some((text) => /^irq_work\/\d+$/.test(text))) this.#world.learn('rt', true);
    this.events.trust.finish();
    // Held with interrupts on, or never released: nobody knows.
    if (this.events.trust.releasesMissing) for (const cls of this.classes) cls.usage = 0;
    writeLockFacts(this, this.#world.facts);
  }
}
