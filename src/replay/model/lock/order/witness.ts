/**
 * Witnesses of edges: the distinct situations (task, held locks with addresses, new lock) in which a dependency was seen, a
 * bounded number per edge. They prove a finding, tell what a what-if would remove, and feed deadlock prediction.
 */

import { hashInstance, type LockClass, type LockInstance } from '../class.ts';
import { CONTEXT_TASK, HELD_READ, HELD_TRY, type HeldLock, type TaskLocks } from '../held.ts';
import type { CriticalSection, SectionHistory, ThreadLife } from './critical-section.ts';
import type { EdgeWitness } from './edge-witness.ts';
import type { LockEdge } from './graph.ts';
import type { WakeOrder } from './wake-order.ts';

/** What is being acquired. */
export interface Acquisition {
  cls: LockClass;
  instance: LockInstance;
  how: number;
  context: number;
  flags: number;
  cpu: number;
  eventId: number;
  tsNs: number;
  stack: number;
}

/** Held-class lists per edge, situations per list, times per situation. */
const MAX_LISTS = 48;
const MAX_PER_LIST = 6;
const MAX_INSTANTS = 6;
const MAX_WITNESSES = 60_000;

export class WitnessRecorder {
  readonly history: SectionHistory;
  readonly #wakes: WakeOrder;
  readonly #byKey = new Map<number, EdgeWitness>();
  /** All stored ones, oldest first. */
  readonly #stored: EdgeWitness[] = [];
  readonly #lists = new Map<number, number>();
  readonly #listsOfEdge = new Map<number, number>();
  readonly #isLock: (classId: number) => boolean;
  /** Called for each other task that is about to take a lock which becomes pinned. */
  readonly pinListeners: ((section: CriticalSection) => void)[] = [];

  constructor(history: SectionHistory, wakes: WakeOrder, isLock: (classId: number) => boolean) {
    this.history = history;
    this.#wakes = wakes;
    this.#isLock = isLock;
  }

  /**
   * Notes that `acquisition` happened with `held` (part of `task`'s stack) as predecessor. Returns the stored witness, if it is stored.
   * @param exact whether the stack is what was held at that moment: else the witness proves the edge, and predicts nothing.
   */
  note(
    edge: LockEdge,
    task: TaskLocks,
    held: HeldLock,
    acquisition: Acquisition,
    exact: boolean,
  ): EdgeWitness | undefined {
    this.#narrowGuards(edge, task, held, acquisition.context);
    const top = task.entries[task.depth - 1];
    const listKey = Math.imul(edge.edgeId + 1, 0x9e3779b1) ^ top.classPath;
    const fine = Math.imul(top.instancePath ^ Math.imul(task.thread.threadId + 1, 0x85ebca6b), 0xc2b2ae35);
    const to = Math.imul(hashInstance(acquisition.instance), 0x27d4eb2f);
    const key = (listKey >>> 0) * 0x100000 + (((fine ^ to) >>> 7) & 0xfffff);
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.count++;
      if (exact && known.instants.length < MAX_INSTANTS) this.#addInstant(known, task, acquisition);
      return known;
    }
    if (edge.truncated && edge.witnesses.length >= MAX_LISTS) return undefined;
    return this.#store(edge, task, held, acquisition, listKey, key, exact);
  }

  #store(
    edge: LockEdge,
    task: TaskLocks,
    held: HeldLock,
    acquisition: Acquisition,
    listKey: number,
    key: number,
    exact: boolean,
  ): EdgeWitness | undefined {
    const inList = this.#lists.get(listKey) ?? 0;
    const lists = this.#listsOfEdge.get(edge.edgeId) ?? 0;
    if (inList >= MAX_PER_LIST || (inList === 0 && lists >= MAX_LISTS) || this.#byKey.size >= MAX_WITNESSES) {
      edge.truncated = true;
      return undefined;
    }
    this.#lists.set(listKey, inList + 1);
    if (inList === 0) this.#listsOfEdge.set(edge.edgeId, lists + 1);
    const { context } = acquisition;
    const witness: EdgeWitness = {
      taskKey: task.key,
      thread: task.thread,
      comm: task.comm,
      cpu: acquisition.cpu,
      context,
      flags: acquisition.flags,
      tsNs: acquisition.tsNs,
      heldEvent: held.eventId,
      acquireEvent: acquisition.eventId,
      held: heldIn(task, context).map((entry) => ({
        classId: entry.classId,
        instance: entry.instance,
        read: (entry.how & HELD_READ) !== 0,
        trylock: (entry.how & HELD_TRY) !== 0,
        eventId: entry.eventId,
        stack: entry.stack,
      })),
      fromInstance: held.instance,
      toInstance: acquisition.instance,
      fromRead: (held.how & HELD_READ) !== 0,
      toRead: (acquisition.how & HELD_READ) !== 0,
      stack: acquisition.stack,
      doubtful: false,
      arrivedNs: task.arrivedNs,
      heldNs: oldestHold(task, context),
      count: 1,
      instants: [],
    };
    this.#byKey.set(key, witness);
    edge.witnesses.push(witness);
    this.#stored.push(witness);
    if (exact) this.#addInstant(witness, task, acquisition);
    return witness;
  }

  /** Interrupts are no threads of their own: what they do is not reordered, so no instants. */
  #addInstant(witness: EdgeWitness, task: TaskLocks, acquisition: Acquisition): void {
    if (acquisition.context !== CONTEXT_TASK) return;
    witness.instants.push({
      acquireEvent: acquisition.eventId,
      sections: this.openSections(task),
      wakeIndex: this.#wakes.note(task.thread),
    });
  }

  /** The critical sections that the task is in (task context, real locks), pinned from now on. */
  openSections(task: TaskLocks): CriticalSection[] {
    const sections: CriticalSection[] = [];
    for (let i = 0; i < task.depth; i++) {
      const entry = task.entries[i];
      if (entry.context !== CONTEXT_TASK) break;
      if (this.#isLock(entry.classId)) sections.push(this.#sectionOf(entry, task.thread));
    }
    return sections;
  }

  #sectionOf(entry: HeldLock, thread: ThreadLife): CriticalSection {
    if (entry.section !== undefined) return entry.section;
    const section: CriticalSection = {
      thread,
      instance: entry.instance,
      read: (entry.how & HELD_READ) !== 0,
      acquireEvent: entry.ownedEvent,
      releaseEvent: Number.POSITIVE_INFINITY,
      heldAtRelease: [],
    };
    entry.section = section;
    this.history.pin(section, hashInstance(entry.instance));
    for (const listener of this.pinListeners) listener(section);
    return section;
  }

  /** A pinned section ends: what is held at that point becomes a place where a prefix may end. */
  released(entry: HeldLock, task: TaskLocks, eventId: number): void {
    const section = entry.section;
    if (section === undefined) return;
    entry.section = undefined;
    section.releaseEvent = eventId;
    section.heldAtRelease = this.openSections(task);
  }

  /** A gap swallowed the release. */
  lost(entry: HeldLock): void {
    if (entry.section === undefined) return;
    entry.section.releaseEvent = Number.NaN;
    entry.section = undefined;
  }

  /** Doubts what was stored since `gapNs` by tasks whose holds span an absence (E0.4). */
  doubtSince(gapNs: number): void {
    for (let i = this.#stored.length - 1; i >= 0 && this.#stored[i].tsNs >= gapNs; i--) {
      const witness = this.#stored[i];
      if (spansAbsence(witness.heldNs, witness.arrivedNs, gapNs)) witness.doubtful = true;
    }
  }

  #narrowGuards(edge: LockEdge, task: TaskLocks, held: HeldLock, context: number): void {
    const guards = edge.guards;
    if (guards === undefined) {
      edge.guards = heldIn(task, context)
        .filter((entry) => entry !== held && !(entry.how & HELD_READ) && this.#isLock(entry.classId))
        .map((entry) => ({ classId: entry.classId, instance: entry.instance }));
      return;
    }
    for (let g = guards.length - 1; g >= 0; g--) {
      let present = false;
      for (let i = task.depth - 1; i >= 0 && task.entries[i].context === context; i--) {
        const entry = task.entries[i];
        if (entry.instance === guards[g].instance && !(entry.how & HELD_READ)) {
          present = true;
          break;
        }
      }
      if (!present) guards.splice(g, 1);
    }
  }
}

/**
 * Whether a hold may have ended unseen in a gap that began at `gapNs` on some CPU: the task came onto its present CPU after that,
 * holding what it had before it came. Without context switches in the capture `arrivedNs` is the first sight of it there.
 */
export function spansAbsence(heldNs: number, arrivedNs: number, gapNs: number): boolean {
  return arrivedNs > gapNs && heldNs < arrivedNs;
}

function oldestHold(task: TaskLocks, context: number): number {
  let oldest = Number.POSITIVE_INFINITY;
  for (let i = task.depth - 1; i >= 0 && task.entries[i].context === context; i--) oldest = task.entries[i].sinceNs;
  return oldest;
}

/** Entries of the innermost run with this context, oldest first. */
export function heldIn(task: TaskLocks, context: number): HeldLock[] {
  let start = task.depth;
  while (start > 0 && task.entries[start - 1].context === context) start--;
  return task.entries.slice(start, task.depth);
}
