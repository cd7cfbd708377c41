/**
 * rcu_barrier() by its events (R2.24; kernel/rcu/tree.c): it queues a callback on every CPU that has any, and returns when all of them were
 * invoked. Which CPUs, and whose callback comes last, is what its events tell.
 *
 *     rcu_barrier: rcu_preempt Begin cpu -1 remaining 0 # 4
 *     rcu_barrier: rcu_preempt OnlineQ cpu 1 remaining 3 # 5
 *     rcu_barrier: rcu_preempt LastCB cpu -1 remaining 0 # 5
 */
import { type EventCursor, type EventType, fieldsOf, knownName } from '../../../../schema/index.ts';
import type { EventHandler, Model } from '../../core/world.ts';

const BARRIER = fieldsOf('rcu_barrier');

export interface BarrierRound {
  readonly tid: number;
  readonly startNs: number;
  readonly startEvent: number;
  /** It holds barrier_mutex and counts itself (Inc1): until then it waited for another barrier. */
  enteredNs: number | null;
  /** CPUs with a callback of it, and when that was queued. */
  readonly queued: Map<number, number>;
  /** The same, when it was invoked; callbacks of offloaded CPUs run anywhere. */
  readonly invoked: { readonly cpu: number; readonly ns: number; readonly event: number }[];
  /** null: to the end of the capture. `EarlyExit`: another barrier did it. */
  endNs: number | null;
  endEvent: number;
}

const KEPT = 4096;

export class RcuBarrierModel implements Model {
  /** By start. */
  readonly rounds: BarrierRound[] = [];
  /** By the task that calls: one after another holds the mutex, the others wait for it. */
  readonly #open = new Map<number, BarrierRound>();
  #current: BarrierRound | undefined;

  subscribe(type: EventType): EventHandler | undefined {
    return knownName(type) === 'rcu_barrier' ? (event) => this.#event(event) : undefined;
  }

  #event(event: EventCursor): void {
    const { tsNs, tid, eventId } = event;
    const current = this.#current;
    switch (event.text(BARRIER.s)) {
      case 'Begin':
        this.#begin(tid, tsNs, eventId);
        break;
      case 'Inc1': {
        const round = this.#open.get(tid) ?? this.#begin(tid, tsNs, eventId);
        round.enteredNs = tsNs;
        this.#current = round;
        break;
      }
      case 'OnlineQ':
      case 'OfflineNoCBQ':
        current?.queued.set(event.int(BARRIER.cpu), tsNs);
        break;
      case 'IRQ':
        current?.queued.set(event.cpu, tsNs);
        break;
      case 'CB':
      case 'LastCB':
        current?.invoked.push({ cpu: event.cpu, ns: tsNs, event: eventId });
        break;
      case 'Inc2':
      case 'EarlyExit':
        this.#end(tid, tsNs, eventId);
        break;
      default:
    }
  }

  #begin(tid: number, tsNs: number, event: number): BarrierRound {
    const round: BarrierRound = {
      tid,
      startNs: tsNs,
      startEvent: event,
      enteredNs: null,
      queued: new Map(),
      invoked: [],
      endNs: null,
      endEvent: 0,
    };
    this.#open.set(tid, round);
    this.rounds.push(round);
    if (this.rounds.length > KEPT) this.rounds.shift();
    return round;
  }

  #end(tid: number, tsNs: number, event: number): void {
    const round = this.#open.get(tid);
    if (!round) return;
    this.#open.delete(tid);
    if (this.#current === round) this.#current = undefined;
    round.endNs = tsNs;
    round.endEvent = event;
  }
}
