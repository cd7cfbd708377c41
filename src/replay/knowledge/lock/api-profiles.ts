/**
 * What a deferring or waking API may take in its caller's context (MODEL 6.1), as data for the deferral checker.
 * `takes`: lock names (exact, or a pattern for families) in the order in which they may be taken; locks that are only tried are
 * not listed: a trylock cannot deadlock. `when` limits an entry to a range of kernel versions [from, below).
 */
import { isAtLeast, parseRelease } from '../kernel-release.ts';
import { SRCU_USAGE_LOCK } from './names.ts';

export interface ApiLock {
  /** Name as lock events show it; for a family (per-struct names) the generic name. */
  readonly name: string;
  /** Members of the family in a recording. */
  readonly family?: RegExp;
  /** Only under this condition, in words; the hazard is then reported as conditional. */
  readonly condition?: string;
}

export interface ApiProfile {
  readonly api: string;
  /** Kernel versions, `6.12` style; missing bound: any. */
  readonly from?: string;
  readonly below?: string;
  readonly takes: readonly ApiLock[];
  /** The call may sleep (D6.5). */
  readonly sleeps?: true;
  /** Runs elsewhere afterwards: that body has a profile of its own. */
  readonly note?: string;
}

const POOL: ApiLock = { name: '&pool->lock' };
const TIMER_BASE: ApiLock = { name: '&base->lock' };
const WAKE: readonly ApiLock[] = [{ name: '&p->pi_lock' }, { name: '&rq->__lock' }];
const SRCU_USAGE: ApiLock = { name: 'srcu_usage.lock', family: SRCU_USAGE_LOCK };
const SDP: ApiLock = { name: '&ACCESS_PRIVATE(sdp, lock)' };

export const API_PROFILES: readonly ApiProfile[] = [
  {
    api: 'irq_work_queue',
    takes: [],
    note: 'the deferred body runs in hardirq (PREEMPT_RT: in irq_work/N) and has needs of its own',
  },
  {
    api: 'call_rcu',
    takes: [],
    note: 'irqs on and beyond qhimark: rcu_node locks and a wakeup of the grace-period kthread',
  },
  { api: 'call_srcu', from: '7.0', takes: [SRCU_USAGE, SDP], note: 'grace periods start from irq_work' },
  {
    api: 'call_srcu',
    takes: [SRCU_USAGE, SDP, POOL, ...WAKE, { ...TIMER_BASE, condition: 'when the grace period starts with a delay' }],
  },
  { api: 'call_rcu_tasks_trace', from: '7.0', takes: [SRCU_USAGE, SDP], note: 'a thin layer over call_srcu()' },
  {
    api: 'call_rcu_tasks_trace',
    from: '6.12',
    takes: [
      { name: 'rcu_tasks_trace__percpu.cbs_pcpu_lock' },
      { ...TIMER_BASE, condition: 'when the lazy timer is not pending' },
    ],
  },
  { api: 'call_rcu_tasks_trace', takes: [{ name: 'rcu_tasks_trace__percpu.cbs_pcpu_lock' }] },
  {
    api: 'call_rcu_tasks',
    from: '6.12',
    takes: [
      { name: 'rcu_tasks__percpu.cbs_pcpu_lock' },
      { ...TIMER_BASE, condition: 'when the lazy timer is not pending' },
    ],
  },
  { api: 'call_rcu_tasks', takes: [{ name: 'rcu_tasks__percpu.cbs_pcpu_lock' }] },
  {
    api: 'kfree_rcu',
    takes: [
      { name: 'krc.lock' },
      { ...TIMER_BASE, condition: 'when the monitor work is not pending' },
      { ...POOL, condition: 'when the page cache is refilled' },
    ],
  },
  { api: 'mod_timer', takes: [TIMER_BASE] },
  { api: 'hrtimer_start', takes: [{ name: 'hrtimer_bases.lock' }] },
  { api: 'queue_work', takes: [POOL, ...WAKE] },
  {
    api: 'queue_delayed_work',
    takes: [
      { ...TIMER_BASE, condition: 'with a delay' },
      { ...POOL, condition: 'without a delay' },
    ],
  },
  { api: 'complete', takes: [{ name: '&x->wait' }, ...WAKE] },
  { api: 'wake_up', takes: [...WAKE] },
  { api: 'wake_up_process', takes: [...WAKE] },
  { api: 'synchronize', takes: [], sleeps: true },
  { api: 'flush_work', takes: [], sleeps: true },
  { api: 'flush_timer', takes: [], sleeps: true },
];

/** The profile of an API for a kernel release; without a release the most general one (the last of its name). */
export function apiProfile(api: string, release: string | undefined): ApiProfile | undefined {
  const kernel = parseRelease(release);
  const candidates = API_PROFILES.filter((profile) => profile.api === api);
  return (
    candidates.find(
      (profile) =>
        (profile.from === undefined || isAtLeast(kernel, profile.from)) &&
        (profile.below === undefined || (kernel !== undefined && !isAtLeast(kernel, profile.below))),
    ) ?? candidates.at(-1)
  );
}

/** Whether SRCU's own locks are raw in this release (7.0 final); undefined when the release does not tell (release candidates, U10). */
export function srcuLocksRaw(release: string | undefined): boolean | undefined {
  const kernel = parseRelease(release);
  if (!kernel) return undefined;
  if (!isAtLeast(kernel, '7.0')) return false;
  return kernel.candidate && !isAtLeast(kernel, '7.1') ? undefined : true;
}

/** Order that every kernel has whether or not the capture shows it (MODEL 6.1, last paragraph). */
export const STATIC_EDGES: readonly { readonly from: string; readonly to: string; readonly why: string }[] = [
  { from: '&pool->lock', to: '&p->pi_lock', why: '__queue_work wakes a worker under the pool lock' },
  { from: '&x->wait', to: '&p->pi_lock', why: 'complete() wakes under the wait queue lock' },
  { from: '&p->pi_lock', to: '&rq->__lock', why: 'try_to_wake_up() takes the run queue' },
  { from: '&rq->__lock', to: '&cfs_b->lock', why: 'CFS bandwidth' },
  { from: '&rq->__lock', to: '&rt_b->rt_runtime_lock', why: 'RT bandwidth' },
  { from: '&rq->__lock', to: 'hrtimer_bases.lock', why: 'bandwidth and hrtick timers' },
  { from: '&rq->__lock', to: '&dsq->lock', why: 'sched_ext dispatch queues' },
  { from: 'krc.lock', to: '&pool->lock', why: 'kvfree_rcu queues its page-cache work' },
  { from: 'krc.lock', to: '&base->lock', why: 'kvfree_rcu arms its monitor work' },
];

/** Edges of SRCU's update path up to 7.0-rc (sup→pool, sup→base), for each SRCU struct of the recording. */
export const STATIC_SRCU_EDGES: readonly { readonly to: string; readonly why: string }[] = [
  { to: '&pool->lock', why: 'srcu_funnel_gp_start() queues process_srcu under the usage lock (kernels before 7.0)' },
  { to: '&base->lock', why: 'srcu_funnel_gp_start() arms a delayed work under the usage lock (kernels before 7.0)' },
];

/**
 * API calls that an event itself proves, although it is recorded inside the call: `own` are the locks which the call has
 * taken by then (they are not the caller's).
 */
export const API_EVENTS: Readonly<Record<string, { readonly api: string; readonly own: readonly string[] }>> = {
  workqueue_queue_work: { api: 'queue_work', own: ['&pool->lock'] },
  timer_start: { api: 'mod_timer', own: ['&base->lock'] },
  hrtimer_start: { api: 'hrtimer_start', own: ['hrtimer_bases.lock'] },
  rcu_callback: { api: 'call_rcu', own: [] },
  rcu_kvfree_callback: { api: 'kfree_rcu', own: ['krc.lock'] },
  sched_waking: { api: 'wake_up_process', own: ['&p->pi_lock'] },
};

/** Acquisitions that give an API away by the lock they take; `own` as above. */
export const API_SIGNATURES: readonly { readonly lock: RegExp; readonly api: string }[] = [
  { lock: /^&ACCESS_PRIVATE\(sdp, lock\)$|^&\(\(sdp\)->lock\)$/, api: 'call_srcu' },
  { lock: /^krc\.lock$/, api: 'kfree_rcu' },
  { lock: /^rcu_tasks_trace__percpu\.cbs_pcpu_lock$/, api: 'call_rcu_tasks_trace' },
  { lock: /^rcu_tasks(_rude)?__percpu\.cbs_pcpu_lock$/, api: 'call_rcu_tasks' },
];

/**
 * Locks that are held where a tracepoint sits: whatever is attached to it (a BPF program, a probe) runs under them (D6.8).
 * Used where lock events are missing; certainty 0.7 until lock events confirm it.
 */
export const TRACEPOINT_LOCKS: Readonly<Record<string, readonly string[]>> = {
  sched_switch: ['&rq->__lock'],
  sched_wakeup: ['&rq->__lock'],
  sched_wakeup_new: ['&rq->__lock'],
  sched_waking: ['&p->pi_lock'],
  workqueue_queue_work: ['&pool->lock'],
  workqueue_activate_work: ['&pool->lock'],
  timer_start: ['&base->lock'],
  timer_cancel: ['&base->lock'],
  hrtimer_start: ['hrtimer_bases.lock'],
  hrtimer_cancel: ['hrtimer_bases.lock'],
  rcu_quiescent_state_report: ['rcu_node_0'],
};
