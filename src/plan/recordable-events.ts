/**
 * What can be recorded: events, kprobes and stacks, what they show to the models, and what they cost. Rates are events per second
 * of one busy CPU, from recordings of mixed loads (forks, pipes, file I/O, futexes) on a two-CPU machine with lockdep; a fast
 * machine reaches several times as many.
 */
export interface Recordable {
  /** `system:event`, function of a kprobe, or `<stacks>`. */
  readonly id: string;
  readonly type: 'tracepoint' | 'kprobe' | 'stacks';
  /** Names under which the models know it (schema/finding-kinds/needs.ts). */
  readonly shows: readonly string[];
  readonly perSecond: number;
  /** Lines for kprobe_events. */
  readonly probes?: readonly string[];
  /** Only there on this architecture, or with this configuration. */
  readonly condition?: string;
}

const event = (system: string, name: string, perSecond: number, condition?: string): Recordable => ({
  id: `${system}:${name}`,
  type: 'tracepoint',
  shows: [name],
  perSecond,
  ...(condition !== undefined && { condition }),
});

/** Entry probe, and one on the return where the models measure how long the call took (MODEL E1.9). */
const probe = (name: string, perSecond: number, options: { arg?: string; returns?: boolean } = {}): Recordable => ({
  id: name,
  type: 'kprobe',
  shows: [name],
  perSecond,
  condition: 'CONFIG_KPROBE_EVENTS',
  probes: [
    `p:${name} ${name}${options.arg ? ` ${options.arg}` : ''}`,
    // More callers may wait at the same time than a return probe keeps apart by default.
    ...(options.returns ? [`r64:${name}_ret ${name}`] : []),
  ],
});

const RCU_TRACE = 'CONFIG_RCU_TRACE';
const LOCKDEP = 'CONFIG_LOCKDEP (PROVE_LOCKING or LOCK_STAT)';
const LOCK_STAT = 'CONFIG_LOCK_STAT';
const X86 = 'x86';
/** The struct's name where it is static, its address where it is not. */
const SSP = 'ssp=$arg1:symbol';

export const RECORDABLES: readonly Recordable[] = [
  event('sched', 'sched_switch', 1700),
  event('sched', 'sched_waking', 900),
  event('sched', 'sched_wakeup', 900),
  event('sched', 'sched_process_fork', 60),
  event('sched', 'sched_process_exit', 60),
  { id: '<stacks>', type: 'stacks', shows: ['<stacks>'], perSecond: 100 },
  event('rcu', 'rcu_grace_period', 800, RCU_TRACE),
  event('rcu', 'rcu_grace_period_init', 50, RCU_TRACE),
  event('rcu', 'rcu_quiescent_state_report', 120, RCU_TRACE),
  event('rcu', 'rcu_preempt_task', 160, RCU_TRACE),
  event('rcu', 'rcu_unlock_preempted_task', 160, RCU_TRACE),
  event('rcu', 'rcu_exp_grace_period', 10, RCU_TRACE),
  event('rcu', 'rcu_fqs', 20, RCU_TRACE),
  event('rcu', 'rcu_barrier', 5, RCU_TRACE),
  event('rcu', 'rcu_sr_normal', 40, RCU_TRACE),
  event('rcu', 'rcu_callback', 500, RCU_TRACE),
  event('rcu', 'rcu_invoke_callback', 500, RCU_TRACE),
  event('rcu', 'rcu_stall_warning', 0),
  event('nmi', 'nmi_handler', 500, X86),
  event('irq', 'irq_handler_entry', 20),
  event('irq', 'irq_handler_exit', 20),
  event('irq', 'softirq_entry', 290),
  event('irq', 'softirq_exit', 290),
  ...['local_timer', 'reschedule', 'call_function', 'call_function_single', 'irq_work'].flatMap((vector) =>
    ['entry', 'exit'].map((end) => event('irq_vectors', `${vector}_${end}`, vector === 'local_timer' ? 480 : 40, X86)),
  ),
  event('workqueue', 'workqueue_queue_work', 30),
  event('workqueue', 'workqueue_activate_work', 30),
  event('workqueue', 'workqueue_execute_start', 30),
  event('workqueue', 'workqueue_execute_end', 30),
  event('timer', 'timer_start', 100),
  event('timer', 'timer_expire_entry', 80),
  event('printk', 'console', 5),
  event('lock', 'lock_acquire', 90_000, LOCKDEP),
  event('lock', 'lock_release', 90_000, LOCKDEP),
  event('lock', 'lock_acquired', 40_000, LOCK_STAT),
  event('lock', 'lock_contended', 50, LOCK_STAT),
  event('lock', 'contention_begin', 1000),
  event('lock', 'contention_end', 1000),
  probe('synchronize_rcu', 20, { returns: true }),
  probe('synchronize_rcu_expedited', 5, { returns: true }),
  probe('rcu_barrier', 5, { returns: true }),
  probe('synchronize_srcu', 10, { arg: SSP, returns: true }),
  probe('__synchronize_srcu', 10, { arg: SSP, returns: true }),
  probe('process_srcu', 15, { arg: 'work=$arg1', returns: true }),
  probe('try_check_zero', 30, { arg: SSP }),
  probe('__srcu_read_lock', 100, { arg: SSP }),
  probe('__srcu_read_unlock', 100, { arg: SSP }),
  probe('call_srcu', 40, { arg: SSP }),
  probe('__call_srcu', 40, { arg: SSP }),
  probe('srcu_gp_start_if_needed', 50, { arg: SSP }),
];

/** The names that a need stands for: its own, or all recordable events of `system:*`. */
export function eventNames(need: string): readonly string[] {
  if (!need.endsWith(':*')) return [need];
  return RECORDABLES.filter(({ id }) => id.startsWith(need.slice(0, -1))).flatMap(({ shows }) => shows);
}
