/** What spans show, in words. */
import type { SpanKind } from '../../../schema/answers/timeline.ts';

/** What a span of each kind is, in words. */
export const KIND_WORDS: Readonly<Record<SpanKind, string>> = {
  task: 'runs',
  running: 'running',
  runnable: 'runnable, waits for a CPU',
  blocked: 'blocked (D)',
  sleeping: 'sleeping',
  nmi: 'NMI',
  hardirq: 'hard interrupt',
  softirq: 'softirq',
  'gp-request': 'grace period requested',
  'gp-init': 'initialises the grace period',
  'gp-wait': 'waits for quiescent states',
  'gp-end': 'cleans up, wakes waiters',
  holdout: 'holds the grace period up',
  call: 'in a call that waits',
  'lock-wait': 'waits for a lock',
  'lock-hold': 'holds the lock',
  'work-queued': 'work queued, not started',
  'work-run': 'runs work',
  reader: 'read-side critical section',
};
