/** Open synchronize_*() calls, SRCU readers, and work, as a snapshot keeps them. */
import type { SrcuReader, SrcuReaderModel } from '../model/srcu/reader.ts';
import type { SyncWait, SyncWaitModel } from '../model/sync/sync-wait.ts';
import type { Task } from '../model/task/task.ts';
import type { QueuedWork, WorkExecution, WorkKey, WorkqueueModel } from '../model/work/workqueue.ts';
import { loadRecords, type Rows, saveRows } from './plain.ts';
import type { TaskNumbers } from './task-state.ts';

export interface SyncSnapshot {
  /** In the order in which tasks began to wait; of one task outermost first. */
  readonly waits: Rows;
  readonly waiters: readonly number[];
  /** End of the last sleep, by task key. */
  readonly wokenNs: readonly (readonly [key: number, ns: number])[];
  /** Functions whose return has been seen. */
  readonly returning: readonly string[];
  /** Functions that have no probe on their return. */
  readonly silent: readonly string[];
  readonly readers: Rows;
  readonly readerTasks: readonly number[];
  /** Read sections that their lock event may still name, by task key. */
  readonly unnamed: readonly (readonly [key: number, domain: string, event: number])[];
  /** Domain in use for an observed identity of a srcu_struct. */
  readonly names: readonly (readonly [observed: string, domain: string])[];
}

export function saveSync(model: SyncWaitModel, readerModel: SrcuReaderModel, tasks: TaskNumbers): SyncSnapshot {
  const { open, wokenNs, returning, silent } = model.live;
  const { unnamed, names } = readerModel.live;
  const waits = [...open.values()].flat();
  const readers = [...model.readers.values()].flatMap((ofDomain) => [...ofDomain.values()]);
  return {
    waits: saveRows(waits, ['task']),
    waiters: waits.map((wait) => tasks.of(wait.task)),
    wokenNs: [...wokenNs],
    returning: [...returning],
    silent: [...silent],
    unnamed: [...unnamed].map(([key, { domain, event }]) => [key, domain, event] as const),
    names: [...names],
    readers: saveRows(readers, ['task']),
    readerTasks: readers.map((reader) => tasks.of(reader.task)),
  };
}

export function loadSync(
  model: SyncWaitModel,
  readerModel: SrcuReaderModel,
  saved: SyncSnapshot,
  task: (number: number) => Task,
): void {
  const { open, wokenNs, returning, silent } = model.live;
  const { unnamed, names } = readerModel.live;
  for (const fn of saved.returning) returning.add(fn);
  for (const fn of saved.silent) silent.add(fn);
  for (const [key, domain, event] of saved.unnamed) unnamed.set(key, { domain, event });
  for (const [observed, domain] of saved.names) names.set(observed, domain);
  loadRecords(saved.waits).forEach((record, i) => {
    const wait = { ...record, task: task(saved.waiters[i]) } as unknown as SyncWait;
    const ofTask = open.get(wait.task.key);
    if (ofTask) ofTask.push(wait);
    else open.set(wait.task.key, [wait]);
    model.waits.push(wait);
  });
  for (const [key, ns] of saved.wokenNs) wokenNs.set(key, ns);
  loadRecords(saved.readers).forEach((record, i) => {
    const reader = { ...record, task: task(saved.readerTasks[i]) } as unknown as SrcuReader;
    let ofDomain = model.readers.get(reader.domain);
    if (!ofDomain) {
      ofDomain = new Map();
      model.readers.set(reader.domain, ofDomain);
    }
    ofDomain.set(reader.task.key, reader);
  });
}

export interface WorkSnapshot {
  readonly queued: Rows;
  readonly running: Rows;
  /** srcu_struct by work item. */
  readonly domains: readonly (readonly [work: WorkKey, domain: string])[];
}

export function saveWork(model: WorkqueueModel): WorkSnapshot {
  const { queued, running, domains } = model.live;
  return { queued: saveRows(queued.values()), running: saveRows(running.values()), domains: [...domains] };
}

export function loadWork(model: WorkqueueModel, saved: WorkSnapshot): void {
  const { queued, running, domains } = model.live;
  for (const work of loadRecords(saved.queued) as unknown as QueuedWork[]) queued.set(work.work, work);
  for (const execution of loadRecords(saved.running) as unknown as WorkExecution[])
    running.set(execution.workerTid, execution);
  for (const [work, domain] of saved.domains) domains.set(work, domain);
}
