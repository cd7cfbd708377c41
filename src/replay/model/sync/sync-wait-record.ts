/** One call that waits for a grace period. */
import type { MayBeOpen } from '../../core/interval.ts';
import type { WaitedResource } from '../../knowledge/probe-roles.ts';
import type { Task } from '../task/task.ts';

export type SyncResource = WaitedResource;

export interface SyncWait extends MayBeOpen {
  readonly task: Task;
  /** Task name at the time of the wait. */
  comm: string;
  readonly tid: number;
  readonly resource: SyncResource;
  api: string;
  /** Identity of the srcu_struct (symbol, name or address), or '' while unknown; RCU flavour for the others. */
  domain: string;
  readonly startNs: number;
  readonly startEvent: number;
  endNs: number | null;
  endEvent: number;
  /** CPU on which it began. */
  readonly cpu: number;
  /** When the waiter was woken for the last time within it; null when that was not recorded, or it still sleeps. */
  wokenNs: number | null;
  /** How the wait is known. */
  readonly source: 'probe' | 'event' | 'stack';
  /** Its end was recorded, not concluded from what the task did next. */
  returned: boolean;
  /** Part of another wait of the task: synchronize_rcu() may call synchronize_rcu_expedited() (R2.20). */
  readonly nested: boolean;
  /** Stack id of its first recorded sleep, and the event that brought it. */
  stack: number;
  stackEvent: number;
  /** What the caller was doing (`closing a perf event`), from its stack. */
  site: string | undefined;
  /** The execution of process_srcu on whose behalf a worker waits (W18). */
  readonly insideSrcuRun: boolean;
  /** Sleeping ns of the current wait so far, from finished D intervals. */
  sleptNs: number;
  /** Lost-event markers seen when it began, and whether its end may be among what was lost (E0.4). */
  readonly gapsAtStart: number;
  censored: boolean;
  /** Only its beginning is recorded, and its task has been running since: no verdict rests on how long it took. */
  endUnseen: boolean;
  /** Return of the outermost function that has returned so far, −1 before the first: the end of the wait unless an outer return follows. */
  innerReturnNs: number;
  innerReturnEvent: number;
  /** Functions that it consists of, outermost first (`synchronize_srcu __synchronize_srcu`). */
  calls: string;
}
