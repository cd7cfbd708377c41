/** CPUs that stacks show waiting for another one to answer: samples, and stacks of ticks, of one stretch without a context switch. */
import { type EventCursor, type EventType, knownName } from '../../../../schema/index.ts';
import type { EventHandler, World } from '../../core/world.ts';
import { TICK_EVENTS } from '../../knowledge/interrupt-events.ts';
import { spinBelowInterrupts } from '../../knowledge/stack/busy-wait-frames.ts';
import { LONG_STRETCH_NS } from '../../knowledge/thresholds.ts';

/** Stacks of one CPU since its last context switch. */
interface Stretch {
  stacks: number;
  spins: number;
  fn: string;
  firstNs: number;
  firstEvent: number;
  lastNs: number;
}

/** A stretch of a CPU of whose stacks most show a spin. */
export interface SeenSpin {
  readonly cpu: number;
  readonly fn: string;
  readonly event: number;
  readonly startNs: number;
  readonly endNs: number;
}

/** Of the stacks of a stretch. */
const MOST = 0.5;

export class SpinStacks {
  readonly #world: World;
  readonly #stretches: Stretch[] = [];
  /** Per stack: the function in which it spins, '' for another. */
  readonly #spins: (string | undefined)[] = [];
  /** Per CPU: its last event was a tick, whose stack may follow. */
  readonly #ticked: boolean[] = [];
  readonly seen: SeenSpin[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (type.shape === 'sample') return (event) => this.#stack(event);
    const name = knownName(type);
    if (name === 'sched_switch') return ({ cpu }) => this.#over(cpu);
    if (name === 'kernel_stack')
      return (event) => {
        if (this.#ticked[event.cpu]) this.#stack(event);
        this.#ticked[event.cpu] = false;
      };
    if (name === undefined || !TICK_EVENTS.includes(name)) return undefined;
    return (event) => {
      this.#ticked[event.cpu] = true;
      this.#stack(event);
    };
  }

  #stack({ cpu, stack, tsNs, eventId }: EventCursor): void {
    if (!stack) return;
    this.#stretches[cpu] ??= { stacks: 0, spins: 0, fn: '', firstNs: 0, firstEvent: 0, lastNs: 0 };
    const stretch = this.#stretches[cpu];
    stretch.stacks++;
    this.#spins[stack] ??= spinBelowInterrupts(this.#world.dictionary.stackSymbols(stack)) ?? '';
    const fn = this.#spins[stack];
    if (fn === '') return;
    if (stretch.spins++ === 0) {
      stretch.firstNs = tsNs;
      stretch.firstEvent = eventId;
      stretch.fn = fn;
    }
    stretch.lastNs = tsNs;
  }

  #over(cpu: number): void {
    this.#ticked[cpu] = false;
    const stretch = this.#stretches[cpu];
    if (stretch === undefined || stretch.stacks === 0) return;
    const { spins, stacks, fn, firstNs, firstEvent, lastNs } = stretch;
    if (spins >= MOST * stacks && lastNs - firstNs >= LONG_STRETCH_NS)
      this.seen.push({ cpu, fn, event: firstEvent, startNs: firstNs, endNs: lastNs });
    stretch.stacks = 0;
    stretch.spins = 0;
  }

  finish(): void {
    for (const cpu of this.#stretches.keys()) this.#over(cpu);
  }
}
