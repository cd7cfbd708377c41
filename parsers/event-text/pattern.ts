/**
 * Payload patterns: `comm={comm} pid={pid} prio={prio} target_cpu={target_cpu}` compiled into a matcher that works on bytes.
 * The patterns themselves are data, see patterns.ts for the notation.
 */
import type { EventField } from '../../schema/index.ts';
import type { Conversions, RangeConversion, ScanConversion } from './conversions.ts';
import { EXTRA_SLOTS, type FieldSlots, MAX_FIELDS } from './field-slots.ts';
import { readHex, readInt } from './number-text.ts';

const BLANK = 0x20;

const OP_LITERAL = 0;
const OP_INT = 1;
const OP_HEX = 2;
const OP_STR = 3;
const OP_SCAN = 4;
const OP_RANGE = 5;
const OP_SKIP = 6;

const encoder = new TextEncoder();

export class Pattern {
  readonly #op: Uint8Array;
  /** Slot of the field, per step. */
  readonly #slot: Int32Array;
  readonly #literal: Uint8Array[] = [];
  readonly #scan: ScanConversion[] = [];
  readonly #range: RangeConversion[] = [];
  readonly #length: number;
  /** Fields `{name+}` that the catalogue does not have; the n-th is found in slot MAX_FIELDS + n after a match. */
  readonly extras: readonly EventField[];
  /** Fields of the catalogue, and those of them that this pattern leaves alone. */
  readonly fieldCount: number;
  /** The pattern ends with a string: it may take what a more literal one reads better. */
  readonly greedy: boolean;
  readonly missing: Int32Array;

  /**
   * @param fields the event's fields; a placeholder without a conversion reads what its field's type says.
   * @throws Error on a pattern that names an unknown field or conversion (a mistake in patterns.ts, found by its test).
   */
  constructor(text: string, fields: readonly EventField[], conversions: Conversions) {
    const steps = text.split(/(\{[^}]*\})/).filter((step) => step !== '');
    const extras: EventField[] = [];
    const covered = new Set<number>();
    this.extras = extras;
    this.fieldCount = fields.length;
    this.#length = steps.length;
    this.#op = new Uint8Array(steps.length);
    this.#slot = new Int32Array(steps.length);
    steps.forEach((step, i) => {
      this.#literal.push(new Uint8Array(0));
      this.#scan.push(readInt);
      this.#range.push(conversions.ranges.symbol);
      if (!step.startsWith('{')) {
        this.#op[i] = OP_LITERAL;
        this.#literal[i] = encoder.encode(step);
        return;
      }
      const [name, conversion] = step.slice(1, -1).split(':', 2) as [string, string | undefined];
      if (name === '') {
        this.#op[i] = OP_SKIP;
        return;
      }
      let type = conversion ?? 'str';
      if (name.endsWith('+')) {
        this.#slot[i] = MAX_FIELDS + extras.length;
        extras.push({
          name: name.slice(0, -1),
          type: type === 'int' || type === 'hex' || type === 'ptr' ? type : 'str',
        });
        if (extras.length > EXTRA_SLOTS) throw new Error(`pattern '${text}': too many fields beyond the catalogue`);
      } else {
        const [from, to] = name.split('..').map((part) => fields.findIndex((field) => field.name === part));
        const slot = from;
        if (from < 0 || to < 0) throw new Error(`pattern '${text}': no field ${name}`);
        for (let n = from; n <= (to ?? from); n++) covered.add(n);
        this.#slot[i] = slot;
        type = conversion ?? fields[slot].type;
      }
      if (type === 'int') this.#op[i] = OP_INT;
      else if (type === 'hex' || type === 'ptr') this.#op[i] = OP_HEX;
      else if (type === 'str') this.#op[i] = OP_STR;
      else this.#conversion(i, type, fields, conversions, text);
    });
    this.greedy = this.#op[steps.length - 1] === OP_STR || this.#op[steps.length - 1] === OP_RANGE;
    this.missing = Int32Array.from(fields.keys()).filter((slot) => !covered.has(slot));
  }

  #conversion(
    step: number,
    type: string,
    fields: readonly EventField[],
    conversions: Conversions,
    pattern: string,
  ): void {
    const call = /^([\w-]+)\((\w*)\)$/.exec(type);
    if (call && conversions.calls[call[1]]) {
      const reference = fields.findIndex((field) => field.name === call[2]);
      this.#op[step] = OP_SCAN;
      this.#scan[step] = conversions.calls[call[1]](call[2], reference);
    } else if (conversions.scans[type]) {
      this.#op[step] = OP_SCAN;
      this.#scan[step] = conversions.scans[type];
    } else if (conversions.ranges[type]) {
      this.#op[step] = OP_RANGE;
      this.#range[step] = conversions.ranges[type];
    } else throw new Error(`pattern '${pattern}': no conversion ${type}`);
  }

  /**
   * Matches bytes[start, end) from its beginning and fills the slots.
   * @returns position of the first byte that the pattern does not cover, −1 when it does not match.
   */
  match(bytes: Uint8Array, start: number, end: number, slots: FieldSlots): number {
    return this.#match(0, bytes, start, end, slots);
  }

  #match(firstStep: number, bytes: Uint8Array, start: number, end: number, slots: FieldSlots): number {
    let at = start;
    for (let step = firstStep; step < this.#length; step++) {
      switch (this.#op[step]) {
        case OP_LITERAL:
          at = matchLiteral(this.#literal[step], bytes, at, end);
          break;
        case OP_INT:
          at = readInt(bytes, at, end, slots, this.#slot[step]);
          break;
        case OP_HEX:
          at = readHex(bytes, at, end, slots, this.#slot[step]);
          break;
        case OP_SCAN:
          at = this.#scan[step](bytes, at, end, slots, this.#slot[step]);
          break;
        default:
          return this.#matchRange(step, bytes, at, end, slots);
      }
      if (at < 0) return -1;
    }
    return at;
  }

  /** A string ends where the literal after it begins and the rest of the pattern matches too; the last one takes all. */
  #matchRange(step: number, bytes: Uint8Array, start: number, end: number, slots: FieldSlots): number {
    if (step + 1 === this.#length) return this.#accept(step, bytes, start, end, slots) ? end : -1;
    const literal = this.#literal[step + 1];
    const last = end - literal.length;
    const first = literal[0];
    for (let at = start; at <= last; at++) {
      if (bytes[at] !== first) continue;
      const next = matchLiteral(literal, bytes, at, end);
      if (next < 0) continue;
      const covered = this.#match(step + 2, bytes, next, end, slots);
      if (covered >= 0) return this.#accept(step, bytes, start, at, slots) ? covered : -1;
    }
    return -1;
  }

  #accept(step: number, bytes: Uint8Array, start: number, end: number, slots: FieldSlots): boolean {
    const op = this.#op[step];
    if (op === OP_STR) slots.str(this.#slot[step], start, end);
    else if (op === OP_RANGE) return this.#range[step](bytes, start, end, slots, this.#slot[step]);
    return true;
  }
}

/** One blank of a literal stands for one or more blanks of the line. */
function matchLiteral(literal: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (let i = 0; i < literal.length; i++) {
    if (at >= end || bytes[at] !== literal[i]) return -1;
    at++;
    if (literal[i] === BLANK) while (at < end && bytes[at] === BLANK) at++;
  }
  return at;
}
