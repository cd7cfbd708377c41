/**
 * Held locks and waits for locks as a snapshot keeps them. Classes are kept by name: their numbers, the dependency graph and the
 * witnesses belong to the whole run, not to an instant.
 */
import type { LockModel } from '../model/lock.ts';
import { LatestAcquisition } from '../model/lock-acquisition.ts';
import { HeldLock, type TaskLocks } from '../model/lock-held.ts';
import type { OpenContention } from '../model/lock-wait.ts';
import { loadInto, loadRecords, type Plain, type Rows, saveRows } from './plain.ts';

interface LatestSnapshot {
  readonly cpu: number;
  readonly record: number;
  readonly task: number;
  readonly eventId: number;
  /** Number of the class in {@link LockSnapshot.names}. */
  readonly cls: number;
}

export interface LockSnapshot {
  readonly names: readonly string[];
  readonly lockStat: boolean;
  readonly acquisitions: number;
  readonly gaps: readonly (readonly [cpu: number, gaps: number])[];
  /** Tasks that hold or wait for something: key, name, CPU, gap count, death. */
  readonly tasks: readonly (readonly [key: number, comm: number, cpu: number, gapEpoch: number, dead: boolean])[];
  /** What each of them holds, oldest first. */
  readonly held: readonly Rows[];
  readonly contentions: Rows;
  readonly addresses: readonly (readonly [address: number | bigint, cls: number])[];
  /** What the next stack record may belong to. */
  readonly latest: readonly LatestSnapshot[];
  readonly stackOwners: readonly (readonly [cpu: number, record: number, contention: number])[];
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
  const gaps: [number, number][] = [];
  events.tasks.gapEpochs.forEach((count, cpu) => {
    gaps.push([cpu, count]);
  });
  return {
    lockStat: events.lockStat,
    acquisitions: events.acquisitions,
    gaps,
    tasks: events.tasks.active.map(({ key, comm, cpu, gapEpoch, dead }) => [key, comm, cpu, gapEpoch, dead] as const),
    held: events.tasks.active.map((task) =>
      saveRows(
        task.entries.slice(0, task.depth).map((entry) => ({ ...entry, classId: name(entry.classId) })),
        ['section'],
      ),
    ),
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
  for (const [cpu, gaps] of saved.gaps) events.tasks.gapEpochs[cpu] = gaps;
  saved.tasks.forEach(([key, comm, cpu, gapEpoch, dead], i) => {
    const task = events.tasks.ensure(key);
    Object.assign(task, { comm, cpu, gapEpoch, dead });
    for (const row of saved.held[i].rows) loadHeld(task, saved.held[i].keys, row, classId);
    events.tasks.activate(task);
  });
  const contentions = loadRecords(saved.contentions).map(
    (open) => ({ ...open, classId: classId(open.classId) }) as unknown as OpenContention,
  );
  for (const contention of contentions) model.contentions.begin(contention);
  for (const [address, cls] of saved.addresses) model.contentions.nameAddress(address, classId(cls));
  for (const { cpu, record, task, eventId, cls } of saved.latest) {
    const owner = events.tasks.ensure(task);
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
