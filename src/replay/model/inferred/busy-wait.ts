/**
 * CPUs that spin until other CPUs have taken their call-function interrupt (kernel/smp.c: TLB flushes, text patching, membarrier …). They run
 * one task without a context switch, like the CPU that they wait for, and are its victims. The kernel's dumps and CSD-lock reports show the
 * spin; whom it is for follows from who else passed no quiescent state and took no such interrupt.
 */
import type { EventType } from '../../../../schema/index.ts';
import type { EventHandler, Model } from '../../core/world.ts';
import { spinOf } from '../../knowledge/stack/busy-wait-frames.ts';
import type { LogDump, LogModel } from '../log/log.ts';
import type { NoQsInterval, NoQsIntervalModel } from '../task/no-qs-interval.ts';

export interface BusyWait {
  readonly cpu: number;
  /** `comm:tid` that spins. */
  readonly task: string;
  /** In which function. */
  readonly fn: string;
  /** The stretch without a context switch within which it spins. */
  readonly startNs: number;
  readonly endNs: number;
  /** Whose answer is missing: the stretch of that CPU; undefined when several can be meant or none shows. */
  readonly target: NoQsInterval | undefined;
  /** Where the log shows the spin. */
  readonly dump: LogDump;
  /** The console event of that, 0 for a line of a log. */
  readonly event: number;
}

/** A report prints its dumps after its title, slowly on a serial console. */
const PRINTED_WITHIN_NS = 3e9;
/** Call-function interrupts kept per CPU. */
const KEPT = 1 << 14;

export class BusyWaitModel implements Model {
  readonly #quiet: NoQsIntervalModel;
  readonly #log: LogModel;
  /** By CPU: times of call-function interrupts taken. */
  readonly #answered: number[][] = [];
  waits: readonly BusyWait[] = [];
  readonly #spinning = new Set<NoQsInterval>();

  constructor(quiet: NoQsIntervalModel, log: LogModel) {
    this.#quiet = quiet;
    this.#log = log;
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (type.shape !== 'tracepoint' || !/^call_function(_single)?_entry$/.test(type.name)) return undefined;
    return (event) => {
      this.#answered[event.cpu] ??= [];
      const times = this.#answered[event.cpu];
      if (times.length >= 2 * KEPT) times.splice(0, KEPT);
      times.push(event.tsNs);
    };
  }

  finish(): void {
    const spins: { readonly stretch: NoQsInterval; readonly fn: string; readonly dump: LogDump }[] = [];
    for (const dump of this.#log.dumps) {
      const fn = spinOf(dump.trace);
      if (fn === undefined) continue;
      const stretch = this.#quiet.stretches.find(
        (candidate) =>
          candidate.cpu === dump.trace.cpu &&
          candidate.fromNs <= dump.tsNs + PRINTED_WITHIN_NS &&
          candidate.toNs >= dump.tsNs &&
          (!dump.trace.task || candidate.task.endsWith(`:${dump.trace.task.tid}`)),
      );
      if (stretch && !spins.some((spin) => spin.stretch === stretch)) spins.push({ stretch, fn, dump });
    }
    for (const { stretch } of spins) this.#spinning.add(stretch);
    this.waits = spins.map(({ stretch, fn, dump }) => ({
      cpu: stretch.cpu,
      task: stretch.task,
      fn,
      startNs: stretch.fromNs,
      endNs: stretch.toNs,
      target: this.#target(stretch, dump),
      dump,
      event: dump.line > 0 ? 0 : (this.#log.consoleEvents.get(dump.tsNs) ?? 0),
    }));
  }

  /** In this stretch the CPU spins until another one answers. Known when the capture is over. */
  spins(stretch: NoQsInterval): boolean {
    return this.#spinning.has(stretch);
  }

  /** The CPU that answers nobody while the dump is printed; CPUs that spin themselves are not meant. */
  #target(waiter: NoQsInterval, dump: LogDump): NoQsInterval | undefined {
    const candidates = this.#quiet.stretches.filter(
      (other) =>
        other.cpu !== waiter.cpu &&
        !this.spins(other) &&
        other.fromNs <= dump.tsNs &&
        other.toNs >= dump.tsNs &&
        !this.#answers(other.cpu, Math.max(other.fromNs, waiter.fromNs), dump.tsNs),
    );
    return candidates.length === 1 ? candidates[0] : undefined;
  }

  #answers(cpu: number, fromNs: number, toNs: number): boolean {
    return (this.#answered[cpu] ?? []).some((ns) => ns > fromNs && ns < toNs);
  }
}
