/**
 * RCU callbacks from call_rcu() to their invocation (R2.25): rcu_callback when queued, rcu_invoke_callback just before they run. A
 * callback is known by the address of its rcu_head, which is free for another one as soon as it is invoked. Only measures.
 */
import { type EventCursor, type EventType, fieldsOf, knownName } from '../../../../schema/index.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';

const CALLBACK = fieldsOf('rcu_callback');
const QUEUE = fieldsOf('rcu_callback', 'rcu_kvfree_callback');
const INVOKE = fieldsOf('rcu_invoke_callback', 'rcu_invoke_kvfree_callback');

interface Queued {
  readonly flavor: string;
  readonly fn: string;
  readonly queuedNs: number;
}

/** Callbacks that wait at the same time; the oldest are forgotten beyond this. A capture that misses invocations leaks them. */
const MOST_WAITING = 1 << 18;

export class CallbackModel implements Model {
  readonly #world: World;
  readonly #waiting = new Map<number | bigint, Queued>();

  constructor(world: World) {
    this.#world = world;
  }

  subscribe(type: EventType): EventHandler | undefined {
    switch (knownName(type)) {
      case 'rcu_callback':
        return (event) => this.#queue(event, event.text(CALLBACK.func));
      case 'rcu_kvfree_callback':
        return (event) => this.#queue(event, 'kvfree_rcu');
      case 'rcu_invoke_callback':
      case 'rcu_invoke_kvfree_callback':
        return (event) => this.#invoke(event);
      default:
        return undefined;
    }
  }

  #queue(event: EventCursor, fn: string): void {
    const head = event.key(QUEUE.rhp);
    this.#waiting.delete(head);
    this.#waiting.set(head, { flavor: event.text(QUEUE.rcuname), fn, queuedNs: event.tsNs });
    if (this.#waiting.size > MOST_WAITING) this.#waiting.delete(this.#waiting.keys().next().value as number);
  }

  #invoke(event: EventCursor): void {
    const head = event.key(INVOKE.rhp);
    const queued = this.#waiting.get(head);
    if (queued === undefined) return;
    this.#waiting.delete(head);
    this.#world.facts.sample('call-rcu', queued.fn, event.tsNs - queued.queuedNs);
    this.#fact(queued, event.tsNs, event.cpu);
  }

  #fact({ flavor, fn, queuedNs }: Queued, invokedNs: number | null, cpu: number | null): void {
    this.#world.facts.callback({ flavor, function: fn, queuedNs, invokedNs, cpu });
  }

  finish(): void {
    for (const queued of this.#waiting.values()) {
      this.#world.facts.openSample('call-rcu', queued.fn);
      this.#fact(queued, null, null);
    }
  }
}
