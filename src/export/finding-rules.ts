/** What each kind of finding means, for readers that know nothing of quiesce, and the kernel's own message for it. */
import type { FindingKind } from '../../schema/index.ts';

export interface FindingRule {
  /** One sentence. */
  readonly description: string;
  /** The kernel's own report of it; '' when it has none. */
  readonly counterpart: string;
}

const rule = (description: string, counterpart = ''): FindingRule => ({ description, counterpart });

export const FINDING_RULES: Readonly<Record<FindingKind, FindingRule>> = {
  'lock-inversion': rule(
    'Lock classes are taken in a circular order: tasks that interleave badly wait for each other for ever.',
    'possible circular locking dependency detected',
  ),
  'lock-recursion': rule('A task takes a lock class that it holds already.', 'possible recursive locking detected'),
  'irq-lock-state': rule(
    'A lock is taken in interrupt context, and elsewhere with interrupts enabled.',
    'inconsistent lock state',
  ),
  'irq-lock-order': rule(
    'A lock that interrupts take is held while one is taken that an interrupt may wait for.',
    'SAFE -> UNSAFE lock order detected',
  ),
  'wait-context': rule(
    'A lock that may sleep (or sleeps on PREEMPT_RT) is taken where nothing may sleep.',
    'Invalid wait context',
  ),
  'sleep-in-atomic': rule(
    'A task sleeps while it must not: with a spinlock held, or interrupts or preemption disabled.',
    'sleeping function called from invalid context; scheduling while atomic',
  ),
  deadlock: rule('Tasks wait for each other in a closed circle.'),
  'deferral-hazard': rule(
    'An API that defers work takes locks that its caller holds, or orders them the other way round.',
  ),
  'rcu-stall': rule(
    'An RCU grace period does not end in time: a CPU or reader owes its quiescent state.',
    'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks',
  ),
  'blocked-sync': rule('A task is blocked for long in synchronize_rcu(), synchronize_srcu() or their kin.'),
  'hung-task': rule(
    'A task sleeps uninterruptibly for longer than the hung-task timeout.',
    'INFO: task blocked for more than N seconds',
  ),
  'nmi-storm': rule('NMIs take most of the time of a CPU.', 'perf: interrupt took too long'),
  'irq-storm': rule('Hard interrupts take most of the time of a CPU.'),
  'softirq-storm': rule('Softirqs take most of the time of a CPU.'),
  'gp-kthread-starved': rule(
    'The kthread that drives RCU grace periods gets no CPU.',
    'rcu_preempt kthread starved for N jiffies',
  ),
  'workqueue-stall': rule('Work is queued and no worker runs it.', 'BUG: workqueue lockup'),
  'soft-lockup': rule('A task keeps a CPU in the kernel without scheduling.', 'watchdog: BUG: soft lockup'),
};
