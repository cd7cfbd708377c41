/**
 * The events that the models know: field names as in the kernel's `events/<system>/<event>/format`, in that order.
 * Every parser delivers these events with exactly these leading fields, whatever the capture's form; further fields of a
 * newer kernel follow them. Events that are not here are kept with whatever fields their capture gives.
 *
 * Field types: `int` decimal number · `hex` number that people read in hexadecimal (masks, vectors' arguments) ·
 * `ptr` kernel address or hashed pointer · `str` string or resolved symbol (function pointers are symbols here).
 *
 * Sources: include/trace/events/*.h of Linux 6.1 to 7.1 (MODEL §1).
 */
const TABLE = {
  // rcu (MODEL 1.1, 1.2)
  rcu_utilization: 'rcu s:str',
  rcu_grace_period: 'rcu rcuname:str gp_seq:int gpevent:str',
  rcu_future_grace_period: 'rcu rcuname:str gp_seq:int gp_seq_req:int level:int grplo:int grphi:int gpevent:str',
  rcu_grace_period_init: 'rcu rcuname:str gp_seq:int level:int grplo:int grphi:int qsmask:hex',
  rcu_exp_grace_period: 'rcu rcuname:str gpseq:int gpevent:str',
  rcu_exp_funnel_lock: 'rcu rcuname:str level:int grplo:int grphi:int gpevent:str',
  rcu_nocb_wake: 'rcu rcuname:str cpu:int reason:str',
  rcu_preempt_task: 'rcu rcuname:str gp_seq:int pid:int',
  rcu_unlock_preempted_task: 'rcu rcuname:str gp_seq:int pid:int',
  rcu_quiescent_state_report:
    'rcu rcuname:str gp_seq:int mask:hex qsmask:hex level:int grplo:int grphi:int gp_tasks:int',
  rcu_fqs: 'rcu rcuname:str gp_seq:int cpu:int qsevent:str',
  rcu_stall_warning: 'rcu rcuname:str msg:str',
  rcu_watching: 'rcu polarity:str oldnesting:hex newnesting:hex counter:hex',
  rcu_dyntick: 'rcu polarity:str oldnesting:hex newnesting:hex counter:hex',
  rcu_callback: 'rcu rcuname:str rhp:ptr func:str qlen:int',
  rcu_segcb_stats:
    'rcu ctx:str seglen_done:int seglen_wait:int seglen_next_ready:int seglen_next:int gp_seq_done:int gp_seq_wait:int gp_seq_next_ready:int gp_seq_next:int',
  rcu_kvfree_callback: 'rcu rcuname:str rhp:ptr offset:int qlen:int',
  rcu_batch_start: 'rcu rcuname:str qlen:int blimit:int',
  rcu_invoke_callback: 'rcu rcuname:str rhp:ptr func:str',
  rcu_invoke_kvfree_callback: 'rcu rcuname:str rhp:ptr offset:int',
  rcu_invoke_kfree_bulk_callback: 'rcu rcuname:str nr_records:int p:ptr',
  rcu_sr_normal: 'rcu rcuname:str rhp:ptr srevent:str',
  rcu_batch_end: 'rcu rcuname:str callbacks_invoked:int cb:str nr:str iit:str risk:str',
  rcu_barrier: 'rcu rcuname:str s:str cpu:int cnt:int done:int',

  // lock (MODEL 1.4). flags of lock_acquire: 1 try, 2 read. flags of contention_begin: 1 SPIN 2 READ 4 WRITE 8 RT 16 PERCPU 32 MUTEX
  lock_acquire: 'lock flags:int name:str lockdep_addr:ptr',
  lock_release: 'lock name:str lockdep_addr:ptr',
  lock_contended: 'lock name:str lockdep_addr:ptr',
  lock_acquired: 'lock name:str lockdep_addr:ptr',
  contention_begin: 'lock lock_addr:ptr flags:int',
  contention_end: 'lock lock_addr:ptr ret:int',

  // interrupts (MODEL 1.5)
  nmi_handler: 'nmi handler:str delta_ns:int handled:int',
  irq_handler_entry: 'irq irq:int name:str',
  irq_handler_exit: 'irq irq:int ret:int',
  softirq_entry: 'irq vec:int',
  softirq_exit: 'irq vec:int',
  softirq_raise: 'irq vec:int',
  local_timer_entry: 'irq_vectors vector:int',
  local_timer_exit: 'irq_vectors vector:int',
  reschedule_entry: 'irq_vectors vector:int',
  reschedule_exit: 'irq_vectors vector:int',
  call_function_entry: 'irq_vectors vector:int',
  call_function_exit: 'irq_vectors vector:int',
  call_function_single_entry: 'irq_vectors vector:int',
  call_function_single_exit: 'irq_vectors vector:int',
  irq_work_entry: 'irq_vectors vector:int',
  irq_work_exit: 'irq_vectors vector:int',
  x86_platform_ipi_entry: 'irq_vectors vector:int',
  x86_platform_ipi_exit: 'irq_vectors vector:int',
  error_apic_entry: 'irq_vectors vector:int',
  error_apic_exit: 'irq_vectors vector:int',
  spurious_apic_entry: 'irq_vectors vector:int',
  spurious_apic_exit: 'irq_vectors vector:int',
  thermal_apic_entry: 'irq_vectors vector:int',
  thermal_apic_exit: 'irq_vectors vector:int',
  threshold_apic_entry: 'irq_vectors vector:int',
  threshold_apic_exit: 'irq_vectors vector:int',
  deferred_error_apic_entry: 'irq_vectors vector:int',
  deferred_error_apic_exit: 'irq_vectors vector:int',
  ipi_raise: 'ipi target_cpus:str reason:str',
  ipi_entry: 'ipi reason:str',
  ipi_exit: 'ipi reason:str',
  ipi_send_cpu: 'ipi cpu:int callsite:str callback:str',
  ipi_send_cpumask: 'ipi cpumask:str callsite:str callback:str',
  csd_queue_cpu: 'csd cpu:int callsite:str func:str csd:ptr',
  csd_function_entry: 'csd func:str csd:ptr',
  csd_function_exit: 'csd func:str csd:ptr',
  irq_disable: 'preemptirq caller:str parent:str',
  irq_enable: 'preemptirq caller:str parent:str',
  preempt_disable: 'preemptirq caller:str parent:str',
  preempt_enable: 'preemptirq caller:str parent:str',

  // sched (MODEL 1.6). prev_state is the kernel's own letters: R, R+, S, D, I, T, t, X, Z, P, joined with |
  sched_switch:
    'sched prev_comm:str prev_pid:int prev_prio:int prev_state:str next_comm:str next_pid:int next_prio:int',
  sched_waking: 'sched comm:str pid:int prio:int target_cpu:int',
  sched_wakeup: 'sched comm:str pid:int prio:int target_cpu:int',
  sched_wakeup_new: 'sched comm:str pid:int prio:int target_cpu:int',
  sched_migrate_task: 'sched comm:str pid:int prio:int orig_cpu:int dest_cpu:int',
  sched_pi_setprio: 'sched comm:str pid:int oldprio:int newprio:int',
  sched_process_fork: 'sched parent_comm:str parent_pid:int child_comm:str child_pid:int',
  sched_process_exec: 'sched filename:str pid:int old_pid:int',
  sched_process_exit: 'sched comm:str pid:int prio:int',
  sched_process_free: 'sched comm:str pid:int prio:int',
  sched_process_wait: 'sched comm:str pid:int prio:int',
  sched_process_hang: 'sched comm:str pid:int',
  sched_wait_task: 'sched comm:str pid:int prio:int',
  sched_stat_runtime: 'sched comm:str pid:int runtime:int',
  sched_stat_wait: 'sched comm:str pid:int delay:int',
  sched_stat_sleep: 'sched comm:str pid:int delay:int',
  sched_stat_iowait: 'sched comm:str pid:int delay:int',
  sched_stat_blocked: 'sched comm:str pid:int delay:int',
  sched_kthread_stop: 'sched comm:str pid:int',
  sched_kthread_stop_ret: 'sched ret:int',
  sched_kthread_work_queue_work: 'sched work:ptr function:str worker:ptr',
  sched_kthread_work_execute_start: 'sched work:ptr function:str',
  sched_kthread_work_execute_end: 'sched work:ptr function:str',

  // workqueue, timer (MODEL 1.7)
  workqueue_queue_work: 'workqueue work:ptr function:str workqueue:str req_cpu:int cpu:int',
  workqueue_activate_work: 'workqueue work:ptr function:str',
  workqueue_execute_start: 'workqueue work:ptr function:str',
  workqueue_execute_end: 'workqueue work:ptr function:str',
  timer_init: 'timer timer:ptr',
  timer_start: 'timer timer:ptr function:str expires:int bucket_expiry:int now:int flags:int',
  timer_cancel: 'timer timer:ptr',
  timer_expire_entry: 'timer timer:ptr now:int function:str baseclk:int',
  timer_expire_exit: 'timer timer:ptr',
  hrtimer_init: 'timer hrtimer:ptr clockid:str mode:str',
  hrtimer_setup: 'timer hrtimer:ptr clockid:str mode:str',
  hrtimer_start: 'timer hrtimer:ptr function:str expires:int softexpires:int mode:str',
  hrtimer_cancel: 'timer hrtimer:ptr',
  hrtimer_expire_entry: 'timer hrtimer:ptr now:int function:str',
  hrtimer_expire_exit: 'timer hrtimer:ptr',
  tick_stop: 'timer success:int dependency:str',

  // console and tracer records (MODEL 1.8)
  console: 'printk msg:str',
  kernel_stack: 'ftrace',
  user_stack: 'ftrace',
  function: 'ftrace ip:str parent_ip:str',
  funcgraph_entry: 'ftrace func:str depth:int',
  funcgraph_exit: 'ftrace func:str duration_ns:int depth:int overrun:int',
  print: 'ftrace ip:str buf:str',
  bprint: 'ftrace ip:str buf:str',
  bputs: 'ftrace ip:str buf:str',
  osnoise:
    'ftrace runtime:int noise:int max_sample:int hw_count:int nmi_count:int irq_count:int softirq_count:int thread_count:int',
  timerlat: 'ftrace seqnum:int context:str timer_latency:int',
  hwlat: 'ftrace seqnum:int duration:int outer_duration:int count:int',
  nmi_noise: 'osnoise start_ns:int duration_ns:int',
  irq_noise: 'osnoise desc:str vector:int start_ns:int duration_ns:int',
  softirq_noise: 'osnoise vector:int start_ns:int duration_ns:int',
  thread_noise: 'osnoise comm:str pid:int start_ns:int duration_ns:int',
  sys_enter: 'raw_syscalls id:int args:str',
  sys_exit: 'raw_syscalls id:int ret:int',

  // records of ours: one per marker in the capture, on its timeline
  /** Events lost on a CPU before this point; count 0 = number unknown (MODEL E0.3, E0.4). */
  quiesce_lost: 'quiesce lost_cpu:int count:int',
  /** One of several traces ends here: names of the events that it recorded, by blanks; gap 1 = the next one begins later. */
  quiesce_end: 'quiesce events:str gap:int',
  /** perf throttled (1) or released (0) an event on this CPU (PERF_RECORD_THROTTLE/UNTHROTTLE). */
  quiesce_throttle: 'quiesce throttled:int',
} as const satisfies Record<string, string>;

export type FieldType = 'int' | 'hex' | 'ptr' | 'str';

export interface EventField {
  readonly name: string;
  readonly type: FieldType;
}

export type KnownEventName = keyof typeof TABLE;

/** The row of an event as it stands in the table, for types that are derived from it. */
export type EventRow<N extends KnownEventName> = (typeof TABLE)[N];

export interface KnownEvent {
  readonly name: KnownEventName;
  readonly system: string;
  readonly fields: readonly EventField[];
}

function parseEntry(name: string, spec: string): KnownEvent {
  const [system, ...fields] = spec.split(' ');
  return {
    name: name as KnownEventName,
    system: system as string,
    fields: fields.map((field) => {
      const [fieldName, type] = field.split(':');
      return { name: fieldName as string, type: type as FieldType };
    }),
  };
}

/** Known events by name. */
export const KNOWN_EVENTS: ReadonlyMap<string, KnownEvent> = new Map(
  Object.entries(TABLE).map(([name, spec]) => [name, parseEntry(name, spec)]),
);

/** How an event came to be; decides which of its fields mean what. */
export type EventShape =
  | 'tracepoint'
  /** Fields: func (probed symbol or ''), ip (address or 0), then the probe's own arguments. */
  | 'kprobe'
  /** Fields: func, ret_ip, then the probe's own arguments. */
  | 'kretprobe'
  /** A named syscall entry or exit (sys_enter_close, sys_exit_close). */
  | 'syscall'
  /** perf hardware or software sample without tracepoint data (cycles, cpu-clock). */
  | 'sample'
  /** A record that quiesce made from a marker of the capture. Not counted as an event. */
  | 'marker';

/** Leading fields of every kprobe and kretprobe event. */
export const KPROBE_FIELDS = [
  { name: 'func', type: 'str' },
  { name: 'ip', type: 'ptr' },
] as const satisfies readonly EventField[];
export const KRETPROBE_FIELDS = [
  { name: 'func', type: 'str' },
  { name: 'ret_ip', type: 'ptr' },
] as const satisfies readonly EventField[];
