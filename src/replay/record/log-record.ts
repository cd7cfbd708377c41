/** What the kernel log says, as plain data. */
import type { LogBacktrace } from '../../../schema/index.ts';
import type { Storm } from '../model/cpu/interrupt-load.ts';
import type { LogCsdWait } from '../model/log/csd.ts';
import type { LogHung } from '../model/log/hung.ts';
import type {
  AtomicSleep,
  GpRequest,
  HeldLocks,
  LockdepReport,
  Lockup,
  LogModel,
  LongInterrupts,
  MisuseReport,
  Panic,
  WorkqueueLockup,
} from '../model/log/log.ts';
import type { PerfLadder } from '../model/log/perf-ladder.ts';
import type { LogStall } from '../model/log/stall.ts';
import type { TakenOutOrder } from './taken-out.ts';

export interface LogRecord {
  readonly stalls: readonly LogStall[];
  readonly hung: readonly LogHung[];
  /** As lockdep printed them: what they list of locks was so. */
  readonly lockdep: readonly LockdepReport[];
  /** What it complains of; a variant may change or remove that. */
  readonly complaints: readonly LockdepReport[];
  /** Orders of class names that a variant takes out: no report may rest on them. */
  readonly takenOut: readonly TakenOutOrder[];
  readonly misuses: readonly MisuseReport[];
  readonly atomicSleeps: readonly AtomicSleep[];
  readonly lockups: readonly Lockup[];
  readonly panics: readonly Panic[];
  readonly workqueueLockups: readonly WorkqueueLockup[];
  readonly csdWaits: readonly LogCsdWait[];
  readonly gpRequests: readonly GpRequest[];
  /** By handler; the perf ladder is `perf`. */
  readonly longInterrupts: ReadonlyMap<string, LongInterrupts>;
  readonly perfLadder: Readonly<PerfLadder>;
  /** Storms that the events of the same boot show: they explain what the log reports. */
  readonly storms: readonly Storm[];
  /** Newest list of each task, by tid. */
  readonly held: ReadonlyMap<number, HeldLocks>;
  /** Backtraces outside of reports, newest per CPU and per task. */
  readonly cpuDumps: ReadonlyMap<number, LogBacktrace & { readonly tsNs: number }>;
  readonly taskDumps: ReadonlyMap<number, LogBacktrace>;
  /** Names of tasks that any report named, by tid. */
  readonly names: ReadonlyMap<number, string>;
  /** Console events of the trace by their time: a report that begins there is proved by the event. */
  readonly consoleEvents: ReadonlyMap<number, number>;
}

/** Taken after the model's `finish`. */
export function logRecord(log: LogModel, storms: readonly Storm[]): LogRecord {
  return {
    stalls: log.stalls.all,
    hung: log.hung.all,
    lockdep: log.lockdep,
    complaints: log.lockdep,
    takenOut: [],
    misuses: log.misuses,
    atomicSleeps: log.atomicSleeps,
    lockups: log.lockups,
    panics: log.panics,
    workqueueLockups: log.workqueueLockups,
    csdWaits: log.csdWaits.all,
    gpRequests: log.gpRequests,
    longInterrupts: log.longInterrupts,
    perfLadder: log.perfLadder,
    storms,
    held: log.held,
    cpuDumps: log.cpuDumps,
    taskDumps: log.taskDumps,
    names: log.names,
    consoleEvents: log.consoleEvents,
  };
}

/** Name of a task, if any report named it; `P81` otherwise, as stall reports write it. */
export function loggedName(log: LogRecord, tid: number): string {
  return log.names.get(tid) ?? `P${tid}`;
}
