/**
 * Timers of delayed work: queue_delayed_work() with a delay emits no workqueue event before its timer fires (E1.8, T37). The timer that
 * expires on a CPU when work is queued there tells since when the work was waiting (W11, W12).
 */
import type { EventCursor } from '../../../schema/index.ts';
import { TextCodes } from './text-codes.ts';

/** Armed timers that are remembered; the oldest is forgotten first. */
const KEPT = 4096;

/** delayed_work_timer_fn: any delayed work · srcu_delay_timer: callbacks of a srcu_struct (S3.16). */
const DELAY_TIMERS = { delayed_work_timer_fn: 1, srcu_delay_timer: 1 } as const;

export class DelayedWorkTimers {
  readonly #armedNs = new Map<number | bigint, number>();
  /** By CPU: when the timer that expires now was armed. */
  readonly #expiring: (number | undefined)[] = [];
  readonly #functions = new TextCodes(DELAY_TIMERS);

  armed(event: EventCursor): void {
    if (this.#functions.of(event, 1) === 0) return;
    const timer = event.key(0);
    // Armed again: the delay counts anew.
    this.#armedNs.delete(timer);
    this.#armedNs.set(timer, event.tsNs);
    if (this.#armedNs.size > KEPT) this.#armedNs.delete(this.#armedNs.keys().next().value as number | bigint);
  }

  cancelled(event: EventCursor): void {
    if (this.#armedNs.size > 0) this.#armedNs.delete(event.key(0));
  }

  expires(event: EventCursor): void {
    if (this.#functions.of(event, 2) === 0) return;
    const timer = event.key(0);
    this.#expiring[event.cpu] = this.#armedNs.get(timer);
    this.#armedNs.delete(timer);
  }

  expired(event: EventCursor): void {
    this.#expiring[event.cpu] = undefined;
  }

  /** When the delayed work that is queued on this CPU now began to wait, null when no timer of that kind expires there. */
  armedNs(cpu: number): number | null {
    return this.#expiring[cpu] ?? null;
  }
}
