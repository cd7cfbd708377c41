/** Why a grace period stalls, as far as the kernel's own dumps tell (MODEL 2.7, R2.70, R2.71, W4.20). */
import { formatDuration, type LogBacktrace, type RootKind } from '../../../../../schema/index.ts';
import { type NoteInput, note } from '../../../core/note.ts';
import { spinOf } from '../../../knowledge/stack/busy-wait-frames.ts';
import {
  DUMP_MACHINERY,
  HARDIRQ_FRAME,
  IDLE_FRAME,
  INTERRUPT_ENTRY,
  plainSymbol,
  SOFTIRQ_FRAME,
} from '../../../knowledge/stack/interrupt-frames.ts';
import { NMI_HANDLER_NS, NMI_LADDER_NS, NMI_LADDER_STEPS, PERF_AVERAGE_NS } from '../../../knowledge/thresholds.ts';
import type { LogStall } from '../../../model/log/stall.ts';
import { type LogRecord, loggedName } from '../../../record/log-record.ts';

export interface LogCause {
  readonly cause: RootKind;
  /** The CPU or task that decided. */
  readonly cpu?: number;
  readonly tid?: number;
  /** What the CPU executed, when the cause is that it did. */
  readonly at?: string;
  readonly why: NoteInput;
  /** The function in which the CPU spins until another one answers: that one is to blame. */
  readonly spin?: string;
}

/** What a CPU was executing when its backtrace was taken. */
export type DumpContext = 'user' | 'idle' | 'task' | 'hardirq' | 'softirq' | 'unknown';

export function contextOfDump(dump: LogBacktrace): DumpContext {
  if (dump.idle) return 'idle';
  const symbols = dump.stack.slice(dump.nmiFrames ?? 0).map(plainSymbol);
  const interrupted = belowDump(symbols);
  // Without section marks (arm, arm64) the names alone decide.
  const marked =
    dump.irqFrames === undefined ? interrupted.length : dump.irqFrames - (symbols.length - interrupted.length);
  const irq = interrupted.slice(0, Math.max(0, marked));
  const soft = irq.findIndex((symbol) => SOFTIRQ_FRAME.test(symbol));
  const hard = irq.findIndex((symbol) => HARDIRQ_FRAME.test(symbol));
  if (hard >= 0 && (soft < 0 || hard < soft)) return 'hardirq';
  if (soft >= 0) return 'softirq';
  if (interrupted.some((symbol) => IDLE_FRAME.test(symbol))) return 'idle';
  if (interrupted.length > 0) return 'task';
  return dump.userMode ? 'user' : 'unknown';
}

/** Frames between printing and interrupt entry: timers, and the layers of an interrupt controller. */
const MAX_TICK_FRAMES = 24;

/** What the dump's own interrupt hit: the frames below the printing and the interrupt that did it. */
function belowDump(symbols: readonly string[]): readonly string[] {
  const printing = symbols.findLastIndex((symbol) => DUMP_MACHINERY.test(symbol));
  if (printing < 0) return symbols;
  const entry = symbols.findIndex(
    (symbol, i) => i > printing && i <= printing + MAX_TICK_FRAMES && INTERRUPT_ENTRY.test(symbol),
  );
  let end = entry < 0 ? printing + 1 : entry;
  while (end < symbols.length && INTERRUPT_ENTRY.test(symbols[end])) end++;
  return symbols.slice(end);
}

/** NMI trouble near an interval: long handlers, or perf's own complaints. The kernel prints each new maximum only. */
export function nmiTrouble(
  log: LogRecord,
  startNs: number,
  endNs: number,
): { name: string; maxNs: number } | undefined {
  let worst: { name: string; maxNs: number } | undefined;
  for (const long of log.longInterrupts.values()) {
    if (long.count < NMI_LADDER_STEPS || long.lastNs < startNs - NMI_LADDER_NS || long.firstNs > endNs) continue;
    if (long.maxNs < (long.name === 'perf' ? PERF_AVERAGE_NS : NMI_HANDLER_NS)) continue;
    if (worst === undefined || long.maxNs > worst.maxNs) worst = { name: long.name, maxNs: long.maxNs };
  }
  return worst;
}

export const nmiWords = (trouble: { name: string; maxNs: number }): string =>
  trouble.name === 'perf'
    ? `perf says that its interrupt takes ${formatDuration(trouble.maxNs)} on average`
    : `the NMI handler ${trouble.name} runs for up to ${formatDuration(trouble.maxNs)}`;

/** A dump outside of the report is taken for its CPU's when it was made while the stall was reported (a warning before is another matter). */
const DUMP_SLACK_NS = 60e9;
/** The grace-period kthread looks every few jiffies: idle for longer it does not run. */
const ACTIVE_JIFFIES = 100;

/** Innermost frame of a task that does not run, or did not when its registers were saved. */
const SWITCHED_OUT = /^(?:__switch_to|__schedule|schedule)$/;

/** RCU itself sees the CPU as idle, or the kernel marks its line so: it holds nothing up for long. */
function isIdleHoldout(stall: LogStall, cpu: number, dump: LogBacktrace | undefined): boolean {
  const holdout = stall.cpus.get(cpu);
  if (dump?.idle || holdout?.falsePositive) return true;
  // `idle=<counter>/<nesting>/<nmi nesting>`: both nestings are 0 in the idle loop.
  const seenIdle = /^[0-9a-f]+\/0\/0x0$/.test(holdout?.idle ?? '');
  return seenIdle && (holdout?.ticks ?? 0) === 0 && (dump === undefined || dump.task?.tid === 0);
}

/** A timer of the kthread did not fire, or it got no CPU, or everything is done and it is about to end the grace period. */
function causeOfKthread(stall: LogStall): LogCause | undefined {
  const { allQuiescent, kthread, timer } = stall.last;
  if (timer) {
    const cpu = timer.cpu ?? stall.last.kthread?.cpu;
    return {
      cause: 'timer-lost',
      ...(cpu !== undefined && { cpu }),
      why: note(
        `the timer that wakes the grace-period kthread did not fire for ${timer.jiffies} jiffies${cpu === undefined ? '' : `: timer handling on CPU ${cpu}`}`,
        'R2.45',
      ),
    };
  }
  if (kthread?.kind === 'starved')
    return {
      cause: 'gp-kthread-starved',
      ...(kthread.cpu !== undefined && { cpu: kthread.cpu }),
      why: note(`the grace-period kthread got no CPU for ${kthread.jiffies} jiffies`, 'R2.46'),
    };
  if (allQuiescent === undefined) return undefined;
  if (allQuiescent >= ACTIVE_JIFFIES)
    return {
      cause: 'gp-kthread-starved',
      why: note(
        `every CPU has passed a quiescent state and the grace-period kthread was last active ${allQuiescent} jiffies ago: it does not run`,
        'R2.46',
      ),
    };
  return {
    cause: 'unknown',
    why: `every CPU has passed a quiescent state, and the grace-period kthread ran ${allQuiescent} jiffies ago: the grace period was about to end when it was reported`,
  };
}

export function causeOfStall(log: LogRecord, stall: LogStall, startNs: number): LogCause {
  const endNs = stall.last.tsNs;
  const trouble = nmiTrouble(log, startNs, endNs);
  const table = cputimeCause(stall);
  let spinning: LogCause | undefined;
  for (const holdout of stall.cpus.values()) {
    const found = causeOfCpu(log, stall, holdout.cpu, trouble);
    if (found?.spin !== undefined) {
      spinning ??= found;
      continue;
    }
    if (table && (found === undefined || found.cause === 'unknown' || found.cause === 'cpu-hog'))
      return { ...table, cpu: holdout.cpu };
    if (found && found.cause !== 'unknown') return found;
  }
  for (const task of stall.tasks.values()) {
    const found = causeOfTask(log, stall, task, trouble);
    if (found) return found;
  }
  if (spinning) return spinning;
  const [holdout] = stall.cpus.keys();
  const idle = [...stall.cpus.keys()].every((cpu) => isIdleHoldout(stall, cpu, dumpOf(log, stall, cpu)));
  const kthread = idle || stall.last.timer ? causeOfKthread(stall) : undefined;
  if (kthread) return kthread;
  if (holdout !== undefined)
    return {
      cause: 'unknown',
      cpu: holdout,
      why: isIdleHoldout(stall, holdout, dumpOf(log, stall, holdout))
        ? `CPU ${holdout} was idle: it reports its quiescent state when the grace-period kthread asks`
        : dumpOf(log, stall, holdout)
          ? `CPU ${holdout}: its backtrace does not show what it executes`
          : `CPU ${holdout}: no backtrace of it in the log`,
    };
  return { cause: 'unknown', why: 'the report names no CPU and no task' };
}

function dumpOf(log: LogRecord, stall: LogStall, cpu: number): LogBacktrace | undefined {
  const own = stall.cpuDumps.get(cpu);
  if (own) return own;
  const other = log.cpuDumps.get(cpu);
  if (!other) return undefined;
  const near = other.tsNs >= stall.first.tsNs && other.tsNs <= stall.last.tsNs + DUMP_SLACK_NS;
  return near ? other : undefined;
}

function causeOfCpu(
  log: LogRecord,
  stall: LogStall,
  cpu: number,
  trouble: { name: string; maxNs: number } | undefined,
): LogCause | undefined {
  const [online, , , probe] = stall.cpus.get(cpu)?.flags ?? '';
  if (online === 'O')
    return {
      cause: 'unknown',
      cpu,
      why: `CPU ${cpu} is offline (flag O): it went down while its quiescent state was due`,
    };
  const dump = dumpOf(log, stall, cpu);
  if (!dump || isIdleHoldout(stall, cpu, dump)) return undefined;
  // What a task dump without NMI shows of a task that runs is where it was switched out last.
  if (!dump.nmi && SWITCHED_OUT.test(plainSymbol(dump.stack[0] ?? ''))) return undefined;
  const who = dump.task ? ` (${dump.task.comm}:${dump.task.tid})` : '';
  const interrupted = dump.stack.slice((dump.nmiFrames ?? 0) + (dump.irqFrames ?? 0));
  const at = interrupted.find((symbol) => !INTERRUPT_ENTRY.test(plainSymbol(symbol)));
  const context = contextOfDump(dump);
  // If ticks are missing, whatever runs there cannot be interrupted.
  if (trouble && context !== 'user' && context !== 'idle' && fewTicks(stall, cpu))
    return {
      cause: 'nmi-storm',
      cpu,
      why: `CPU ${cpu}${who} took ${stall.cpus.get(cpu)?.ticks} scheduler ticks in ${stall.last.jiffies} jiffies, and ${nmiWords(trouble)}`,
    };
  switch (context) {
    case 'softirq':
      return { cause: 'softirq-storm', cpu, why: `CPU ${cpu}${who} was serving softirqs when its backtrace was taken` };
    case 'hardirq':
      return {
        cause: 'irq-storm',
        cpu,
        why: `CPU ${cpu}${who} was serving a hardware interrupt when its backtrace was taken`,
      };
    case 'task': {
      const spin = spinOf(dump);
      if (spin !== undefined)
        return { cause: 'unknown', cpu, why: `CPU ${cpu}${who} spins in ${spin} until another CPU answers`, spin };
      // The kernel sends an irq_work after half of the timeout; the digit says that it has not run (R2.13).
      if (probe !== undefined && /\d/.test(probe))
        return {
          cause: 'cpu-hog',
          cpu,
          ...(at && { at }),
          why: `CPU ${cpu}${who} has not run the interrupt that was sent to it after half of the timeout (flag ${probe}): interrupts are off${at ? ` in ${at}` : ''}, or NMIs leave it no time`,
        };
      return {
        cause: 'cpu-hog',
        cpu,
        ...(at && { at }),
        why: `CPU ${cpu}${who} was in kernel code${at ? ` (${at})` : ''} without a quiescent state`,
      };
    }
    case 'user':
      // User code is a quiescent state, which the next tick reports: unless there are no ticks.
      if (trouble)
        return {
          cause: 'nmi-storm',
          cpu,
          why: `CPU ${cpu}${who} was in user code, which no tick reported, and ${nmiWords(trouble)}`,
        };
      return { cause: 'unknown', cpu, why: `CPU ${cpu}${who} was in user code: ticks are missing there` };
    case 'idle':
      return { cause: 'unknown', cpu, why: `CPU ${cpu} was idle when its backtrace was taken` };
    default:
      return { cause: 'unknown', cpu, why: `CPU ${cpu}${who}: its backtrace shows no function` };
  }
}

/** A CPU that takes a tick per jiffy is not kept from it by interrupts. */
function fewTicks(stall: LogStall, cpu: number): boolean {
  const ticks = stall.cpus.get(cpu)?.ticks;
  const { jiffies } = stall.last;
  return ticks !== undefined && jiffies !== undefined && ticks * 4 < jiffies;
}

function causeOfTask(
  log: LogRecord,
  stall: LogStall,
  task: { tid: number; state?: string },
  trouble: { name: string; maxNs: number } | undefined,
): LogCause | undefined {
  const { tid } = task;
  const name = `${loggedName(log, tid)}:${tid}`;
  const dump = stall.taskDumps.get(tid) ?? log.taskDumps.get(tid);
  if (dump?.state !== undefined && dump.state !== 'R')
    return {
      cause: 'reader-sleeping',
      tid,
      why: `reader ${name} sleeps (state ${dump.state}) in its read-side section`,
    };
  if (stall.first.how === 'tasks')
    return {
      cause: 'reader-running',
      tid,
      why: `${name} has not given up its CPU voluntarily since the grace period began`,
    };
  const onCpu = task.state === undefined;
  if (trouble && onCpu)
    return {
      cause: 'nmi-storm',
      tid,
      why: note(`reader ${name} was on a CPU when it was looked at, and ${nmiWords(trouble)}`, 'T10', 'R2.71'),
    };
  return onCpu
    ? {
        cause: 'reader-running',
        tid,
        why: note(`reader ${name} was on a CPU when it was looked at, in its read-side section`, 'T10'),
      }
    : { cause: 'reader-preempted', tid, why: `reader ${name} is preempted in its read-side section and gets no CPU` };
}

/** The cputime table covers the second half of the timeout (R2.70). */
function cputimeCause(stall: LogStall): { cause: RootKind; why: NoteInput } | undefined {
  const table = stall.last.cputime ?? stall.first.cputime;
  if (!table || table.intervalMs === undefined || table.intervalMs === 0) return undefined;
  const share = (ms: number | undefined): number => (ms ?? 0) / (table.intervalMs as number);
  const { hardirqs, softirqs, csw, systemMs, hardirqMs, softirqMs } = table;
  if (hardirqs + softirqs + csw + (systemMs ?? 0) + (hardirqMs ?? 0) + (softirqMs ?? 0) === 0)
    return {
      cause: 'cpu-hog',
      why: note(`nothing was accounted in ${table.intervalMs} ms: interrupts are off`, 'R2.70'),
    };
  if (share(table.hardirqMs) >= 0.5)
    return {
      cause: 'irq-storm',
      why: note(`${table.hardirqMs} of ${table.intervalMs} ms went to hard interrupts`, 'R2.70'),
    };
  if (share(table.softirqMs) >= 0.5)
    return {
      cause: 'softirq-storm',
      why: note(`${table.softirqMs} of ${table.intervalMs} ms went to softirqs`, 'R2.70'),
    };
  if (table.csw === 0 && share(table.systemMs) >= 0.5)
    return {
      cause: 'cpu-hog',
      why: note(`${table.systemMs} of ${table.intervalMs} ms in kernel code without a context switch`, 'R2.70'),
    };
  return undefined;
}
