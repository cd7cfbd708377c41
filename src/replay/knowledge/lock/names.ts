/**
 * What a lock's name tells (the trace carries the name of the lockdep map and nothing else of its class): whether it is a lock at
 * all, its wait type, and how its readers behave. First match wins; a name without a rule is an ordinary lock of unknown type.
 * Everything here is a hint: stacks, contention flags, preemption depth and lockdep reports override it (MODEL L5.36).
 *
 * Sources: include/linux/lockdep.h, rcupdate.h, srcu.h, seqlock.h, percpu-rwsem.h, local_lock_internal.h, kernel/workqueue.c,
 * kernel/softirq.c of Linux 6.12; MODEL L5.12, L5.26, L5.28, L5.36, L5.37.
 */

/** Wait types of include/linux/lockdep_types.h `enum lockdep_wait_type`, without their configuration-dependent numbers (L5.31). */
export type WaitType =
  /** Never checked (LD_WAIT_INV). */
  | 'none'
  /** LD_WAIT_FREE. */
  | 'free'
  /** LD_WAIT_SPIN: raw spinlock. */
  | 'raw'
  /** LD_WAIT_CONFIG: spinlock_t, rwlock_t, local_lock_t: spins, sleeps on PREEMPT_RT. */
  | 'config'
  /** LD_WAIT_SLEEP: mutex, rwsem, rt_mutex. */
  | 'sleep';

/** What kind of thing carries the lockdep map. */
export type LockNature =
  /** Excludes others, has owners. */
  | 'lock'
  /** Orders like a lock, but nobody can wait for its owner: work and timer executions, fs_reclaim, SRCU readers. */
  | 'map'
  /** check=0: not in the graph, counted for wait types only (L5.26). */
  | 'reader'
  /** Sequence counter: readers retry, they never block anybody. */
  | 'seqcount'
  /** Raises or lowers the wait limit for the code below it (L5.37). */
  | 'override';

export interface LockNameRule {
  readonly match: string | RegExp;
  readonly nature: LockNature;
  readonly outer?: WaitType;
  readonly inner?: WaitType;
  /** Readers are recursive (read=2), L5.28. */
  readonly recursiveRead?: boolean;
  /** Many unrelated locks carry this name: the text of a macro argument (L5.10). */
  readonly homonym?: boolean;
  /** LD_LOCK_PERCPU, a local_lock: lockdep's searches for irq inversions neither start, pass nor end there (lockdep.c usage_skip). */
  readonly perCpu?: boolean;
  /** The kernel nests its instances with an annotation (subclass, nest_lock, cmp_fn), which events do not carry (L5.29). */
  readonly nests?: boolean;
  /** down_read() and down_write() do not touch preemption for the moment of lock_acquire(), mutex_lock() does. */
  readonly rwsem?: boolean;
  /** The type is what such a name usually means, no more. */
  readonly convention?: boolean;
}

const raw = (match: string | RegExp): LockNameRule => ({ match, nature: 'lock', inner: 'raw' });
const reader = (match: string | RegExp, inner: WaitType): LockNameRule => ({
  match,
  nature: 'reader',
  outer: inner === 'none' ? 'none' : 'free',
  inner,
  recursiveRead: true,
});
const map = (match: string | RegExp): LockNameRule => ({ match, nature: 'map', inner: 'none', recursiveRead: true });
/** local_lock_t: `.wait_type_inner = LD_WAIT_CONFIG, .lock_type = LD_LOCK_PERCPU` (include/linux/local_lock_internal.h). */
const localLock = (match: string | RegExp, homonym = false): LockNameRule => ({
  match,
  nature: 'lock',
  inner: 'config',
  perCpu: true,
  ...(homonym && { homonym }),
});
const override = (match: string | RegExp, inner: WaitType): LockNameRule => ({ match, nature: 'override', inner });

export const LOCK_NAME_RULES: readonly LockNameRule[] = [
  // RCU readers: outer FREE, inner CONFIG (sched: SPIN), check=0 (L5.26, L5.33)
  reader('rcu_read_lock', 'config'),
  reader('rcu_read_lock_bh', 'config'),
  reader('rcu_read_lock_sched', 'raw'),
  reader('rcu_read_lock_trace', 'none'),
  reader('rcu_callback', 'none'),
  // PREEMPT_RT only: kernel/softirq.c bh_lock_map
  { match: 'local_bh', nature: 'map', outer: 'free', inner: 'config', recursiveRead: true },

  // overrides (L5.37)
  override('printk_legacy_map-wait-type-override', 'config'),
  override('tick_freeze_map-wait-type-override', 'sleep'),
  override(/-wait-type-override$/, 'config'),

  // sequence counters
  { match: /seqcount/, nature: 'seqcount', inner: 'none', recursiveRead: true },
  // A seqcount or map that was never initialised: per-CPU tick data.
  { match: '(null)', nature: 'reader', inner: 'none', homonym: true },

  // maps: order, but no owner
  map(/^\(wq_completion\)/),
  map(/^\(work_completion\)/),
  map(/^\(&/),
  map(/->timer$/),
  map('fs_reclaim'),
  map(/^_?_?mmu_notifier_/),
  map('console_owner'),
  map('console_lock'),
  // static work items and timers: the map carries the expression of DECLARE_DELAYED_WORK()
  map(/^\(\w+\)\.(work|timer)$/),
  // local_lock_t, named by the argument of INIT_LOCAL_LOCK() or local_lock_init(); in parentheses on PREEMPT_RT. An initialiser that
  // takes this_cpu_ptr() leaves the whole expansion as the name. mm/{swap,mlock,memcontrol}.c, net/core/{dev,skbuff}.c, lib/radix-tree.c.
  localLock(/this_cpu_off|__vpp_verify|__per_cpu_offset|RELOC_HIDE|\(__ptr\) \+/),
  localLock(/^\(?(stock_lock|lock_irq|process_queue_bh_lock|bh_lock|llist_lock|softirq_ctrl\.lock|local_lock)\)?$/),
  localLock(/^\(?(lock)\)?$/, true),
  // One class per sysfs attribute, per file system type: the name is the same (L5.10).
  { match: 'kn->active', nature: 'map', inner: 'none', homonym: true },
  { match: /^(sb_writers|sb_pagefaults|sb_internal)/, nature: 'map', inner: 'none', homonym: true },
  {
    match: /^&(sb->s_type|type)->(i_mutex_key|i_mutex_dir_key|i_lock_key|s_umount_key)/,
    nature: 'lock',
    homonym: true,
    nests: true,
  },
  map('icc_bw_lock'),

  // raw spinlocks (L5.36 table)
  { ...raw('&rq->__lock'), nests: true },
  { ...raw('&p->pi_lock'), nests: true },
  raw('init_task.pi_lock'),
  raw('&pool->lock'),
  raw('wq_mayday_lock'),
  { ...raw('&base->lock'), nests: true },
  raw('hrtimer_bases.lock'),
  raw('&x->wait'),
  raw(/^rcu_state\..*lock$/),
  raw(/^&rcu_state\..*wq/),
  { match: /^rcu_state\..*mutex$/, nature: 'lock', inner: 'sleep' },
  raw(/^rcu_node(_fqs)?_\d/),
  raw(/^&rdp->nocb_.*lock$/),
  raw('krc.lock'),
  raw(/^rcu_tasks.*__percpu\.cbs_pcpu_lock$/),
  raw(/\.cbs_gbl_lock$/),
  // rtmutex: on PREEMPT_RT the inner lock of every spinlock and mutex
  raw(/\.(lock|rtmutex)\.wait_lock$/),
  raw('&lock->wait_lock'),
  raw('&p->blocked_lock'),
  raw('&rtm->wait_lock'),
  raw('&sem->wait_lock'),
  raw('(console_sem).lock'),
  raw('console_owner_lock'),
  raw('&desc->lock'),
  raw('&irq_desc_lock_class'),
  raw('&cpu_buffer->reader_lock'),
  raw('buffer->reader_lock_key'),
  raw('jiffies_lock'),
  raw('timekeeper_lock'),
  raw('tick_broadcast_lock'),
  raw('&stopper->lock'),
  raw('&worker->lock'),
  raw('&dsq->lock'),
  raw('scx_tasks_lock'),
  raw('&rt_b->rt_runtime_lock'),
  raw('&dl_b->lock'),
  raw('&cfs_b->lock'),
  raw('&rd->rto_lock'),
  raw('pool_lock'),
  raw('kmemleak_lock'),
  raw('kfence_freelist_lock'),
  raw('&loc_l->lock'),
  raw('&tmc->lock'),
  raw('&group->lock'),

  // rwsems and mutexes that every kernel has
  { match: '&mm->mmap_lock', nature: 'lock', inner: 'sleep', rwsem: true, nests: true },
  {
    match: /^(event_mutex|trace_types_lock|slab_mutex|text_mutex|rtnl_mutex|cgroup_mutex|pcpu_alloc_mutex)$/,
    nature: 'lock',
    inner: 'sleep',
  },
  { match: 'cpu_hotplug_lock', nature: 'lock', inner: 'none' },
  { match: 'dup_mmap_sem', nature: 'lock', inner: 'none' },

  // nested with an annotation wherever the kernel nests them: pipe_double_lock(), d_lock of parent and child, ep_insert(), copy_pte_range(),
  // anon_vma and i_mmap under mm_take_all_locks(), unix_state_double_lock(), double_lock_hb(), slab's and perf's contexts
  {
    match:
      /^&(pipe->mutex|dentry->d_lock(ref\.lock)?|lockref->lock|ep->mtx|u->lock|hb->lock|queue->lock|ctx->lock|event->child_mutex|ei->i_data_sem|n->list_lock|ptl|mapping->i_mmap_rwsem|vma->vm_lock->lock)$/,
    nature: 'lock',
    nests: true,
  },
  { match: '&anon_vma->rwsem', nature: 'lock', inner: 'sleep', rwsem: true, nests: true },
  { match: /^ptlock_ptr\(/, nature: 'lock', nests: true },

  // macro arguments as names
  { match: /^(key|&wq|wq|&lock|\(key\)|&key|&xa->xa_lock|_T->lock)$/, nature: 'lock', homonym: true },
];

/** What a name that no rule knows usually means; nothing rests on this alone. */
const CONVENTIONS: readonly LockNameRule[] = [
  { match: /(^|[^a-z])mutex(_[A-Za-z0-9]+)?$/, nature: 'lock', inner: 'sleep', convention: true },
  { match: /(^|[^a-z])rw_?sem(_[A-Za-z0-9]+)?$/, nature: 'lock', inner: 'sleep', convention: true },
  { match: /(^|[^a-z])raw_(spin_?)?lock(_[A-Za-z0-9]+)?$/, nature: 'lock', inner: 'raw', convention: true },
];

/** Locks inside an srcu_struct; their type changed with Linux 7.0 (MODEL §0: spinlock_t up to 7.0-rc, raw_spinlock_t in 7.0). */
export const SRCU_LOCK =
  /(^|_)srcu_usage\.lock$|^&ACCESS_PRIVATE\((sdp|ssp->srcu_sup|snp|sup), lock\)$|^&\(\((sdp|snp|sup)\)->lock\)$/;
/** The update-side lock of an SRCU struct, which is held while a grace period is started (MODEL 3.2). */
export const SRCU_USAGE_LOCK = /(^|_)srcu_usage\.lock$|^&ACCESS_PRIVATE\((ssp->srcu_sup|sup), lock\)$/;

/** An SRCU reader's map carries the name of its srcu_struct; `srcu_read_lock()` is a recursive read of it (T54). */
const SRCU_READER = /srcu/;
const NOT_SRCU_READER = /lock|mutex|usage|work|timer|wait/;

/**
 * Locks that printk takes first. lockdep prints its report inside lock_acquire(), before the lock is taken: what follows from
 * the lock being acquired to these is the report, no dependency of the kernel's code (kernel/printk/printk.c).
 */
export const PRINTK_LOCKS: ReadonlySet<string> = new Set([
  '(console_sem).lock',
  'console_lock',
  'console_owner',
  'console_owner_lock',
  'console_srcu',
  'printk_legacy_map-wait-type-override',
  '&port_lock_key',
  'legacy_wait.lock',
  'log_wait.lock',
]);

/** The lock that `__schedule()` holds across the switch and hands to the next task (L5.17). */
export const RUNQUEUE_LOCK = '&rq->__lock';

const ORDINARY: LockNameRule = { match: '', nature: 'lock' };
const SRCU_MAP: LockNameRule = { match: SRCU_READER, nature: 'map', inner: 'none', recursiveRead: true };

/** The rule for a lock name, with `/subclass` and `#n` as splats print them left out of the comparison. */
export function lockNameRule(fullName: string): LockNameRule {
  const name = fullName.replace(/(#\d+)?(\/\d+)?$/, '');
  for (const rule of LOCK_NAME_RULES)
    if (typeof rule.match === 'string' ? rule.match === name : rule.match.test(name)) return rule;
  if (SRCU_READER.test(name) && !NOT_SRCU_READER.test(name)) return SRCU_MAP;
  return CONVENTIONS.find(({ match }) => (match as RegExp).test(name)) ?? ORDINARY;
}
