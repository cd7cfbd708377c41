/**
 * Two srcu_structs in one tracepoint teardown (T12): on v7.0 and later tracepoint_synchronize_unregister() calls synchronize_srcu() for
 * one and then for the other with the same stack. Their order tells them apart when both calls are recorded; otherwise the name says
 * that it is one of the two.
 */
import type { KernelProfile } from '../../../../schema/index.ts';
import { ruleRelease } from '../../knowledge/kernel-release.ts';
import type { StackVerdict } from '../../knowledge/stack/stack-verdict.ts';
import { teardownStructs } from '../../knowledge/tracepoint-teardown.ts';
import type { TaskKey } from '../task/task.ts';
import type { SyncWait } from './sync-wait-record.ts';

/** The second call follows the first at once. */
const NEXT_NS = 1e7;

export class TracepointSyncOrder {
  readonly #profile: KernelProfile;
  /** The last teardown wait of a task that is over. */
  readonly #ended = new Map<TaskKey, SyncWait>();
  /** Position in the order, of teardown waits. */
  readonly #position = new WeakMap<SyncWait, number>();

  constructor(profile: KernelProfile) {
    this.#profile = profile;
  }

  /** Name of the struct that a wait with this stack waits for; not certain when several fit. */
  nameOf(wait: SyncWait, verdict: StackVerdict): { readonly name: string; readonly certain: boolean } {
    const name = verdict.srcuDomain as string;
    if (!verdict.teardown) return { name, certain: true };
    const structs = teardownStructs(ruleRelease(this.#profile));
    if (structs.length <= 1) return { name: structs[0] ?? name, certain: true };
    const before = this.#ended.get(wait.task.key);
    const follows = before?.endNs != null && wait.startNs - before.endNs <= NEXT_NS && wait.startNs >= before.endNs;
    const position = follows ? (this.#position.get(before) ?? 0) + 1 : 0;
    this.#position.set(wait, position);
    // The second of two is certain, and makes the first so.
    if (position === 1) {
      if (before && before.domain === either(structs)) before.domain = structs[0];
      return { name: structs[1], certain: true };
    }
    return { name: either(structs), certain: false };
  }

  ended(wait: SyncWait): void {
    if (this.#position.has(wait)) this.#ended.set(wait.task.key, wait);
  }
}

/** `rcu_tasks_trace_srcu_struct or tracepoint_srcu`. */
function either(structs: readonly string[]): string {
  return structs.join(' or ');
}
