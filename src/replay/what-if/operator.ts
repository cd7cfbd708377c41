/**
 * Operators of what-if variants (MODEL 6.3): what they rewrite. An operator selects facts of the recording; one that selects none is a
 * no-op and says so (X-R3). Texts that select are regular expressions over names as findings show them, without `#2` and `/1`.
 */

import { RequestError } from '../../../schema/index.ts';

/** There is no variant of that name, or one that does not say what it should; the message names the place and what is expected. */
export class VariantError extends RequestError {
  override readonly name = 'VariantError';
}

export type WaitTypeName = 'spin' | 'config' | 'sleep';
export type InterruptContext = 'nmi' | 'hardirq' | 'softirq';
/** Fields of the kernel profile that a variant may set. */
export type ProfileField = 'rt' | 'rawLockNesting' | 'preemptRcu' | 'proveRcu';

export type Operator =
  /** Gives lock classes another wait type: `spin` is a raw spinlock, `config` a spinlock_t, `sleep` a mutex (L5.31). */
  | { readonly op: 'set-wait-type'; readonly classes: string; readonly type: WaitTypeName }
  /** Takes acquisitions of `to` under `from` out of the lock graph; with `frames`, only witnesses whose stack shows one of them. */
  | { readonly op: 'drop-edge'; readonly from: string; readonly to: string; readonly frames?: string }
  /** Adds an acquisition of `to` (a name) under `from` that the recording does not show. */
  | { readonly op: 'add-edge'; readonly from: string; readonly to: string; readonly because: string }
  /**
   * What deferring functions take in their caller's context (MODEL 6.1): leaves `drop` out, adds the lock `add`. With `takes`, only
   * functions that take such a lock; with `frames`, only calls whose stack shows one of them; with `held`, only calls under such a lock.
   */
  | {
      readonly op: 'set-api-locks';
      readonly api: string;
      readonly drop?: string;
      readonly add?: string;
      readonly takes?: string;
      readonly frames?: string;
      readonly held?: string;
      readonly because: string;
    }
  /** Scales the time that a context took: 0 removes it. */
  | {
      readonly op: 'scale-context';
      readonly context: InterruptContext;
      readonly factor: number;
      readonly cpu?: number;
    }
  /** Waits for grace periods of the struct take longer by an interval: a hop via a timer or an irq_work. */
  | {
      readonly op: 'insert-wait';
      readonly domains: string;
      readonly minMs: number;
      readonly maxMs: number;
      readonly because: string;
    }
  /**
   * SRCU workers no longer sleep in synchronize_rcu(): the run is queued again when the grace period ends (`async`) or polls for it (`polled`).
   */
  | { readonly op: 'replace-srcu-wait'; readonly how: 'async' | 'polled' }
  /** SRCU grace periods whose struct matches wait for their own readers only, not for RCU. */
  | { readonly op: 'set-srcu-flavor'; readonly domains: string; readonly flavor: 'normal' }
  /** Waits on the struct become waits for RCU itself. */
  | { readonly op: 'srcu-to-rcu'; readonly domains: string }
  /** Grace-period waits are expedited. */
  | { readonly op: 'expedite' }
  /** Callers whose stack shows one of the frames do not wait: a callback frees what they wait for. */
  | { readonly op: 'remove-wait'; readonly sites: string }
  /** Sleeps on a lock taken in these frames no longer happen. */
  | { readonly op: 'remove-lock-wait'; readonly frames: string }
  | { readonly op: 'set-profile'; readonly field: ProfileField; readonly value: boolean };

export type OperatorOf<K extends Operator['op']> = Extract<Operator, { op: K }>;

export interface Variant {
  readonly name: string;
  /** One sentence: the change to the kernel that it stands for. */
  readonly title: string;
  /** MODEL id, X0 … X17; undefined for a user's own. */
  readonly id?: string;
  readonly operators: readonly Operator[];
}

/** Several variants one after another. */
export function combineVariants(name: string, parts: readonly Variant[]): Variant {
  if (parts.length === 1) return parts[0];
  return {
    name,
    title: parts.map((part) => part.title).join('; '),
    operators: parts.flatMap((part) => part.operators),
  };
}
