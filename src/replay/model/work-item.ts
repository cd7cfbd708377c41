/** Work items on their way from queue to end, as the workqueue model keeps them. */

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
export interface WorkExecution {
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
  /** srcu_struct that a process_srcu or srcu_invoke_callbacks pass belongs to, when a probe or an earlier pass told. */
  domain: string | undefined;
  /** How that is known; undefined when nothing has named it. */
  domainSource: DomainSource | undefined;
  /** When it was queued, as an event. */
  readonly queueEvent: number;
  /** When the timer of a delayed work was armed (W11). */
  readonly delayedFromNs: number | null;
  /** By the rescuer of its workqueue: the pool could not make a worker (MAYDAY). */
  readonly rescued: boolean;
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
}

/** Work that waited long for a worker. */
export interface LateWork extends QueuedWork {
  /** null while it still waits. */
  readonly startNs: number | null;
  readonly startEvent: number;
  readonly workerTid: number | null;
  /** By the rescuer of its workqueue. */
  readonly rescued: boolean;
}
