/** The flavours of RCU Tasks and their kthreads (S3.40–S3.43; kernel/rcu/tasks.h). Names of tasks are cut after 15 characters. */
export interface TasksFlavor {
  readonly name: string;
  /** Its kthread, as the scheduler's events print it. */
  readonly kthread: string;
  /** It waits for tasks that run or could; the others for work on every CPU, or for readers. */
  readonly waitsForTasks: boolean;
}

const CLASSIC: TasksFlavor = { name: 'RCU Tasks', kthread: 'rcu_tasks_kthre', waitsForTasks: true };
const RUDE: TasksFlavor = { name: 'RCU Tasks Rude', kthread: 'rcu_tasks_rude_', waitsForTasks: false };
const TRACE: TasksFlavor = { name: 'RCU Tasks Trace', kthread: 'rcu_tasks_trace', waitsForTasks: false };

/** By the function that waits: synchronize_rcu_tasks(), rcu_barrier_tasks_trace() and related calls. */
export function tasksFlavor(api: string): TasksFlavor {
  if (/_rude\b/.test(api)) return RUDE;
  return /_trace\b/.test(api) ? TRACE : CLASSIC;
}

/** The flavour whose grace periods a task of that name runs. */
export function flavorOfKthread(comm: string): TasksFlavor | undefined {
  return [CLASSIC, RUDE, TRACE].find((flavor) => flavor.kthread === comm);
}
