/** Kinds of findings about CPU time: what takes all of it, and who gets none. */
import type { ChainLink, Root } from '../findings.ts';
import {
  type EventGroup,
  essential,
  IN_FLIGHT,
  INTERRUPT_EVENTS,
  IRQ,
  kernelLog,
  NMI,
  SCHED,
  SOFTIRQ,
  WORK,
  WORKQUEUE_EVENTS,
} from './needs.ts';
import { causeOf, type KindRow, kind, taskText } from './row.ts';

export interface InterruptStorm {
  readonly cpu: number | null;
  /** Of the CPU's time within start_ns..end_ns. */
  readonly share: number | null;
  readonly count: number;
  /** The longest one; null where only an average is known. */
  readonly max_ns: number | null;
  /** What perf says of its own interrupt: the highest running average, not the length of any of them. */
  readonly average_ns?: number;
  /** The handler that took most of the time. */
  readonly handler?: string;
}
export interface GpKthreadStarved {
  readonly flavor: string;
  readonly blocked_ns: number;
  readonly chain?: readonly ChainLink[];
  readonly root?: Root;
}
export interface WorkqueueStall {
  readonly workqueue: string;
  readonly pool: string;
  readonly work: string;
  readonly blocked_ns?: number;
  readonly chain?: readonly ChainLink[];
  readonly root?: Root;
}
export interface Lockup {
  readonly cpu: number;
  readonly task: string;
  readonly tid?: number;
  /** The function that it was in. */
  readonly site?: string;
  /** The load on its CPU that it is a consequence of. */
  readonly root?: Root;
}
export interface SoftLockup extends Lockup {
  readonly hard?: boolean;
}

export interface CsdLock {
  /** The CPU that spins. */
  readonly cpu: number;
  /** The CPU that does not answer. */
  readonly target?: number;
  /** The function that is to run there. */
  readonly call?: string;
  readonly blocked_ns: number;
  readonly chain?: readonly ChainLink[];
  readonly root?: Root;
}

/** What the kinds of storms have in common. Which CPU one hits is chance. */
const storm = {
  lasts: 'interval',
  identity: ({ handler }) => ({ functions: handler === undefined ? [] : [handler] }),
  occurrence: () => 'any CPU',
  subject: ({ cpu }) => (cpu === null ? '' : `CPU ${cpu}`),
  // Of a log the title names no CPU.
  details: ({ cpu, share }) => (share === null && cpu !== null ? [`CPU ${cpu}`] : []),
} satisfies Partial<KindRow<InterruptStorm>>;

const lockup = {
  rank: 150,
  lasts: 'interval',
  identity: ({ task, site }) => ({ tasks: [task], functions: site === undefined ? [] : [site] }),
  occurrence: ({ cpu }) => `${cpu}`,
  subject: ({ cpu }) => `CPU ${cpu}`,
  details: ({ task, tid }) => [`task: ${taskText(task, tid)}`],
} satisfies Partial<KindRow<Lockup>>;

const IN_KERNEL: EventGroup = kernelLog('events do not show whether a task loops in the kernel or in user mode');

export const CPU_KINDS = {
  'nmi-storm': kind<InterruptStorm>({
    ...storm,
    meaning: 'NMIs take most of the time of a CPU.',
    counterpart: 'perf: interrupt took too long',
    rank: 90,
    needs: {
      events: [essential(NMI)],
      reports: ['perf-interrupt', 'nmi-handler-long'],
      helpful: ['console', 'sched_switch'],
    },
  }),
  'irq-storm': kind<InterruptStorm>({
    ...storm,
    meaning: 'Hard interrupts take most of the time of a CPU.',
    counterpart: '',
    rank: 100,
    needs: { events: [IRQ], reports: [], helpful: INTERRUPT_EVENTS },
  }),
  'softirq-storm': kind<InterruptStorm>({
    ...storm,
    meaning: 'Softirqs take most of the time of a CPU.',
    counterpart: '',
    rank: 110,
    needs: { events: [SOFTIRQ], reports: [], helpful: ['softirq_entry', 'softirq_exit', 'sched_switch'] },
  }),
  'gp-kthread-starved': kind<GpKthreadStarved>({
    meaning: 'The kthread that drives RCU grace periods gets no CPU.',
    counterpart: 'rcu_preempt kthread starved for N jiffies',
    rank: 120,
    lasts: 'interval',
    needs: {
      events: [SCHED, IN_FLIGHT],
      reports: ['rcu-stall'],
      helpful: ['sched_waking', 'sched_wakeup', ...INTERRUPT_EVENTS],
    },
    identity: ({ flavor, root }) => ({ ...causeOf(root), domain: flavor }),
    occurrence: ({ flavor }) => flavor,
    subject: ({ flavor }) => flavor,
    details: () => [],
  }),
  'workqueue-stall': kind<WorkqueueStall>({
    meaning: 'Work is queued and no worker runs it.',
    counterpart: 'BUG: workqueue lockup',
    rank: 150,
    lasts: 'interval',
    needs: {
      events: [essential(WORK)],
      reports: ['workqueue-lockup'],
      helpful: [...WORKQUEUE_EVENTS, 'sched_switch', 'sched_waking', '<stacks>'],
    },
    identity: ({ workqueue, work, root }) => ({
      ...causeOf(root),
      domain: workqueue,
      functions: [work],
    }),
    occurrence: ({ work }) => work,
    subject: ({ workqueue, work }) => `${workqueue} ${work}`,
    details: ({ pool }) => [`pool: ${pool}`],
  }),
  'soft-lockup': kind<SoftLockup>({
    ...lockup,
    meaning: 'A task keeps a CPU in the kernel without scheduling.',
    counterpart: 'watchdog: BUG: soft lockup',
    needs: { events: [IN_KERNEL], reports: ['soft-lockup', 'hard-lockup'], helpful: [] },
  }),
  'hard-lockup': kind<Lockup>({
    ...lockup,
    meaning: 'A CPU takes no timer interrupt: interrupts are disabled on it, or NMIs take all its time.',
    counterpart: 'watchdog: Watchdog detected hard LOCKUP',
    needs: { events: [IN_KERNEL], reports: ['hard-lockup'], helpful: [] },
  }),
  'csd-lock': kind<CsdLock>({
    meaning: 'A CPU spins until another one does a function call, and that one does not.',
    counterpart: 'csd: Detected non-responsive CSD lock',
    rank: 160,
    lasts: 'interval',
    needs: { events: [IN_KERNEL], reports: ['csd-lock'], helpful: [] },
    identity: ({ call, root }) => ({ ...causeOf(root), functions: call === undefined ? [] : [call] }),
    occurrence: ({ cpu, target }) => `${cpu} ${target ?? ''}`,
    subject: ({ cpu, target }) => `CPU ${cpu} → CPU ${target ?? '?'}`,
    details: ({ call, blocked_ns }, { duration }) => [
      `call: ${call ?? 'not named'} · not answered for ${duration(blocked_ns)}`,
    ],
  }),
};
