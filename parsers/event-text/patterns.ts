/**
 * How events are printed, as data. To add an event: put its fields into schema/events/event-catalog.ts and its forms here.
 *
 * Notation: `{field}` reads what the field's type says, `{field:conversion}` through conversions.ts, `{}` skips text; a blank
 * stands for one or more blanks; everything else is literal. `{name+}` is a field that the catalogue does not have,
 * `{first..last:conversion}` fills several. A string runs to the literal that follows it; the last one to
 * the end of the line. Text beyond a pattern is read as further `key=value` pairs.
 *
 * The form `a={a} b={b} …` with all fields in catalogue order needs no entry: it is tried first, unless a form listed here
 * begins like it. It is the form of `trace-cmd report -R` and of most of the kernel's own formats. Where an event has a form
 * that begins with a free string, the more literal ones stand before it.
 *
 * Sources: TP_printk of include/trace/events/*.h; libtraceevent/plugins/plugin_*.c for the forms of trace-cmd and perf.
 */
import type { KnownEventName } from '../../schema/index.ts';

const WORK = 'work struct {work}: function {function:symbol}';
const VECTOR = ['vec={vec} [action={}]', 'vec={vec}'];
const WAKEUP = [
  'comm={comm} pid={pid} prio={prio} target_cpu={target_cpu}',
  // Before 4.3: success=1 before the CPU.
  'comm={comm} pid={pid} prio={prio} success={success+:int} target_cpu={target_cpu}',
  // plugin_sched_switch.c: `rcu_preempt:16 [120] CPU:000`, formerly `sshd:2450 [120] success=1 CPU:001`.
  '{comm}:{pid} [{prio}] CPU:{target_cpu}',
  '{comm}:{pid} [{prio}] success={success+:int} CPU:{target_cpu}',
  '{comm}:{pid} [{prio}]',
];
const WATCHING = [
  // -R prints the counter whole and in decimal, the text its low 12 bits in hexadecimal.
  'polarity={polarity} oldnesting={oldnesting} newnesting={newnesting} counter={counter:int}',
  '{polarity} {oldnesting} {newnesting} {counter}',
];
const COMM_RUNTIME = (field: string): string[] => [`comm={comm} pid={pid} ${field}={${field}} [ns]`];
const HRTIMER_SETUP = ['hrtimer={hrtimer} clockid={clockid} mode={mode:hrtimer-mode}'];
const CALLER = ['caller={caller:symbol} parent={parent:symbol}'];
const TRACED_TEXT = ['{ip}: {buf:text}', '{buf:text}'];

export const EVENT_PATTERNS: Partial<Record<KnownEventName, readonly string[]>> = {
  rcu_utilization: ['{s}'],
  rcu_grace_period: ['{rcuname} {gp_seq} {gpevent:word}'],
  rcu_future_grace_period: ['{rcuname} {gp_seq} {gp_seq_req} {level} {grplo} {grphi} {gpevent:word}'],
  rcu_grace_period_init: ['{rcuname} {gp_seq} {level} {grplo} {grphi} {qsmask}'],
  rcu_exp_grace_period: ['{rcuname} {gpseq} {gpevent:word}'],
  rcu_exp_funnel_lock: ['{rcuname} {level} {grplo} {grphi} {gpevent:word}'],
  rcu_nocb_wake: ['{rcuname} {cpu} {reason}'],
  rcu_preempt_task: ['{rcuname} {gp_seq} {pid}'],
  rcu_unlock_preempted_task: ['{rcuname} {gp_seq} {pid}'],
  rcu_quiescent_state_report: ['{rcuname} {gp_seq} {mask}>{qsmask} {level} {grplo} {grphi} {gp_tasks}'],
  rcu_fqs: ['{rcuname} {gp_seq} {cpu} {qsevent}'],
  rcu_stall_warning: ['{rcuname} {msg}'],
  rcu_watching: WATCHING,
  rcu_dyntick: WATCHING,
  rcu_callback: [
    'rcuname={rcuname} rhp={rhp} func={func:symbol} qlen={qlen}',
    '{rcuname} rhp={rhp} func={func:symbol} {qlen}',
    // Before 5.9: lazy and non-lazy callbacks counted apart.
    '{rcuname} rhp={rhp} func={func:symbol} {}/{qlen}',
  ],
  rcu_segcb_stats: [
    'ctx={ctx} gp_seq={gp_seq_done..gp_seq_next:longs} seglen={seglen_done..seglen_next:longs}',
    '{ctx} seglen: (DONE={seglen_done}, WAIT={seglen_wait}, NEXT_READY={seglen_next_ready}, NEXT={seglen_next}) gp_seq: (DONE={gp_seq_done}, WAIT={gp_seq_wait}, NEXT_READY={gp_seq_next_ready}, NEXT={gp_seq_next})',
  ],
  rcu_kvfree_callback: ['{rcuname} rhp={rhp} func={offset} {qlen}'],
  rcu_batch_start: ['{rcuname} CBs={qlen} bl={blimit}'],
  rcu_invoke_callback: ['rcuname={rcuname} rhp={rhp} func={func:symbol}', '{rcuname} rhp={rhp} func={func:symbol}'],
  rcu_invoke_kvfree_callback: ['{rcuname} rhp={rhp} func={offset}'],
  rcu_invoke_kfree_bulk_callback: ['{rcuname} bulk={p} nr_records={nr_records}'],
  rcu_sr_normal: ['{rcuname} rhp={rhp} event={srevent}'],
  rcu_batch_end: [
    '{rcuname} CBs-invoked={callbacks_invoked} idle={cb:char}{nr:char}{iit:char}{risk:char}',
    'rcuname={rcuname} callbacks_invoked={callbacks_invoked} cb={cb:letter(C)} nr={nr:letter(S)} iit={iit:letter(I)} risk={risk:letter(R)}',
  ],
  rcu_barrier: ['{rcuname} {s} cpu {cpu} remaining {cnt} # {done}'],

  lock_acquire: ['{lockdep_addr} {flags:lock-mode}{name}'],
  lock_release: ['{lockdep_addr} {name}'],
  lock_contended: ['{lockdep_addr} {name}'],
  lock_acquired: ['{lockdep_addr} {name}'],
  contention_begin: ['{lock_addr} (flags={flags:contention})'],
  contention_end: ['{lock_addr} (ret={ret})'],

  nmi_handler: [
    '{handler:symbol}() delta_ns: {delta_ns} handled: {handled}',
    'handler={handler:symbol} delta_ns={delta_ns} handled={handled}',
  ],
  irq_handler_entry: ['irq={irq} name={name}', 'irq={irq} handler={name}'],
  irq_handler_exit: ['irq={irq} ret={ret:handled}', 'irq={irq} return={ret:handled}'],
  softirq_entry: VECTOR,
  softirq_exit: VECTOR,
  softirq_raise: VECTOR,
  ipi_raise: ['target_mask={target_cpus} ({reason})'],
  ipi_entry: ['({reason})'],
  ipi_exit: ['({reason})'],
  ipi_send_cpu: ['cpu={cpu} callsite={callsite:symbol} callback={callback:symbol}'],
  ipi_send_cpumask: ['cpumask={cpumask} callsite={callsite:symbol} callback={callback:symbol}'],
  csd_queue_cpu: ['cpu={cpu} callsite={callsite:symbol} func={func:symbol} csd={csd}'],
  csd_function_entry: ['func={func:symbol}, csd={csd}'],
  csd_function_exit: ['func={func:symbol}, csd={csd}'],
  irq_disable: CALLER,
  irq_enable: CALLER,
  preempt_disable: CALLER,
  preempt_enable: CALLER,

  sched_switch: [
    'prev_comm={prev_comm} prev_pid={prev_pid} prev_prio={prev_prio} prev_state={prev_state:state-bits} next_comm={next_comm} next_pid={next_pid} next_prio={next_prio}',
    'prev_comm={prev_comm} prev_pid={prev_pid} prev_prio={prev_prio} prev_state={prev_state} ==> next_comm={next_comm} next_pid={next_pid} next_prio={next_prio}',
    // plugin_sched_switch.c: `rcu_preempt:16 [120] W ==> swapper/0:0 [120]`.
    '{prev_comm}:{prev_pid} [{prev_prio}] {prev_state:plugin-state} ==> {next_comm}:{next_pid} [{next_prio}]',
  ],
  sched_waking: WAKEUP,
  sched_wakeup: WAKEUP,
  sched_wakeup_new: WAKEUP,
  sched_process_fork: ['comm={parent_comm} pid={parent_pid} child_comm={child_comm} child_pid={child_pid}'],
  sched_stat_runtime: COMM_RUNTIME('runtime'),
  sched_stat_wait: COMM_RUNTIME('delay'),
  sched_stat_sleep: COMM_RUNTIME('delay'),
  sched_stat_iowait: COMM_RUNTIME('delay'),
  sched_stat_blocked: COMM_RUNTIME('delay'),
  sched_kthread_work_queue_work: [
    'work struct={work} function={function:symbol} worker={worker}',
    'work={work} function={function:symbol} worker={worker}',
  ],
  sched_kthread_work_execute_start: [WORK, 'work struct {work}: function={function:symbol}'],
  sched_kthread_work_execute_end: [WORK, 'work struct {work}: function={function:symbol}'],

  workqueue_queue_work: [
    'work struct={work} function={function:symbol} workqueue={workqueue} req_cpu={req_cpu} cpu={cpu}',
    'work={work} function={function:symbol} workqueue={workqueue} req_cpu={req_cpu} cpu={cpu}',
  ],
  workqueue_activate_work: [
    'work struct {work} function={function:symbol}',
    'work struct {work}',
    'work={work} function={function:symbol}',
  ],
  workqueue_execute_start: [WORK, 'work={work} function={function:symbol}'],
  workqueue_execute_end: [WORK, 'work struct {work}', 'work={work} function={function:symbol}'],
  timer_start: [
    'timer={timer} function={function:symbol} expires={expires} bucket_expiry={bucket_expiry} now={now} flags={flags}',
    // libtraceevent prints every letter whatever the flags are (trace-cmd 3.1.6): the word stays unknown there.
    'timer=0x{timer} function={function:symbol} expires={expires} [timeout={now:before(expires)}] bucket_expiry={bucket_expiry} cpu={} idx={} flags={}',
    'timer={timer} function={function:symbol} expires={expires} [timeout={now:before(expires)}] bucket_expiry={bucket_expiry} {flags:timer-wheel}',
    'timer={timer} function={function:symbol} expires={expires} [timeout={now:before(expires)}] {flags:timer-wheel}',
    'timer={timer} function={function:symbol} expires={expires} [timeout={now:before(expires)}] flags={flags:int}',
    'timer={timer} function={function:symbol} expires={expires} [timeout={now:before(expires)}]',
  ],
  timer_expire_entry: [
    'timer={timer} function={function:symbol} now={now} baseclk={baseclk}',
    'timer={timer} function={function:symbol} now={now}',
    'timer={timer} now={now} function={function:symbol} baseclk={baseclk}',
    'timer={timer} now={now} function={function:symbol}',
  ],
  hrtimer_init: HRTIMER_SETUP,
  hrtimer_setup: HRTIMER_SETUP,
  hrtimer_start: [
    // 6.18; perf script prints the mode as a number.
    'hrtimer={hrtimer} function={function:symbol} expires={expires} softexpires={softexpires} mode={mode:hrtimer-mode} was_armed={was_armed+:int}',
    'hrtimer={hrtimer} function={function:symbol} expires={expires} softexpires={softexpires} mode={mode:hrtimer-mode}',
    'hrtimer={hrtimer} function={function:symbol} expires={expires} softexpires={softexpires}',
  ],
  hrtimer_expire_entry: [
    'hrtimer={hrtimer} function={function:symbol} now={now}',
    // plugin_hrtimer.c: `now=13440374522 function=tick_nohz_handler/0x0`.
    'hrtimer={hrtimer} now={now} function={function:symbol}',
  ],

  console: [' msg={msg:text}', '{msg:text}'],
  function: [
    // The kernel's `callee <-caller` and trace-cmd's `callee <-- caller`; `report` leaves the caller out by default.
    '{ip:symbol}({args+:text}) <-{parent_ip:symbol}',
    '{ip:symbol} <-- {parent_ip:symbol}',
    '{ip:symbol} <-{parent_ip:symbol}',
    '{ip:symbol} ({parent_ip:symbol})',
    '{ip:symbol}',
  ],
  funcgraph_exit: [
    'func={func} calltime={duration_ns} rettime={duration_ns:after(duration_ns)} overrun={overrun} depth={depth}',
    'func={func} overrun={overrun} calltime={duration_ns} rettime={duration_ns:after(duration_ns)} depth={depth}',
  ],
  print: [' ip={ip} buf={buf:text}', ...TRACED_TEXT],
  bprint: [' ip={ip} fmt={} buf={buf:text}', ...TRACED_TEXT],
  bputs: [' ip={ip} str={buf:text}', ...TRACED_TEXT],
  osnoise: [
    '{runtime} {noise} {}.{} {max_sample} {hw_count} {nmi_count} {irq_count} {softirq_count} {thread_count}',
    '{runtime} {noise} {}.{} {max_sample} {hw_count} {irq_count} {softirq_count} {thread_count}',
  ],
  timerlat: ['#{seqnum} context {context} timer_latency {timer_latency} ns'],
  hwlat: [
    '#{seqnum} inner/outer(us): {duration}/{outer_duration} ts:{timestamp+} count:{count} nmi-total:{nmi_total_ts+:int} nmi-count:{nmi_count+:int}',
    '#{seqnum} inner/outer(us): {duration}/{outer_duration} ts:{timestamp+} count:{count}',
    '#{seqnum} inner/outer(us): {duration}/{outer_duration} ts:{timestamp+}',
  ],
  nmi_noise: ['start {start_ns:seconds} duration {duration_ns} ns'],
  irq_noise: ['{desc}:{vector} start {start_ns:seconds} duration {duration_ns} ns'],
  softirq_noise: ['{}:{vector} start {start_ns:seconds} duration {duration_ns} ns'],
  thread_noise: ['{comm}:{pid} start {start_ns:seconds} duration {duration_ns} ns'],
  sys_enter: ['NR {id} ({args:text})', 'id={id} args={args:text}'],
  sys_exit: ['NR {id} = {ret}'],
};

/** Records of tracers that the catalogue does not have: fields as there, and forms. */
export const TRACER_RECORDS: Readonly<
  Record<string, { readonly fields: string; readonly patterns: readonly string[] }>
> = {
  // The wakeup tracers, kernel/trace/trace_output.c trace_ctxwake_print: `     0:120:R ==> [003]   312:100:R kworker/3:1H`.
  context_switch: {
    fields:
      'prev_pid:int prev_prio:int prev_state:str next_cpu:int next_pid:int next_prio:int next_state:str next_comm:str',
    patterns: [
      '{prev_pid}:{prev_prio:padded}:{prev_state:char} ==> [{next_cpu}] {next_pid}:{next_prio:padded}:{next_state:char} {next_comm}',
    ],
  },
  wakeup: {
    fields: 'pid:int prio:int state:str target_cpu:int target_pid:int target_prio:int target_state:str target_comm:str',
    patterns: [
      '{pid}:{prio:padded}:{state:char} + [{target_cpu}] {target_pid}:{target_prio:padded}:{target_state:char} {target_comm}',
    ],
  },
};

/**
 * Tracepoints that print free text, by the beginning of their names. In the kernel's own text a trace_printk looks like an event
 * named after its function (`storm_updater: lab: updater enters synchronize_srcu`): a name that is not here and whose payload
 * has no `key=value` is taken for one. Not complete: an event that is missing here is kept as a `print` record of that name.
 */
export const FREE_TEXT_EVENTS: readonly string[] = (
  'aer_ afs_ alarmtimer_ ata_ bdi_ binder_ block_ bpf_trace_ btrfs_ cachefiles_ cdev_ cfg80211_ clk_ clock_ compaction_ cpuhp_ ' +
  'dev_pm_ device_pm_ devlink_ dma_ drm_ drv_ dwc3_ error_report_ ext4_ f2fs_ fib_ gfs2_ gpio_ hci_ hda_ host1x_ hwmon_ i2c_ ' +
  'i915_ io_uring_ iomap_ iwlwifi_ jbd2_ kvm_ mac_ mce_ mdio_ mei_ mm_ mmc_ module_ msr_ napi_ neigh_ net_ netfs_ nfs_ nfs4_ ' +
  'nfsd_ notifier_ nvme_ ocfs2_ page_fault_ percpu_ pm_ power_ pwm_ qdisc_ ras_ rdev_ rdpmc read_msr regcache_ regmap_ ' +
  'regulator_ rpc_ rpm_ rtc_ rxrpc_ scsi_ signal_ smbus_ snd_ spi_ suspend_resume svc_ swiotlb_ tcp_ tegra_ tlb_flush ufshcd_ ' +
  'usb_ v4l2_ vb2_ wakeup_source_ wbt_ wiphy_ write_msr writeback_ xdp_ xen_ xfs_ xhci_ xprt_'
).split(' ');
