/** One distinct situation in which an edge was seen: which task, what it held, what it took (kept by lock-witness.ts). */

import type { LockInstance } from '../class.ts';
import type { CriticalSection, ThreadLife } from './critical-section.ts';

export interface WitnessHold {
  readonly classId: number;
  readonly instance: LockInstance;
  readonly read: boolean;
  readonly trylock: boolean;
  /** Its acquisition. */
  readonly eventId: number;
  readonly stack: number;
}

/** One time at which a situation occurred, with the sections open right before the acquisition. */
export interface WitnessInstant {
  readonly acquireEvent: number;
  readonly sections: readonly CriticalSection[];
  /** Its number in {@link WakeOrder}, −1 without. */
  readonly wakeIndex: number;
}

export interface EdgeWitness {
  readonly taskKey: number;
  readonly thread: ThreadLife;
  readonly comm: number;
  readonly cpu: number;
  /** CONTEXT_* of the acquisition. */
  readonly context: number;
  /** Event flags of the acquisition (schema/events/context-flags.ts). */
  readonly flags: number;
  readonly tsNs: number;
  /** Acquisitions of the predecessor and of the new lock. */
  readonly heldEvent: number;
  readonly acquireEvent: number;
  /** Everything held in this context, oldest first. */
  readonly held: readonly WitnessHold[];
  readonly fromInstance: LockInstance;
  readonly toInstance: LockInstance;
  readonly fromRead: boolean;
  readonly toRead: boolean;
  /** Stack of the acquisition, 0 without. */
  stack: number;
  /** Lost events make its held stack doubtful (E0.4). */
  doubtful: boolean;
  /** When the task had come onto its CPU. */
  readonly arrivedNs: number;
  /** Oldest hold, ns. */
  readonly heldNs: number;
  /** Times seen. */
  count: number;
  /** The first times, for prediction; empty in interrupts. */
  readonly instants: WitnessInstant[];
}
