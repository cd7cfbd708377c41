/**
 * Timers of delayed work: queue_delayed_work() with a delay emits no workqueue event before its timer fires (E1.8, T37). The timer that
 * expires on a CPU when work is queued there tells since when the work was waiting (W11, W12).
 */
import { type EventCursor, fieldsOf } from '../../../../schema/index.ts';
import { TextCodes } from '../cpu/text-codes.ts';
import type { WorkKey } from './work-item.ts';

const ARMED = fieldsOf('timer_start');
const CANCEL = fieldsOf('timer_cancel');
const EXPIRE = fieldsOf('timer_expire_entry');

/** Armed timers that are remembered; the oldest is forgotten first. */
const KEPT = 4096;

/** delayed_work_timer_fn: any delayed work · srcu_delay_timer: callbacks of a srcu_struct (S3.16). */
const DELAY_TIMERS = { delayed_work_timer_fn: 1, srcu_delay_timer: 1 } as const;

type TimerKey = number | bigint;

/** A timer that will queue a work item. */
export interface ArmedTimer {
  readonly timer: TimerKey;
  readonly ns: number;
  readonly event: number;
  /** Where it was armed: where it expires, unless it migrates. */
  readonly cpu: number;
}

export class DelayedWorkTimers {
  readonly #armed = new Map<TimerKey, ArmedTimer>();
  /** By CPU: the timer that expires now. */
  readonly #expiring: (ArmedTimer | undefined)[] = [];
  /** The work item of a timer, once it was queued by it. */
  readonly #workOf = new Map<TimerKey, WorkKey>();
  readonly #functions = new TextCodes(DELAY_TIMERS);

  armed(event: EventCursor): void {
    if (this.#functions.of(event, ARMED.function) === 0) return;
    const timer = event.key(ARMED.timer);
    // Armed again: the delay counts anew.
    this.#armed.delete(timer);
    this.#armed.set(timer, { timer, ns: event.tsNs, event: event.eventId, cpu: event.cpu });
    if (this.#armed.size > KEPT) this.#armed.delete(this.#armed.keys().next().value as TimerKey);
  }

  cancelled(event: EventCursor): void {
    if (this.#armed.size > 0) this.#armed.delete(event.key(CANCEL.timer));
  }

  expires(event: EventCursor): void {
    if (this.#functions.of(event, EXPIRE.function) === 0) return;
    const timer = event.key(EXPIRE.timer);
    this.#expiring[event.cpu] = this.#armed.get(timer);
    this.#armed.delete(timer);
  }

  expired(event: EventCursor): void {
    this.#expiring[event.cpu] = undefined;
  }

  /** When the delayed work that is queued on this CPU now began to wait, null when no timer of that kind expires there. */
  armedNs(cpu: number): number | null {
    return this.#expiring[cpu]?.ns ?? null;
  }

  /** The timer that expires on the CPU queues this work item: the two belong together for good. */
  queues(cpu: number, work: WorkKey): void {
    const expiring = this.#expiring[cpu];
    if (!expiring) return;
    this.#workOf.set(expiring.timer, work);
    if (this.#workOf.size > KEPT) this.#workOf.delete(this.#workOf.keys().next().value as TimerKey);
  }

  /** The timer that the work item waits for (W11). */
  pendingOf(work: WorkKey): ArmedTimer | undefined {
    for (const armed of this.#armed.values()) if (this.#workOf.get(armed.timer) === work) return armed;
    return undefined;
  }
}
