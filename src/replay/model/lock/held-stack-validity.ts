/**
 * When held stacks cannot be believed: events were lost (MODEL E0.4), or the recorder was switching its events on or off one by
 * one, as perf does, so that acquisitions come without their releases. Nothing may be concluded from such a stretch, also where the
 * marker of the loss comes after it.
 */
import type { LockClass } from './class.ts';
import { HELD_DUBIOUS, HELD_OWNED, HELD_READ, HELD_TRY, type TaskLocks } from './held.ts';
import type { LockGraph } from './order/graph.ts';
import type { NestingTable } from './order/nesting.ts';
import { type Acquisition, spansAbsence, type WitnessRecorder } from './order/witness.ts';
import type { LockTasks } from './tasks.ts';

/** Acquisitions of a CPU in a row without any release: no nest is that deep, the releases are not recorded. */
const UNRELEASED = 12;

export class HeldStackValidity {
  readonly #graph: LockGraph;
  readonly #nestings: NestingTable;
  readonly #witnesses: WitnessRecorder;
  readonly #tasks: LockTasks;
  /** Per CPU: lock_acquired events are missing, so others may be. */
  readonly #dark: boolean[] = [];
  /** Per CPU: acquisitions since the last release, and that release. */
  readonly #unreleased: number[] = [];
  readonly #lastRelease: number[] = [];
  /** Acquisitions that were not believed. */
  dubious = 0;
  /** Edges taken back because of a gap, or of missing releases at the end. */
  revoked = 0;

  constructor(graph: LockGraph, nestings: NestingTable, witnesses: WitnessRecorder, tasks: LockTasks) {
    this.#graph = graph;
    this.#nestings = nestings;
    this.#witnesses = witnesses;
    this.#tasks = tasks;
  }

  /** Live state of a snapshot, per CPU. */
  get live(): { readonly dark: boolean[]; readonly unreleased: number[]; readonly lastRelease: number[] } {
    return { dark: this.#dark, unreleased: this.#unreleased, lastRelease: this.#lastRelease };
  }

  /** Releases are not recorded at all, as far as this CPU shows: lock_acquire alone was asked for, and nothing is known to be held. */
  releasesMissingOn(cpu: number): boolean {
    return this.#lastRelease.length === 0 && this.#unreleased[cpu] >= UNRELEASED;
  }

  get releasesMissing(): boolean {
    return this.#unreleased.some((_, cpu) => this.releasesMissingOn(cpu));
  }

  /** Judges an acquisition before it is used; sets HELD_DUBIOUS in its `how` and on entries that it contradicts. */
  acquiring(task: TaskLocks, acquisition: Acquisition, lockStat: boolean, classes: readonly LockClass[]): void {
    const { cls, context, cpu } = acquisition;
    this.#unreleased[cpu] = (this.#unreleased[cpu] ?? 0) + 1;
    if (!cls.isLock) return;
    const top = task.top();
    // A lock that always says lock_acquired never did, and it is not its slow path that goes on.
    if (
      lockStat &&
      top !== undefined &&
      !(top.how & HELD_OWNED) &&
      top.contendedNs < 0 &&
      top.context === context &&
      !cls.slowPath &&
      !cls.printk &&
      classes[top.classId].acquiredEvents > 0
    ) {
      top.how |= HELD_DUBIOUS;
      this.#dark[cpu] = true;
    }
    if (this.#dark[cpu]) {
      acquisition.how |= HELD_DUBIOUS;
      this.dubious++;
    }
  }

  /**
   * Of a class of which the task holds a lock, before `acquiring`: an exclusive lock that the task owns already cannot be acquired again.
   * Its release was not recorded, nor what came between.
   */
  again(task: TaskLocks, acquisition: Acquisition): void {
    if (!acquisition.cls.isLock || acquisition.how & (HELD_READ | HELD_TRY)) return;
    for (let i = task.depth - 1; i >= 0; i--) {
      const entry = task.entries[i];
      if (entry.instance !== acquisition.instance || !(entry.how & HELD_OWNED) || entry.how & HELD_READ) continue;
      if (entry.classId !== acquisition.cls.classId) continue;
      for (let k = i; k < task.depth; k++) task.entries[k].how |= HELD_DUBIOUS;
      acquisition.how |= HELD_DUBIOUS;
      this.dubious++;
      return;
    }
  }

  /** Whether acquisitions of that CPU go unrecorded right now, as far as events show. */
  isDark(cpu: number): boolean {
    return this.#dark[cpu] === true;
  }

  owned(cpu: number): void {
    this.#dark[cpu] = false;
  }

  released(cpu: number, eventId: number): void {
    // Acquisitions were recorded before releases were: what seems held by now is not.
    if (this.#lastRelease[cpu] === undefined && this.#unreleased[cpu] >= UNRELEASED) this.#startAnew();
    this.#unreleased[cpu] = 0;
    this.#lastRelease[cpu] = eventId;
  }

  #startAnew(): void {
    for (const task of [...this.#tasks.active]) this.#tasks.empty(task);
    for (const edge of this.#graph.edges) this.#revoke(edge);
    this.#nestings.forget(Number.NEGATIVE_INFINITY, () => true);
  }

  #revoke(edge: LockGraph['edges'][number]): void {
    if (edge.count === 0 || edge.revoked) return;
    edge.revoked = true;
    edge.witnesses.length = 0;
    this.revoked++;
  }

  /** Events were lost on a CPU, the last one before at `gapNs`: first sightings since then that span an absence are taken back. */
  gap(cpu: number, gapNs: number): void {
    this.#tasks.gap(cpu);
    this.#dark[cpu] = false;
    const { edges } = this.#graph;
    for (let i = edges.length - 1; i >= 0 && edges[i].firstNs >= gapNs; i--)
      if (spansAbsence(edges[i].heldNs, edges[i].arrivedNs, gapNs)) this.#revoke(edges[i]);
    this.#nestings.forget(gapNs, (first) => spansAbsence(first.heldNs, first.arrivedNs, gapNs));
    this.#witnesses.doubtSince(gapNs);
  }

  /** End of the capture: where releases ended before acquisitions did, what was first seen under such holds is taken back. */
  finish(): void {
    const blind = this.#unreleased.map((count, cpu) =>
      count >= UNRELEASED ? (this.#lastRelease[cpu] ?? 0) : Number.POSITIVE_INFINITY,
    );
    const after = (cpu: number): number => blind[cpu] ?? Number.POSITIVE_INFINITY;
    for (const edge of this.#graph.edges) if (edge.heldEvent > after(edge.heldCpu)) this.#revoke(edge);
    this.#nestings.forget(Number.NEGATIVE_INFINITY, (first) => first.heldEvent > after(first.heldCpu));
  }
}
