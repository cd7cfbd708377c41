/** The models of a replay and the order in which they see each event: context before tasks, tasks before what they wait for. */

import type { Model, World } from './core/world.ts';
import { BusyWaitModel } from './model/cpu/busy-wait.ts';
import { CpuModel } from './model/cpu/cpu.ts';
import { InterruptLoadModel } from './model/cpu/interrupt-load.ts';
import { KernelAgeModel } from './model/kernel-age.ts';
import { LockModel } from './model/lock/lock.ts';
import { LogModel } from './model/log/log.ts';
import { RcuBarrierModel } from './model/rcu/barrier.ts';
import { ExpeditedExecutorModel } from './model/rcu/inferred/expedited-executor.ts';
import { GpKthreadModel, WORKERS } from './model/rcu/inferred/gp-kthread.ts';
import { InferredGpModel } from './model/rcu/inferred/grace-period.ts';
import { KthreadPeriodModel } from './model/rcu/inferred/kthread-periods.ts';
import { KthreadWakerModel } from './model/rcu/inferred/kthread-waker.ts';
import { RcuModel } from './model/rcu/rcu.ts';
import { SrcuGpModel } from './model/srcu/grace-period.ts';
import { SrcuIdentity } from './model/srcu/identity.ts';
import { SrcuReaderModel } from './model/srcu/reader.ts';
import { SrcuWorkerLocks } from './model/srcu/worker-locks.ts';
import { WaitPhaseModel } from './model/sync/phase-model.ts';
import { SyncWaitModel } from './model/sync/sync-wait.ts';
import { FunctionCallModel } from './model/task/function-calls.ts';
import { HungTaskModel } from './model/task/hung-task.ts';
import { KthreadStopModel } from './model/task/kthread-stop.ts';
import { QuietStretchModel } from './model/task/no-qs-interval.ts';
import { InvoluntaryStretchModel } from './model/task/no-voluntary-switch.ts';
import { TaskModel } from './model/task/task.ts';
import { WorkqueueModel } from './model/work/workqueue.ts';

export interface Models {
  readonly cpu: CpuModel;
  readonly load: InterruptLoadModel;
  readonly tasks: TaskModel;
  readonly hung: HungTaskModel;
  readonly rcu: RcuModel;
  readonly gpKthread: GpKthreadModel;
  readonly involuntary: InvoluntaryStretchModel;
  readonly barriers: RcuBarrierModel;
  readonly workers: GpKthreadModel;
  readonly work: WorkqueueModel;
  readonly readers: SrcuReaderModel;
  readonly srcuGp: SrcuGpModel;
  readonly sync: SyncWaitModel;
  readonly locks: LockModel;
  readonly log: LogModel;
  readonly busyWaits: BusyWaitModel;
  readonly stops: KthreadStopModel;
  readonly identity: SrcuIdentity;
  readonly order: readonly Model[];
}

export function createModels(world: World): Models {
  const cpu = new CpuModel(world);
  const age = new KernelAgeModel(world);
  const load = new InterruptLoadModel(world, cpu);
  const tasks = new TaskModel(world, cpu);
  const hung = new HungTaskModel(world, tasks);
  const quiet = new QuietStretchModel(world, cpu, tasks);
  const rcu = new RcuModel(world, cpu, tasks);
  const gpKthread = new GpKthreadModel(world, cpu, tasks);
  const involuntary = new InvoluntaryStretchModel(world, cpu, tasks);
  const barriers = new RcuBarrierModel();
  const wakers = new KthreadWakerModel(world, cpu);
  const workers = new GpKthreadModel(world, cpu, tasks, WORKERS);
  const work = new WorkqueueModel(world, cpu, tasks);
  const calls = new FunctionCallModel(world);
  const identity = new SrcuIdentity(world.profile);
  identity.listeners.push((from, to) => work.renameDomain(from, to));
  work.structOfWork = (item) => identity.ofWork(item);
  const readers = new SrcuReaderModel(world, tasks, calls, identity);
  const sync = new SyncWaitModel(world, tasks, work, calls, identity, readers);
  const workerLocks = new SrcuWorkerLocks(world, work);
  const srcuGp = new SrcuGpModel(world, work, calls, identity, readers);
  identity.listeners.push((from, to) => srcuGp.renameDomain(from, to));
  const locks = new LockModel(world, cpu);
  const log = new LogModel(world);
  const busyWaits = new BusyWaitModel(quiet, log);
  const stops = new KthreadStopModel();
  const phases = new WaitPhaseModel(world, rcu, sync, srcuGp);
  const everyday = new KthreadPeriodModel(world, tasks, sync);
  const executor = new ExpeditedExecutorModel(world, tasks);
  const inferredGp = new InferredGpModel(world, rcu, sync, {
    quiet,
    kthread: gpKthread,
    involuntary,
    wakers,
    everyday,
    executor,
    busyWaits,
  });
  return {
    cpu,
    load,
    tasks,
    hung,
    rcu,
    gpKthread,
    involuntary,
    barriers,
    workers,
    work,
    readers,
    srcuGp,
    sync,
    locks,
    log,
    busyWaits,
    stops,
    identity,
    order: [
      cpu,
      age,
      load,
      tasks,
      hung,
      quiet,
      rcu,
      gpKthread,
      involuntary,
      barriers,
      wakers,
      everyday,
      workers,
      work,
      workerLocks,
      readers,
      sync,
      calls,
      srcuGp,
      phases,
      locks,
      log,
      busyWaits,
      stops,
      inferredGp,
    ],
  };
}
