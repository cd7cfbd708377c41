/**
 * CPUs that spin until other CPUs have taken their call-function interrupt (kernel/smp.c: TLB flushes, text patching, membarrier …). They run
 * one task without a context switch, like the CPU that they wait for, and are its victims. The spin is known from the kernel's dumps and CSD-lock
 * reports, from samples, or from a request after which the CPU records nothing but interrupts. Whom it is for is what those say, or the one CPU
 * that passed no quiescent state and took no such interrupt.
 */
import type { EventType } from '../../../../schema/index.ts';
import { overlapNs } from '../../core/interval.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { spinOf } from '../../knowledge/stack/busy-wait-frames.ts';
import type { CpuModel } from '../cpu/cpu.ts';
import type { LogModel } from '../log/log.ts';
import type { NoQsInterval, NoQsIntervalModel } from '../task/no-qs-interval.ts';
import { CallRequests } from './call-requests.ts';
import { SpinStacks } from './spin-stacks.ts';

export interface BusyWait {
  readonly cpu: number;
  /** `comm:tid` that spins. */
  readonly task: string;
  /** In which function, or for which call. */
  readonly fn: string;
  /** Within the stretch without a context switch. */
  readonly startNs: number;
  readonly endNs: number;
  /** Whose answer is missing; undefined when several can be meant or none shows. */
  readonly targetCpu: number | undefined;
  /** What that CPU did; undefined where it passed quiescent states. */
  readonly target: NoQsInterval | undefined;
  /** What shows the spin, 0 for a line of a log, and in words. */
  readonly event: number;
  readonly shown: string;
}

/** A spin as one source shows it. */
interface Spin {
  readonly cpu: number;
  readonly fn: string;
  readonly event: number;
  readonly shown: string;
  /** When it is seen. */
  readonly atNs: number;
  /** As far as the source tells. */
  readonly startNs?: number;
  readonly endNs?: number | undefined;
  readonly target?: number | undefined;
  readonly tid?: number | undefined;
}

/** A report prints its dumps after its title, slowly on a serial console. */
const PRINTED_WITHIN_NS = 3e9;

const STOPPER = /^migration\/\d+:/;

/** The spin must cover this share of a stretch for the stretch to be one. */
const MOST = 0.5;

export class BusyWaitModel implements Model {
  readonly #quiet: NoQsIntervalModel;
  readonly #log: LogModel;
  readonly #requests: CallRequests;
  readonly #stacks: SpinStacks;
  waits: readonly BusyWait[] = [];
  readonly #spinning = new Set<NoQsInterval>();

  constructor(world: World, cpus: CpuModel, quiet: NoQsIntervalModel, log: LogModel) {
    this.#quiet = quiet;
    this.#log = log;
    this.#requests = new CallRequests(cpus);
    this.#stacks = new SpinStacks(world);
  }

  subscribe(type: EventType): EventHandler | undefined {
    const handlers = [this.#requests.subscribe(type), this.#stacks.subscribe(type)].filter(
      (handler) => handler !== undefined,
    );
    if (handlers.length < 2) return handlers[0];
    return (event) => {
      for (const handler of handlers) handler(event);
    };
  }

  finish(endNs: number): void {
    this.#requests.finish(endNs);
    this.#stacks.finish();
    const spins: { readonly stretch: NoQsInterval; readonly spin: Spin }[] = [];
    // The kernel's own words first, then what events show.
    for (const spin of [
      ...this.#reported(),
      ...this.#dumped(),
      ...this.#asked(),
      ...this.#sampled(),
      ...this.#stopped(),
    ]) {
      const stretch = this.#stretchOf(spin);
      if (stretch && !spins.some((other) => other.stretch === stretch)) spins.push({ stretch, spin });
    }
    for (const { stretch, spin } of spins) {
      const knownNs = overlapNs(
        stretch.fromNs,
        stretch.toNs,
        spin.startNs ?? stretch.fromNs,
        spin.endNs ?? stretch.toNs,
      );
      if (knownNs >= MOST * (stretch.toNs - stretch.fromNs)) this.#spinning.add(stretch);
    }
    this.waits = spins.map(({ stretch, spin }) => this.#wait(stretch, spin));
  }

  /** In this stretch the CPU spins until another one answers. Known when the capture is over. */
  spins(stretch: NoQsInterval): boolean {
    return this.#spinning.has(stretch);
  }

  #wait(stretch: NoQsInterval, spin: Spin): BusyWait {
    const { cpu, fn, event, shown, atNs } = spin;
    const target = this.#target(stretch, spin);
    return {
      cpu,
      task: stretch.task,
      fn,
      startNs: Math.max(stretch.fromNs, spin.startNs ?? stretch.fromNs),
      endNs: Math.min(stretch.toNs, Math.max(spin.endNs ?? stretch.toNs, atNs)),
      targetCpu: spin.target ?? target?.cpu,
      target,
      event,
      shown,
    };
  }

  #reported(): Spin[] {
    return this.#log.csdWaits.all.map(({ cpu, target, fn, sinceNs, endNs, places: [first] }) => ({
      cpu,
      fn: fn ?? 'csd_lock_wait',
      event: this.#eventOf(first.line, first.tsNs),
      shown: `the kernel reports that CPU ${target ?? '?'} does not answer CPU ${cpu}`,
      atNs: first.tsNs,
      startNs: sinceNs,
      endNs,
      target,
    }));
  }

  #dumped(): Spin[] {
    return this.#log.dumps.flatMap(({ trace, line, tsNs }) => {
      const fn = spinOf(trace);
      if (fn === undefined || trace.cpu === undefined) return [];
      const shown = `a dump shows CPU ${trace.cpu} in ${fn}`;
      return [{ cpu: trace.cpu, fn, event: this.#eventOf(line, tsNs), shown, atNs: tsNs, tid: trace.task?.tid }];
    });
  }

  #asked(): Spin[] {
    return this.#requests.late.map(({ cpu, target, fn, event, startNs, endNs }) => {
      const shown = `CPU ${cpu} asks CPU ${target} for a function call and records nothing but interrupts until the answer`;
      return { cpu, fn, event, shown, atNs: startNs, startNs, endNs, target };
    });
  }

  #sampled(): Spin[] {
    return this.#stacks.seen.map(({ cpu, fn, event, startNs, endNs }) => ({
      cpu,
      fn,
      event,
      shown: `stacks show CPU ${cpu} in ${fn}`,
      atNs: endNs,
      startNs,
      endNs,
    }));
  }

  /** Stoppers run for microseconds, unless they wait for each other in stop_machine() (kernel/stop_machine.c multi_cpu_stop). */
  #stopped(): Spin[] {
    return this.#quiet.stretches
      .filter(({ task }) => STOPPER.test(task))
      .map(({ cpu, task, fromNs, fromEvent, toNs }) => ({
        cpu,
        fn: 'multi_cpu_stop',
        event: fromEvent,
        shown: `${task} has CPU ${cpu} and waits for the other stoppers`,
        atNs: (fromNs + toNs) / 2,
      }));
  }

  #eventOf(line: number, tsNs: number): number {
    return line > 0 ? 0 : (this.#log.consoleEvents.get(tsNs) ?? 0);
  }

  /** A dump may be printed after the spin; what an event or a report shows lies inside. */
  #stretchOf({ cpu, atNs, tid, startNs }: Spin): NoQsInterval | undefined {
    return this.#quiet.stretches.find(
      (candidate) =>
        candidate.cpu === cpu &&
        candidate.fromNs <= atNs + (startNs === undefined ? PRINTED_WITHIN_NS : 0) &&
        candidate.toNs >= atNs &&
        (tid === undefined || candidate.task.endsWith(`:${tid}`)),
    );
  }

  /** The CPU that answers nobody when the spin is seen; CPUs that spin themselves are not meant. */
  #target(waiter: NoQsInterval, { target, atNs, startNs }: Spin): NoQsInterval | undefined {
    const there = this.#quiet.stretches.filter(
      (other) => other.cpu !== waiter.cpu && other.fromNs <= atNs && other.toNs >= atNs,
    );
    if (target !== undefined)
      return there.find((other) => other.cpu === target) ?? this.#later(target, startNs ?? atNs);
    const candidates = there.filter(
      (other) => !this.spins(other) && !this.#requests.answered(other.cpu, Math.max(other.fromNs, waiter.fromNs), atNs),
    );
    return candidates.length === 1 ? candidates[0] : undefined;
  }

  /** The target's stretch may begin after the request. */
  #later(cpu: number, fromNs: number): NoQsInterval | undefined {
    return this.#quiet.stretches.find((other) => other.cpu === cpu && other.toNs > fromNs);
  }
}
