/** Worker pools by the names of their workers and rescuers (kernel/workqueue.c: create_worker, init_rescuer). */

/** Kinds of pools, by which a pool is named: that of a CPU, its high-priority one, one of those without a CPU (`unbound 8`). */
export type PoolKind = 'bound' | 'highpri' | `unbound ${string}`;

/** Kind of the pool that a worker belongs to, by its name; undefined for tasks that are no workers of a pool. */
export function poolOfWorker(comm: string): PoolKind | undefined {
  const bound = /^kworker\/\d+:\d+(H?)/.exec(comm);
  if (bound) return bound[1] ? 'highpri' : 'bound';
  const unbound = /^kworker\/u(\d+):\d+(H?)/.exec(comm);
  return unbound ? `unbound ${unbound[1]}${unbound[2] ? ' highpri' : ''}` : undefined;
}

/** `cpu 1`, `cpu 1 highpri`, `unbound 8`. */
export function poolName(kind: PoolKind, cpu: number): string {
  if (kind === 'bound') return `cpu ${cpu}`;
  return kind === 'highpri' ? `cpu ${cpu} highpri` : kind;
}

/** `kworker/R-rcu_gp`; the workqueue's own name before v6.9. Names are cut to 15 characters. */
export function isRescuer(comm: string, workqueue: string): boolean {
  return comm.startsWith('kworker/R-') || (workqueue !== '' && comm === workqueue.slice(0, 15));
}

/** Tasks that run work items. */
export const WORKER_NAME = /^kworker\//;
