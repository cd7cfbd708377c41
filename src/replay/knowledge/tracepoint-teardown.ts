/**
 * What tracepoint_synchronize_unregister() waits for in turn, by kernel version (MODEL S3.50, profile row of §0). It inlines, so on v7.0 and
 * later its two synchronize_srcu() calls have identical stacks (T12).
 */

/** `srcu:<struct>` or `rcu`, `tasks-trace`. */
export type TeardownStep = 'srcu:tracepoint_srcu' | 'srcu:rcu_tasks_trace_srcu_struct' | 'rcu' | 'tasks-trace';

/** @param release `uname -r`; undefined when unknown. */
export function tracepointTeardown(release: string | undefined): readonly TeardownStep[] | undefined {
  const version = /^(\d+)\.(\d+)/.exec(release ?? '');
  if (!version) return undefined;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  if (major >= 7) return ['srcu:rcu_tasks_trace_srcu_struct', 'srcu:tracepoint_srcu'];
  // Between the trees that were read the change is not dated; 6.12 still has the older form.
  if (major === 6 && minor > 12) return ['tasks-trace', 'rcu'];
  return ['srcu:tracepoint_srcu', 'rcu'];
}

/** Structs that a synchronize_srcu() call in a teardown may mean, in the order in which it calls them. */
export function teardownStructs(release: string | undefined): readonly string[] {
  const steps = tracepointTeardown(release);
  if (!steps) return ['tracepoint_srcu'];
  return steps.flatMap((step) => (step.startsWith('srcu:') ? [step.slice('srcu:'.length)] : []));
}
