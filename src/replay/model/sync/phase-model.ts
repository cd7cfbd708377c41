/** Phases of every wait as facts (MODEL 2.4), taken when the wait is over: the grace periods that it waited for are known then. */
import type { Model, World } from '../../core/world.ts';
import type { RcuModel } from '../rcu/rcu.ts';
import type { SrcuGpModel } from '../srcu/grace-period.ts';
import { phasesOfWait } from './phases.ts';
import type { SyncWait, SyncWaitModel } from './sync-wait.ts';

export class WaitPhaseModel implements Model {
  readonly #world: World;
  readonly #rcu: RcuModel;
  readonly #srcu: SrcuGpModel;

  constructor(world: World, rcu: RcuModel, sync: SyncWaitModel, srcu: SrcuGpModel) {
    this.#world = world;
    this.#rcu = rcu;
    this.#srcu = srcu;
    sync.settledListeners.push((wait) => this.#settled(wait));
  }

  subscribe(): undefined {
    return undefined;
  }

  #settled(wait: SyncWait): void {
    const forRcu = wait.resource === 'rcu' || wait.resource === 'rcu-expedited';
    if (forRcu && !wait.nested && wait.insideSrcuRun)
      this.#srcu.waitedForRcu(wait.tid, wait.resource === 'rcu-expedited');
    const { api, domain, tid, startNs } = wait;
    const endNs = wait.endNs ?? this.#world.nowNs;
    for (const { phase, fromNs, toNs } of phasesOfWait(
      wait,
      this.#rcu.overlapping(startNs),
      this.#srcu.periods,
      endNs,
    )) {
      this.#world.facts.syncWaitPhase({ api, domain, tid, waitNs: startNs, phase, startNs: fromNs, endNs: toNs });
    }
  }
}
