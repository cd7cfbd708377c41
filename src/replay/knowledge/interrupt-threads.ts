/**
 * Kernel threads that do what interrupts do, and count as what they are: threaded handlers, and on PREEMPT_RT softirqs, timers and irq_work
 * (P0.2, S3.12).
 */
const THREADS: readonly (readonly [RegExp, 'hardirq' | 'softirq'])[] = [
  [/^irq\/\d+-/, 'hardirq'],
  [/^irq_work\/\d+$/, 'hardirq'],
  [/^ksoftirqd\/\d+$/, 'softirq'],
  [/^ktimers\/\d+$/, 'softirq'],
  // Called ktimersoftd before v5.
  [/^ktimersoftd\/\d+$/, 'softirq'],
  [/^rcuc\/\d+$/, 'softirq'],
];

/** The context whose work a thread of that name does; undefined for all others. */
export function interruptThread(comm: string): 'hardirq' | 'softirq' | undefined {
  return THREADS.find(([pattern]) => pattern.test(comm))?.[1];
}
