/** Work items on their way from queue to end, as the workqueue model keeps them. */
import type { MayBeOpen } from '../../core/interval.ts';

export type WorkKey = number | bigint;

/** The probe that named the srcu_struct of a work item, and the execution in which it did. */
export interface DomainSource {
  readonly event: number;
  readonly workerTid: number;
  readonly startEvent: number;
  /** 0 while it goes on. */
  endEvent: number;
}

/** One execution of a work item. */
export interface WorkExecution extends MayBeOpen {
  readonly work: WorkKey;
  readonly fn: string;
  readonly workqueue: string;
  readonly workerTid: number;
  /** Worker's name, a string id. */
  readonly workerComm: number;
  readonly cpu: number;
  readonly queuedNs: number | null;
  readonly activatedNs: number | null;
  readonly startNs: number;
  readonly startEvent: number;
  endNs: number | null;
  endEvent: number;
  /** srcu_struct that an execution of process_srcu or srcu_invoke_callbacks belongs to, when a probe or an earlier run showed it. */
  domain: string | undefined;
  /** How that is known; undefined when nothing has named it. */
  domainSource: DomainSource | undefined;
  /** When it was queued, as an event. */
  readonly queueEvent: number;
  /** When the timer of a delayed work was armed (W11). */
  readonly delayedFromNs: number | null;
  /** By the rescuer of its workqueue: the pool could not make a worker (MAYDAY). */
  readonly rescued: boolean;
  /** Worker pool, as its worker is named: `cpu 1`, `cpu 1 highpri`, `unbound 8`; '' when its worker is no kworker. */
  readonly pool: string;
  /** Time of the worker on a CPU: before, and at the end, within the execution; null where its scheduling is not recorded. */
  readonly ranBeforeNs: number | null;
  ranNs: number | null;
  /** Not from workqueue events. */
  readonly implied?: boolean;
}

export interface QueuedWork {
  readonly work: WorkKey;
  readonly fn: string;
  readonly workqueue: string;
  readonly queuedNs: number;
  readonly queueEvent: number;
  /** CPU of the worker pool; −1 for an unbound pool. */
  readonly cpu: number;
  /** When the timer of a delayed work was armed (W11), null when it was queued at once or timers were not recorded. */
  readonly delayedFromNs: number | null;
  activatedNs: number | null;
  /** Its place in the order in which items were put on the lists of pools. */
  order: number;
  /** Items that the pool had begun by then. */
  readonly startedBefore: number;
  /** Last context switch of its CPU before. */
  readonly cpuEvent: number;
}

/** Work that waited long for a worker. */
export interface LateWork extends QueuedWork {
  /** null while it still waits. */
  readonly startNs: number | null;
  readonly startEvent: number;
  readonly workerTid: number | null;
  /** By the rescuer of its workqueue. */
  readonly rescued: boolean;
  readonly pool: string;
  /** Other items that the pool began while it waited: 0 is what the kernel's watchdog looks for. */
  readonly begunMeanwhile: number;
  /** The srcu_struct that it serves, when known. */
  domain: string | undefined;
  /** How that is known; undefined when nothing has named it. */
  readonly domainSource: DomainSource | undefined;
  /** Why it may not have been on a pool's list: max_active of its workqueue was in use (W16), or its own execution went on (S3.21). */
  readonly heldBack: 'max-active' | 'itself' | undefined;
  /** Activation is among the recorded events. */
  readonly activationSeen: boolean;
}
