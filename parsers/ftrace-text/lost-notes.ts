/**
 * Notes of lost events. They stand before the first record after the loss, so each becomes a `quiesce_lost` marker with the
 * time of the record that follows (MODEL E0.3, E0.4).
 */
import { type BatchWriter, NO_TID } from '../../schema/index.ts';
import type { ParseContext } from '../format.ts';
import { textOf } from './line-edges.ts';

/** Notes that wait for one record at most; the kernel writes one per CPU and record. Further ones are added to the last. */
export const MAX_PENDING_LOST = 10;

export class LostNotes {
  readonly #context: ParseContext;
  #waiting: { readonly cpu: number; count: number }[] = [];

  constructor(context: ParseContext) {
    this.#context = context;
  }

  get pending(): boolean {
    return this.#waiting.length > 0;
  }

  /** @param count events lost, 0 when unknown · bytes[start, end): the note, for the diagnostics. */
  add(cpu: number, count: number, line: number, bytes: Uint8Array, start: number, end: number): void {
    const { facts, diagnostics } = this.#context;
    facts.lost += count || 1;
    if (count === 0) diagnostics.report('loss-unsized', { line }, textOf(bytes, start, end));
    const text = diagnostics.issues.has('events-lost') ? '' : textOf(bytes, start, end);
    diagnostics.report('events-lost', { line }, text, count || 1);
    if (this.#waiting.length < MAX_PENDING_LOST) this.#waiting.push({ cpu, count });
    else {
      const last = this.#waiting[MAX_PENDING_LOST - 1];
      last.count = count === 0 || last.count === 0 ? 0 : last.count + count;
    }
  }

  /** Writes the markers of the notes that wait, at the time of the record that comes next. */
  write(writer: BatchWriter, tsNs: number): void {
    if (this.#waiting.length === 0) return;
    const type = this.#context.dictionary.eventType('quiesce_lost', 'marker', 'quiesce', []);
    for (const { cpu, count } of this.#waiting) {
      // Only notes at the very end of a capture come without room made for them.
      if (writer.batch.full) break;
      writer.begin(tsNs, cpu, NO_TID, 0, type.typeId, 0, 0);
      writer.int(cpu);
      writer.int(count);
      writer.end();
    }
    this.#waiting = [];
  }
}
