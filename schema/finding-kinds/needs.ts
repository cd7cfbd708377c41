/**
 * An event name, `<stacks>` (stacks with symbols at context switches), `<context-flags>` (the flags column) or `<log>` (the kernel log, as a capture or as
 * printk:console events); in a list, all of them together.
 */
export type Need = string | readonly string[];

/**
 * Groups of events that decide a finding; of `anyOf` one suffices. Without an essential group a kind cannot be judged from events at all; without another one the verdict is weaker, and
 * `why` says in what.
 */
export interface EventGroup {
  /** As shown under "missing". */
  readonly name: string;
  readonly anyOf: readonly Need[];
  readonly essential: boolean;
  readonly why: string;
}

export const group = (name: string, anyOf: readonly Need[], essential: boolean, why: string): EventGroup => ({
  name,
  anyOf,
  essential,
  why,
});

/** Everything that a group names, needed together or not. */
export const namesOf = (group: EventGroup): readonly string[] => group.anyOf.flat();

/** The same group where the verdict cannot do without it. */
export const essential = (events: EventGroup): EventGroup => ({ ...events, essential: true });

export const SCHED = group(
  'sched:sched_switch',
  ['sched_switch'],
  true,
  'without context switches no task is known to wait',
);
export const WAKEUPS = group(
  'sched:sched_waking',
  ['sched_waking', 'sched_wakeup'],
  false,
  'the ends of waits are known from switches only',
);
export const GRACE_PERIODS = group(
  'rcu:rcu_grace_period',
  ['rcu_grace_period'],
  true,
  'grace periods are not recorded (CONFIG_RCU_TRACE)',
);
export const IN_FLIGHT: EventGroup = {
  ...GRACE_PERIODS,
  essential: false,
  why: 'whether a grace period was in flight is not recorded (CONFIG_RCU_TRACE)',
};
export const HOLDOUTS = group(
  'rcu:rcu_grace_period_init, rcu:rcu_quiescent_state_report',
  ['rcu_grace_period_init', 'rcu_quiescent_state_report'],
  false,
  'the holdouts of grace periods are not recorded',
);
export const READERS = group(
  'rcu:rcu_preempt_task',
  ['rcu_preempt_task', 'rcu_unlock_preempted_task'],
  false,
  'preempted readers are not recorded, or there were none',
);
export const NMI = group('nmi:nmi_handler', ['nmi_handler', 'nmi_noise', 'osnoise'], false, 'NMI time is invisible');
export const WORK = group(
  'workqueue:workqueue_execute_start',
  ['workqueue_execute_start'],
  false,
  'runs of process_srcu are not recorded',
);
export const SYNC = group(
  'kprobes on synchronize_rcu, synchronize_srcu; or stacks on sched_switch',
  ['synchronize_srcu', '__synchronize_srcu', 'synchronize_rcu', 'rcu_sr_normal', '<stacks>'],
  true,
  'what a sleeping task waits for is not recorded',
);
export const STACKS = group(
  'stacks on sched:sched_switch',
  ['<stacks>'],
  false,
  'what a sleeping task waits for is not recorded',
);
export const LOCKS = group(
  'lock:lock_acquire, lock:lock_release',
  [['lock_acquire', 'lock_release']],
  true,
  'lock order is not recorded (CONFIG_LOCKDEP)',
);
export const CONTEXT = group(
  'context flags or irq entry/exit events',
  ['<context-flags>', 'irq_handler_entry', 'softirq_entry'],
  true,
  'the context of an acquisition is not recorded',
);
export const DEFERRALS = group(
  'kprobes on call_srcu, call_rcu_tasks_trace, queue_delayed_work …',
  ['call_srcu', '__call_srcu', 'srcu_gp_start_if_needed', 'timer_start', 'workqueue_queue_work'],
  true,
  'calls of deferral APIs are not recorded',
);
export const IRQ = group(
  'irq:irq_handler_entry and exit, irq_vectors:*',
  [['irq_handler_entry', 'irq_handler_exit'], ['local_timer_entry', 'local_timer_exit'], 'irq_noise', 'osnoise'],
  true,
  'interrupt time is not recorded',
);
export const SOFTIRQ = group(
  'irq:softirq_entry and exit',
  [['softirq_entry', 'softirq_exit'], 'softirq_noise', 'osnoise'],
  true,
  'softirq time is not recorded',
);
/** Nothing that is recorded shows it: only the kernel's own report does. */
export const kernelLog = (why: string): EventGroup => group('the kernel log', ['<log>'], true, why);

/** Names of events that make a verdict more precise. `irq_vectors:*` stands for all events of a system. */
export const INTERRUPT_EVENTS = [
  'irq_handler_entry',
  'irq_handler_exit',
  'softirq_entry',
  'softirq_exit',
  'irq_vectors:*',
];
export const CONSOLE_EVENTS = ['console', 'sched_process_fork', 'sched_process_exit'];
export const SRCU_EVENTS = [
  'synchronize_srcu',
  '__synchronize_srcu',
  'process_srcu',
  'try_check_zero',
  '__srcu_read_lock',
  '__srcu_read_unlock',
];
export const WORKQUEUE_EVENTS = [
  'workqueue_queue_work',
  'workqueue_activate_work',
  'workqueue_execute_start',
  'workqueue_execute_end',
];
export const GRACE_PERIOD_EVENTS = [
  'rcu_grace_period',
  'rcu_grace_period_init',
  'rcu_quiescent_state_report',
  'rcu_fqs',
  'rcu_exp_grace_period',
];
