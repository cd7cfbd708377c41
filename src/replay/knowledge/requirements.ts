/**
 * Which events decide which finding: the assessments and `quiesce plan` read this table. `anyOf` lists event names, `<stacks>`
 * (stacks at context switches) or `<context-flags>` (the flags column). Without an essential group the kind cannot be judged
 * from events at all; without another one the verdict is weaker, and `why` says in what.
 */
import type { FindingKind, LogReportKind } from '../../../schema/index.ts';

export interface EventGroup {
  /** As shown under "missing". */
  readonly name: string;
  readonly anyOf: readonly string[];
  readonly essential: boolean;
  readonly why: string;
}

export interface Requirement {
  readonly events: readonly EventGroup[];
  /** Kernel-log reports that decide it without events. */
  readonly reports: readonly LogReportKind[];
}

const group = (name: string, anyOf: readonly string[], essential: boolean, why: string): EventGroup => ({
  name,
  anyOf,
  essential,
  why,
});

const SCHED = group('sched:sched_switch', ['sched_switch'], true, 'without context switches nobody is known to wait');
const WAKEUPS = group(
  'sched:sched_waking',
  ['sched_waking', 'sched_wakeup'],
  false,
  'the ends of waits are known from switches only',
);
const GRACE_PERIODS = group(
  'rcu:rcu_grace_period',
  ['rcu_grace_period'],
  true,
  'grace periods are not recorded (CONFIG_RCU_TRACE)',
);
const IN_FLIGHT = {
  ...GRACE_PERIODS,
  essential: false,
  why: 'whether a grace period was in flight is not recorded (CONFIG_RCU_TRACE)',
};
const HOLDOUTS = group(
  'rcu:rcu_grace_period_init, rcu:rcu_quiescent_state_report',
  ['rcu_grace_period_init', 'rcu_quiescent_state_report'],
  false,
  'who holds a grace period up is not recorded',
);
const READERS = group(
  'rcu:rcu_preempt_task',
  ['rcu_preempt_task', 'rcu_unlock_preempted_task'],
  false,
  'preempted readers are not recorded, or there were none',
);
const NMI = group('nmi:nmi_handler', ['nmi_handler', 'nmi_noise', 'osnoise'], false, 'NMI time is invisible');
const NMI_ESSENTIAL = { ...NMI, essential: true };
const WORK = group(
  'workqueue:workqueue_execute_start',
  ['workqueue_execute_start'],
  false,
  'passes of process_srcu are not recorded',
);
const SYNC = group(
  'kprobes on synchronize_rcu, synchronize_srcu; or stacks on sched_switch',
  ['synchronize_srcu', '__synchronize_srcu', 'synchronize_rcu', 'rcu_sr_normal', '<stacks>'],
  true,
  'what a sleeping task waits for is not recorded',
);
const STACKS = group(
  'stacks on sched:sched_switch',
  ['<stacks>'],
  false,
  'what a sleeping task waits for is not recorded',
);
const LOCKS = group(
  'lock:lock_acquire, lock:lock_release',
  ['lock_acquire'],
  true,
  'lock order is not recorded (CONFIG_LOCKDEP)',
);
const CONTEXT = group(
  'context flags or irq entry/exit events',
  ['<context-flags>', 'irq_handler_entry', 'softirq_entry'],
  true,
  'the context of an acquisition is not recorded',
);
const IRQ = group(
  'irq:irq_handler_entry, irq_vectors:*',
  ['irq_handler_entry', 'local_timer_entry', 'irq_noise', 'osnoise'],
  true,
  'interrupt time is not recorded',
);
const SOFTIRQ = group(
  'irq:softirq_entry',
  ['softirq_entry', 'softirq_noise', 'osnoise'],
  true,
  'softirq time is not recorded',
);

export const REQUIREMENTS: Readonly<Record<FindingKind, Requirement>> = {
  'lock-inversion': { events: [LOCKS], reports: ['lockdep-circular'] },
  'lock-recursion': { events: [LOCKS], reports: ['lockdep-recursion'] },
  'irq-lock-state': { events: [LOCKS, CONTEXT], reports: ['lockdep-irq-state'] },
  'irq-lock-order': { events: [LOCKS, CONTEXT], reports: ['lockdep-irq-order', 'lockdep-irq-inversion'] },
  'wait-context': { events: [LOCKS], reports: ['lockdep-wait-context'] },
  'sleep-in-atomic': { events: [LOCKS, SCHED], reports: ['sleep-in-atomic'] },
  deadlock: { events: [SCHED, STACKS], reports: ['hung-task', 'held-locks'] },
  'deferral-hazard': {
    events: [
      group(
        'kprobes on call_srcu, call_rcu_tasks_trace, queue_delayed_work …',
        ['call_srcu', '__call_srcu', 'srcu_gp_start_if_needed', 'timer_start', 'workqueue_queue_work'],
        true,
        'calls of deferral APIs are not recorded',
      ),
      LOCKS,
    ],
    reports: [],
  },
  'rcu-stall': { events: [GRACE_PERIODS, HOLDOUTS, READERS, NMI], reports: ['rcu-stall'] },
  'blocked-sync': { events: [SCHED, SYNC, WAKEUPS, WORK], reports: ['hung-task'] },
  'hung-task': { events: [SCHED, WAKEUPS, STACKS], reports: ['hung-task'] },
  'nmi-storm': { events: [NMI_ESSENTIAL], reports: ['perf-interrupt', 'nmi-handler-long'] },
  'irq-storm': { events: [IRQ], reports: [] },
  'softirq-storm': { events: [SOFTIRQ], reports: [] },
  'gp-kthread-starved': { events: [SCHED, IN_FLIGHT], reports: ['rcu-stall'] },
  'workqueue-stall': { events: [{ ...WORK, essential: true }], reports: ['workqueue-lockup'] },
  'soft-lockup': {
    events: [group('the kernel log', [], true, 'a loop in the kernel cannot be told from one in user code by events')],
    reports: ['soft-lockup', 'hard-lockup'],
  },
};
