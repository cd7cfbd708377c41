/** Phases of every wait as facts (MODEL 2.4), taken when the wait is over: the grace periods that it waited for are known then. */
import { phasesOfRcuWait } from '../wait-phases.ts';
import type { Model, World } from '../world.ts';
import type { RcuModel } from './rcu.ts';
import type { SyncWait, SyncWaitModel } from './sync-wait.ts';

export class WaitPhaseModel implements Model {
  readonly #world: World;
  readonly #rcu: RcuModel;

  constructor(world: World, rcu: RcuModel, sync: SyncWaitModel) {
    this.#world = world;
    this.#rcu = rcu;
    sync.onSettled = (wait) => this.#settled(wait);
  }

  subscribe(): undefined {
    return undefined;
  }

  #settled(wait: SyncWait): void {
    if (wait.resource !== 'rcu' && wait.resource !== 'rcu-expedited') return;
    const { api, domain, tid, startNs } = wait;
    for (const { phase, fromNs, toNs } of phasesOfRcuWait(
      wait,
      this.#rcu.overlapping(startNs),
      wait.endNs ?? this.#world.nowNs,
    )) {
      this.#world.facts.syncWaitPhase({ api, domain, tid, waitNs: startNs, phase, startNs: fromNs, endNs: toNs });
    }
  }
}
