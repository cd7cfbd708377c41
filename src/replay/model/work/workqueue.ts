/**
 * Work items from queue to end (MODEL 1.7, 3.6): queued → activated → executing → done. A work item never runs twice at the
 * same time (S3.21), may be queued again while it runs (O14), and is known by its address between queue and end.
 */
import { type EventCursor, type EventType, fieldsOf, knownName } from '../../../../schema/index.ts';
import { Listeners } from '../../core/listeners.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { LATE_NS, LONG_DELAY_NS } from '../../knowledge/thresholds.ts';
import type { CpuModel } from '../cpu/cpu.ts';
import { TASK_RUNNING, TASK_UNKNOWN, type TaskModel } from '../task/task.ts';
import { DelayedWorkTimers } from './delayed-work.ts';
import type { DomainSource, LateWork, QueuedWork, WorkExecution, WorkKey } from './work-item.ts';
import { WorkerPools } from './worker-pool.ts';

const QUEUE = fieldsOf('workqueue_queue_work');
const ACTIVATE = fieldsOf('workqueue_activate_work');
const START = fieldsOf('workqueue_execute_start');

export type { LateWork, QueuedWork, WorkExecution, WorkKey } from './work-item.ts';

export interface WorkListener {
  /** @param byTid task that queued it */
  onQueued?(work: QueuedWork, byTid: number): void;
  onStarted?(execution: WorkExecution): void;
  onFinished?(execution: WorkExecution): void;
}

/** Executions kept for blame. */
const KEPT = 4096;

export class WorkqueueModel implements Model {
  readonly #world: World;
  readonly #queued = new Map<WorkKey, QueuedWork>();
  readonly #running = new Map<number, WorkExecution>();
  readonly #structOfWork: (work: WorkKey) => string | undefined;
  readonly #domainOfWork = new Map<WorkKey, string>();
  readonly #domainSources = new Map<WorkKey, DomainSource>();
  /** Executions of process_srcu and srcu_invoke_callbacks in order of start. */
  readonly srcuRuns: WorkExecution[] = [];
  /** Work that started late; what still waits at the end is added by {@link finish}. */
  readonly late: LateWork[] = [];
  /** Executions that lasted, in order of their end; {@link finish} adds the open ones. */
  readonly longRuns: WorkExecution[] = [];
  readonly listeners = new Listeners<WorkListener>({ onQueued: [], onStarted: [], onFinished: [] });
  readonly timers = new DelayedWorkTimers();
  readonly pools: WorkerPools;
  readonly #cpus: CpuModel;
  readonly #tasks: TaskModel;
  /** Number of the last item that was put on a pool's list. */
  #order = 0;
  #activations = false;

  /** @param structOfWork the srcu_struct that holds a work item, by the symbols of the kernel */
  constructor(world: World, cpus: CpuModel, tasks: TaskModel, structOfWork: (work: WorkKey) => string | undefined) {
    this.#world = world;
    this.#cpus = cpus;
    this.#tasks = tasks;
    this.#structOfWork = structOfWork;
    this.pools = new WorkerPools(world);
  }

  /** What the worker executes now. */
  executing(workerTid: number): WorkExecution | undefined {
    return this.#running.get(workerTid);
  }

  /** Work queued and not started. */
  pending(): IterableIterator<QueuedWork> {
    return this.#queued.values();
  }

  /** Queued and running work, and the srcu_struct of a work item: live state of a snapshot. */
  get live(): {
    readonly queued: Map<WorkKey, QueuedWork>;
    readonly running: Map<number, WorkExecution>;
    readonly domains: Map<WorkKey, string>;
  } {
    return { queued: this.#queued, running: this.#running, domains: this.#domainOfWork };
  }

  /** A probe inside the worker named the srcu_struct. */
  nameDomain(workerTid: number, domain: string, event: number): void {
    const execution = this.#running.get(workerTid);
    if (!execution) return;
    // Known already: the nearest proof is kept.
    if (execution.domain === domain && execution.domainSource?.startEvent === execution.startEvent) return;
    execution.domain = domain;
    execution.domainSource = { event, workerTid, startEvent: execution.startEvent, endEvent: 0 };
    this.#domainOfWork.set(execution.work, domain);
    this.#domainSources.set(execution.work, execution.domainSource);
  }

  /**
   * A run of process_srcu that no workqueue event shows: from a probe on the function or from the worker's stack (S3.60).
   * Does nothing when the worker's execution is known already.
   */
  implyRun(workerTid: number, cpu: number, startNs: number, startEvent: number, fn: string): void {
    if (this.#running.has(workerTid)) return;
    const run: WorkExecution = {
      work: -workerTid,
      fn,
      workqueue: 'rcu_gp',
      workerTid,
      workerComm: 0,
      cpu,
      queuedNs: null,
      activatedNs: null,
      startNs,
      startEvent,
      endNs: null,
      endEvent: 0,
      domain: undefined,
      domainSource: undefined,
      queueEvent: 0,
      delayedFromNs: null,
      rescued: false,
      pool: '',
      ranBeforeNs: this.#ranNs(workerTid, cpu),
      ranNs: null,
      implied: true,
    };
    this.#running.set(workerTid, run);
    this.#keep(this.srcuRuns, run);
    for (const call of this.listeners.on.onStarted) call(run);
  }

  /** Ends an implied run; one that workqueue events show ends with them. */
  endImpliedRun(workerTid: number, endNs: number, endEvent: number): void {
    const run = this.#running.get(workerTid);
    if (!run?.implied) return;
    this.#running.delete(workerTid);
    this.#finish(run, endNs, endEvent);
  }

  /** The domain of a struct has got another name. */
  renameDomain(from: string, to: string): void {
    for (const run of this.srcuRuns) if (run.domain === from) run.domain = to;
    for (const [work, domain] of this.#domainOfWork) if (domain === from) this.#domainOfWork.set(work, to);
  }

  #keep<T>(list: T[], item: T): void {
    list.push(item);
    if (list.length > KEPT * 2) list.splice(0, KEPT);
  }

  subscribe(type: EventType): EventHandler | undefined {
    switch (knownName(type)) {
      case 'workqueue_queue_work':
        return (event) => this.#queue(event);
      case 'workqueue_activate_work':
        return (event) => this.#activate(event);
      case 'workqueue_execute_start':
        return (event) => this.#start(event);
      case 'workqueue_execute_end':
        return (event) => this.#end(event);
      case 'timer_start':
        return (event) => this.timers.armed(event);
      case 'timer_cancel':
        return (event) => this.timers.cancelled(event);
      case 'timer_expire_entry':
        return (event) => this.timers.expires(event);
      case 'timer_expire_exit':
        return (event) => this.timers.expired(event);
      default:
        return undefined;
    }
  }

  #queue(event: EventCursor): void {
    const work = event.key(QUEUE.work);
    const workqueue = event.text(QUEUE.workqueue);
    // Unsigned before v6.0: an unbound pool is 4294967295 there.
    const cpu = event.has(QUEUE.cpu) ? event.int(QUEUE.cpu) | 0 : event.cpu;
    const queued: QueuedWork = {
      work,
      fn: event.text(QUEUE.function),
      workqueue,
      queuedNs: event.tsNs,
      queueEvent: event.eventId,
      cpu,
      delayedFromNs: this.timers.armedNs(event.cpu),
      activatedNs: null,
      order: ++this.#order,
      startedBefore: this.pools.startedCount(this.pools.nameOf(cpu, workqueue)),
      cpuEvent: this.#cpus.find(cpu)?.switchEvent ?? 0,
    };
    this.timers.queues(event.cpu, work);
    this.#queued.delete(work);
    this.#queued.set(work, queued);
    // A work item that is queued and never runs is a leak of the capture (gap, filter), not of the kernel: bound the map.
    if (this.#queued.size > 65536) this.#queued.delete(this.#queued.keys().next().value as WorkKey);
    for (const call of this.listeners.on.onQueued) call(queued, event.tid);
  }

  #activate(event: EventCursor): void {
    this.#activations = true;
    const queued = this.#queued.get(event.key(ACTIVATE.work));
    if (!queued) return;
    queued.activatedNs = event.tsNs;
    queued.order = ++this.#order;
  }

  /** Time that a worker has been on a CPU so far; null while its scheduling is not known. */
  #ranNs(tid: number, cpu: number): number | null {
    const task = this.#tasks.get(tid, cpu);
    if (task.state === TASK_UNKNOWN) return null;
    return task.times[TASK_RUNNING] + (task.state === TASK_RUNNING ? this.#world.nowNs - task.sinceNs : 0);
  }

  /** The srcu_struct of a work item, as probes have named it or the kernel's symbols do. */
  #domain(work: WorkKey, fn: string): string | undefined {
    const known = this.#domainOfWork.get(work);
    if (known !== undefined || fn !== 'process_srcu') return known;
    const name = this.#structOfWork(work);
    if (name !== undefined) this.#domainOfWork.set(work, name);
    return name;
  }

  #start(event: EventCursor): void {
    const work = event.key(START.work);
    const queued = this.#queued.get(work);
    this.#queued.delete(work);
    const pool = this.pools.ofWorker(event.comm, event.cpu, queued?.workqueue ?? '');
    const fn = event.text(START.function) || queued?.fn || '';
    const execution: WorkExecution = {
      work,
      fn,
      workqueue: queued?.workqueue ?? '',
      workerTid: event.tid,
      workerComm: event.comm,
      cpu: event.cpu,
      queuedNs: queued?.queuedNs ?? null,
      activatedNs: queued?.activatedNs ?? null,
      startNs: event.tsNs,
      startEvent: event.eventId,
      endNs: null,
      endEvent: 0,
      domain: this.#domain(work, fn),
      domainSource: this.#domainSources.get(work),
      queueEvent: queued?.queueEvent ?? 0,
      delayedFromNs: queued?.delayedFromNs ?? null,
      rescued: this.pools.isRescuer(event.comm, queued?.workqueue ?? ''),
      pool,
      ranBeforeNs: this.#ranNs(event.tid, event.cpu),
      ranNs: null,
    };
    if (queued) {
      this.#world.facts.sample('workqueue-queue', fn, event.tsNs - queued.queuedNs);
      if (event.tsNs - queued.queuedNs >= LATE_NS) {
        this.#keep(this.late, this.#lateWork(queued, execution));
      }
    }
    if (pool) this.pools.started(pool, queued?.order ?? 0);
    const before = this.#running.get(event.tid);
    // A worker runs one item at a time: the end of the one before was not recorded.
    if (before) this.#finish(before, event.tsNs, 0);
    this.#running.set(event.tid, execution);
    if (fn === 'process_srcu' || fn === 'srcu_invoke_callbacks') this.#keep(this.srcuRuns, execution);
    for (const call of this.listeners.on.onStarted) call(execution);
  }

  #lateWork(queued: QueuedWork, start: WorkExecution | undefined): LateWork {
    const pool = this.pools.nameOf(queued.cpu, queued.workqueue);
    const own = [...this.#running.values()].some((execution) => execution.work === queued.work);
    return {
      ...queued,
      startNs: start?.startNs ?? null,
      startEvent: start?.startEvent ?? 0,
      workerTid: start?.workerTid ?? null,
      rescued: start?.rescued ?? false,
      pool: start?.pool || pool,
      begunMeanwhile: Math.max(0, this.pools.startedCount(pool) - queued.startedBefore),
      domain: this.#domain(queued.work, queued.fn),
      domainSource: this.#domainSources.get(queued.work),
      activationSeen: this.#activations,
      heldBack: own ? 'itself' : this.#activations && queued.activatedNs === null ? 'max-active' : undefined,
    };
  }

  #end(event: EventCursor): void {
    const execution = this.#running.get(event.tid);
    if (!execution) return;
    this.#running.delete(event.tid);
    this.#finish(execution, event.tsNs, event.eventId);
  }

  #finish(execution: WorkExecution, endNs: number, endEvent: number): void {
    execution.endNs = endNs;
    execution.endEvent = endEvent;
    const source = execution.domainSource;
    if (source?.startEvent === execution.startEvent) source.endEvent = endEvent;
    this.#measure(execution);
    if (endNs - execution.startNs >= LONG_DELAY_NS) this.#keep(this.longRuns, execution);
    for (const call of this.listeners.on.onFinished) call(execution);
    if (execution.implied) return;
    this.#world.facts.sample('workqueue-run', execution.fn, endNs - execution.startNs);
    this.#fact(execution);
  }

  #measure(execution: WorkExecution, ranNs = this.#ranNs(execution.workerTid, execution.cpu)): void {
    if (ranNs !== null && execution.ranBeforeNs !== null) execution.ranNs = ranNs - execution.ranBeforeNs;
  }

  #fact(execution: WorkExecution): void {
    this.#world.facts.workItem({
      work: `0x${BigInt.asUintN(64, BigInt(execution.work)).toString(16)}`,
      function: execution.fn,
      workqueue: execution.workqueue,
      queuedNs: execution.queuedNs,
      activatedNs: execution.activatedNs,
      startNs: execution.startNs,
      endNs: execution.endNs,
      tid: execution.workerTid,
      cpu: execution.cpu,
    });
  }

  /**
   * Cancelling a work item leaves no event. One that a later item of the same list has overtaken is no longer on it. One that max_active
   * holds back is, while another item of its workqueue runs.
   */
  #cancelled(queued: QueuedWork): boolean {
    const running = [...this.#running.values()];
    if (running.some((execution) => execution.work === queued.work)) return false;
    if (this.#activations && queued.activatedNs === null)
      return !running.some((execution) => execution.workqueue === queued.workqueue);
    return this.pools.overtook(this.pools.nameOf(queued.cpu, queued.workqueue), queued.order);
  }

  finish(): void {
    for (const execution of this.#running.values()) {
      // The tasks have booked their time to the end by now.
      this.#measure(execution, this.#tasks.find(execution.workerTid)?.times[TASK_RUNNING] ?? null);
      if (this.#world.nowNs - execution.startNs >= LONG_DELAY_NS) this.longRuns.push(execution);
      if (execution.implied) continue;
      this.#fact(execution);
      this.#world.facts.openSample('workqueue-run', execution.fn);
    }
    for (const queued of this.#queued.values()) {
      this.#world.facts.openSample('workqueue-queue', queued.fn);
      if (this.#world.nowNs - queued.queuedNs >= LATE_NS && !this.#cancelled(queued))
        this.late.push(this.#lateWork(queued, undefined));
      this.#world.facts.workItem({
        work: `0x${BigInt.asUintN(64, BigInt(queued.work)).toString(16)}`,
        function: queued.fn,
        workqueue: queued.workqueue,
        queuedNs: queued.queuedNs,
        activatedNs: queued.activatedNs,
        startNs: null,
        endNs: null,
        tid: null,
        cpu: queued.cpu,
      });
    }
  }
}
