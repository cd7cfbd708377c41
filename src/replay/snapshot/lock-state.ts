/**
 * Held locks and waits for locks as a snapshot keeps them. Classes are kept by name: their numbers, the dependency graph and the
 * witnesses belong to the whole run, not to an instant.
 */

import { LatestAcquisition } from '../model/lock/acquisition.ts';
import { HeldLock, type TaskLocks } from '../model/lock/held.ts';
import type { LockModel } from '../model/lock/lock.ts';
import type { OpenContention } from '../model/lock/wait.ts';
import { loadInto, loadRecords, type Plain, type Rows, saveRows } from './plain.ts';

interface LatestSnapshot {
  readonly cpu: number;
  readonly record: number;
  readonly task: number;
  readonly eventId: number;
  /** Number of the class in {@link LockSnapshot.names}. */
  readonly cls: number;
}

/** Values by CPU; CPUs without one are left out. */
type PerCpu<T extends Plain> = readonly (readonly [cpu: number, value: T])[];

export interface LockSnapshot {
  readonly names: readonly string[];
  readonly lockStat: boolean;
  readonly acquisitions: number;
  readonly switchesSeen: boolean;
  readonly gaps: PerCpu<number>;
  readonly dark: PerCpu<boolean>;
  readonly unreleased: PerCpu<number>;
  readonly lastRelease: PerCpu<number>;
  /** Tasks that hold or wait for something, then those that only were the last on their CPU. */
  readonly tasks: Rows;
  readonly active: number;
  /** What each task holds, oldest first. */
  readonly held: readonly Rows[];
  /** Key of the task of the CPU's last lock event. */
  readonly current: PerCpu<number>;
  readonly contentions: Rows;
  readonly addresses: readonly (readonly [address: number | bigint, cls: number])[];
  /** What the next stack record may belong to. */
  readonly latest: readonly LatestSnapshot[];
  readonly stackOwners: readonly (readonly [cpu: number, record: number, contention: number])[];
}

function savePerCpu<T extends Plain>(values: readonly (T | undefined)[]): [number, T][] {
  const saved: [number, T][] = [];
  values.forEach((value, cpu) => {
    if (value !== undefined) saved.push([cpu, value]);
  });
  return saved;
}

function loadPerCpu<T extends Plain>(values: T[], saved: PerCpu<T>): void {
  for (const [cpu, value] of saved) values[cpu] = value;
}

export function saveLocks(model: LockModel): LockSnapshot {
  const names: string[] = [];
  const numbers = new Map<number, number>();
  /** Replaces a class number of the run by one of this snapshot; negative ones mean no class. */
  const name = (classId: number): number => {
    if (classId < 0) return -1;
    let number = numbers.get(classId);
    if (number === undefined) {
      number = names.push(model.classes[classId].name) - 1;
      numbers.set(classId, number);
    }
    return number;
  };
  const { events } = model;
  const contentions = [...model.contentions.open()];
  const { tasks, trust } = events;
  const { gapEpochs, current } = tasks.live;
  const known = new Set([...tasks.active, ...current.filter((task) => task !== undefined)]);
  return {
    lockStat: events.lockStat,
    acquisitions: events.acquisitions,
    switchesSeen: tasks.switchesSeen,
    gaps: savePerCpu(gapEpochs),
    dark: savePerCpu(trust.live.dark),
    unreleased: savePerCpu(trust.live.unreleased),
    lastRelease: savePerCpu(trust.live.lastRelease),
    tasks: saveRows(known, ['entries', 'depth', 'activeIndex', 'thread', 'released']),
    active: tasks.active.length,
    held: [...known].map((task) =>
      saveRows(
        task.entries.slice(0, task.depth).map((entry) => ({ ...entry, classId: name(entry.classId) })),
        ['section'],
      ),
    ),
    current: savePerCpu(current.map((task) => task?.key)),
    contentions: saveRows(contentions.map((open) => ({ ...open, classId: name(open.classId) }))),
    addresses: [...model.contentions.classByAddress].map(([address, classId]) => [address, name(classId)] as const),
    latest: saveLatest(model, name),
    stackOwners: saveStackOwners(model, contentions),
    names,
  };
}

function saveLatest(model: LockModel, name: (classId: number) => number): LatestSnapshot[] {
  const saved: LatestSnapshot[] = [];
  model.events.latest.forEach(({ record, task, cls, eventId }, cpu) => {
    if (task && cls) saved.push({ cpu, record, task: task.key, eventId, cls: name(cls.classId) });
  });
  return saved;
}

function saveStackOwners(model: LockModel, contentions: readonly OpenContention[]): [number, number, number][] {
  const saved: [number, number, number][] = [];
  model.stackOwner.forEach((owner, cpu) => {
    const contention = owner ? contentions.indexOf(owner.target as OpenContention) : -1;
    if (owner && contention >= 0) saved.push([cpu, owner.record, contention]);
  });
  return saved;
}

export function loadLocks(model: LockModel, saved: LockSnapshot): void {
  const { events } = model;
  const classes = saved.names.map((name) => events.table.named(name));
  const classId = (number: unknown): number => classes[number as number]?.classId ?? -1;
  events.lockStat = saved.lockStat;
  events.acquisitions = saved.acquisitions;
  const { tasks, trust } = events;
  tasks.switchesSeen = saved.switchesSeen;
  loadPerCpu(tasks.live.gapEpochs, saved.gaps);
  loadPerCpu(trust.live.dark, saved.dark);
  loadPerCpu(trust.live.unreleased, saved.unreleased);
  loadPerCpu(trust.live.lastRelease, saved.lastRelease);
  const keyColumn = saved.tasks.keys.indexOf('key');
  saved.tasks.rows.forEach((row, i) => {
    const task = loadInto(tasks.ensure(row[keyColumn] as number), saved.tasks.keys, row);
    for (const held of saved.held[i].rows) loadHeld(task, saved.held[i].keys, held, classId);
    if (i < saved.active) tasks.activate(task);
  });
  for (const [cpu, key] of saved.current) tasks.live.current[cpu] = tasks.ensure(key);
  const contentions = loadRecords(saved.contentions).map(
    (open) => ({ ...open, classId: classId(open.classId) }) as unknown as OpenContention,
  );
  for (const contention of contentions) model.contentions.begin(contention);
  for (const [address, cls] of saved.addresses) model.contentions.nameAddress(address, classId(cls));
  for (const { cpu, record, task, eventId, cls } of saved.latest) {
    const owner = tasks.ensure(task);
    const latest = new LatestAcquisition();
    events.latest[cpu] = Object.assign(latest, {
      record,
      eventId,
      task: owner,
      cls: classes[cls],
      entry: owner.entries.slice(0, owner.depth).find((entry) => entry.eventId === eventId) ?? new HeldLock(),
    });
  }
  for (const [cpu, record, contention] of saved.stackOwners)
    model.stackOwner[cpu] = { record, target: contentions[contention] };
}

function loadHeld(
  task: TaskLocks,
  keys: readonly string[],
  row: readonly Plain[],
  classId: (number: unknown) => number,
): void {
  const entry = loadInto(task.pushSlot(), keys, row);
  entry.classId = classId(entry.classId);
  // Edges have other numbers in this replay.
  entry.inEdge = -1;
  entry.section = undefined;
}
