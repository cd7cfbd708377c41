/** kthread_stop(): the caller sleeps until the kthread has left its function (W24). The kernel's own events name both. */
import { type EventCursor, type EventType, fieldsOf, knownName } from '../../../../schema/index.ts';
import type { EventHandler, Model } from '../../core/world.ts';

const STOP = fieldsOf('sched_kthread_stop');

export interface KthreadStop {
  readonly tid: number;
  readonly targetTid: number;
  readonly startNs: number;
  readonly startEvent: number;
  endNs: number | null;
}

/** Calls that are remembered. */
const KEPT = 1024;

export class KthreadStopModel implements Model {
  readonly stops: KthreadStop[] = [];
  readonly #open = new Map<number, KthreadStop>();

  subscribe(type: EventType): EventHandler | undefined {
    const name = knownName(type);
    if (name === 'sched_kthread_stop') return (event) => this.#stop(event);
    if (name !== 'sched_kthread_stop_ret') return undefined;
    return (event) => {
      const stop = this.#open.get(event.tid);
      if (stop) stop.endNs = event.tsNs;
      this.#open.delete(event.tid);
    };
  }

  #stop(event: EventCursor): void {
    const targetTid = event.int(STOP.pid);
    if (targetTid <= 0 || event.tid <= 0) return;
    const stop = { tid: event.tid, targetTid, startNs: event.tsNs, startEvent: event.eventId, endNs: null };
    this.#open.set(event.tid, stop);
    this.stops.push(stop);
    if (this.stops.length > KEPT * 2) this.stops.splice(0, KEPT);
  }
}
