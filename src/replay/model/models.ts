/**
 * The models of a replay, the order in which they see each event (context before tasks, tasks before what they wait for), and how the
 * state of each is kept.
 */
import type { Model, World } from '../core/world.ts';
import { CpuModel } from './cpu/cpu.ts';
import { InterruptLoadModel } from './cpu/interrupt-load.ts';
import { BusyWaitModel } from './inferred/busy-wait.ts';
import { ExpeditedExecutorModel } from './inferred/expedited-executor.ts';
import { GpKthreadModel, WORKERS } from './inferred/gp-kthread.ts';
import { InferredGpModel } from './inferred/grace-period.ts';
import { KthreadPeriodModel } from './inferred/kthread-periods.ts';
import { KthreadWakerModel } from './inferred/kthread-waker.ts';
import { KernelAgeModel } from './kernel-age.ts';
import { LockModel } from './lock/lock.ts';
import { LogModel } from './log/log.ts';
import { RcuBarrierModel } from './rcu/barrier.ts';
import { RcuModel } from './rcu/rcu.ts';
import { SrcuGpModel } from './srcu/grace-period.ts';
import { SrcuIdentity } from './srcu/identity.ts';
import { SrcuReaderModel } from './srcu/reader.ts';
import { SrcuWorkerLocks } from './srcu/worker-locks.ts';
import { WaitPhaseModel } from './sync/phase-model.ts';
import { SyncWaitModel } from './sync/sync-wait.ts';
import { FunctionCallModel } from './task/function-calls.ts';
import { HungTaskModel } from './task/hung-task.ts';
import { KthreadStopModel } from './task/kthread-stop.ts';
import { NoQsIntervalModel } from './task/no-qs-interval.ts';
import { NoVoluntarySwitchModel } from './task/no-voluntary-switch.ts';
import { TaskModel } from './task/task.ts';
import { WorkqueueModel } from './work/workqueue.ts';

/** Those that others ask: detectors through the run record, `state --at`, snapshots. */
export type Models = ReturnType<typeof createModels>;

/** What a snapshot of the models consists of (snapshot/live-state.ts), besides what the world knows. */
export type SnapshotPart = 'cpus' | 'load' | 'tasks' | 'rcu' | 'work' | 'srcu' | 'sync' | 'locks';

/**
 * A model, and which part of a snapshot keeps its state; `{ leftOut }`: it has state of its own that no snapshot keeps, because
 * nothing that is shown of an instant depends on it, and what it holds; `stateless`: it holds nothing from event to event.
 */
export interface ModelRow {
  readonly model: Model;
  readonly snapshot: SnapshotPart | { readonly leftOut: string } | 'stateless';
}

/** A run at the instant that its replay has reached. */
export interface LiveRun {
  readonly world: World;
  readonly models: Models;
}

export function createModels(world: World) {
  const cpu = new CpuModel(world);
  const age = new KernelAgeModel(world);
  const load = new InterruptLoadModel(world, cpu);
  const tasks = new TaskModel(world, cpu);
  const hung = new HungTaskModel(world, tasks);
  const quiet = new NoQsIntervalModel(world, cpu, tasks);
  const rcu = new RcuModel(world, cpu, tasks);
  const gpKthread = new GpKthreadModel(world, cpu, tasks);
  const involuntary = new NoVoluntarySwitchModel(world, cpu, tasks);
  const barriers = new RcuBarrierModel();
  const wakers = new KthreadWakerModel(world, cpu);
  const workers = new GpKthreadModel(world, cpu, tasks, WORKERS);
  const identity = new SrcuIdentity(world.profile);
  const work = new WorkqueueModel(world, cpu, tasks, (item) => identity.ofWork(item));
  const calls = new FunctionCallModel(world);
  identity.listeners.push((from, to) => work.renameDomain(from, to));
  const readers = new SrcuReaderModel(world, tasks, calls, identity);
  const sync = new SyncWaitModel(world, tasks, work, calls, identity, readers);
  const workerLocks = new SrcuWorkerLocks(world, work);
  const srcuGp = new SrcuGpModel(world, work, calls, identity, readers);
  identity.listeners.push((from, to) => srcuGp.renameDomain(from, to));
  const locks = new LockModel(world, cpu, () => tasks.missesCpus);
  const log = new LogModel(world);
  const busyWaits = new BusyWaitModel(world, cpu, quiet, log);
  const stops = new KthreadStopModel();
  const phases = new WaitPhaseModel(world, rcu, sync, srcuGp);
  const routine = new KthreadPeriodModel(world, tasks, sync);
  const executor = new ExpeditedExecutorModel(world, tasks);
  const inferredGp = new InferredGpModel(world, rcu, sync, {
    quiet,
    kthread: gpKthread,
    involuntary,
    wakers,
    routine,
    executor,
    busyWaits,
  });
  const rows: readonly ModelRow[] = [
    { model: cpu, snapshot: 'cpus' },
    {
      model: age,
      snapshot: { leftOut: 'caches, and which CPUs are inside irq_work; what it proves is in the profile' },
    },
    { model: load, snapshot: 'load' },
    { model: tasks, snapshot: 'tasks' },
    { model: hung, snapshot: { leftOut: 'D sleeps that are over, for the end of the run' } },
    {
      model: quiet,
      snapshot: { leftOut: 'stretches of CPUs, of which grace periods are inferred at the end of the run' },
    },
    { model: rcu, snapshot: 'rcu' },
    {
      model: gpKthread,
      snapshot: { leftOut: 'delays of the kthread that runs grace periods, judged at the end of the run' },
    },
    {
      model: involuntary,
      snapshot: { leftOut: 'stretches of tasks, of which RCU Tasks holdouts are inferred at the end of the run' },
    },
    {
      model: barriers,
      snapshot: { leftOut: 'rounds of rcu_barrier(), judged at the end of the run; its callers are in sync' },
    },
    {
      model: wakers,
      snapshot: { leftOut: 'wakeups of the kthread, of which readers are inferred at the end of the run' },
    },
    { model: routine, snapshot: { leftOut: 'grace periods of the kthread, inferred at the end of the run' } },
    {
      model: executor,
      snapshot: { leftOut: 'sleeps in expedited grace periods, of which these are inferred at the end of the run' },
    },
    { model: workers, snapshot: { leftOut: 'delays of workers, judged at the end of the run' } },
    { model: work, snapshot: 'work' },
    { model: workerLocks, snapshot: { leftOut: 'which lock shows a run of a work item; the run itself is in work' } },
    { model: readers, snapshot: 'sync' },
    { model: sync, snapshot: 'sync' },
    { model: calls, snapshot: { leftOut: 'a cache: roles of functions by their name' } },
    { model: srcuGp, snapshot: 'srcu' },
    { model: phases, snapshot: 'stateless' },
    { model: locks, snapshot: 'locks' },
    { model: log, snapshot: { leftOut: 'reports of the kernel log, which are read again' } },
    {
      model: busyWaits,
      snapshot: { leftOut: 'interrupts taken by CPUs, for spins that are found at the end of the run' },
    },
    { model: stops, snapshot: { leftOut: 'calls of kthread_stop(), judged at the end of the run' } },
    { model: inferredGp, snapshot: { leftOut: 'nothing before the end of the run, when it infers' } },
  ];
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
    /** Every model, in the order in which they see an event. */
    rows,
    order: rows.map(({ model }) => model),
  };
}
