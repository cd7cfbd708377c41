/**
 * What the kernel log says, collected for the detectors: reports of one thing are joined, settings go to the profile, names of tasks
 * are remembered. Bounded: a log of any length leaves a bounded number of records.
 */

import type { EventType, LogBacktrace, LogLock, LogReport, LogTask } from '../../../../schema/index.ts';
import { isLogLine, mayBeLogLine } from '../../core/log-line.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { WORKQUEUE_STALL_NS } from '../../knowledge/thresholds.ts';
import { LogCsdWaits } from './csd.ts';
import { LogHungTasks } from './hung.ts';
import { readJiffies } from './jiffies.ts';
import { PerfLadder } from './perf-ladder.ts';
import { LogStalls } from './stall.ts';

export type LockdepReport = Extract<
  LogReport,
  {
    kind:
      | 'lockdep-circular'
      | 'lockdep-irq-order'
      | 'lockdep-irq-inversion'
      | 'lockdep-irq-state'
      | 'lockdep-recursion'
      | 'lockdep-wait-context';
  }
>;
export type MisuseReport = Extract<LogReport, { kind: 'lockdep-misuse' }>;
export type AtomicSleep = Extract<LogReport, { kind: 'sleep-in-atomic' }>;
export type Lockup = Extract<LogReport, { kind: 'soft-lockup' | 'hard-lockup' }>;
export type Panic = Extract<LogReport, { kind: 'panic' }>;
type KthreadReport = Extract<LogReport, { kind: 'rcu-kthread' }>;
/** A grace period that was asked for, and that the kthread did not begin. */
export type GpRequest = KthreadReport & {
  /** How long neither a request nor the kthread has changed anything. */
  readonly idleJiffies: number;
};
export type WorkqueueLockup = Extract<LogReport, { kind: 'workqueue-lockup' }>;

/** Locks that a task held at a moment, oldest first. The last one may be what it waits for: lockdep notes it before the wait. */
export interface HeldLocks {
  readonly task: LogTask;
  readonly locks: readonly LogLock[];
  readonly tsNs: number;
  readonly line: number;
}

/** Where a report begins: its line in the log, or 0 and the time of the printk:console event that carried it. */
export interface LogPlace {
  readonly line: number;
  readonly tsNs: number;
}

/** Complaints about one handler, or the steps of the perf ladder. */
export interface LongInterrupts {
  readonly name: string;
  readonly firstNs: number;
  lastNs: number;
  count: number;
  maxNs: number;
  readonly places: LogPlace[];
}

/** A dump of a CPU, with where the report that holds it begins. */
export interface LogDump extends LogPlace {
  readonly trace: LogBacktrace;
}

/** State bits of gp_seq: 0 while no grace period is in progress (kernel/rcu/rcu.h RCU_SEQ_STATE_MASK). */
const GP_STATE = 3n;
/** A second at the highest HZ. */
const LONG_REQUEST_JIFFIES = 1000;

const MAX_RECORDS = 512;
const MAX_TASKS = 8192;
const MAX_PLACES = 8;
/** Console events of a trace that are remembered by their time. */
const MAX_CONSOLE_EVENTS = 65536;

/** Frames that only PREEMPT_RT has (P0.2). */
const RT_FRAME = /^(rt_spin_lock|rtlock_slowlock|rt_read_lock|rt_write_lock)/;
const RT_TASK = /^(irq\/\d+-|ktimers\/\d|rcuc\/\d|irq_work\/\d)/;
/** Prints its own backtrace inside an NMI: long because of the console. */
const DUMP_HANDLER = /^nmi_cpu_backtrace_handler$/;

export class LogModel implements Model {
  readonly #world: World;
  readonly stalls = new LogStalls();
  readonly hung = new LogHungTasks();
  readonly lockdep: LockdepReport[] = [];
  readonly misuses: MisuseReport[] = [];
  readonly atomicSleeps: AtomicSleep[] = [];
  readonly lockups: Lockup[] = [];
  readonly panics: Panic[] = [];
  readonly workqueueLockups: WorkqueueLockup[] = [];
  readonly csdWaits = new LogCsdWaits();
  readonly gpRequests: GpRequest[] = [];
  /** By handler; the perf ladder is `perf`. */
  readonly longInterrupts = new Map<string, LongInterrupts>();
  readonly perfLadder = new PerfLadder();
  /** Newest list of each task, by tid. */
  readonly held = new Map<number, HeldLocks>();
  /** Backtraces outside of reports, newest per CPU and per task. */
  readonly cpuDumps = new Map<number, LogBacktrace & { readonly tsNs: number }>();
  readonly taskDumps = new Map<number, LogBacktrace>();
  /** Dumps of what a CPU ran, inside reports and outside, by time. */
  readonly dumps: LogDump[] = [];
  /** Why lockdep was off, when the log says so. */
  readonly lockdepOff = new Set<string>();
  /** Names of tasks that any report named, by tid. */
  readonly names = new Map<number, string>();
  /** Console events of the trace by their time: a report that begins there is proved by the event. Lines of a log prove themselves. */
  readonly consoleEvents = new Map<number, number>();

  constructor(world: World) {
    this.#world = world;
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (!mayBeLogLine(type)) return undefined;
    return (event) => {
      if (!isLogLine(event) && this.consoleEvents.size < MAX_CONSOLE_EVENTS && !this.consoleEvents.has(event.tsNs))
        this.consoleEvents.set(event.tsNs, event.eventId);
    };
  }

  onReport(report: LogReport): void {
    switch (report.kind) {
      case 'rcu-stall':
        this.#stall(report);
        return;
      case 'hung-task':
        this.#task(report.task);
        this.#frames(report.stack);
        if (report.held) this.#holds(report.task, report.held, report);
        this.hung.add(report);
        return;
      case 'lockdep-circular':
      case 'lockdep-irq-order':
      case 'lockdep-irq-inversion':
      case 'lockdep-irq-state':
      case 'lockdep-recursion':
      case 'lockdep-wait-context':
        this.#task(report.task);
        this.#frames(report.stack);
        this.#holds(report.task, report.held, report);
        // PROVE_RCU is PROVE_LOCKING (lib/Kconfig.debug).
        this.#world.learn('proveRcu', true);
        if (this.lockdep.length < MAX_RECORDS) this.lockdep.push(report);
        return;
      case 'sleep-in-atomic':
        if (report.task) this.#task(report.task);
        this.#frames(report.stack);
        if (this.atomicSleeps.length < MAX_RECORDS) this.atomicSleeps.push(report);
        return;
      case 'soft-lockup':
      case 'hard-lockup':
        this.#dump({ nmiFrames: 0, irqFrames: 0, ...report }, report);
        if (this.lockups.length < MAX_RECORDS) this.lockups.push(report);
        return;
      case 'workqueue-lockup':
        for (const dump of report.dumps ?? []) this.#dump(dump, report);
        this.#learnWatchdog(report.seconds);
        if (this.workqueueLockups.length < MAX_RECORDS) this.workqueueLockups.push(report);
        return;
      case 'rcu-kthread':
        this.#kthread(report);
        return;
      case 'csd-lock':
        for (const dump of report.dumps ?? []) this.#dump(dump, report);
        this.csdWaits.add(report);
        return;
      case 'perf-interrupt':
        this.#long('perf', report.averageNs, report);
        this.perfLadder.add(report);
        return;
      case 'nmi-handler-long':
        if (!DUMP_HANDLER.test(report.handler)) this.#long(report.handler, report.durationNs, report);
        return;
      case 'held-locks':
        for (const { task, locks } of report.tasks) {
          this.#task(task);
          this.#holds(task, locks, report);
        }
        return;
      case 'backtrace':
        this.#dump(report, report);
        return;
      case 'lockdep-off':
        if (this.lockdepOff.size < 16) this.lockdepOff.add(report.why);
        return;
      case 'banner':
        this.#world.learn('release', report.release);
        // The version words name the preemption model; other models than RT begin alike.
        if (/\bPREEMPT/.test(report.version)) this.#world.learn('rt', /\bPREEMPT_RT\b/.test(report.version));
        return;
      case 'kernel-setting':
        if (report.field !== 'lockdep') this.#world.learn(report.field, report.value);
        return;
      case 'lockdep-misuse':
        if (report.task) this.#task(report.task);
        if (report.task && report.held) this.#holds(report.task, report.held, report);
        if (this.misuses.length < MAX_RECORDS) this.misuses.push(report);
        return;
      case 'panic':
        if (this.panics.length < MAX_PLACES) this.panics.push(report);
        return;
      case 'hrtimer-long':
      case 'unread':
        return;
    }
  }

  #stall(report: Extract<LogReport, { kind: 'rcu-stall' }>): void {
    for (const dump of report.dumps ?? []) this.#dump(dump, report);
    for (const task of report.tasks) if (task.comm !== undefined) this.#task({ comm: task.comm, tid: task.tid });
    const repeated = this.stalls.all.some(
      (stall) => stall.gpSeq === (report.gpSeq ?? null) && stall.flavor === report.flavor,
    );
    this.stalls.add(report);
    if (report.flavor === 'rcu_preempt' || report.flavor === 'rcu_sched')
      this.#world.learn('preemptRcu', report.flavor === 'rcu_preempt');
    if (this.stalls.hz !== undefined) this.#world.learn('hz', this.stalls.hz);
    // Only the first report of a grace period comes at the timeout.
    if (repeated || report.jiffies === undefined || report.how === 'expedited') return;
    const reading = readJiffies(report.jiffies, this.#world.profile.hz);
    if (!reading?.certain) return;
    this.#world.learn('hz', reading.hz);
  }

  /** The same state is printed on request (sysrq y) and at the end of rcutorture: a request that lies for a moment is no trouble. */
  #kthread(report: KthreadReport): void {
    const idleJiffies = Math.min(report.activityJiffies, report.requestJiffies);
    const asked = BigInt(report.neededSeq) > BigInt(report.gpSeq) && (BigInt(report.gpSeq) & GP_STATE) === 0n;
    if (asked && idleJiffies >= LONG_REQUEST_JIFFIES && this.gpRequests.length < MAX_RECORDS)
      this.gpRequests.push({ ...report, idleJiffies });
  }

  #task(task: LogTask): void {
    if (this.names.size < MAX_TASKS || this.names.has(task.tid)) this.names.set(task.tid, task.comm);
    if (RT_TASK.test(task.comm) && !/^irq\//.test(task.comm)) this.#world.learn('rt', true);
  }

  /** The watchdog complains when its time is over, or later: what it shows is the most that the threshold can be. */
  #learnWatchdog(seconds: number): void {
    const { wqWatchdogThreshS = WORKQUEUE_STALL_NS / 1e9 } = this.#world.profile;
    if (seconds > 0 && seconds < wqWatchdogThreshS) this.#world.learn('wqWatchdogThreshS', seconds);
  }

  #frames(stack: readonly string[]): void {
    if (stack.some((frame) => RT_FRAME.test(frame))) this.#world.learn('rt', true);
  }

  #dump(dump: LogBacktrace, { line, tsNs }: LogReport): void {
    if (dump.task) {
      this.#task(dump.task);
      if (this.taskDumps.size < MAX_TASKS) this.taskDumps.set(dump.task.tid, dump);
    }
    this.#frames(dump.stack);
    if (dump.cpu !== undefined && this.dumps.length < MAX_RECORDS) this.dumps.push({ line, tsNs, trace: dump });
    if (dump.cpu !== undefined && this.cpuDumps.size < MAX_TASKS) this.cpuDumps.set(dump.cpu, { ...dump, tsNs });
  }

  #holds(task: LogTask, locks: readonly LogLock[], { tsNs, line }: LogReport): void {
    if (this.held.size >= MAX_TASKS && !this.held.has(task.tid)) return;
    if (locks.length > 0) this.held.set(task.tid, { task, locks, tsNs, line });
  }

  #long(name: string, durationNs: number, { tsNs, line }: LogReport): void {
    const known = this.longInterrupts.get(name);
    if (known) {
      known.lastNs = Math.max(known.lastNs, tsNs);
      known.count++;
      known.maxNs = Math.max(known.maxNs, durationNs);
      if (known.places.length < MAX_PLACES) known.places.push({ line, tsNs });
    } else if (this.longInterrupts.size < 64)
      this.longInterrupts.set(name, {
        name,
        firstNs: tsNs,
        lastNs: tsNs,
        count: 1,
        maxNs: durationNs,
        places: [{ line, tsNs }],
      });
  }

  /** The timeout in force, from the earliest report of each grace period: it may come late, never early. */
  #learnTimeout(): void {
    const { hz, proveRcu, rcuStallTimeoutS } = this.#world.profile;
    const readings = this.stalls.all.flatMap(({ expedited, first }) => {
      const reading = expedited || first.jiffies === undefined ? undefined : readJiffies(first.jiffies, hz);
      return reading && (reading.certain || hz !== undefined) ? [reading.timeoutS] : [];
    });
    if (readings.length === 0 || rcuStallTimeoutS !== undefined) return;
    const leastS = Math.min(...readings);
    const withoutProof = leastS - 5;
    // 26 s is 21 s and PROVE_RCU, whether or not the log says so elsewhere; below 8 s there is no room for its 5 s.
    const proof = proveRcu ?? [3, 21, 60, 100].includes(withoutProof);
    if (withoutProof < 3 || !proof) this.#world.learn('proveRcu', false);
    this.#world.learn('rcuStallTimeoutS', proof && withoutProof >= 3 ? withoutProof : leastS);
  }

  finish(): void {
    this.#learnTimeout();
    // Fewer seconds than the default show a shorter timeout; more show nothing (G4.1).
    const { leastSeconds } = this.hung;
    if (leastSeconds < 120) this.#world.learn('hungTaskTimeoutS', leastSeconds);
  }
}
