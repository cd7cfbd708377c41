/** Recognises a few texts of a string field by their dictionary id: one array access per event instead of a comparison of texts. */
import type { EventCursor, FieldPosition } from '../../../../schema/index.ts';

export class TextCodes {
  readonly #codes: ReadonlyMap<string, number>;
  /** By string id; undefined = not looked at yet. */
  readonly #byId: (number | undefined)[] = [];

  /** @param codes numbers above 0. */
  constructor(codes: Readonly<Record<string, number>>) {
    this.#codes = new Map(Object.entries(codes));
  }

  /** Code of the field's text, 0 for any other. */
  of(event: EventCursor, field: FieldPosition<'str'>): number {
    const id = event.str(field);
    const known = this.#byId[id];
    if (known !== undefined && id !== 0) return known;
    const code = this.#codes.get(event.text(field)) ?? 0;
    if (id !== 0) this.#byId[id] = code;
    return code;
  }
}
