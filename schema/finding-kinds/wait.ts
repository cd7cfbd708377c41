/** Kinds of findings about waits: grace periods that do not end, and tasks that wait for them or for something else. */
import type { ChainLink, Root, RootKind, SrcuCause, StallDecision, StallHoldout } from '../findings.ts';
import {
  CONSOLE_EVENTS,
  GRACE_PERIOD_EVENTS,
  GRACE_PERIODS,
  HOLDOUTS,
  INTERRUPT_EVENTS,
  NMI,
  READERS,
  SCHED,
  SRCU_EVENTS,
  STACKS,
  SYNC,
  WAKEUPS,
  WORK,
  WORKQUEUE_EVENTS,
} from './needs.ts';
import { causeOf, kind } from './row.ts';

/** Reports of several grace periods that one cause held up: what is reported once. */
export interface Recurrence {
  readonly count: number;
  /** From report to report, on average. */
  readonly period_ns: number;
  /** The longest of the stalls; the finding lasts from the first to the last of them. */
  readonly longest_ns: number;
  readonly first_ns: number;
  readonly last_ns: number;
  /** Of all, in order, as far as they are kept. */
  readonly gp_seqs: readonly string[];
}

export interface RcuStall {
  readonly flavor: string;
  /** Decimal, 64-bit, state bits included; null when the grace period is known from waiters only. */
  readonly gp_seq: string | null;
  readonly cpus: readonly number[];
  /** `comm:tid`. */
  readonly tasks: readonly string[];
  readonly cause: RootKind;
  /** Where the cause lies, when that is none of `cpus`: the CPU whose timer did not fire. */
  readonly cause_cpu?: number;
  readonly expedited?: boolean;
  /** Missing: one grace period. `gp_seq` is the first one's. */
  readonly recurrence?: Recurrence;
  /** Holdouts at the time of the stall, longest first. */
  readonly holdouts?: readonly StallHoldout[];
  /** Of grace periods whose events are recorded. */
  readonly decision?: StallDecision;
  /** What each CPU did between start_ns and end_ns: equal cells, one letter each. */
  readonly timeline?: {
    readonly legend: string;
    readonly cpus: readonly { readonly cpu: number; readonly cells: string }[];
  };
}
export interface BlockedSync {
  readonly api: string;
  /** RCU flavour, or name of the srcu_struct. */
  readonly domain: string;
  readonly task: string;
  readonly tid: number;
  readonly blocked_ns: number;
  readonly chain: readonly ChainLink[];
  readonly root: Root;
  /** What the waiter waited for in turn (MODEL 2.4); the phases fill the wait. */
  readonly phases?: readonly { readonly phase: string; readonly ns: number }[];
  /** Waits for a srcu_struct: fractions of the wait by cause, the longest first. */
  readonly srcu_causes?: readonly { readonly cause: SrcuCause; readonly ns: number }[];
}
export interface HungTask {
  readonly task: string;
  readonly tid: number;
  /** The call that it sleeps in; missing: none that its stack names. */
  readonly api?: string;
  readonly blocked_ns: number;
  readonly chain: readonly ChainLink[];
  readonly root?: Root;
}

/** The lock that the first task of a chain waits for. */
const lockWaitedFor = (chain: readonly ChainLink[]): readonly string[] =>
  chain[1]?.kind === 'lock' ? [chain[1].name] : [];
const commOf = (task: string): string => task.slice(0, task.lastIndexOf(':'));

export const WAIT_KINDS = {
  'rcu-stall': kind<RcuStall>({
    meaning:
      'An RCU grace period does not end in time: a CPU has not reported a quiescent state, or a reader has not left its section.',
    counterpart: 'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks',
    rank: 80,
    lasts: 'interval',
    needs: {
      events: [GRACE_PERIODS, HOLDOUTS, READERS, NMI],
      reports: ['rcu-stall'],
      helpful: [
        ...CONSOLE_EVENTS,
        ...GRACE_PERIOD_EVENTS,
        ...INTERRUPT_EVENTS,
        'rcu_stall_warning',
        'rcu_preempt_task',
        'rcu_unlock_preempted_task',
        'sched_switch',
        'sched_waking',
        'sched_wakeup',
        '<stacks>',
        'synchronize_rcu',
        'rcu_barrier',
      ],
    },
    identity: ({ flavor, expedited, cause, tasks }) => ({
      cause,
      domain: flavor,
      tasks: tasks.map(commOf),
      detail: [expedited ? 'expedited' : 'normal'],
    }),
    occurrence: ({ flavor, expedited }) => `${flavor} ${expedited ?? false}`,
    subject: ({ flavor, gp_seq, cause }) => `${flavor} ${gp_seq ?? ''} (${cause})`,
    details: () => [],
  }),
  'blocked-sync': kind<BlockedSync>({
    meaning: 'A task is blocked for long in synchronize_rcu(), synchronize_srcu() or a related call.',
    counterpart: '',
    rank: 130,
    lasts: 'interval',
    needs: {
      events: [SCHED, SYNC, WAKEUPS, WORK],
      reports: ['hung-task'],
      helpful: [
        ...CONSOLE_EVENTS,
        ...GRACE_PERIOD_EVENTS,
        ...INTERRUPT_EVENTS,
        ...SRCU_EVENTS,
        ...WORKQUEUE_EVENTS,
        'nmi_handler',
        'rcu_preempt_task',
        'rcu_unlock_preempted_task',
        'rcu_barrier',
        'synchronize_rcu_expedited',
        '<stacks>',
      ],
    },
    identity: ({ api, domain, task, root }) => ({
      ...causeOf(root),
      domain,
      tasks: [task],
      functions: [api],
    }),
    occurrence: ({ tid, api }) => `${tid} ${api.replace(/^__/, '')}`,
    subject: ({ task, tid, api }) => `${task}:${tid} in ${api}`,
    // The chain names it, where there is one.
    details: ({ domain, chain }) => (chain.length > 1 || domain === 'unknown' ? [] : [`waits for ${domain}`]),
  }),
  'hung-task': kind<HungTask>({
    meaning: 'A task sleeps uninterruptibly for longer than the hung-task timeout.',
    counterpart: 'INFO: task blocked for more than N seconds',
    rank: 140,
    lasts: 'interval',
    needs: {
      events: [SCHED, WAKEUPS, STACKS],
      reports: ['hung-task'],
      helpful: [
        ...CONSOLE_EVENTS,
        ...SRCU_EVENTS,
        ...WORKQUEUE_EVENTS,
        'contention_begin',
        'contention_end',
        'synchronize_rcu',
      ],
    },
    identity: ({ task, root, api, chain }) => ({
      ...causeOf(root),
      tasks: [task],
      functions: api === undefined ? [] : [api],
      locks: lockWaitedFor(chain),
    }),
    occurrence: ({ tid }) => `${tid}`,
    subject: ({ task, tid }) => `${task}:${tid}`,
    details: () => [],
  }),
};
