/**
 * What a sleeping task waits for, read from its stack (MODEL 4.3): the innermost frame that is not a generic sleeper decides.
 * Extend the tables; the engine needs no change.
 */

import { RECORDER_FRAME } from './recorder-frames.ts';

export type WaitResource =
  | 'rcu'
  | 'rcu-expedited'
  | 'srcu'
  | 'rcu-tasks'
  | 'barrier'
  | 'gp-kthread'
  | 'tasks-kthread'
  | 'idle-worker'
  | 'flush'
  | 'mutex'
  | 'rwsem'
  | 'rt-lock'
  | 'semaphore'
  | 'io'
  | 'user'
  | 'ipi'
  | 'stopper'
  | 'exit'
  | 'sleep'
  | 'completion';

/** Frames that say only "it sleeps". */
const GENERIC_SLEEPER =
  /^(__schedule|schedule|schedule_timeout|schedule_timeout_(un)?interruptible|schedule_timeout_idle|schedule_preempt_disabled|schedule_rtlock|rt_mutex_schedule|schedule_hrtimeout.*|__wait_for_common|wait_for_common|wait_for_completion.*|io_schedule|preempt_schedule.*|__cond_resched|.*_stack_trace.*)$/;

/** Says nothing of what the task waits for: any sleep has it, or the recorder put it there. */
export function isGenericFrame(symbol: string): boolean {
  return GENERIC_SLEEPER.test(symbol) || RECORDER_FRAME.test(symbol);
}

/** Generic frames that name a way to wait. */
export const WAIT_PRIMITIVE = /^(__?wait_for_common|wait_for_completion.*|io_schedule|schedule_hrtimeout.*)$/;

/**
 * Frames of the sleep that a grace period ends, up to the frame that decides. complete() wakes a D sleeper once, and
 * synchronize_rcu_expedited() itself sleeps only after its funnel (exp_funnel_lock): the next sleep is the next call (W4.13).
 */
export const LAST_SLEEP_FRAME =
  /^(__wait_for_common|wait_for_common|wait_for_completion.*|_?synchronize_(rcu|sched)_expedited.*)$/;

/** First match from the innermost frame outward wins; order inside one frame is this order. */
export const WAIT_FRAMES: readonly (readonly [RegExp, WaitResource])[] = [
  [/^(_?synchronize_(rcu|sched)_expedited(?!_wait).*|exp_funnel_lock)$/, 'rcu-expedited'],
  [/^synchronize_rcu_tasks.*$/, 'rcu-tasks'],
  // synchronize_sched() and synchronize_rcu_bh(): until Linux 4.20.
  [/^(synchronize_rcu_normal|synchronize_rcu|synchronize_sched|synchronize_rcu_bh)$/, 'rcu'],
  [/^(__synchronize_srcu|synchronize_srcu.*|srcu_barrier)$/, 'srcu'],
  [/^rcu_barrier.*$/, 'barrier'],
  // Those that drive a grace period wait for its quiescent states, not for it.
  [
    /^(rcu_gp_fqs_loop|rcu_gp_kthread|rcu_gp_init|rcu_gp_cleanup|rcu_exp_wait_wake|rcu_exp_sel_wait_wake|synchronize_rcu_expedited_wait.*)$/,
    'gp-kthread',
  ],
  [/^(rcu_tasks_one_gp|rcu_tasks_wait_gp|rcu_tasks_kthread)$/, 'tasks-kthread'],
  [
    /^(flush_work|__flush_work.*|__flush_workqueue|flush_workqueue|cancel_work_sync|cancel_delayed_work_sync|drain_workqueue)$/,
    'flush',
  ],
  [/^(__)?mutex_lock.*$|^__ww_mutex_lock.*$/, 'mutex'],
  [
    /^(down_read.*|_{0,2}rwbase_(read|write)_lock|rwsem_down_(read|write)_(slowpath|failed.*)|down_write.*|percpu_down_.*|__percpu_down_read)$/,
    'rwsem',
  ],
  [
    /^(rt_spin_lock.*|rtlock_slowlock.*|rt_mutex_slowlock.*|__rt_mutex_slowlock.*|rt_mutex_lock.*|rt_read_lock|rt_write_lock)$/,
    'rt-lock',
  ],
  [/^(down|__down_common|__down|down_interruptible|down_timeout|console_lock)$/, 'semaphore'],
  [
    /^(io_schedule.*|folio_wait_bit.*|wait_on_page_bit.*|bit_wait_io|blk_.*wait.*|submit_bio_wait|p9_client_rpc|rpc_wait_bit_killable|nfs_wait_.*|jbd2_log_wait_commit)$/,
    'io',
  ],
  [
    // vfork() sleeps until its child lets go of the address space.
    /^(do_wait|wait_for_vfork_done|kernel_clone|_do_fork|kernel_wait4|kthread_stop|wait_woken|futex_.*wait.*|ep_poll|do_sys_poll|do_select|unix_.*wait.*|pipe_.*|sigsuspend|do_sigtimedwait|sys_pause)$/,
    'user',
  ],
  [/^(perf_event_exit.*|event_function_call|smp_call_function_.*|csd_lock_wait|on_each_cpu.*)$/, 'ipi'],
  [/^(irq_work_sync|cpu_stop.*|stop_machine.*|stop_one_cpu|stop_two_cpus)$/, 'stopper'],
  [/^(do_exit|coredump_.*|do_coredump)$/, 'exit'],
  [/^(msleep.*|usleep_range.*|hrtimer_nanosleep|do_nanosleep)$/, 'sleep'],
  [/^worker_thread$/, 'idle-worker'],
];

/** Frames of a worker that drives an SRCU grace period (S3.13). */
export const SRCU_WORKER_FRAME = /^(process_srcu|srcu_advance_state|try_check_zero|srcu_readers_active_idx_check)$/;

/** Frames below which the structs of a tracepoint teardown are waited for (S3.50). */
export const TEARDOWN_FRAME =
  /^(tracepoint_synchronize_unregister|perf_trace_event_unreg|perf_trace_destroy|perf_kprobe_destroy|perf_uprobe_destroy)/;

/**
 * Caller frames that name the srcu_struct (MODEL 3.1 "identity sources"), with the flavour of the kernel in mind:
 * tracepoint_synchronize_unregister is ambiguous on 7.0 (T12).
 */
export const SRCU_DOMAIN_FRAMES: readonly (readonly [RegExp, string])[] = [
  [TEARDOWN_FRAME, 'tracepoint_srcu'],
  [/^(synchronize_rcu_tasks_trace|call_rcu_tasks_trace)$/, 'rcu_tasks_trace_srcu_struct'],
  [/^(kvm_.*|__kvm_.*)$/, 'kvm->srcu'],
  [/^fsnotify_/, 'fsnotify_mark_srcu'],
  [/^wakeup_source/, 'wakeup_srcu'],
];

/** The call that a reader of the finding recognises, from the outermost interesting frames. */
export const SITE_FRAMES: readonly (readonly [RegExp, string])[] = [
  [/^(perf_release|perf_event_release_kernel|perf_trace_destroy|perf_trace_event_unreg)$/, 'closing a perf event'],
  [/^free_module$|^__do_sys_delete_module/, 'unloading a module'],
  [/^kvm_/, 'in KVM'],
  [/^__do_sys_perf_event_open$/, 'opening a perf event'],
  [/^(cgroup_.*)$/, 'in a cgroup operation'],
  [/^(ksys_write|vfs_write)$/, 'in write()'],
  [/^(netdev_.*|unregister_netdevice.*)$/, 'unregistering a network device'],
];
