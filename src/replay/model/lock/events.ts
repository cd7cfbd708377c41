/**
 * The held-lock replica: what each lock event does to stacks, graph, usage and waits (MODEL 5.9). Hot: under 1 µs per event,
 * no allocation but the facts themselves and what is seen for the first time.
 */
import { CTX_IRQS_OFF, CTX_KNOWN, type EventCursor, fieldsOf, preemptDepth } from '../../../../schema/index.ts';
import type { World } from '../../core/world.ts';
import type { CpuModel } from '../cpu/cpu.ts';
import { howAcquired, insideAcquire, LatestAcquisition, linkPath, lockContext } from './acquisition.ts';
import { hashInstance, type LockClass, type LockInstance, withoutAddress } from './class.ts';
import { LockClassTable } from './class-table.ts';
import { markAcquisition, markEnabled, markInterrupted } from './context/usage.ts';
import { WaitEvidence } from './context/wait-evidence.ts';
import {
  CONTEXT_HARDIRQ,
  CONTEXT_NMI,
  CONTEXT_TASK,
  HELD_DUBIOUS,
  HELD_OWNED,
  HELD_READ,
  HELD_TRY,
  type HeldLock,
  MAX_DEPTH,
  type TaskLocks,
} from './held.ts';
import { HeldStackValidity } from './held-stack-validity.ts';
import { LockMisuses } from './misuse.ts';
import { SectionHistory } from './order/critical-section.ts';
import { DependencyRecorder } from './order/dependency-recorder.ts';
import { LockGraph } from './order/graph.ts';
import { NestingTable } from './order/nesting.ts';
import { SameClassNestings } from './order/same-class.ts';
import { WakeOrder } from './order/wake-order.ts';
import { type Acquisition, WitnessRecorder } from './order/witness.ts';
import { LockTasks } from './tasks.ts';
import { type PastLockWait, recordHeldWait, tidOf } from './wait.ts';

const ACQUIRE = fieldsOf('lock_acquire');
const LOCK = fieldsOf('lock_release', 'lock_acquired', 'lock_contended');

export class LockEvents {
  readonly #world: World;
  readonly #cpus: CpuModel;
  readonly table = new LockClassTable();
  /** Long waits that are over, by end. */
  readonly pastWaits: PastLockWait[] = [];
  readonly graph = new LockGraph();
  readonly nestings = new NestingTable();
  readonly sameClass = new SameClassNestings();
  readonly misuses = new LockMisuses(this.table.classes);
  readonly history = new SectionHistory();
  readonly wakes = new WakeOrder();
  readonly witnesses: WitnessRecorder;
  readonly #dependencies: DependencyRecorder;
  readonly tasks: LockTasks;
  readonly trust: HeldStackValidity;
  /** Per CPU. */
  readonly latest: LatestAcquisition[] = [];
  /** lock_acquired events occur: owning and waiting are distinguished. */
  lockStat = false;
  /** Releases without an acquisition: held since before the capture, or a bad unlock balance. */
  unmatchedReleases = 0;
  /** Entries dropped because the interrupt that took them is over. */
  staleHolds = 0;
  acquisitions = 0;
  /** Called for each acquisition, after it was pushed. */
  readonly acquiredListeners: ((task: TaskLocks, entry: HeldLock, cls: LockClass) => void)[] = [];
  readonly waitEvidence: WaitEvidence;
  readonly #acquisition: Acquisition;
  readonly #isLock = (classId: number): boolean => this.table.classes[classId].isLock;

  constructor(world: World, cpus: CpuModel, missesCpus: () => boolean) {
    this.#world = world;
    this.#cpus = cpus;
    this.witnesses = new WitnessRecorder(this.history, this.wakes, this.#isLock);
    this.#dependencies = new DependencyRecorder(this.table.classes, this.graph, this.witnesses);
    this.tasks = new LockTasks(
      (entry) => this.witnesses.lost(entry),
      (thread) => this.wakes.forget(thread),
      (task) => this.sameClass.doubt(task),
      missesCpus,
    );
    this.trust = new HeldStackValidity(this.graph, this.nestings, this.witnesses, this.tasks);
    this.waitEvidence = new WaitEvidence(this.table.classes, () => world.learn('rt', true));
    this.witnesses.pinListeners.push((section) => this.#noteWaiters(section.instance));
    this.#acquisition = {
      cls: this.table.named('(none)'),
      instance: 0,
      how: 0,
      context: 0,
      flags: 0,
      cpu: 0,
      eventId: 0,
      tsNs: 0,
      stack: 0,
    };
  }

  /** Tasks that asked for a lock before it was pinned take it after the pinned section. */
  #noteWaiters(instance: LockInstance): void {
    const hash = hashInstance(instance);
    for (const task of this.tasks.active)
      for (let i = 0; i < task.depth; i++) {
        const entry = task.entries[i];
        if (entry.instance === instance && !(entry.how & HELD_OWNED))
          this.history.acquired(instance, hash, task.thread, this.#acquisition.eventId, (entry.how & HELD_READ) !== 0);
      }
  }

  /** CONTEXT_* bits of an event (L5.20). */
  contextOf(event: EventCursor): number {
    return lockContext(event, this.#cpus, this.#world.profile.rt === true);
  }

  acquire(event: EventCursor): void {
    const task = this.tasks.at(event);
    if (task === undefined) return;
    this.acquisitions++;
    if (this.trust.releasesMissingOn(event.cpu)) return;
    const flags = event.flags;
    const cls = this.table.of(event, ACQUIRE.name);
    const eventId = event.eventId;
    const context = this.contextOf(event);
    const how =
      howAcquired(event.int(ACQUIRE.flags), flags, context, cls) | (this.lockStat && cls.isLock ? 0 : HELD_OWNED);
    const instance: LockInstance = event.key(ACQUIRE.lockdep_addr) || withoutAddress(cls);
    const acquisition = this.#acquisition;
    acquisition.cls = cls;
    acquisition.instance = instance;
    acquisition.how = how;
    acquisition.context = context;
    acquisition.flags = flags;
    acquisition.cpu = event.cpu;
    acquisition.eventId = eventId;
    acquisition.tsNs = event.tsNs;
    acquisition.stack = event.stack;

    this.#dropEnded(task, context);
    const inNmi = (context & CONTEXT_NMI) !== 0;
    if (!inNmi) this.sameClass.begin();
    // Few do; who does is asked once for both.
    if (task.holds(cls.classId)) {
      if (!inNmi) this.sameClass.acquiring(task, acquisition, cls, this.#isLock);
      this.trust.again(task, acquisition);
    }
    this.trust.acquiring(task, acquisition, this.lockStat, this.table.classes);
    const latest = this.#latestOf(event.cpu);
    cls.acquisitions++;
    if (instance !== cls.lastInstance) cls.noteInstance(instance);
    if (!(how & HELD_TRY)) cls.blocking++;
    const believed = !inNmi && !(acquisition.how & HELD_DUBIOUS);
    if (!inNmi) {
      if (!(how & HELD_TRY)) {
        this.waitEvidence.acquiring(task, cls, context, flags, eventId);
        if (cls.isLock && believed) this.#noteNesting(task, acquisition, latest);
      }
      if (task.depth > 0) this.#noteEnabled(task, context, flags, eventId);
      if (cls.checked) markAcquisition(acquisition, task.key, task.comm);
    }
    const inEdge =
      cls.checked && !(how & HELD_TRY) && believed
        ? this.#dependencies.add(task, task.depth, acquisition, latest, this.#inReport(task, acquisition))
        : -1;
    const entry = this.#push(task, acquisition, inEdge);
    if (cls.isLock && (how & HELD_OWNED || !this.lockStat) && context === CONTEXT_TASK)
      this.history.acquired(instance, hashInstance(instance), task.thread, eventId, (how & HELD_READ) !== 0);
    latest.task = task;
    latest.entry = entry;
    latest.cls = cls;
    latest.eventId = eventId;
    if (believed) for (const listener of this.acquiredListeners) listener(task, entry, cls);
  }

  #latestOf(cpu: number): LatestAcquisition {
    let latest = this.latest[cpu];
    if (latest === undefined) {
      latest = new LatestAcquisition();
      this.latest[cpu] = latest;
    }
    latest.record = this.#cpus.get(cpu).records;
    if (latest.witnesses.length > 0) latest.witnesses.length = 0;
    if (latest.nestings.length > 0) latest.nestings.length = 0;
    return latest;
  }

  /** Entries of interrupts that are over by now were released unseen. */
  #dropEnded(task: TaskLocks, context: number): void {
    const level = context & (CONTEXT_HARDIRQ | CONTEXT_NMI);
    while (task.depth > 0) {
      const entry = task.entries[task.depth - 1];
      if ((entry.context & (CONTEXT_HARDIRQ | CONTEXT_NMI)) <= level) return;
      task.depth--;
      this.staleHolds++;
      task.released.clear();
      this.witnesses.lost(entry);
      if (task.depth === 0) this.tasks.deactivate(task);
    }
  }

  #noteNesting(task: TaskLocks, acquisition: Acquisition, latest: LatestAcquisition): void {
    const { classes } = this.table;
    const { context, flags } = acquisition;
    let from = task.depth;
    while (from > 0 && task.entries[from - 1].context === context) {
      if (task.entries[from - 1].how & HELD_DUBIOUS) break;
      from--;
      if (classes[task.entries[from].classId].rule.nature === 'override') break;
    }
    if (from === task.depth && context === CONTEXT_TASK) return;
    const atomic = (flags & CTX_KNOWN) !== 0 && (preemptDepth(flags) > 0 || (flags & CTX_IRQS_OFF) !== 0);
    const known = this.nestings.all.length;
    this.nestings.note(task, from, acquisition, atomic);
    for (let i = known; i < this.nestings.all.length; i++) latest.nestings.push(this.nestings.all[i]);
  }

  /** What an event shows of interrupts while locks are held: they are on, or it is inside one that got through (L5.40). */
  #noteEnabled(task: TaskLocks, context: number, flags: number, eventId: number): void {
    const { classes } = this.table;
    if (context !== CONTEXT_TASK) markInterrupted(task, classes, context, flags, eventId, this.#world.nowNs);
    if (!(context & CONTEXT_HARDIRQ)) markEnabled(task, classes, flags, eventId, this.#world.nowNs);
  }

  #inReport(task: TaskLocks, { cls, context }: Acquisition): boolean {
    return cls.printk && this.printsReport(task, context);
  }

  /** Whether lockdep's own report is being printed; known only with LOCK_STAT. */
  printsReport(task: TaskLocks, context: number): boolean {
    return this.lockStat && insideAcquire(task, context, this.table.classes);
  }

  #push(task: TaskLocks, acquisition: Acquisition, inEdge: number): HeldLock {
    if (task.depth === MAX_DEPTH) {
      // Only lost releases lead here: the oldest entry is stale.
      this.witnesses.lost(task.remove(0));
      this.staleHolds++;
    }
    const below = task.top();
    const entry = task.pushSlot();
    entry.classId = acquisition.cls.classId;
    entry.instance = acquisition.instance;
    entry.how = acquisition.how;
    entry.context = acquisition.context;
    entry.sinceNs = acquisition.tsNs;
    entry.flags = acquisition.flags;
    entry.eventId = acquisition.eventId;
    entry.ownedEvent = acquisition.eventId;
    entry.stack = acquisition.stack;
    entry.cpu = acquisition.cpu;
    entry.inEdge = inEdge;
    linkPath(entry, below);
    if (task.activeIndex < 0) this.tasks.activate(task);
    return entry;
  }

  release(event: EventCursor): void {
    const task = this.tasks.at(event);
    if (task === undefined) return;
    const cls = this.table.of(event, LOCK.name);
    const instance: LockInstance = event.key(LOCK.lockdep_addr) || withoutAddress(cls);
    const context = this.contextOf(event);
    this.trust.released(event.cpu, event.eventId);
    this.#dropEnded(task, context);
    const index = task.find(instance, context);
    if (index < 0) {
      this.unmatchedReleases++;
      this.#unmatched(task, cls, instance, event);
      if (cls.isLock && context === CONTEXT_TASK && task.thread.heldBefore.length < 16)
        task.thread.heldBefore.push({ instance, releaseEvent: event.eventId });
      return;
    }
    this.#noteEnabled(task, context, event.flags, event.eventId);
    this.waitEvidence.releasing(task, context, event.flags);
    const wasTop = index === task.depth - 1;
    if (this.sameClass.waiting) this.sameClass.released(task, instance, cls.isLock);
    const entry = task.remove(index);
    task.released.add(instance, event.eventId);
    if (!wasTop) this.#reacquire(task, index, event);
    if (entry.section !== undefined) this.witnesses.released(entry, task, event.eventId);
    if (task.depth === 0) this.tasks.deactivate(task);
    if (!cls.isLock) return;
    const nowNs = event.tsNs;
    const tid = tidOf(task);
    // Interruptible acquisitions that gave up are released without ever having been owned (L5.3).
    if (!(entry.how & HELD_OWNED) && entry.contendedNs >= 0) {
      recordHeldWait(this.#world.facts, this.pastWaits, cls, tid, entry, nowNs);
      return;
    }
    const { facts } = this.#world;
    facts.lockHold({
      classId: cls.classId,
      tid,
      cpu: entry.cpu,
      read: (entry.how & HELD_READ) !== 0,
      trylock: (entry.how & HELD_TRY) !== 0,
      startNs: entry.sinceNs,
      endNs: nowNs,
    });
    facts.sample('lock-hold', cls.name, nowNs - entry.sinceNs);
  }

  /** A release of what this context does not hold: held since before the capture, handed over, taken in another context, or a bad unlock. */
  #unmatched(task: TaskLocks, cls: LockClass, instance: LockInstance, event: EventCursor): void {
    let elsewhere = this.ownerOf(instance, undefined) !== undefined;
    for (let i = 0; i < task.depth; i++) {
      if (task.entries[i].instance !== instance) continue;
      task.entries[i].how |= HELD_DUBIOUS;
      elsewhere = true;
    }
    if (!elsewhere && !this.trust.isDark(event.cpu)) this.misuses.unbalanced(task, cls, instance, event);
    task.unmatched = true;
  }

  /** Unlocked out of order: lockdep takes the later entries again, one by one (reacquire_held_locks, L5.22). */
  #reacquire(task: TaskLocks, from: number, event: EventCursor): void {
    const { classes } = this.table;
    const acquisition = this.#acquisition;
    const depth = task.depth;
    for (let i = from; i < depth; i++) {
      const entry = task.entries[i];
      const below = i > 0 ? task.entries[i - 1] : undefined;
      const cls = classes[entry.classId];
      if (
        cls.checked &&
        !(entry.how & HELD_TRY) &&
        !(entry.context & CONTEXT_NMI) &&
        below?.context === entry.context
      ) {
        acquisition.cls = cls;
        acquisition.instance = entry.instance;
        acquisition.how = entry.how;
        acquisition.context = entry.context;
        acquisition.flags = entry.flags;
        acquisition.cpu = event.cpu;
        acquisition.eventId = entry.eventId;
        acquisition.tsNs = entry.sinceNs;
        acquisition.stack = entry.stack;
        task.depth = i;
        entry.inEdge = this.#dependencies.add(task, i, acquisition, undefined, this.#inReport(task, acquisition));
        task.depth = depth;
      }
      linkPath(entry, below);
    }
  }

  /** The lock is owned now: lock_acquired, or contention_end where there is no LOCK_STAT. */
  owned(task: TaskLocks, entry: HeldLock, nowNs: number, eventId: number): void {
    if (entry.how & HELD_OWNED) return;
    if (this.sameClass.waiting) this.sameClass.owned(task, entry);
    entry.how |= HELD_OWNED;
    entry.ownedEvent = eventId;
    const cls = this.table.classes[entry.classId];
    if (entry.contendedNs >= 0) {
      recordHeldWait(this.#world.facts, this.pastWaits, cls, tidOf(task), entry, nowNs);
      entry.sinceNs = nowNs;
    }
    if (entry.context === CONTEXT_TASK)
      this.history.acquired(
        entry.instance,
        hashInstance(entry.instance),
        task.thread,
        eventId,
        (entry.how & HELD_READ) !== 0,
      );
  }

  acquired(event: EventCursor): void {
    this.lockStat = true;
    const task = this.tasks.at(event);
    if (task === undefined) return;
    const cls = this.table.of(event, LOCK.name);
    cls.acquiredEvents++;
    this.trust.owned(event.cpu);
    const index = task.find(event.key(LOCK.lockdep_addr) || withoutAddress(cls), this.contextOf(event));
    if (index >= 0) this.owned(task, task.entries[index], event.tsNs, event.eventId);
  }

  contended(event: EventCursor): void {
    // Without lock_acquired nobody knows when the wait is over.
    if (!this.lockStat) return;
    const task = this.tasks.at(event);
    if (task === undefined) return;
    const cls = this.table.of(event, LOCK.name);
    cls.contended++;
    const index = task.find(event.key(LOCK.lockdep_addr) || withoutAddress(cls), this.contextOf(event));
    if (index < 0) return;
    const entry = task.entries[index];
    entry.how &= ~HELD_OWNED;
    this.startWait(task, entry, event.tsNs, event.eventId);
  }

  startWait(task: TaskLocks, entry: HeldLock, nowNs: number, eventId: number): void {
    if (entry.contendedNs >= 0) return;
    entry.contendedNs = nowNs;
    entry.contendedEvent = eventId;
    const owner = this.ownerOf(entry.instance, task);
    entry.ownerTid = owner ? tidOf(owner) : -1;
  }

  /** A task other than `except` that owns the lock. */
  ownerOf(instance: LockInstance, except: TaskLocks | undefined): TaskLocks | undefined {
    for (const task of this.tasks.active) {
      if (task === except) continue;
      for (let i = 0; i < task.depth; i++)
        if (task.entries[i].instance === instance && task.entries[i].how & HELD_OWNED) return task;
    }
    return undefined;
  }
}
