/** Numbers as kernel events print them, read from bytes into slots without making strings. */
import type { FieldSlots } from './field-slots.ts';

/** Value of a hexadecimal digit by byte, 255 for every other byte. */
export const HEX_DIGIT: Uint8Array = new Uint8Array(256).fill(255);
for (let d = 0; d < 10; d++) HEX_DIGIT[0x30 + d] = d;
for (let d = 0; d < 6; d++) HEX_DIGIT[0x41 + d] = HEX_DIGIT[0x61 + d] = 10 + d;

const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_PAREN = 0x28;
const CLOSE_PAREN = 0x29;
const LOWER_X = 0x78;
const TO_LOWER = 0x20;

/** Whether `0x` stands at `at`. */
export function isHexPrefix(bytes: Uint8Array, at: number, end: number): boolean {
  return at + 1 < end && bytes[at] === ZERO && (bytes[at + 1] | TO_LOWER) === LOWER_X;
}

export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/**
 * Reads a decimal integer, or a hexadecimal one with `0x`, of up to 64 bits.
 * @returns position after it, −1 when there is none.
 */
export function readInt(bytes: Uint8Array, start: number, end: number, slots: FieldSlots, slot: number): number {
  let at = start;
  const negative = bytes[at] === MINUS;
  if (negative) at++;
  if (isHexPrefix(bytes, at, end)) return negative ? -1 : readHex(bytes, at, end, slots, slot);
  const first = at;
  let value = 0;
  while (at < end) {
    const digit = bytes[at] - ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
    at++;
  }
  if (at === first || at - first > 20) return -1;
  if (at - first > 15) {
    let exact = 0n;
    for (let i = first; i < at; i++) exact = exact * 10n + BigInt(bytes[i] - ZERO);
    const signed = BigInt.asIntN(64, negative ? -exact : exact);
    slots.int64(slot, Number(signed >> 32n), Number(signed & 0xffffffffn));
  } else slots.int(slot, negative ? -value : value);
  return at;
}

/**
 * Reads hexadecimal digits of up to 64 bits, with or without `0x` (trace-cmd prints `rhp=0x0xff…`, twice). Of the pointers
 * that are no numbers `(null)` is 0; `(____ptrval____)` and `(efault)` are no identity: null (MODEL E0.6).
 * @returns position after it, −1 when there is none.
 */
export function readHex(bytes: Uint8Array, start: number, end: number, slots: FieldSlots, slot: number): number {
  let at = start;
  while (isHexPrefix(bytes, at, end)) at += 2;
  let hi = 0;
  let lo = 0;
  const first = at;
  while (at < end) {
    const digit = HEX_DIGIT[bytes[at]];
    if (digit === 255) break;
    hi = (hi << 4) | (lo >>> 28);
    lo = (lo << 4) | digit;
    at++;
  }
  if (at === first) return readNoPointer(bytes, start, end, slots, slot);
  if (at - first > 16) return -1;
  slots.int64(slot, hi, lo >>> 0);
  return at;
}

function readNoPointer(bytes: Uint8Array, start: number, end: number, slots: FieldSlots, slot: number): number {
  if (bytes[start] !== OPEN_PAREN) return -1;
  const close = bytes.indexOf(CLOSE_PAREN, start);
  if (close < 0 || close >= end || close - start > 20) return -1;
  if (close - start === 5 && (bytes[start + 1] | TO_LOWER) === 0x6e) slots.int(slot, 0);
  else slots.null(slot);
  return close + 1;
}

/** Reads `seconds.fraction` (up to 9 decimals) or a plain integer as nanoseconds. */
export function readSecondsAsNs(
  bytes: Uint8Array,
  start: number,
  end: number,
  slots: FieldSlots,
  slot: number,
): number {
  let at = start;
  let seconds = 0;
  while (at < end && isDigit(bytes[at])) seconds = seconds * 10 + bytes[at++] - ZERO;
  if (at === start) return -1;
  if (at >= end || bytes[at] !== 0x2e) {
    slots.int(slot, seconds);
    return at;
  }
  let fraction = 0;
  let scale = 1e9;
  for (at++; at < end && isDigit(bytes[at]); at++) {
    if (scale < 10) continue;
    fraction = fraction * 10 + bytes[at] - ZERO;
    scale /= 10;
  }
  const ns = seconds * 1e9 + fraction * scale;
  if (Number.isSafeInteger(ns)) slots.int(slot, ns);
  else {
    const exact = BigInt(seconds) * 1000000000n + BigInt(fraction * scale);
    slots.int64(slot, Number(BigInt.asIntN(64, exact) >> 32n), Number(exact & 0xffffffffn));
  }
  return at;
}
