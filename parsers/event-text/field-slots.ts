/**
 * What a matcher has found in one payload, field by field, before anything is interned: a pattern that fails half-way
 * leaves no trace in the dictionary. Values are numbers or byte ranges of the line.
 */

/** Fields of one event at most; what a capture shows beyond them goes to the field `text`. */
export const MAX_FIELDS = 64;
/** Slots after those of the fields: what a pattern reads that the event has no field for yet. */
export const EXTRA_SLOTS = 4;

export const SLOT_NULL = 0;
/** `a`: a safe integer. */
export const SLOT_INT = 1;
/** `a`, `b`: high and low 32 bits. */
export const SLOT_INT64 = 2;
/** `a`, `b`: bytes of the line, to be interned. */
export const SLOT_STR = 3;
/** `a`: dictionary string id. */
export const SLOT_ID = 4;
/** `a`, `b`: bytes of the line, kept as text of this one event. */
export const SLOT_TEXT = 5;
/** A string put together from several places of the line, in `strings`. */
export const SLOT_STRING = 6;

export class FieldSlots {
  readonly kind = new Uint8Array(MAX_FIELDS + EXTRA_SLOTS);
  readonly a = new Float64Array(MAX_FIELDS + EXTRA_SLOTS);
  readonly b = new Float64Array(MAX_FIELDS + EXTRA_SLOTS);
  readonly strings: string[] = new Array<string>(MAX_FIELDS + EXTRA_SLOTS).fill('');

  clear(count: number): void {
    this.kind.fill(SLOT_NULL, 0, count);
  }

  null(slot: number): void {
    this.kind[slot] = SLOT_NULL;
  }

  int(slot: number, value: number): void {
    this.kind[slot] = SLOT_INT;
    this.a[slot] = value;
  }

  int64(slot: number, hi: number, lo: number): void {
    this.kind[slot] = SLOT_INT64;
    this.a[slot] = hi;
    this.b[slot] = lo;
  }

  str(slot: number, start: number, end: number): void {
    this.kind[slot] = SLOT_STR;
    this.a[slot] = start;
    this.b[slot] = end;
  }

  id(slot: number, stringId: number): void {
    this.kind[slot] = SLOT_ID;
    this.a[slot] = stringId;
  }

  text(slot: number, start: number, end: number): void {
    this.kind[slot] = SLOT_TEXT;
    this.a[slot] = start;
    this.b[slot] = end;
  }

  string(slot: number, text: string): void {
    this.kind[slot] = SLOT_STRING;
    this.strings[slot] = text;
  }

  /** Moves a value to another slot. */
  move(from: number, to: number): void {
    this.kind[to] = this.kind[from];
    this.a[to] = this.a[from];
    this.b[to] = this.b[from];
    this.strings[to] = this.strings[from];
    this.kind[from] = SLOT_NULL;
  }

  /** Number in a slot, 0 when there is none. */
  number(slot: number): number {
    const kind = this.kind[slot];
    if (kind === SLOT_INT) return this.a[slot];
    return kind === SLOT_INT64 ? (this.a[slot] | 0) * 4294967296 + (this.b[slot] >>> 0) : 0;
  }
}
