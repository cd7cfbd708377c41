/**
 * What the function around an acquisition proves about the lock (MODEL L5.36). Frames innermost first; the first function that is
 * not machinery of the tracer or of lockdep decides.
 */
import { beginsWithAny, RECORDER_PREFIXES } from '../stack/recorder-frames.ts';
import type { WaitType } from './names.ts';

/** Frames between the event and the locking function. */
export const ACQUIRE_MACHINERY = beginsWithAny([
  ...RECORDER_PREFIXES,
  'trace_lock_',
  'lock_acquire',
  'lock_acquired',
  '__lock_acquire',
  'lock_contended',
  'lock_release',
  'trace_contention_',
]);

export interface LockFunctionRule {
  readonly match: RegExp;
  /** `spin`: a raw spinlock on PREEMPT_RT, either kind of spinlock elsewhere. */
  readonly type: WaitType | 'spin';
  /** Only PREEMPT_RT has this function. */
  readonly rt?: true;
}

/** First match wins. Sources: kernel/locking/{spinlock,spinlock_rt,mutex,rwsem,rtmutex_api,percpu-rwsem,semaphore}.c. */
export const LOCK_FUNCTIONS: readonly LockFunctionRule[] = [
  {
    match: /^(rt_spin_(lock|trylock|unlock)|rtlock_|rt_(read|write)_(lock|trylock|unlock)|rwbase_)/,
    type: 'config',
    rt: true,
  },
  { match: /^(_raw_(spin|read|write)_|raw_spin_|(native_)?queued_(spin|read|write)_)/, type: 'spin' },
  { match: /^(__)?(mutex_|ww_mutex_)/, type: 'sleep' },
  { match: /^_?_?rt_mutex_(lock|slowlock)/, type: 'sleep' },
  { match: /^(__)?(down_read|down_write)/, type: 'sleep' },
];

/** API calls that defer work: the frame that enters them, and the profile of lock-api-profiles.ts. Outermost match wins. */
export const API_FRAMES: readonly { readonly match: RegExp; readonly api: string }[] = [
  { match: /^(__)?call_srcu$|^srcu_gp_start_if_needed$/, api: 'call_srcu' },
  { match: /^call_rcu_tasks_trace$/, api: 'call_rcu_tasks_trace' },
  { match: /^call_rcu_tasks(_rude)?$|^call_rcu_tasks_generic$/, api: 'call_rcu_tasks' },
  { match: /^(__)?call_rcu(_hurry|_common|_lazy)?$/, api: 'call_rcu' },
  { match: /^(kvfree_call_rcu|kfree_call_rcu)$/, api: 'kfree_rcu' },
  { match: /^(irq_work_queue(_on)?|__irq_work_queue_local)$/, api: 'irq_work_queue' },
  { match: /^(queue_work_on|queue_work_node|__queue_work)$/, api: 'queue_work' },
  { match: /^(queue_delayed_work_on|mod_delayed_work_on|__queue_delayed_work)$/, api: 'queue_delayed_work' },
  { match: /^(__)?mod_timer(_pending)?$|^add_timer(_on|_local|_global)?$|^timer_reduce$/, api: 'mod_timer' },
  { match: /^hrtimer_start_range_ns$/, api: 'hrtimer_start' },
  { match: /^(complete|complete_all|swake_up_(one|all|locked)|complete_with_flags)$/, api: 'complete' },
  { match: /^__wake_up(_common_lock|_sync_key|_sync)?$/, api: 'wake_up' },
  { match: /^(wake_up_process|try_to_wake_up|wake_up_state|default_wake_function)$/, api: 'wake_up_process' },
  {
    match: /^(__)?synchronize_srcu(_expedited)?$|^synchronize_rcu(_expedited|_normal|_tasks.*)?$|^(rcu|srcu)_barrier$/,
    api: 'synchronize',
  },
  {
    match:
      /^(__flush_work|flush_work|__flush_workqueue|flush_delayed_work|cancel_work_sync|cancel_delayed_work_sync|drain_workqueue)$/,
    api: 'flush_work',
  },
  { match: /^del_timer_sync$|^timer_delete_sync$/, api: 'flush_timer' },
];

/** Frames of BPF programs: they run under rcu_read_lock at the attach point (D6.9). */
export const BPF_FRAME = /^bpf_prog_|^bpf_trampoline_|^__bpf_prog_enter/;
