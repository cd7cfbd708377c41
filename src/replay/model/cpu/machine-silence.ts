/**
 * Times in which no CPU recorded anything although several had tasks to run: each would have taken its ticks, so the machine itself did
 * not run. A hypervisor took its CPUs, or it was paused (VM_STOLEN of MODEL 2.7).
 */
import { overlapNs } from '../../core/interval.ts';

/** With several CPUs busy, each with its ticks, silence of this length is none of theirs. */
export const SILENCE_NS = 2e8;
const KEPT = 4096;

export class MachineSilence {
  /** The last record of any CPU. */
  lastNs = -1;
  readonly #silences: { readonly fromNs: number; readonly toNs: number }[] = [];

  /** The first record after a silence. */
  broken(nowNs: number, busyCpus: number): void {
    if (this.lastNs >= 0 && busyCpus >= 2 && this.#silences.length < KEPT)
      this.#silences.push({ fromNs: this.lastNs, toNs: nowNs });
  }

  /** Silent time in [fromNs, toNs). */
  between(fromNs: number, toNs: number): number {
    let ns = 0;
    for (const silence of this.#silences) ns += Math.max(0, overlapNs(fromNs, toNs, silence.fromNs, silence.toNs));
    return ns;
  }
}
