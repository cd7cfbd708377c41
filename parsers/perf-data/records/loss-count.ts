/**
 * Losses as the recording tells them, each counted once. LOST and LOST_SAMPLES records of the kernel stand in the stream where
 * the loss was; perf 6.1 and later adds at the end, without a time, how much each event lost in all. The totals repeat what the
 * kernel's records said, except for what was lost after the last of them.
 */
import { NO_CPU } from '../../../schema/index.ts';

export class LossCount {
  readonly #inStream = new Map<number, number>();
  readonly #totals = new Map<number, number>();

  /** A loss at its place in the stream. */
  addInStream(cpu: number, lost: number): void {
    this.#inStream.set(cpu, (this.#inStream.get(cpu) ?? 0) + lost);
  }

  /** What one event lost in all. @param cpu of the event's buffer, or NO_CPU */
  addTotal(cpu: number, lost: number): void {
    this.#totals.set(cpu, (this.#totals.get(cpu) ?? 0) + lost);
  }

  /** Losses that only the totals know: by CPU where both sides name it, else in one sum. */
  atEnd(): { readonly cpu: number; readonly lost: number }[] {
    if (this.#inStream.has(NO_CPU) || this.#totals.has(NO_CPU)) {
      const lost = sum(this.#totals) - sum(this.#inStream);
      return lost > 0 ? [{ cpu: NO_CPU, lost }] : [];
    }
    const rest: { cpu: number; lost: number }[] = [];
    for (const [cpu, total] of this.#totals) {
      const lost = total - (this.#inStream.get(cpu) ?? 0);
      if (lost > 0) rest.push({ cpu, lost });
    }
    return rest;
  }
}

function sum(byCpu: ReadonlyMap<number, number>): number {
  let total = 0;
  for (const lost of byCpu.values()) total += lost;
  return total;
}
