/**
 * Puts slightly unsorted records into time order within a bounded window of two batches. Recorders merge per-CPU buffers
 * and readers wake up late, so neighbours may be swapped (MODEL E0.5); records that come later than the window are kept
 * where they are and counted. Equal times keep the order of the capture (E0.7).
 */
import { KeyOrder } from '../../parsers/key-order.ts';
import type { EventBatch } from '../../schema/index.ts';
import { BatchAssembler } from './batch-assembler.ts';

/** Called when `count` records arrive too late to reorder: the first has time `tsNs` < `afterNs`. */
export type LateRecords = (count: number, tsNs: number, afterNs: number) => void;

export class Reorder {
  readonly #onLate: LateRecords;
  readonly #order = new KeyOrder();
  #held: EventBatch | undefined;
  /** Time of the last record that left. */
  #emittedNs = Number.NEGATIVE_INFINITY;

  constructor(onLate: LateRecords) {
    this.#onLate = onLate;
  }

  /** Takes a batch of the capture; returns those that are in order now. */
  push(batch: EventBatch): EventBatch[] {
    if (batch.length === 0) return [];
    const sorted = isSorted(batch) ? batch : this.#sorted([batch], batch.length)[0];
    const held = this.#held;
    if (held === undefined) {
      this.#held = sorted;
      return [];
    }
    if (held.boot !== sorted.boot) {
      this.#held = sorted;
      const out = this.#emit(held);
      this.#emittedNs = Number.NEGATIVE_INFINITY;
      return out;
    }
    if (sorted.tsNs[0] >= held.tsNs[held.length - 1]) {
      this.#held = sorted;
      return this.#emit(held);
    }
    const [first, second] = this.#sorted([held, sorted], held.length);
    this.#held = second;
    return this.#emit(first);
  }

  finish(): EventBatch[] {
    const held = this.#held;
    this.#held = undefined;
    return held ? this.#emit(held) : [];
  }

  #emit(batch: EventBatch): EventBatch[] {
    const { tsNs } = batch;
    if (tsNs[0] < this.#emittedNs) {
      let late = 1;
      while (late < batch.length && tsNs[late] < this.#emittedNs) late++;
      this.#onLate(late, tsNs[0], this.#emittedNs);
    }
    this.#emittedNs = Math.max(this.#emittedNs, tsNs[batch.length - 1]);
    return [batch];
  }

  /** The rows of the batches in time order, as a batch of `firstLength` rows and one of the rest. */
  #sorted(batches: readonly EventBatch[], firstLength: number): EventBatch[] {
    const total = batches.reduce((sum, batch) => sum + batch.length, 0);
    const keys = new Float64Array(total);
    let at = 0;
    for (const batch of batches) {
      keys.set(batch.tsNs.subarray(0, batch.length), at);
      at += batch.length;
    }
    const order = this.#order.sort(keys, total);
    const out: EventBatch[] = [];
    for (let from = 0; from < total; from = out.length === 1 ? firstLength : total) {
      const to = from < firstLength ? firstLength : total;
      out.push(gather(batches, order, from, to));
    }
    return out;
  }
}

function isSorted(batch: EventBatch): boolean {
  const { tsNs } = batch;
  for (let i = 1; i < batch.length; i++) if (tsNs[i] < tsNs[i - 1]) return false;
  return true;
}

/** Rows order[from, to) of the batches laid end to end; runs of neighbours are copied at once. */
function gather(batches: readonly EventBatch[], order: Int32Array, from: number, to: number): EventBatch {
  const assembler = new BatchAssembler(to - from);
  const border = batches[0].length;
  for (let i = from; i < to; ) {
    const row = order[i];
    const inFirst = row < border;
    let end = i + 1;
    while (end < to && order[end] === row + end - i && order[end] < border === inFirst) end++;
    const start = inFirst ? row : row - border;
    assembler.append(batches[inFirst ? 0 : 1], start, start + end - i);
    i = end;
  }
  return assembler.take() as EventBatch;
}
