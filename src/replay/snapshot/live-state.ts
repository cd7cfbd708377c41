/**
 * What the models know at an instant, as plain data: enough to go on from there and to show the state at any later instant exactly as
 * a replay from the start would (prefix consistency, O23). The past stays out: finished grace periods, the lock graph, facts.
 */

import type { KernelProfile, LogReport } from '../../../schema/index.ts';
import type { LiveRun, SnapshotPart } from '../model/models.ts';
import { type CpuSnapshot, type LoadSnapshot, loadCpus, loadLoad, saveCpus, saveLoad } from './cpu-state.ts';
import { type LockSnapshot, loadLocks, saveLocks } from './lock-state.ts';
import { SnapshotError } from './plain.ts';
import { loadRcu, type RcuSnapshot, saveRcu } from './rcu-state.ts';
import { loadSrcu, type SrcuSnapshot, saveSrcu } from './srcu-state.ts';
import { loadTasks, TaskNumbers, type TaskSnapshot } from './task-state.ts';
import { loadSync, loadWork, type SyncSnapshot, saveSync, saveWork, type WorkSnapshot } from './wait-state.ts';

/** Changes whenever a snapshot of before would no longer be understood. */
export const LIVE_STATE_VERSION = 7;

export interface LiveState extends Readonly<Record<SnapshotPart, unknown>> {
  readonly version: number;
  readonly begun: boolean;
  readonly firstNs: number;
  readonly nowNs: number;
  readonly profile: KernelProfile;
  readonly stacksSeen: number;
  readonly contextFlagsSeen: boolean;
  readonly lostMarkers: number;
  readonly cpus: CpuSnapshot;
  readonly load: LoadSnapshot;
  readonly tasks: TaskSnapshot;
  readonly rcu: RcuSnapshot;
  readonly work: WorkSnapshot;
  readonly srcu: SrcuSnapshot;
  readonly sync: SyncSnapshot;
  readonly locks: LockSnapshot;
}

/** To be called between batches. */
export function saveLiveState({ world, models }: LiveRun): LiveState {
  const tasks = new TaskNumbers(models.tasks);
  const sync = saveSync(models.sync, models.readers, tasks);
  return {
    version: LIVE_STATE_VERSION,
    begun: world.begun,
    firstNs: world.firstNs,
    nowNs: world.nowNs,
    profile: { ...world.profile },
    stacksSeen: world.stacksSeen,
    contextFlagsSeen: world.contextFlagsSeen,
    lostMarkers: world.lostMarkers,
    cpus: saveCpus(models.cpu),
    load: saveLoad(models.load),
    tasks: tasks.save(),
    rcu: saveRcu(models.rcu),
    work: saveWork(models.work),
    srcu: saveSrcu(models.srcuGp),
    sync,
    locks: saveLocks(models.locks),
  };
}

/**
 * Brings fresh models to the instant of a snapshot.
 * @param reports reports of the kernel log up to there: what they say of locks is not in the snapshot
 * @throws SnapshotError when the snapshot is not of this version, or not what it should be; the models are then unusable
 */
export function loadLiveState(run: LiveRun, saved: LiveState, reports: Iterable<LogReport>): void {
  if (saved.version !== LIVE_STATE_VERSION)
    throw new SnapshotError(`is of version ${saved.version}, this is version ${LIVE_STATE_VERSION}`);
  const { world, models } = run;
  try {
    for (const report of reports) models.locks.onReport(report);
    loadCpus(models.cpu, saved.cpus);
    loadLoad(models.load, saved.load, world);
    const task = loadTasks(models.tasks, saved.tasks);
    loadRcu(models.rcu, saved.rcu);
    loadWork(models.work, saved.work);
    loadSrcu(models.srcuGp, saved.srcu, models.work.live.running);
    loadSync(models.sync, models.readers, saved.sync, task);
    loadLocks(models.locks, saved.locks);
  } catch (error) {
    if (error instanceof SnapshotError) throw error;
    throw new SnapshotError(`does not fit this version (${(error as Error).message})`);
  }
  Object.assign(world.profile, saved.profile);
  world.stacksSeen = saved.stacksSeen;
  world.contextFlagsSeen = saved.contextFlagsSeen;
  world.lostMarkers = saved.lostMarkers;
  world.begun = saved.begun;
  world.firstNs = saved.firstNs;
  world.nowNs = saved.nowNs;
}
