/** What is known of one RCU flavour at an instant. */
import { type EventCursor, fieldsOf } from '../../../../schema/index.ts';
import type { World } from '../../core/world.ts';
import type { GracePeriod, Holdout } from './grace-period.ts';
import { RcuNodeTree } from './node-tree.ts';

/** Every event that names its flavour names it first. */
const FLAVOR = fieldsOf(
  'rcu_grace_period',
  'rcu_grace_period_init',
  'rcu_quiescent_state_report',
  'rcu_preempt_task',
  'rcu_unlock_preempted_task',
  'rcu_exp_grace_period',
  'rcu_stall_warning',
);

/** A preempted reader on the list of its leaf (R2.8, R2.9). */
export interface BlockedReader {
  readonly tid: number;
  /** CPU of its leaf. */
  readonly cpu: number;
  /** rcu_preempt_task, 0 when that was before the capture. */
  readonly event: number;
}

export interface RcuFlavor {
  readonly name: string;
  gp: GracePeriod | undefined;
  expedited: GracePeriod | undefined;
  requestNs: number | null;
  /** Sequence number of the last grace period that began. */
  lastSeq?: number;
  readonly readers: Map<number, BlockedReader>;
  /** CPUs whose quiescent state `gp` waits for. */
  readonly pending: Map<number, Holdout>;
  /** The same of `expedited`, as far as it shows (W26). */
  readonly expeditedPending: Map<number, Holdout>;
  /** First caller of the next expedited grace period. */
  expeditedRequestNs: number | null;
  /** Reports of a grace period whose masks have not come yet: clocks of CPUs differ by a little (E0.5, E0.7). */
  early?: EarlyReport[];
  /** Readers that block `gp` or `expedited`, not yet gone. */
  readonly blocking: Map<number, Holdout[]>;
  readonly nodes: RcuNodeTree;
  /** The last tick kept of CPUs without a quiescent state pending, and of those with one. */
  readonly lastTick: ({ readonly gp: GracePeriod; readonly cpu: number; readonly ns: number } | undefined)[];
}

export interface EarlyReport {
  readonly seq: number;
  readonly level: number;
  readonly low: number;
  readonly mask: bigint;
  readonly remainder: bigint;
  readonly tsNs: number;
  readonly event: number;
}

/** A record that does not fit what was recorded before: events are missing, or clocks of CPUs disagree (O3). */
export interface Contradiction {
  readonly gpSeq: number;
  readonly event: number;
  readonly what: string;
}

export function newFlavor(name: string): RcuFlavor {
  return {
    name,
    gp: undefined,
    expedited: undefined,
    requestNs: null,
    readers: new Map(),
    pending: new Map(),
    expeditedPending: new Map(),
    expeditedRequestNs: null,
    blocking: new Map(),
    nodes: new RcuNodeTree(),
    lastTick: [],
  };
}

/** The flavours of a run, by name in the order of first sight. */
export class RcuFlavors {
  readonly #world: World;
  readonly byName = new Map<string, RcuFlavor>();
  readonly #byId: (RcuFlavor | undefined)[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** The flavour that an event names. */
  of(event: EventCursor): RcuFlavor {
    const id = event.str(FLAVOR.rcuname);
    let flavor = this.#byId[id];
    if (flavor) return flavor;
    // `preempt_rcu` reports for the readers of a node, `…-GPS` announces them (R2.10, E1.3).
    const text = event.text(FLAVOR.rcuname);
    const name = text === 'preempt_rcu' ? 'rcu_preempt' : text.replace(/-GPS$/, '');
    flavor = this.byName.get(name);
    if (!flavor) {
      flavor = newFlavor(name);
      this.byName.set(name, flavor);
      this.#world.learn('preemptRcu', name === 'rcu_preempt');
    }
    this.#byId[id] = flavor;
    return flavor;
  }
}
