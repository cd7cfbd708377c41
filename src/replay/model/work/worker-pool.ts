/**
 * Which worker pool a work item waits in, and what the pool did while it waited (S3.70). A queue event tells the CPU only: whether a workqueue uses the
 * high-priority pool, or which unbound one, is learned from the workers that ran its items.
 */

import type { World } from '../../core/world.ts';
import { isRescuer, type PoolKind, poolName, poolOfWorker } from '../../knowledge/worker-pools.ts';

interface Pool {
  /** Items that began, in the order in which they were put on its list. */
  newestStarted: number;
  started: number;
}

export class WorkerPools {
  readonly #world: World;
  readonly #pools = new Map<string, Pool>();
  /** By workqueue. */
  readonly #kinds = new Map<string, PoolKind>();
  readonly #byComm: (PoolKind | null | undefined)[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** @param cpu of the queue event; −1 for an unbound pool, whose number is known only once it ran an item of the workqueue */
  nameOf(cpu: number, workqueue: string): string {
    const kind = this.#kinds.get(workqueue);
    if (cpu < 0) return kind?.startsWith('unbound') ? kind : 'unbound';
    return poolName(kind === 'highpri' ? kind : 'bound', cpu);
  }

  /** Pool of a worker by its name, a string id, and the CPU it runs on; '' for tasks that are no workers of a pool. */
  ofWorker(comm: number, cpu: number, workqueue: string): string {
    let kind = this.#byComm[comm];
    if (kind === undefined) {
      kind = poolOfWorker(this.#world.dictionary.string(comm)) ?? null;
      this.#byComm[comm] = kind;
    }
    if (!kind) return '';
    if (workqueue !== '') this.#kinds.set(workqueue, kind);
    return poolName(kind, cpu);
  }

  isRescuer(comm: number, workqueue: string): boolean {
    return isRescuer(this.#world.dictionary.string(comm), workqueue);
  }

  #pool(name: string): Pool {
    let pool = this.#pools.get(name);
    if (!pool) {
      pool = { newestStarted: 0, started: 0 };
      this.#pools.set(name, pool);
    }
    return pool;
  }

  /** A worker of the pool begins an item that was put on its list as number `order`. */
  started(pool: string, order: number): void {
    const known = this.#pool(pool);
    known.newestStarted = Math.max(known.newestStarted, order);
    known.started++;
  }

  /** An item that was put on the pool's list later than number `order` has begun: lists are served in order. */
  overtook(pool: string, order: number): boolean {
    for (const [name, { newestStarted }] of this.#pools)
      if (newestStarted > order && (name === pool || (pool === 'unbound' && name.startsWith(pool)))) return true;
    return false;
  }

  /** Items that the pool has begun so far. */
  startedCount(pool: string): number {
    return this.#pools.get(pool)?.started ?? 0;
  }
}
