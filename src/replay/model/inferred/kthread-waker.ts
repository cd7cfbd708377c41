/**
 * Who woke the grace-period kthread, out of no interrupt: callers that ask for a grace period, and readers whose unlock was the last that a
 * grace period waited for (rcu_read_unlock() → rcu_report_qs_rnp() → rcu_gp_kthread_wake()). Where rcu:* events are missing that is the
 * only trace that a reader leaves.
 */
import { CTX_KNOWN, type EventCursor, type EventType, fieldsOf, knownName } from '../../../../schema/index.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { GP_KTHREAD } from '../../knowledge/kthread-names.ts';
import type { CpuModel } from '../cpu/cpu.ts';
import { OCC_HARDIRQ } from '../cpu/cpu-state.ts';
import { NameTest } from '../task/name-test.ts';

const WAKING = fieldsOf('sched_waking');

export interface KthreadWake {
  readonly tid: number;
  readonly ns: number;
  readonly event: number;
}

const KEPT = 1 << 15;

export class KthreadWakerModel implements Model {
  readonly #cpus: CpuModel;
  /** By time. */
  readonly wakes: KthreadWake[] = [];
  readonly #names: NameTest;

  constructor({ dictionary }: World, cpus: CpuModel) {
    this.#names = new NameTest(dictionary, GP_KTHREAD);
    this.#cpus = cpus;
  }

  subscribe(type: EventType): EventHandler | undefined {
    return knownName(type) === 'sched_waking' ? (event) => this.#waking(event) : undefined;
  }

  #waking(event: EventCursor): void {
    if (!this.#names.matches(event.str(WAKING.comm)) || event.tid <= 0) return;
    // Only where the context is known, by flags or by the events of interrupts, is its absence one.
    const { sources } = this.#cpus;
    const told = (event.flags & CTX_KNOWN) !== 0 || sources.shows(OCC_HARDIRQ);
    if (!told || this.#cpus.contextOf(event) !== 'task') return;
    if (this.wakes.length >= 2 * KEPT) this.wakes.splice(0, KEPT);
    this.wakes.push({ tid: event.tid, ns: event.tsNs, event: event.eventId });
  }
}
