/**
 * The lowest kernel release that the content of a recording allows, for text captures that do not name theirs. From 7.0 on an irq_work starts
 * SRCU grace periods (kernel/rcu/srcutree.c: srcu_irq_work, S3.12): by name in an IPI or a probe, or because process_srcu is queued inside the
 * irq_work interrupt. Fields and names that appeared within 6.x or in release candidates are no proof.
 */
import { type EventCursor, type EventType, fieldsOf } from '../../../schema/index.ts';
import type { EventHandler, Model, World } from '../core/world.ts';

const HOP = /^srcu_irq_work\b/;
const SRCU_FROM_IRQ_WORK = '7.0';

const queued = fieldsOf('workqueue_queue_work');
const sent = fieldsOf('ipi_send_cpu');

export class KernelAgeModel implements Model {
  readonly #world: World;
  /** By CPU: inside the irq_work interrupt. */
  readonly #inIrqWork: boolean[] = [];
  /** By string: whether it names srcu_irq_work. */
  readonly #hop: (boolean | undefined)[] = [];
  readonly #processSrcu: (boolean | undefined)[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (HOP.test(type.name)) return () => this.#proved();
    if (type.shape !== 'tracepoint') return undefined;
    switch (type.name) {
      case 'irq_work_entry':
      case 'irq_work_exit': {
        const enters = type.name === 'irq_work_entry';
        return (event) => {
          this.#inIrqWork[event.cpu] = enters;
        };
      }
      case 'ipi_send_cpu':
        return (event) => {
          const callback = event.str(sent.callback);
          this.#hop[callback] ??= HOP.test(event.text(sent.callback));
          if (this.#hop[callback]) this.#proved();
        };
      case 'workqueue_queue_work':
        return (event) => this.#queued(event);
      default:
        return undefined;
    }
  }

  #queued(event: EventCursor): void {
    if (!this.#inIrqWork[event.cpu]) return;
    const fn = event.str(queued.function);
    this.#processSrcu[fn] ??= event.text(queued.function) === 'process_srcu';
    if (this.#processSrcu[fn]) this.#proved();
  }

  #proved(): void {
    if (this.#world.profile.atLeast === undefined) this.#world.learn('atLeast', SRCU_FROM_IRQ_WORK);
  }
}
