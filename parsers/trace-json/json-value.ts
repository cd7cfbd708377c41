/** Builds one JSON value (an event, a header) from tokens. What is beyond the limits is left out; the rest of the value stands. */

export type JsonValue = string | number | bigint | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

/** Values inside one event. */
const MAX_NODES = 1 << 14;

export class ValueBuilder {
  /** The value, once it is complete. */
  value: JsonValue | undefined;
  /** Some of it was left out. */
  isCut = false;
  readonly #exactKeys: ReadonlySet<string>;
  readonly #open: (JsonValue[] | JsonObject)[] = [];
  readonly #keys: string[] = [];
  #nodes = 0;

  /** @param exactKeys keys whose numbers are kept as the digits that stand in the text */
  constructor(exactKeys: ReadonlySet<string>) {
    this.#exactKeys = exactKeys;
  }

  get isComplete(): boolean {
    return this.#open.length === 0 && this.value !== undefined;
  }

  open(kind: 'object' | 'array'): void {
    // Objects without a prototype: `__proto__` is a key like any other.
    const made: JsonValue[] | JsonObject = kind === 'array' ? [] : Object.create(null);
    this.#put(made);
    this.#open.push(made);
    this.#keys.push('');
  }

  close(): void {
    const closed = this.#open.pop();
    this.#keys.pop();
    if (this.#open.length === 0) this.value = closed;
  }

  key(text: string): void {
    this.#keys[this.#keys.length - 1] = text;
  }

  scalar(value: string | boolean | null): void {
    this.#put(value);
    if (this.#open.length === 0) this.value = value;
  }

  /** Digits; integers beyond 2^53 stay exact. */
  number(text: string): void {
    const key = this.#keys[this.#keys.length - 1] ?? '';
    const number = Number(text);
    const isExact = !Number.isInteger(number) || Number.isSafeInteger(number) || !/^-?\d{1,40}$/.test(text);
    const value = this.#exactKeys.has(key) ? text : isExact ? number : BigInt(text);
    this.#put(value);
    if (this.#open.length === 0) this.value = value;
  }

  #put(value: JsonValue): void {
    const parent = this.#open[this.#open.length - 1];
    if (parent === undefined) return;
    if (++this.#nodes > MAX_NODES) this.isCut = true;
    else if (Array.isArray(parent)) parent.push(value);
    else parent[this.#keys[this.#keys.length - 1]] = value;
  }
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON text of a value, integers with all their digits. */
export function jsonText(value: JsonValue): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? inner.toString() : inner));
}

const DECIMAL = /^(-?)(\d{1,20})(?:\.(\d+))?$/;

/**
 * A decimal number times a thousand to the power of `steps`, as an integer: microseconds with a fraction to nanoseconds.
 * @returns undefined when the text is no number
 */
export function decimalToInteger(text: string, steps: number): bigint | undefined {
  const match = DECIMAL.exec(text);
  const digits = steps * 3;
  if (!match) {
    const number = Number(text) * 10 ** digits;
    return text.trim() !== '' && Number.isFinite(number) ? BigInt(Math.round(number)) : undefined;
  }
  const whole =
    BigInt(match[2]) * 10n ** BigInt(digits) + BigInt((match[3] ?? '').padEnd(digits, '0').slice(0, digits) || '0');
  return match[1] === '-' ? -whole : whole;
}
