/**
 * What tracepoint_synchronize_unregister() waits for in turn, by kernel version (MODEL S3.50, profile row of §0). It inlines, so on v7.0 and
 * later its two synchronize_srcu() calls have identical stacks (T12).
 */

import { isAtLeast, parseRelease } from './kernel-release.ts';

/** `srcu:<struct>` or `rcu`, `tasks-trace`. */
export type TeardownStep = 'srcu:tracepoint_srcu' | 'srcu:rcu_tasks_trace_srcu_struct' | 'rcu' | 'tasks-trace';

/** @param release `uname -r`; undefined when unknown. */
export function tracepointTeardown(release: string | undefined): readonly TeardownStep[] | undefined {
  const kernel = parseRelease(release);
  if (!kernel) return undefined;
  if (isAtLeast(kernel, '7.0')) return ['srcu:rcu_tasks_trace_srcu_struct', 'srcu:tracepoint_srcu'];
  // Between the trees that were read the change is not dated; 6.12 still has the older form.
  if (isAtLeast(kernel, '6.13')) return ['tasks-trace', 'rcu'];
  return ['srcu:tracepoint_srcu', 'rcu'];
}

/** Structs that a synchronize_srcu() call in a teardown may mean, in the order in which it calls them. */
export function teardownStructs(release: string | undefined): readonly string[] {
  const steps = tracepointTeardown(release);
  if (!steps) return ['tracepoint_srcu'];
  return steps.flatMap((step) => (step.startsWith('srcu:') ? [step.slice('srcu:'.length)] : []));
}
