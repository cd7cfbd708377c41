/**
 * The edges of the wait-for graph (MODEL 4.1): what leads from a blocked task to what keeps it, each with its rule and the kind of link that
 * it leads to. Chains over a timeline, chains from a log, the state at an instant and the facts take their edges from here.
 */
import type { ChainLinkKind } from '../../../schema/index.ts';
import { tasksFlavor } from './rcu-tasks.ts';
import type { WaitResource } from './stack/wait-frames.ts';

export interface WaitEdge {
  /** Of what it leads to. */
  readonly kind: ChainLinkKind;
  /** Missing where a link leads on to a part of the same thing. */
  readonly rule?: string;
}

export interface RuledEdge extends WaitEdge {
  readonly rule: string;
}

export const WAITS_FOR = {
  // What a task calls for.
  rcuGp: { kind: 'rcu-gp', rule: 'W1' },
  srcuGp: { kind: 'srcu-gp', rule: 'W2' },
  tasksGp: { kind: 'tasks-gp', rule: 'W2' },
  /** A worker in process_srcu() calls for it. */
  rcuGpOfSrcu: { kind: 'rcu-gp', rule: 'W18' },
  lock: { kind: 'lock', rule: 'W22' },
  holder: { kind: 'task', rule: 'W23' },
  taskToEnd: { kind: 'task', rule: 'W24' },
  workToEnd: { kind: 'work', rule: 'W24' },
  // What an SRCU grace period needs.
  srcuWork: { kind: 'work', rule: 'W10' },
  srcuIrqWork: { kind: 'work', rule: 'W13' },
  srcuReader: { kind: 'reader', rule: 'W19' },
  srcuCallbacks: { kind: 'work', rule: 'W20' },
  // What a work item needs.
  delayTimer: { kind: 'work', rule: 'W11' },
  timerCpu: { kind: 'cpu', rule: 'W12' },
  queue: { kind: 'work', rule: 'W14' },
  poolCpu: { kind: 'cpu', rule: 'W15' },
  poolWorker: { kind: 'worker', rule: 'W15' },
  maxActive: { kind: 'worker', rule: 'W16' },
  worker: { kind: 'worker', rule: 'W17' },
  // What an RCU grace period needs.
  gpKthread: { kind: 'kthread', rule: 'W3' },
  pendingCpu: { kind: 'cpu', rule: 'W4' },
  blockingReader: { kind: 'reader', rule: 'W5' },
  expeditedHoldout: { kind: 'cpu', rule: 'W26' },
  rcuCallbacks: { kind: 'cpu', rule: 'W21' },
  // What a grace period of RCU Tasks needs.
  tasksHoldout: { kind: 'task', rule: 'W27' },
  tasksKthread: { kind: 'kthread', rule: 'W28' },
  // Who has the CPU.
  readerTask: { kind: 'task', rule: 'W6' },
  nmis: { kind: 'nmi', rule: 'W7' },
  hardirqs: { kind: 'hardirq', rule: 'W7' },
  softirqs: { kind: 'softirq', rule: 'W7' },
  cpuOwner: { kind: 'task', rule: 'W8' },
  /** The other way: a task that runs goes on as far as its CPU lets it. */
  ownCpu: { kind: 'cpu', rule: 'W8' },
  cpu: { kind: 'cpu', rule: 'W9' },
  /** A task that spins until another CPU has done its function call. */
  answer: { kind: 'cpu', rule: 'W29' },
} as const satisfies Readonly<Record<string, RuledEdge>>;

/** How a caller waits for an RCU grace period (W1, W18). @param insideSrcuRun it is a worker in process_srcu() */
export function rcuPeriodEdge(insideSrcuRun: boolean): RuledEdge {
  return insideSrcuRun ? WAITS_FOR.rcuGpOfSrcu : WAITS_FOR.rcuGp;
}

/** Whom an RCU grace period waits for (W4, W5). */
export function holdoutEdge(kind: 'cpu' | 'reader'): RuledEdge {
  return kind === 'cpu' ? WAITS_FOR.pendingCpu : WAITS_FOR.blockingReader;
}

/** What takes the time of a CPU besides its task (W7). */
export function interruptEdge(kind: 'nmi' | 'hardirq' | 'softirq'): RuledEdge {
  return INTERRUPTS[kind];
}

const INTERRUPTS = { nmi: WAITS_FOR.nmis, hardirq: WAITS_FOR.hardirqs, softirq: WAITS_FOR.softirqs };

/** How a synchronize_*() or *_barrier() call is known, from events or from a stack. */
export interface SyncCall {
  readonly api: string;
  readonly resource?: WaitResource | undefined;
  /** The caller is a worker in process_srcu(). */
  readonly insideSrcuRun: boolean;
}

/** The grace period for which a call waits (W1, W2, W18); undefined when it waits for none. */
export function awaitedPeriod({ api, resource, insideSrcuRun }: SyncCall): RuledEdge | undefined {
  switch (resource) {
    case 'srcu':
      return WAITS_FOR.srcuGp;
    case 'rcu-tasks':
      return WAITS_FOR.tasksGp;
    case 'barrier':
      if (api === 'srcu_barrier') return WAITS_FOR.srcuGp;
      if (/^rcu_barrier_tasks/.test(api)) return WAITS_FOR.tasksGp;
      return rcuPeriodEdge(insideSrcuRun);
    case 'rcu':
    case 'rcu-expedited':
      return rcuPeriodEdge(insideSrcuRun);
    default:
      return undefined;
  }
}

/** `SRCU grace period of tracepoint_srcu`, as findings and chains name it. */
export function srcuPeriodName(domain: string | undefined): string {
  return `SRCU grace period of ${domain || 'unknown srcu_struct'}`;
}

/** `RCU Tasks grace period`, by the call that waits for it. */
export function tasksPeriodName(api: string): string {
  return `${tasksFlavor(api).name} grace period`;
}
