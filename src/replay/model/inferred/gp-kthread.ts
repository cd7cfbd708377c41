/**
 * The grace-period kthread without a CPU: runnable for long while a grace period is in flight (R2.45, GPKTHREAD_RUNNABLE), and who
 * had the CPU instead. The same for workers: work on the list of their pool waits for them (S3.70).
 */
import type { MayBeOpen } from '../../core/interval.ts';
import type { Model, World } from '../../core/world.ts';
import { GP_KTHREAD } from '../../knowledge/kthread-names.ts';
import { MAX_RT_PRIO } from '../../knowledge/priorities.ts';
import { LATE_NS, LONG_DELAY_NS } from '../../knowledge/thresholds.ts';
import { WORKER_NAME } from '../../knowledge/worker-pools.ts';
import { type CpuModel, OCC_HARDIRQ, OCC_NMI, OCC_SOFTIRQ, type Occupancy } from '../cpu/cpu.ts';
import { NameTest } from '../task/name-test.ts';
import { TASK_BLOCKED, TASK_RUNNABLE, TASK_RUNNING, TASK_SLEEPING, type Task, type TaskModel } from '../task/task.ts';

export interface KthreadStarvation extends MayBeOpen {
  /** Name of the task: that of the flavour for a grace-period kthread. */
  readonly flavor: string;
  readonly tid: number;
  readonly cpu: number;
  readonly startNs: number;
  readonly endNs: number | null;
  /** It becomes runnable; it gets a CPU (0 when it does not). */
  readonly event: number;
  readonly endEvent: number;
  /** Last context switch of the CPU before. */
  readonly cpuEvent: number;
  /** `comm:tid` that had its CPU for most of the time, when known. */
  readonly occupant: string | undefined;
  /** That task is of a real-time class, which no fair task preempts (RT_HOG of MODEL 2.7). */
  readonly realtime: boolean;
  /** Shares of the CPU's time during the delay. */
  readonly shares: { readonly nmi: number; readonly hardirq: number; readonly softirq: number };
}

/** It slept long. While a grace period had nothing left to wait for, nobody woke it: its timer was lost (R2.45, GPKTHREAD_NOT_WOKEN). */
export interface KthreadSleep extends MayBeOpen {
  readonly flavor: string;
  readonly tid: number;
  readonly startNs: number;
  readonly endNs: number | null;
  /** It goes to sleep; it is woken (0 when it is not). */
  readonly event: number;
  readonly endEvent: number;
  /** In D instead of TASK_IDLE: it waits for something else (GPKTHREAD_BLOCKED). */
  readonly blocked: boolean;
}

/** Tasks by name, and how long they must wait for a CPU to be kept: shorter delays explain no wait that is judged. */
export interface StarvedTasks {
  readonly names: RegExp;
  readonly shortestNs: number;
}

const GP_KTHREADS: StarvedTasks = { names: GP_KTHREAD, shortestNs: LONG_DELAY_NS };

export const WORKERS: StarvedTasks = { names: WORKER_NAME, shortestNs: LATE_NS };
/** An idle machine has a kthread that sleeps long: the last ones are enough for what is asked at the end. */
const SLEEPS_KEPT = 4096;

interface Waiting {
  readonly task: Task;
  readonly sinceNs: number;
  readonly cpuEvent: number;
  readonly occupancy: Occupancy;
  /** Time on its CPU by tid. */
  readonly ran: Map<number, Ran>;
}

interface Ran {
  ns: number;
  readonly comm: number;
  readonly realtime: boolean;
}

export class GpKthreadModel implements Model {
  readonly #world: World;
  readonly #cpus: CpuModel;
  readonly #tasks: TaskModel;
  readonly starvations: KthreadStarvation[] = [];
  readonly sleeps: KthreadSleep[] = [];
  /** By flavour, which is its name. */
  readonly tids = new Map<string, number>();
  /** Kthreads that wait for a CPU: one per flavour, so hardly ever two. */
  #waiting: Waiting[] = [];
  /** By tid. */
  readonly #asleep = new Map<
    number,
    { readonly sinceNs: number; readonly event: number; readonly blocked: boolean; readonly gaps: number }
  >();
  readonly #which: StarvedTasks;
  readonly #names: NameTest;

  constructor(world: World, cpus: CpuModel, tasks: TaskModel, which: StarvedTasks = GP_KTHREADS) {
    this.#world = world;
    this.#which = which;
    this.#names = new NameTest(world.dictionary, which.names);
    this.#cpus = cpus;
    this.#tasks = tasks;
    tasks.listeners.push({
      onRunnable: (task, nowNs) => {
        if (!this.#runsGracePeriods(task)) return;
        this.#woken(task, nowNs, task.stateEvent);
        this.#waits(task, nowNs);
      },
      onSwitchIn: (task, nowNs) => {
        // Its wakeup was not recorded, or only as sched_waking.
        const sleep = this.#asleep.get(task.tid);
        if (!sleep || !this.#runsGracePeriods(task)) return;
        const waking = task.wakingNs >= sleep.sinceNs;
        this.#woken(task, waking ? task.wakingNs : nowNs, waking ? task.wakeEvent : task.stateEvent);
      },
      onLeavesRunnable: (task, nowNs, event) => this.#gotCpu(task, nowNs, event),
      onSwitchOut: (task, nowNs) => this.#leftCpu(task, nowNs),
    });
  }

  subscribe(): undefined {
    return undefined;
  }

  #runsGracePeriods(task: Task): boolean {
    const isOne = this.#names.matches(task.comm);
    if (isOne) this.tids.set(this.#tasks.name(task), task.tid);
    return isOne;
  }

  #waits(task: Task, nowNs: number): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.task !== task);
    const cpu = Math.max(0, task.cpu);
    const occupancy = this.#cpus.snapshot(cpu, nowNs);
    this.#waiting.push({
      task,
      sinceNs: nowNs,
      cpuEvent: this.#cpus.find(cpu)?.switchEvent ?? 0,
      occupancy,
      ran: new Map(),
    });
  }

  /** Its sleep since the last switch-out is over. */
  #woken(task: Task, nowNs: number, event: number): void {
    const asleep = this.#asleep;
    const sleep = asleep.get(task.tid);
    asleep.delete(task.tid);
    if (!sleep || nowNs - sleep.sinceNs < this.#which.shortestNs || sleep.gaps !== this.#world.lostMarkers) return;
    this.sleeps.push({
      flavor: this.#tasks.name(task),
      tid: task.tid,
      startNs: sleep.sinceNs,
      endNs: event ? nowNs : null,
      event: sleep.event,
      endEvent: event,
      blocked: sleep.blocked,
    });
    if (this.sleeps.length > SLEEPS_KEPT) this.sleeps.shift();
  }

  #leftCpu(task: Task, nowNs: number): void {
    if ((task.state === TASK_SLEEPING || task.state === TASK_BLOCKED) && this.#runsGracePeriods(task))
      this.#asleep.set(task.tid, {
        sinceNs: nowNs,
        event: task.offEvent,
        blocked: task.state === TASK_BLOCKED,
        gaps: this.#world.lostMarkers,
      });
    for (const waiting of this.#waiting) {
      if (waiting.task.cpu === task.cpu && waiting.task !== task && task.tid > 0)
        book(waiting, task, nowNs - Math.max(waiting.sinceNs, task.onCpuSinceNs));
    }
  }

  #gotCpu(task: Task, nowNs: number, event: number): void {
    const waiting = this.#waiting.find((candidate) => candidate.task === task);
    if (!waiting) return;
    this.#waiting = this.#waiting.filter((candidate) => candidate !== waiting);
    if (nowNs - waiting.sinceNs >= this.#which.shortestNs && task.gapsAtSince === this.#world.lostMarkers)
      this.#add(waiting, nowNs, event);
  }

  #add(waiting: Waiting, nowNs: number, endEvent: number): void {
    const { task, sinceNs, occupancy } = waiting;
    const cpu = Math.max(0, task.cpu);
    if (!this.#isRecorded(cpu, sinceNs)) return;
    for (const other of this.#tasks.all()) {
      if (other.state === TASK_RUNNING && other.cpu === cpu && other.tid > 0 && other !== task)
        book(waiting, other, nowNs - Math.max(sinceNs, other.onCpuSinceNs));
    }
    const [most] = [...waiting.ran].sort((a, b) => b[1].ns - a[1].ns);
    const spent = this.#cpus.snapshot(cpu, nowNs).map((ns, kind) => ns - occupancy[kind]);
    const total = spent.reduce((sum, ns) => sum + ns, 0) || 1;
    this.starvations.push({
      flavor: this.#tasks.name(task),
      tid: task.tid,
      cpu,
      startNs: sinceNs,
      endNs: endEvent ? nowNs : null,
      event: task.wakeEvent || task.offEvent,
      endEvent,
      cpuEvent: waiting.cpuEvent,
      occupant: most && this.#tasks.labelOf(most[0], most[1].comm),
      realtime: most?.[1].realtime ?? false,
      shares: {
        nmi: spent[OCC_NMI] / total,
        hardirq: spent[OCC_HARDIRQ] / total,
        softirq: spent[OCC_SOFTIRQ] / total,
      },
    });
  }

  /** A CPU without records, or a recording without context switches, hides that the kthread got its CPU: nothing may be concluded from absence. */
  #isRecorded(cpu: number, sinceNs: number): boolean {
    return this.#cpus.visibility().switches && (this.#cpus.find(cpu)?.lastEventNs ?? -1) > sinceNs;
  }

  finish(endNs: number): void {
    for (const tid of [...this.#asleep.keys()]) {
      const task = this.#tasks.find(tid);
      if (task) this.#woken(task, endNs, 0);
    }
    for (const waiting of this.#waiting) {
      const { task, sinceNs } = waiting;
      const censored = task.gapsAtSince !== this.#world.lostMarkers;
      if (task.state === TASK_RUNNABLE && !censored && endNs - sinceNs >= this.#which.shortestNs)
        this.#add(waiting, endNs, 0);
    }
  }
}

function book(waiting: Waiting, task: Task, ns: number): void {
  if (ns <= 0) return;
  const booked = waiting.ran.get(task.tid);
  if (booked) booked.ns += ns;
  else waiting.ran.set(task.tid, { ns, comm: task.comm, realtime: task.prio < MAX_RT_PRIO });
}
