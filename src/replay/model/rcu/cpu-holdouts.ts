/** CPUs whose quiescent state a grace period waits for: when they pass one, and which tasks run on them until then (R2.5, R2.6, W4). */
import { type EventCursor, fieldsOf } from '../../../../schema/index.ts';
import type { World } from '../../core/world.ts';
import type { ExpeditedGracePeriods } from './expedited.ts';
import type { RcuFlavor } from './flavor.ts';
import type { Holdout } from './grace-period.ts';
import type { HoldoutAccounting } from './holdout/accounting.ts';

const SWITCH = fieldsOf('sched_switch');

export class CpuHoldouts {
  readonly #world: World;
  readonly #flavors: ReadonlyMap<string, RcuFlavor>;
  readonly #accounting: HoldoutAccounting;
  readonly #expedited: ExpeditedGracePeriods;

  constructor(
    world: World,
    flavors: ReadonlyMap<string, RcuFlavor>,
    accounting: HoldoutAccounting,
    expedited: ExpeditedGracePeriods,
  ) {
    this.#world = world;
    this.#flavors = flavors;
    this.#accounting = accounting;
    this.#expedited = expedited;
  }

  /** The CPU is idle, or in user mode of a nohz_full CPU: the kthread will find its quiescent state (R2.5 b). */
  quiescent(cpu: number, nowNs: number, event: number): void {
    for (const flavor of this.#flavors.values()) {
      const holdout = flavor.pending.get(cpu);
      if (holdout && holdout.passedNs === null) this.#accounting.pass(holdout, 'eqs', nowNs, event);
      this.#expedited.passed(flavor, cpu, nowNs, event);
    }
  }

  /**
   * The kthread compares the CPU's state at its first scan and later (rcu_watching_snap_save, rcu_watching_snap_recheck): who was idle before and no
   * longer is has a quiescent state pending again. Where events were lost the scan may be among them.
   */
  watching(cpu: number): void {
    for (const { gp, pending } of this.#flavors.values()) {
      const holdout = pending.get(cpu);
      if (holdout?.passedBy !== 'eqs' || gp?.scannedNs !== undefined) continue;
      if (gp?.gapsAtStart === this.#world.lostMarkers) this.#accounting.reopen(holdout);
    }
  }

  switched(event: EventCursor): void {
    const tid = event.int(SWITCH.prev_pid);
    if (tid > 0) {
      for (const flavor of this.#flavors.values()) {
        const leaves = (holdout: Holdout): void =>
          this.#accounting.switchedOut(
            holdout,
            tid,
            event.str(SWITCH.prev_comm),
            event.int(SWITCH.prev_prio, 120),
            event.tsNs,
          );
        const holdout = flavor.pending.get(event.cpu);
        if (holdout) leaves(holdout);
        const expedited = flavor.expeditedPending.get(event.cpu);
        if (expedited) {
          leaves(expedited);
          this.#expedited.passed(flavor, event.cpu, event.tsNs, event.eventId);
        }
        if (flavor.blocking.size === 0) continue;
        for (const readers of flavor.blocking.values())
          for (const reader of readers) if (reader.cpu === event.cpu) leaves(reader);
      }
    }
    this.#accounting.switched(event.cpu, event.tsNs);
  }
}
