/** The models of a replay and the order in which they see each event: context before tasks, tasks before what they wait for. */
import { CpuModel } from './model/cpu.ts';
import { FunctionCallModel } from './model/function-calls.ts';
import { GpKthreadModel, WORKERS } from './model/gp-kthread.ts';
import { HungTaskModel } from './model/hung-task.ts';
import { InferredGpModel } from './model/inferred-gp.ts';
import { InterruptLoadModel } from './model/interrupt-load.ts';
import { InvoluntaryStretchModel } from './model/involuntary-stretch.ts';
import { KthreadPeriodModel } from './model/kthread-periods.ts';
import { KthreadStopModel } from './model/kthread-stop.ts';
import { KthreadWakerModel } from './model/kthread-waker.ts';
import { LockModel } from './model/lock.ts';
import { LogModel } from './model/log.ts';
import { QuietStretchModel } from './model/quiet-stretch.ts';
import { RcuModel } from './model/rcu.ts';
import { RcuBarrierModel } from './model/rcu-barrier.ts';
import { SrcuGpModel } from './model/srcu-gp.ts';
import { SrcuIdentity } from './model/srcu-identity.ts';
import { SrcuReaderModel } from './model/srcu-reader.ts';
import { SrcuWorkerLocks } from './model/srcu-worker-locks.ts';
import { SyncWaitModel } from './model/sync-wait.ts';
import { TaskModel } from './model/task.ts';
import { WaitPhaseModel } from './model/wait-phase.ts';
import { WorkqueueModel } from './model/workqueue.ts';
import type { Model, World } from './world.ts';

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
  readonly stops: KthreadStopModel;
  readonly order: readonly Model[];
}

export function createModels(world: World): Models {
  const cpu = new CpuModel(world);
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
  const identity = new SrcuIdentity();
  identity.listeners.push((from, to) => work.renameDomain(from, to));
  const readers = new SrcuReaderModel(world, tasks, calls, identity);
  const sync = new SyncWaitModel(world, tasks, work, calls, identity, readers);
  const workerLocks = new SrcuWorkerLocks(world, work);
  const srcuGp = new SrcuGpModel(world, work, calls, identity, readers);
  identity.listeners.push((from, to) => srcuGp.renameDomain(from, to));
  const locks = new LockModel(world, cpu);
  const log = new LogModel(world);
  const stops = new KthreadStopModel();
  const phases = new WaitPhaseModel(world, rcu, sync, srcuGp);
  const everyday = new KthreadPeriodModel(world, tasks, sync);
  const inferredGp = new InferredGpModel(world, rcu, sync, {
    quiet,
    kthread: gpKthread,
    involuntary,
    wakers,
    everyday,
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
    stops,
    order: [
      cpu,
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
      stops,
      inferredGp,
    ],
  };
}
