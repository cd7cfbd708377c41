/**
 * What the models concluded, as plain data: grace periods, waits, work, readers, storms. Detectors and blame read this and
 * nothing else, so that a what-if variant can hand them a rewritten copy (MODEL 6.3).
 */
import type { Evidence, Note } from '../../../schema/index.ts';
import { cutOpen, type MayBeOpen, overlapNs } from '../core/interval.ts';
import { note } from '../core/note.ts';
import type { Visibility } from '../core/visibility.ts';
import type { Model, World } from '../core/world.ts';
import { flavorOfKthread } from '../knowledge/rcu-tasks.ts';
import { plainSymbol } from '../knowledge/stack/interrupt-frames.ts';
import type { StackVerdict } from '../knowledge/stack/stack-verdict.ts';
import type { Storm } from '../model/cpu/interrupt-load.ts';
import type { OccupancyHistory } from '../model/cpu/occupancy-history.ts';
import type { BusyWait } from '../model/inferred/busy-wait.ts';
import type { KthreadSleep, KthreadStarvation } from '../model/inferred/gp-kthread.ts';
import { lockWaitEdges } from '../model/lock/owner.ts';
import type { PastLockWait } from '../model/lock/wait.ts';
import type { LogStall } from '../model/log/stall.ts';
import type { Models } from '../model/models.ts';
import type { BarrierRound } from '../model/rcu/barrier.ts';
import { type GracePeriod, type Holdout, heldUntilNs } from '../model/rcu/grace-period.ts';
import type { HoldoutVerdict } from '../model/rcu/holdout/shares.ts';
import { judgeHoldout } from '../model/rcu/holdout/verdict.ts';
import type { SrcuGracePeriod } from '../model/srcu/grace-period.ts';
import { meansStruct } from '../model/srcu/identity.ts';
import type { SrcuReader } from '../model/srcu/reader.ts';
import type { SyncWait } from '../model/sync/sync-wait.ts';
import type { HungSleep } from '../model/task/hung-task.ts';
import type { NoVoluntarySwitch } from '../model/task/no-voluntary-switch.ts';
import { TASK_BLOCKED, TASK_SLEEPING, type Task, type TaskModel } from '../model/task/task.ts';
import type { LateWork, WorkExecution } from '../model/work/workqueue.ts';
import { busyWaitDuring, type TracedVerdict, verdictOfTarget } from './busy-wait-verdict.ts';
import { lockSpinDuring, verdictOfOwner } from './lock-spin-verdict.ts';
import { isReaderOf, type LoggedReader, loggedReaders, namedRuns } from './srcu-facts.ts';
import { type TaskJoin, taskJoins } from './task-join.ts';

/** `from` waits for a lock that `to` owns. */
export interface LockWait {
  readonly from: Task;
  readonly to: Task;
  readonly lock: string;
  readonly sinceNs: number;
  readonly evidence: readonly Evidence[];
  /** Whether events show the owner, or stacks and reports suggest it. */
  readonly certainty: 'observed' | 'inferred';
  readonly basis: string;
}

/** What the kernel log tells of a CPU while a grace period stalled: what takes its time. */
export interface LoggedLoad {
  readonly cpu: number;
  readonly startNs: number;
  readonly endNs: number;
  readonly cause: 'nmi-storm' | 'irq-storm' | 'softirq-storm' | 'cpu-hog';
  readonly why: string;
}

export interface TimelineData {
  /** Last instant of the capture. Open intervals have `endNs` null and reach to here. */
  readonly endNs: number;
  /** Until when sleeps, waits and locks were recorded: before the end, where the trace that did was shorter than another one. */
  readonly waitsEndNs: number;
  /** Its last event. */
  readonly lastEvent: number;
  /** Flavour that synchronize_rcu() waits for. */
  readonly flavor: string;
  /** By start. */
  readonly periods: readonly GracePeriod[];
  /** By start. */
  readonly waits: readonly SyncWait[];
  /** Executions of process_srcu, by start. */
  readonly srcuRuns: readonly WorkExecution[];
  /** Grace periods of srcu_structs, by start. */
  readonly srcuPeriods: readonly SrcuGracePeriod[];
  /** Executions of srcu_invoke_callbacks, by start. */
  readonly callbackRuns: readonly WorkExecution[];
  /** Executions of any work that lasted. */
  readonly longRuns: readonly WorkExecution[];
  /** SRCU read sections, open ones included. */
  readonly readers: readonly SrcuReader[];
  /** Readers in the log's lists of held locks. */
  readonly loggedReaders: readonly LoggedReader[];
  readonly storms: readonly Storm[];
  /** Long sleeps in D, open ones included. */
  readonly sleeps: readonly HungSleep[];
  readonly lateWork: readonly LateWork[];
  /** Who waits for whose lock at the end. */
  readonly lockWaits: readonly LockWait[];
  /** Long waits for locks that were over by then, by end; then those of which no owner is known. */
  readonly pastLockWaits: readonly PastLockWait[];
  /** Waits for other tasks that no grace period and no recorded lock explains. */
  readonly joins: readonly TaskJoin[];
  readonly starvations: readonly KthreadStarvation[];
  /** Grace-period kthreads by flavour. */
  readonly kthreadTids: ReadonlyMap<string, number>;
  /** Their long sleeps. */
  readonly kthreadSleeps: readonly KthreadSleep[];
  /** Workers that had no CPU. */
  readonly workerStarvations: readonly KthreadStarvation[];
  /** Stalls that the kernel's log reports. */
  readonly stallReports: readonly LogStall[];
  /** Kthreads of RCU Tasks by name, and the set of their tids. */
  readonly tasksKthreads: ReadonlyMap<string, number>;
  readonly tasksKthreadTids: ReadonlySet<number>;
  /** Tasks that did not give up their CPU for long. */
  readonly involuntary: readonly NoVoluntarySwitch[];
  /** CPUs that spin until another one answers. */
  readonly busyWaits: readonly BusyWait[];
  /** Of the kernel's stall reports; the log's judge fills it in. */
  readonly loggedLoads: readonly LoggedLoad[];
  /** Calls of rcu_barrier() by start. */
  readonly barriers: readonly BarrierRound[];
  readonly visible: Visibility & {
    /** Events of preempted readers are among them. */
    readonly preemptedReaders: boolean;
    /** First rcu_grace_period event, 0 without. */
    readonly gracePeriodEvent: number;
    /** Queueing of work is among the recorded events; so is the irq_work that starts SRCU grace periods on v7.0. */
    readonly workqueues: boolean;
    readonly srcuIrqWork: boolean;
  };
  /** What each CPU did over time. */
  readonly history: OccupancyHistory;
  readonly cpus: readonly number[];
  /** CPUs that took part without any record of their own (`trace-cmd -M`, `perf record -C`): intervals that stay open may have ended there. */
  readonly unrecordedCpus: readonly number[];
}

/** The task of a lock event; its name too where the scheduler's events never showed it. */
function lockTask({ tasks }: Models, key: number, comm: number): Task {
  const task = tasks.get(Math.max(key, 0), -1 - key);
  if (task.comm === 0) task.comm = comm;
  return task;
}

/** Open intervals reach to where the trace ended that recorded them. */
function cutWhatEndedEarly({ endsEarly }: World, models: Models, openSleeps: readonly HungSleep[]): void {
  const { rcu, sync, work, srcuGp, tasks, gpKthread, workers } = models;
  const cut = (model: Model, ...lists: readonly Iterable<MayBeOpen>[]): void => {
    const untilNs = endsEarly.get(model);
    if (untilNs !== undefined) for (const list of lists) cutOpen(list, untilNs);
  };
  cut(rcu, rcu.history.all());
  cut(sync, sync.long, sync.waits);
  cut(work, work.srcuRuns, work.longRuns);
  cut(srcuGp, srcuGp.periods);
  cut(tasks, openSleeps);
  cut(gpKthread, gpKthread.starvations, gpKthread.sleeps);
  cut(workers, workers.starvations);
  const rcuNs = endsEarly.get(rcu);
  if (rcuNs === undefined) return;
  for (const { holdouts } of rcu.history.all())
    for (const holdout of holdouts) if (holdout.toNs === null) holdout.openUntilNs = rcuNs;
}

/** Who is who. */
type TaskNames = Pick<TaskModel, 'find' | 'label' | 'labelOf' | 'labelOfTid' | 'name' | 'bornNs'>;

export class Timeline {
  readonly data: TimelineData;
  readonly #tasks: TaskNames;
  readonly #stackVerdict: (stack: number) => StackVerdict;
  readonly #stackSymbols: (stack: number) => string[];

  private constructor(
    data: TimelineData,
    tasks: TaskNames,
    stackVerdict: (stack: number) => StackVerdict,
    stackSymbols: (stack: number) => string[],
  ) {
    this.data = data;
    this.#tasks = tasks;
    this.#stackVerdict = stackVerdict;
    this.#stackSymbols = stackSymbols;
  }

  /** Taken after the models' `finish`. */
  static of(world: World, models: Models): Timeline {
    const { rcu, sync, work, hung, tasks, load, gpKthread } = models;
    const byStart = (a: { readonly startNs: number }, b: { readonly startNs: number }): number => a.startNs - b.startNs;
    const openReaders = [...sync.readers.values()].flatMap((readers) => [...readers.values()]);
    const openSleeps: HungSleep[] = [];
    for (const task of tasks.all()) {
      if (task.state !== TASK_BLOCKED || !hung.counts(task)) continue;
      openSleeps.push({
        task,
        comm: tasks.name(task),
        startNs: task.sinceNs,
        endNs: null,
        stack: task.stack,
        stackEvent: task.stackEvent,
        offEvent: task.offEvent,
        wakeEvent: 0,
        endEvent: 0,
        wakerTid: -1,
        censored: task.gapsAtSince !== world.lostMarkers,
      });
    }
    const lockWaits = lockWaitEdges(models.locks, world.dictionary).map((edge) => ({
      ...edge,
      from: lockTask(models, edge.fromKey, edge.fromComm),
      to: lockTask(models, edge.toKey, edge.toComm),
    }));
    const owned = new Set(lockWaits.map((wait) => wait.from.tid));
    const tasksKthreads = new Map<string, number>();
    for (const task of tasks.all()) {
      const name = tasks.name(task);
      if (flavorOfKthread(name)) tasksKthreads.set(name, task.tid);
    }
    cutWhatEndedEarly(world, models, openSleeps);
    const data: TimelineData = {
      endNs: world.nowNs,
      waitsEndNs: Math.min(
        world.nowNs,
        ...[tasks, sync, models.locks].map((m) => world.endsEarly.get(m) ?? world.nowNs),
      ),
      lastEvent: world.lastEvent,
      flavor: rcu.mainFlavor,
      periods: rcu.history.all(),
      waits: [...new Set([...sync.long, ...sync.waits])].filter((wait) => !wait.endUnseen).sort(byStart),
      srcuRuns: namedRuns(
        work.srcuRuns.filter((run) => run.fn === 'process_srcu'),
        sync.waits.concat(sync.long),
        models.identity,
      ),
      srcuPeriods: models.srcuGp.periods,
      callbackRuns: work.srcuRuns.filter((run) => run.fn === 'srcu_invoke_callbacks'),
      longRuns: work.longRuns,
      readers: [...models.readers.pastReaders, ...openReaders],
      loggedReaders: loggedReaders(models.log),
      storms: load.storms,
      sleeps: [...hung.sleeps, ...openSleeps],
      lateWork: work.late,
      lockWaits,
      pastLockWaits: [
        ...models.locks.events.pastWaits,
        ...models.locks
          .ownerlessWaits(world.endsEarly.get(models.locks) ?? world.nowNs)
          .filter((wait) => !owned.has(wait.tid)),
      ],
      joins: taskJoins(models.stops.stops, [...hung.sleeps, ...openSleeps], work.longRuns, (stack) =>
        sync.verdict(stack),
      ),
      starvations: gpKthread.starvations,
      kthreadTids: gpKthread.tids,
      kthreadSleeps: gpKthread.sleeps,
      workerStarvations: models.workers.starvations,
      stallReports: models.log.stalls.all,
      visible: {
        ...models.cpu.visibility(),
        gracePeriodEvent: rcu.firstEvent,
        preemptedReaders: world.count('rcu_preempt_task', 'rcu_unlock_preempted_task') > 0,
        workqueues: world.count('workqueue_queue_work') > 0,
        srcuIrqWork: models.srcuGp.irqWorkSeen,
      },
      tasksKthreads,
      tasksKthreadTids: new Set(tasksKthreads.values()),
      involuntary: models.involuntary.stretches,
      busyWaits: models.busyWaits.waits,
      loggedLoads: [],
      barriers: models.barriers.rounds,
      history: models.cpu.history,
      cpus: models.cpu.all().map((cpu) => cpu.cpu),
      unrecordedCpus: tasks.unrecordedCpus(),
    };
    return new Timeline(
      data,
      tasks,
      (stack) => sync.verdict(stack),
      (stack) => world.dictionary.stackSymbols(stack).map(plainSymbol),
    );
  }

  /** A copy with some of its facts replaced. */
  with(changes: Partial<TimelineData>): Timeline {
    return new Timeline({ ...this.data, ...changes }, this.#tasks, this.#stackVerdict, this.#stackSymbols);
  }

  /** The live task of that number. */
  task(tid: number): Task | undefined {
    return this.#tasks.find(tid);
  }

  /** The switch-out of a task that sleeps at the end of the run; 0 of another. */
  asleepSince({ state, offEvent }: Task): number {
    return state === TASK_BLOCKED || state === TASK_SLEEPING ? offEvent : 0;
  }

  /** `comm:tid`. */
  label(task: Task): string {
    return this.#tasks.label(task);
  }

  /** `comm:tid`, of tasks that have exited too. */
  labelOf(tid: number): string {
    return this.#tasks.labelOfTid(tid);
  }

  /** When a task was forked; −1 before the capture, or not recorded. */
  bornNs(tid: number): number {
    return this.#tasks.bornNs(tid);
  }

  name(task: Task): string {
    return this.#tasks.name(task);
  }

  /** `comm:tid` of the worker of an execution. */
  workerLabel({ workerTid, workerComm }: Pick<WorkExecution, 'workerTid' | 'workerComm'>): string {
    const label = this.#tasks.labelOfTid(workerTid);
    if (!label.startsWith('<...>')) return label;
    return workerComm === 0 ? `kworker:${workerTid}` : this.#tasks.labelOf(workerTid, workerComm);
  }

  stackVerdict(stack: number): StackVerdict {
    return this.#stackVerdict(stack);
  }

  /** Function names without compiler suffixes, innermost first; empty for stack 0. */
  stackSymbols(stack: number): string[] {
    return this.#stackSymbols(stack);
  }

  /** End of an interval that may be open. */
  end(interval: { readonly endNs: number | null; readonly openUntilNs?: number }): number {
    return interval.endNs ?? interval.openUntilNs ?? this.data.endNs;
  }

  /** Until when a CPU or reader is known to have held its grace period up. */
  heldUntil(holdout: Holdout): number {
    return heldUntilNs(holdout) ?? holdout.openUntilNs ?? this.data.endNs;
  }

  /** Why an interval that is open at the end may have ended unseen; undefined when nothing speaks for that. */
  openDoubt(interval: { readonly endNs: number | null }): Note | undefined {
    const { unrecordedCpus } = this.data;
    if (interval.endNs !== null || unrecordedCpus.length === 0) return undefined;
    return note(`nothing of CPU ${unrecordedCpus.join(', ')} was recorded: it may have ended there`, 'E0.4');
  }

  length(interval: { readonly startNs: number; readonly endNs: number | null; readonly openUntilNs?: number }): number {
    return this.end(interval) - interval.startNs;
  }

  /** Grace periods of at least that age. */
  periodsLongerThan(ns: number): GracePeriod[] {
    return this.data.periods.filter((gp) => this.length(gp) >= ns);
  }

  /** Waits of a task that overlap the interval. */
  waitsOf(tid: number, fromNs: number, toNs: number): SyncWait[] {
    return this.data.waits.filter((wait) => wait.tid === tid && wait.startNs < toNs && this.end(wait) > fromNs);
  }

  /** Readers of a domain whose section began before `beforeNs` and was open at or after `afterNs`. */
  readersHolding(domain: string, beforeNs: number, afterNs: number): SrcuReader[] {
    return this.data.readers.filter(
      (reader) =>
        meansStruct(domain, reader.domain) &&
        reader.sinceNs < beforeNs &&
        (reader.endNs ?? Number.POSITIVE_INFINITY) > afterNs,
    );
  }

  /** A reader of the struct that the kernel's list of held locks names within the interval. */
  loggedReader(domain: string, fromNs: number, toNs: number): LoggedReader | undefined {
    return this.data.loggedReaders.find(
      (reader) => isReaderOf(reader, domain) && reader.tsNs >= fromNs && reader.tsNs <= toNs,
    );
  }

  /** A storm of that kind on the CPU within the interval. */
  stormDuring(kind: Storm['kind'], cpu: number, startNs: number, endNs: number): Storm | undefined {
    return this.data.storms.find(
      (storm) => storm.kind === kind && storm.cpu === cpu && storm.startNs < endNs && storm.endNs > startNs,
    );
  }

  /** The grace-period kthread waiting for a CPU at that time. */
  kthreadWithoutCpu(flavor: string, atNs: number): KthreadStarvation | undefined {
    return this.data.starvations.find(
      (starvation) => starvation.flavor === flavor && starvation.startNs <= atNs && this.end(starvation) >= atNs,
    );
  }

  /** The grace-period kthread asleep at that time, for long. */
  kthreadAsleep(flavor: string, atNs: number): KthreadSleep | undefined {
    return this.data.kthreadSleeps.find(
      (sleep) => sleep.flavor === flavor && sleep.startNs <= atNs && this.end(sleep) >= atNs,
    );
  }

  /** The CPU spins until another one answers, for most of the interval, and why that one does not. */
  busyWait(
    cpu: number,
    fromNs: number,
    toNs: number,
  ): { readonly wait: BusyWait; readonly verdict: HoldoutVerdict } | undefined {
    const wait = busyWaitDuring(this.data.busyWaits, cpu, fromNs, toNs);
    if (!wait) return undefined;
    const verdict = verdictOfTarget(wait, fromNs, toNs, this.data.visible);
    return { wait, verdict: this.#asLogged(verdict, wait.targetCpu, fromNs, toNs) };
  }

  judge(holdout: Holdout): TracedVerdict {
    const verdict = judgeHoldout(holdout, this.data.visible);
    if (holdout.kind !== 'cpu' || (verdict.cause !== 'cpu-hog' && verdict.cause !== 'unknown')) return verdict;
    const toNs = holdout.toNs ?? holdout.openUntilNs ?? this.data.endNs;
    const busy = this.busyWait(holdout.cpu, holdout.fromNs, toNs);
    if (busy) return busy.verdict;
    if (verdict.cause !== 'cpu-hog' || verdict.task === undefined)
      return this.#asLogged(verdict, holdout.cpu, holdout.fromNs, toNs);
    const waits = { past: this.data.pastLockWaits, open: this.data.lockWaits };
    const lockSpin = lockSpinDuring(waits, verdict.task, holdout.fromNs, toNs);
    return lockSpin ? { ...verdictOfOwner(verdict, lockSpin, this.labelOf(lockSpin.ownerTid)), lockSpin } : verdict;
  }

  /** Where events do not show what a CPU does, and the kernel's report of the same time does: interrupts that were not recorded look like its task. */
  #asLogged(verdict: TracedVerdict, cpu: number | undefined, fromNs: number, toNs: number): TracedVerdict {
    if (verdict.cause !== 'unknown' || verdict.code !== 'UNKNOWN' || cpu === undefined) return verdict;
    const load = this.data.loggedLoads.find(
      (other) => other.cpu === cpu && overlapNs(fromNs, toNs, other.startNs, other.endNs) > 0,
    );
    if (!load) return verdict;
    const { hardirq, softirq } = verdict.shares;
    const rest = Math.max(0, 1 - hardirq - softirq);
    const shares = {
      nmi: load.cause === 'nmi-storm' ? rest : 0,
      hardirq: load.cause === 'irq-storm' ? hardirq + rest : hardirq,
      softirq: load.cause === 'softirq-storm' ? softirq + rest : softirq,
    };
    return {
      ...verdict,
      cause: load.cause,
      shares,
      task: undefined,
      note: `${verdict.note}; the kernel log: ${load.why}`,
    };
  }
}
