import { CELL_INT, CELL_NULL, CELL_REAL, CELL_STR, CELL_TEXT, CELL_WIDE, type EventBatch } from './event-batch.ts';
import type { FieldPosition } from './event-fields.ts';

/**
 * Reads one event of a batch; moved along by its owner. A field is asked for by the position that its name has:
 * `event.int(fieldsOf('sched_switch').next_pid)`, or `positionWhere(type, …)` where only the capture knows the event.
 */
export class EventCursor {
  batch: EventBatch;
  index = 0;
  #strings: readonly string[];

  constructor(batch: EventBatch, strings: readonly string[]) {
    this.batch = batch;
    this.#strings = strings;
  }

  get tsNs(): number {
    return this.batch.tsNs[this.index];
  }
  get cpu(): number {
    return this.batch.cpu[this.index];
  }
  get tid(): number {
    return this.batch.tid[this.index];
  }
  get comm(): number {
    return this.batch.comm[this.index];
  }
  get typeId(): number {
    return this.batch.type[this.index];
  }
  get flags(): number {
    return this.batch.flags[this.index];
  }
  get stack(): number {
    return this.batch.stack[this.index];
  }
  /** 1-based position in the run. */
  get eventId(): number {
    return this.batch.firstEventId + this.index;
  }

  #cell(field: FieldPosition): number {
    const i = this.index;
    const start = i === 0 ? 0 : this.batch.cellEnd[i - 1];
    return start + field < this.batch.cellEnd[i] ? start + field : -1;
  }

  /** Integer field; `missing` when absent or not a number. A WIDE cell is rounded: identity belongs to {@link key}. */
  int(field: FieldPosition<'int' | 'hex'>, missing = 0): number {
    const c = this.#cell(field);
    if (c < 0) return missing;
    const tag = this.batch.cellTag[c];
    if (tag === CELL_INT || tag === CELL_REAL) return this.batch.cellValue[c];
    if (tag === CELL_WIDE) return Number(this.batch.wide[this.batch.cellValue[c]]);
    return missing;
  }

  /** Exact 64-bit integer field. */
  bigint(field: FieldPosition<'int' | 'hex' | 'ptr'>): bigint {
    const c = this.#cell(field);
    if (c < 0) return 0n;
    const tag = this.batch.cellTag[c];
    if (tag === CELL_INT) return BigInt(this.batch.cellValue[c]);
    return tag === CELL_WIDE ? this.batch.wide[this.batch.cellValue[c]] : 0n;
  }

  /** Identity of a pointer field, usable as a Map key: equal pointers give equal keys, and distinct ones distinct keys. */
  key(field: FieldPosition<'int' | 'hex' | 'ptr'>): number | bigint {
    const c = this.#cell(field);
    if (c < 0) return 0;
    return this.batch.cellTag[c] === CELL_WIDE ? this.batch.wide[this.batch.cellValue[c]] : this.batch.cellValue[c];
  }

  /** String id of a string field, 0 when absent or not interned. */
  str(field: FieldPosition<'str'>): number {
    const c = this.#cell(field);
    return c >= 0 && this.batch.cellTag[c] === CELL_STR ? this.batch.cellValue[c] : 0;
  }

  /** Text of a field of any type; '' when absent. */
  text(field: FieldPosition): string {
    const c = this.#cell(field);
    if (c < 0) return '';
    const value = this.batch.cellValue[c];
    switch (this.batch.cellTag[c]) {
      case CELL_STR:
        return this.#strings[value] ?? '';
      case CELL_TEXT:
        return this.batch.texts[value] ?? '';
      case CELL_WIDE:
        return this.batch.wide[value].toString();
      case CELL_NULL:
        return '';
      default:
        // String() of a pointer beyond 2^53 would show the shortest digits that round to it, not its own.
        return Number.isSafeInteger(value) || !Number.isInteger(value) ? String(value) : BigInt(value).toString();
    }
  }

  has(field: FieldPosition): boolean {
    const c = this.#cell(field);
    return c >= 0 && this.batch.cellTag[c] !== CELL_NULL;
  }
}
