/** The named variants (DESIGN "What-if variants", MODEL 6.3 X0–X17), as data: a variant is a list of operators and nothing else. */
import { SRCU_LOCK, SRCU_USAGE_LOCK } from '../knowledge/lock/names.ts';
import { combineVariants, type Operator, type Variant, VariantError } from './operator.ts';

/** Update-side, per-CPU and per-node locks of every srcu_struct (S3.2). */
const SRCU_LOCKS = SRCU_LOCK.source;
const SRCU_USAGE = SRCU_USAGE_LOCK.source;
const POOL = '^&pool->lock$';
const TIMER_BASE = '^&base->lock$';
/** What queueing work takes: the pool, and a worker's wake-up under it. */
const QUEUEING = '^(&pool->lock|&p->pi_lock|&rq->__lock)$';
const RAW_LOCKS = '^(&rq->__lock|&p->pi_lock|&pool->lock|&base->lock|hrtimer_bases\\.lock)$';
const TASKS_TRACE_LOCKS = '^rcu_tasks_trace_srcu_struct_srcu_usage\\.lock$';
/** call_srcu(), and what ends in it on Linux 7.0: known by the lock that it takes. */
const CALL_SRCU = '^call_(srcu|rcu_tasks_trace)$';
const USAGE = 'srcu_usage';
const BPF_FRAMES = '^_?_?bpf_';

const irqWork: readonly Operator[] = [
  { op: 'drop-edge', from: SRCU_USAGE, to: POOL },
  { op: 'drop-edge', from: SRCU_USAGE, to: TIMER_BASE },
  {
    op: 'set-api-locks',
    api: CALL_SRCU,
    takes: USAGE,
    drop: '^(&pool->lock|&p->pi_lock|&rq->__lock|&base->lock)$',
    because:
      'the grace period starts from irq_work; a struct that has grown to per-node form may still queue work for callbacks of a later grace period in the caller, whether one has is not recorded',
  },
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
      because: 'queue_delayed_work() with a delay arms a timer under the usage lock',
    },
    {
      op: 'set-api-locks',
      api: CALL_SRCU,
      takes: USAGE,
      drop: `${QUEUEING}|${TIMER_BASE}`,
      add: '&base->lock',
      because: 'queue_delayed_work() with a delay takes the timer base lock instead of the pool lock',
    },
    {
      op: 'insert-wait',
      domains: '.',
      minMs: 1,
      maxMs: 10,
      because: 'the grace period starts a jiffy later (1 to 10 ms, by HZ)',
    },
  ),
  variant(
    'X5',
    'bpf-defer',
    'BPF defers call_srcu() and related calls to irq_work',
    { op: 'drop-edge', from: '.', to: SRCU_LOCKS, frames: BPF_FRAMES },
    { op: 'drop-edge', from: '.', to: POOL, frames: BPF_FRAMES },
    { op: 'drop-edge', from: '.', to: TIMER_BASE, frames: BPF_FRAMES },
    {
      op: 'set-api-locks',
      api: '^(call_(srcu|rcu(_tasks(_trace)?)?)|kfree_rcu|queue_(delayed_)?work)$',
      drop: '.',
      frames: BPF_FRAMES,
      because:
        'the BPF program only queues an irq_work; it must not be a hard one as long as the SRCU locks are spinlock_t',
    },
  ),
  variant(
    'X6',
    'call-srcu-lockless',
    'call_srcu() defers itself wherever raw locks are held',
    { op: 'drop-edge', from: RAW_LOCKS, to: SRCU_LOCKS },
    {
      op: 'set-api-locks',
      api: CALL_SRCU,
      takes: USAGE,
      drop: '.',
      held: RAW_LOCKS,
      because: 'under a raw lock call_srcu() only puts the callback on a list and raises an irq_work',
    },
  ),
  variant(
    'X7',
    'tasks-trace-own-kthread',
    'RCU Tasks Trace has its own kthread again, not an SRCU struct',
    { op: 'drop-edge', from: '.', to: TASKS_TRACE_LOCKS },
    { op: 'drop-edge', from: TASKS_TRACE_LOCKS, to: '.' },
    {
      op: 'set-api-locks',
      api: '^call_rcu_tasks_trace$',
      drop: `srcu|sdp|${QUEUEING}`,
      add: '&base->lock',
      because: 'its own callback lists are raw, and arm a lazy timer with mod_timer() (Linux 6.12 to 6.19)',
    },
  ),
  variant(
    'X8',
    'tasks-no-mod-timer',
    'RCU Tasks arms no lazy timer in the caller',
    { op: 'drop-edge', from: '__percpu\\.cbs_pcpu_lock$', to: TIMER_BASE },
    {
      op: 'set-api-locks',
      api: '^call_rcu_tasks',
      drop: TIMER_BASE,
      because: 'the lazy timer is armed from irq_work',
    },
  ),
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

/**
 * A variant by its name, several by their names joined with `+`.
 * @param known also those that the caller has read from files
 * @throws VariantError naming the unknown one and its nearest neighbour
 */
export function resolveVariant(name: string, known: readonly Variant[] = VARIANTS): Variant {
  const parts = name.split('+').map((part) => {
    const found = known.find((candidate) => candidate.name === part);
    if (found) return found;
    const names = known.map((candidate) => candidate.name);
    const near = names.find((other) => part !== '' && (other.includes(part) || part.includes(other)));
    throw new VariantError(
      `unknown variant "${part}"${near ? `; did you mean "${near}"?` : ''} (known: ${names.join(', ')})`,
    );
  });
  return combineVariants(name, parts);
}
