/** The named variants (DESIGN "What-if variants", MODEL 6.3 X0–X17), as data: a variant is a list of operators and nothing else. */
import type { Operator, Variant } from './operator.ts';

/** Update-side, per-CPU and per-node locks of every srcu_struct (S3.2). */
const SRCU_LOCKS = '(_srcu_usage\\.lock|^&ACCESS_PRIVATE\\((ssp->srcu_sup|sdp|snp), lock\\))$';
const SRCU_USAGE = '(_srcu_usage\\.lock|^&ACCESS_PRIVATE\\(ssp->srcu_sup, lock\\))$';
const POOL = '^&pool->lock(/\\d+)?$';
const TIMER_BASE = '^&base->lock$';
const TASKS_TRACE_LOCKS = '^rcu_tasks_trace_srcu_struct_srcu_usage\\.lock$';

const irqWork: readonly Operator[] = [
  { op: 'drop-edge', from: SRCU_USAGE, to: POOL },
  { op: 'drop-edge', from: SRCU_USAGE, to: TIMER_BASE },
];

const variant = (id: string, name: string, title: string, ...operators: readonly Operator[]): Variant => ({
  id,
  name,
  title,
  operators,
});

export const VARIANTS: readonly Variant[] = [
  variant('X0', 'identity', 'the kernel as it was'),
  variant('X1', 'srcu-raw-locks', 'SRCU locks are raw spinlocks', {
    op: 'set-wait-type',
    classes: SRCU_LOCKS,
    type: 'spin',
  }),
  variant('X2', 'srcu-irq-work', 'SRCU starts its grace period from irq_work, not under the usage lock', ...irqWork),
  variant(
    'X4',
    'srcu-delayed-work',
    'SRCU starts its grace period by delayed work with a delay of at least one jiffy',
    { op: 'drop-edge', from: SRCU_USAGE, to: POOL },
    {
      op: 'add-edge',
      from: SRCU_USAGE,
      to: '&base->lock',
      because: 'queue_delayed_work(delay > 0) arms a timer under the usage lock (T35)',
    },
  ),
  variant(
    'X5',
    'bpf-defer',
    'BPF defers call_srcu() and its kin to irq_work',
    { op: 'drop-edge', from: '.', to: SRCU_LOCKS, frames: '^bpf_' },
    { op: 'drop-edge', from: '.', to: POOL, frames: '^bpf_' },
    { op: 'drop-edge', from: '.', to: TIMER_BASE, frames: '^bpf_' },
  ),
  variant('X6', 'call-srcu-lockless', 'call_srcu() defers itself wherever raw locks are held', {
    op: 'drop-edge',
    from: '^(&rq->__lock|&p->pi_lock|&pool->lock|&base->lock|hrtimer_bases\\.lock|&rq->__lock/1)$',
    to: SRCU_LOCKS,
  }),
  variant(
    'X7',
    'tasks-trace-own-kthread',
    'RCU Tasks Trace has its own kthread again, not an SRCU struct',
    { op: 'drop-edge', from: '.', to: TASKS_TRACE_LOCKS },
    { op: 'drop-edge', from: TASKS_TRACE_LOCKS, to: '.' },
  ),
  variant('X8', 'tasks-no-mod-timer', 'RCU Tasks arms no lazy timer in the caller', {
    op: 'drop-edge',
    from: '__percpu\\.cbs_pcpu_lock$',
    to: TIMER_BASE,
  }),
  variant('X9', 'srcu-async-rcu', 'process_srcu uses call_rcu() and is queued again, instead of synchronize_rcu()', {
    op: 'replace-srcu-wait',
    how: 'async',
  }),
  variant('X9b', 'srcu-polled-rcu', 'process_srcu polls for the RCU grace period', {
    op: 'replace-srcu-wait',
    how: 'polled',
  }),
  variant('X10', 'srcu-normal-readers', 'SRCU-fast readers become normal ones, with memory barriers', {
    op: 'set-srcu-flavor',
    domains: '.',
    flavor: 'normal',
  }),
  variant('X11', 'tracepoint-preempt-guard', 'tracepoints are guarded by disabled preemption, as before v7.0', {
    op: 'srcu-to-rcu',
    domains: 'tracepoint_srcu',
  }),
  variant('X12', 'expedited', 'all grace periods are expedited', { op: 'expedite' }),
  variant('X13', 'preempt-rt', 'the kernel is built with PREEMPT_RT', { op: 'set-profile', field: 'rt', value: true }),
  variant(
    'X14',
    'no-rt',
    'the kernel is built without PREEMPT_RT and without PROVE_RAW_LOCK_NESTING',
    { op: 'set-profile', field: 'rt', value: false },
    { op: 'set-profile', field: 'rawLockNesting', value: false },
  ),
  variant('X15', 'no-nmi-load', 'NMIs take no time', { op: 'scale-context', context: 'nmi', factor: 0 }),
  variant('X16', 'drop-event-mutex', 'event_mutex is not held across the synchronize calls', {
    op: 'remove-lock-wait',
    frames: '^perf_trace_(init|destroy)|^perf_event_init_task|^event_(create|enable)',
  }),
  variant('X17', 'async-teardown', 'closing a trace event frees it from a callback, without waiting', {
    op: 'remove-wait',
    sites: '^(perf_release|perf_event_release_kernel|perf_trace_destroy|perf_trace_event_unreg)$',
  }),
];
