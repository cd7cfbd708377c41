/** Kinds of findings about locks: order, context, misuse, and tasks that wait for each other. */
import type { ChainLink, DeadlockWait, Root } from '../findings.ts';
import {
  CONSOLE_EVENTS,
  CONTEXT,
  DEFERRALS,
  INTERRUPT_EVENTS,
  kernelLog,
  LOCKS,
  SCHED,
  SRCU_EVENTS,
  STACKS,
  WORKQUEUE_EVENTS,
} from './needs.ts';
import { classSet, kind, listText, taskText } from './row.ts';

export interface LockInversion {
  /** Classes in cycle order, each held while the next is acquired. */
  readonly locks: readonly string[];
  /** Could a reordering of this run deadlock. */
  readonly feasible: 'yes' | 'no' | 'unknown';
}
export interface LockRecursion {
  readonly locks: readonly string[];
}
export interface IrqLock {
  /** `irq-lock-order`: safe class first, unsafe class last. */
  readonly locks: readonly string[];
  readonly irq: 'hardirq' | 'softirq';
}
export interface WaitContext {
  /** The acquired class. */
  readonly locks: readonly string[];
  readonly held: readonly string[];
  /** Those of them under which it must not be taken; none: the context alone forbids it. */
  readonly forbidden_by: readonly string[];
}
export interface SleepInAtomic {
  readonly task: string;
  readonly tid?: number;
  readonly held: readonly string[];
  /** What it called: `schedule`, a function that may sleep, or the class of the lock that it asked for. */
  readonly call: string;
  /** The locks among those held that forbid it; missing: all of them. */
  readonly forbidden_by?: readonly string[];
}
export interface Deadlock {
  readonly waits: readonly DeadlockWait[];
  /** Once around the cycle, from its first task; missing where only the log shows it. */
  readonly chain?: readonly ChainLink[];
  readonly root?: Root;
}
export interface DeferralHazard {
  readonly api: string;
  readonly held: readonly string[];
  readonly conflict: string;
  readonly hazard: DeferralHazardKind;
  /** Lock classes that conflict. */
  readonly conflict_locks: readonly string[];
}
export type DeferralHazardKind =
  | 'CYCLE'
  | 'CYCLE_RISK'
  | 'INVALID_WAIT'
  | 'NMI_UNSAFE'
  | 'SLEEP_IN_ATOMIC'
  | 'SELF_DEADLOCK';
export interface LockMisuse {
  readonly locks: readonly string[];
  readonly misuse: LockMisuseKind;
  readonly task?: string;
  readonly tid?: number;
}
export interface RcuUsage {
  /** `file:line` of the check, or the function that made the access. */
  readonly site: string;
  /** What the check says (`suspicious rcu_dereference_check() usage`). */
  readonly message: string;
  readonly held: readonly string[];
  readonly task?: string;
  readonly tid?: number;
}

/**
 * How a lock is misused, and lockdep's title line for it: bad unlock balance · a held lock's memory freed · held at return to user mode ·
 * held at exit · `nest_lock` not held · key in memory that is not static · held by a work item when its function returned.
 */
export const LOCK_MISUSES = {
  'unbalanced-unlock': 'WARNING: bad unlock balance detected!',
  'freed-held': 'WARNING: held lock freed!',
  'held-in-user': 'WARNING: lock held when returning to user space!',
  'held-at-exit': 'WARNING: task/PID still has locks held!',
  'not-nested': 'WARNING: Nested lock was not taken',
  'non-static-key': 'INFO: trying to register non-static key.',
  'leaked-by-work': 'BUG: workqueue leaked atomic, lock or RCU',
} as const;
export type LockMisuseKind = keyof typeof LOCK_MISUSES;

const always = (): boolean => true;

export const LOCK_KINDS = {
  'lock-inversion': kind<LockInversion>({
    meaning:
      'Lock classes are acquired in an order that forms a cycle: tasks that each hold one of them and wait for the next deadlock.',
    counterpart: 'possible circular locking dependency detected',
    rank: 20,
    lasts: 'rule',
    needs: { events: [LOCKS], reports: ['lockdep-circular'], helpful: ['lock_release', 'sched_switch'] },
    lockdep: {
      check: 3,
      title: () => 'WARNING: possible circular locking dependency detected',
      switchesOff: always,
    },
    identity: ({ locks }) => ({ locks, lockOrder: 'cycle' }),
    occurrence: ({ locks }) => classSet(locks),
    subject: ({ locks }) => locks.join(' → '),
    details: () => [],
  }),
  'lock-recursion': kind<LockRecursion>({
    meaning: 'A task acquires a lock class that it already holds.',
    counterpart: 'possible recursive locking detected',
    rank: 60,
    lasts: 'rule',
    needs: { events: [LOCKS], reports: ['lockdep-recursion'], helpful: ['lock_release', 'sched_switch'] },
    lockdep: { check: 2, title: () => 'WARNING: possible recursive locking detected', switchesOff: always },
    identity: ({ locks }) => ({ locks }),
    occurrence: ({ locks }) => classSet(locks),
    subject: ({ locks }) => locks.join(' → '),
    details: () => [],
  }),
  'irq-lock-state': kind<IrqLock>({
    meaning: 'A lock is taken in interrupt context, and elsewhere with interrupts enabled.',
    counterpart: 'inconsistent lock state',
    rank: 50,
    lasts: 'rule',
    needs: {
      events: [LOCKS, CONTEXT],
      reports: ['lockdep-irq-state'],
      helpful: ['lock_release', 'sched_switch', ...INTERRUPT_EVENTS],
    },
    lockdep: { check: 1, title: () => 'WARNING: inconsistent lock state', switchesOff: always },
    identity: ({ locks, irq }) => ({ locks, detail: [irq] }),
    occurrence: ({ locks, irq }) => `${irq} ${classSet(locks)}`,
    subject: ({ locks }) => locks.join(' → '),
    details: () => [],
  }),
  'irq-lock-order': kind<IrqLock>({
    meaning: 'An irq-safe lock is held while an irq-unsafe one is acquired.',
    counterpart: 'SAFE -> UNSAFE lock order detected',
    rank: 40,
    lasts: 'rule',
    needs: {
      events: [LOCKS, CONTEXT],
      reports: ['lockdep-irq-order', 'lockdep-irq-inversion'],
      helpful: ['lock_release', 'sched_switch', ...INTERRUPT_EVENTS],
    },
    lockdep: {
      check: 4,
      title: () => 'WARNING: …-safe -> …-unsafe lock order detected',
      switchesOff: always,
    },
    identity: ({ locks, irq }) => ({ locks, lockOrder: 'fixed', detail: [irq] }),
    occurrence: ({ locks, irq }) => `${irq} ${classSet(locks)}`,
    subject: ({ locks }) => locks.join(' → '),
    details: ({ locks, irq }) =>
      locks.length > 2 ? [`order: ${locks.join(' → ')}  (${irq}-safe first, unsafe last)`] : [],
  }),
  'wait-context': kind<WaitContext>({
    meaning: 'A lock that may sleep (or sleeps on PREEMPT_RT) is taken where nothing may sleep.',
    counterpart: 'Invalid wait context',
    rank: 30,
    lasts: 'rule',
    needs: {
      events: [LOCKS],
      reports: ['lockdep-wait-context'],
      helpful: ['lock_release', 'sched_switch', ...INTERRUPT_EVENTS],
    },
    lockdep: { check: 0, title: () => '[ BUG: Invalid wait context ]', switchesOff: always },
    identity: ({ locks, forbidden_by, severity }) => ({
      locks,
      held: forbidden_by,
      detail: [severity === 'info' ? 'latent' : 'real'],
    }),
    occurrence: ({ locks }) => classSet(locks),
    subject: ({ locks, held, severity }) =>
      `${locks.join(', ')} under ${held.join(', ')}${severity === 'info' ? ' (latent)' : ''}`,
    details: ({ held, forbidden_by }) => (held.length > forbidden_by.length ? [`held: ${listText(held)}`] : []),
  }),
  'sleep-in-atomic': kind<SleepInAtomic>({
    meaning: 'A task sleeps while it must not: with a spinlock held, or interrupts or preemption disabled.',
    counterpart: 'sleeping function called from invalid context; scheduling while atomic',
    rank: 70,
    lasts: 'instant',
    needs: { events: [LOCKS, SCHED], reports: ['sleep-in-atomic'], helpful: ['lock_release', '<stacks>'] },
    identity: ({ task, call, held, forbidden_by }) => ({
      tasks: [task],
      functions: [call],
      held: forbidden_by ?? held,
    }),
    occurrence: ({ task }) => task,
    subject: ({ task, held }) => `${task} under ${held.join(', ')}`,
    details: ({ held, forbidden_by = held }) => (held.length > forbidden_by.length ? [`held: ${listText(held)}`] : []),
  }),
  deadlock: kind<Deadlock>({
    meaning: 'Tasks wait for each other in a closed cycle.',
    counterpart: '',
    rank: 10,
    lasts: 'instant',
    needs: {
      events: [SCHED, STACKS],
      reports: ['hung-task', 'held-locks'],
      helpful: [...CONSOLE_EVENTS, ...SRCU_EVENTS, 'sched_waking', 'contention_begin', 'contention_end'],
    },
    identity: ({ waits }) => ({
      tasks: waits.map(({ task }) => task),
      locks: waits.map(({ on }) => on.replace(/ held by .*/, '').replace(/:\d+/g, '')),
    }),
    occurrence: ({ waits }) =>
      waits
        .map(({ tid }) => tid)
        .sort((a, b) => a - b)
        .join(' '),
    subject: ({ waits }) => waits.map(({ task, tid }) => `${task}:${tid}`).join(', '),
    // The chain shows the cycle.
    details: ({ waits, chain }) =>
      chain ? [] : waits.map(({ task, tid, on }) => `${taskText(task, tid)} waits for ${on}`),
  }),
  'deferral-hazard': kind<DeferralHazard>({
    meaning: 'An API that defers work takes locks that its caller holds, or orders them the other way round.',
    counterpart: '',
    rank: 150,
    lasts: 'rule',
    needs: {
      events: [DEFERRALS, LOCKS],
      reports: [],
      helpful: ['lock_release', 'sched_switch', 'timer_expire_entry', ...WORKQUEUE_EVENTS],
    },
    identity: ({ api, held, hazard, conflict_locks }) => ({
      cause: [hazard, ...conflict_locks].join(' '),
      functions: [api],
      held,
    }),
    subject: ({ api, held }) => `${api} with ${held.join(', ')}`,
    details: () => [],
  }),
  'rcu-usage': kind<RcuUsage>({
    meaning: 'Data that RCU protects is used without the reader or the lock that must protect it.',
    counterpart: 'suspicious RCU usage',
    rank: 75,
    lasts: 'rule',
    needs: {
      events: [kernelLog('which accesses RCU protects is known to the kernel alone (CONFIG_PROVE_RCU)')],
      reports: ['lockdep-misuse'],
      helpful: [],
    },
    identity: ({ site, message }) => ({ functions: [site], detail: [message] }),
    occurrence: ({ site }) => site,
    subject: ({ site }) => site,
    details: ({ site, message, held }) => [`${site}: ${message}`, `held: ${listText(held)}`],
  }),
  'lock-misuse': kind<LockMisuse>({
    meaning: 'A lock is released, freed, or left behind against the rules of its kind.',
    counterpart:
      'bad unlock balance; held lock freed; lock held when returning to user space; locks still held at exit',
    rank: 65,
    lasts: 'rule',
    needs: {
      events: [LOCKS],
      reports: ['lockdep-misuse'],
      helpful: ['sched_switch', 'sched_process_exit', '<stacks>'],
    },
    lockdep: {
      check: 5,
      title: ({ misuse }) => LOCK_MISUSES[misuse],
      // process_one_work() prints and leaves the validator on.
      switchesOff: ({ misuse }) => misuse !== 'leaked-by-work',
    },
    identity: ({ locks, misuse }) => ({ locks, detail: [misuse] }),
    occurrence: ({ locks, misuse }) => `${misuse} ${classSet(locks)}`,
    subject: ({ locks, misuse }) => `${locks.join(', ')} (${misuse})`,
    details: ({ locks, misuse, task, tid }) => [
      `lock: ${listText(locks)} · misuse: ${misuse}${task === undefined ? '' : ` · task: ${taskText(task, tid)}`}`,
    ],
  }),
};
