/**
 * Payloads of events that have no pattern: `key=value` pairs, `key: number` pairs, and text.
 *
 *   comm=user spin-1 [x] pid=63 prio=120 target_cpu=001
 *   cpus=00000000,00000006 freq=1100000 load={24 19} dynamic_power=250
 *   dev 8,1 ino 12 new_size 4096                         (no pairs: all of it is the field `text`)
 *   pages:-1 reason:local mm shootdown (3)               (pages is a field, the rest text)
 *   file="/etc/ld.so.cache" mode=0x2
 */
import type { FieldType } from '../../schema/index.ts';
import { type FieldSlots, SLOT_NULL } from './field-slots.ts';
import { HEX_DIGIT, isDigit, isHexPrefix, readHex, readInt } from './number-text.ts';
import { equals, nameText, TEXT_FIELD, type TextEvent } from './text-event.ts';

const BLANK = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;
const DOLLAR = 0x24;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const GREATER = 0x3e;
const BACKSLASH = 0x5c;
const LOWER_A = 0x61;

/** 1: may stand in a key · 2: may stand before a key. */
const ROLE = new Uint8Array(256);
for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_$.') ROLE[c.charCodeAt(0)] |= 1;
for (const c of ' \t,;({[') ROLE[c.charCodeAt(0)] |= 2;

/** Keys of the kernel that hold a blank, with the field name that they get. */
const BLANK_KEYS = ['work struct'].map((key) => ({
  bytes: new TextEncoder().encode(key),
  /** Bytes before the last word. */
  headBytes: key.lastIndexOf(' ') + 1,
  field: key.replaceAll(' ', '_'),
}));

const utf8 = new TextDecoder('utf-8');

function closing(open: number): number {
  if (open === 0x28) return 0x29;
  if (open === 0x5b) return 0x5d;
  return open === 0x7b ? 0x7d : 0;
}

function isBlank(byte: number): boolean {
  return byte === BLANK || byte === TAB;
}

/** End of the token that begins at `at`. */
function tokenEnd(bytes: Uint8Array, at: number, end: number): number {
  let stop = at;
  while (stop < end && !isBlank(bytes[stop])) stop++;
  while (stop > at && (bytes[stop - 1] === COMMA || bytes[stop - 1] === SEMICOLON)) stop--;
  return stop;
}

/** End of a bracketed group that opens at `at`, the group included; `end` when it stays open. */
function groupEnd(bytes: Uint8Array, at: number, end: number): number {
  const open = bytes[at];
  const close = closing(open);
  let depth = 0;
  for (let i = at; i < end; i++) {
    if (bytes[i] === open) depth++;
    else if (bytes[i] === close && --depth === 0) return i + 1;
  }
  return end;
}

function quoteEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at + 1; i < end; i++) {
    if (bytes[i] === BACKSLASH) i++;
    else if (bytes[i] === QUOTE) return i;
  }
  return -1;
}

/** Position of the blank before the next `key=`, or `end`. */
function nextKey(bytes: Uint8Array, from: number, end: number): number {
  for (let i = from; i < end; i++) {
    if (bytes[i] !== EQUALS || bytes[i + 1] === EQUALS || bytes[i + 1] === GREATER) continue;
    let key = i;
    while (key > from && ROLE[bytes[key - 1]] & 1) key--;
    if (key < i && key > from && isBlank(bytes[key - 1])) return key - 1;
  }
  return end;
}

/** End of the text value at `at` that is followed by a key at `key`: less what joins the two, as in `R ==> next_comm=`. */
function textValueEnd(bytes: Uint8Array, at: number, key: number, end: number): number {
  let stop = trimmedEnd(bytes, at, key);
  if (key < end && stop - at > 3 && bytes[stop - 1] === GREATER && bytes[stop - 2] === EQUALS) {
    while (stop > at && (bytes[stop - 1] === GREATER || bytes[stop - 1] === EQUALS)) stop--;
    stop = trimmedEnd(bytes, at, stop);
  }
  return stop;
}

function trimmedEnd(bytes: Uint8Array, at: number, end: number): number {
  let stop = end;
  while (stop > at && (isBlank(bytes[stop - 1]) || bytes[stop - 1] === COMMA || bytes[stop - 1] === SEMICOLON)) stop--;
  return stop;
}

/** Kind of number that bytes[start, end) is as a whole. */
function numberKind(bytes: Uint8Array, start: number, end: number): 'int' | 'hex' | 'ptr' | undefined {
  let at = start;
  if (at < end && bytes[at] === MINUS) at++;
  if (at >= end) return undefined;
  if (isHexPrefix(bytes, at, end)) {
    for (let i = at + 2; i < end; i++) if (HEX_DIGIT[bytes[i]] === 255 && (bytes[i] | 0x20) !== 0x78) return undefined;
    return end - at <= 2 ? undefined : end - at > 10 ? 'ptr' : 'hex';
  }
  let letters = 0;
  for (let i = at; i < end; i++) {
    const digit = HEX_DIGIT[bytes[i]];
    // `size=1712128B` is no address: the kernel prints those in lower case.
    if (digit === 255 || (digit > 9 && bytes[i] < LOWER_A)) return undefined;
    if (digit > 9) letters++;
  }
  // Hashed pointers have no 0x: 16 digits with letters or leading zeros, 8 of them on a 32-bit kernel (MODEL E0.6).
  if (end - at === 16 && (letters > 0 || bytes[at] === 0x30)) return 'ptr';
  if (end - at === 8 && letters > 0) return 'ptr';
  return letters === 0 && end - at <= 20 ? 'int' : undefined;
}

export class PairReader {
  /** Pairs of the payload read last for which the event has no field left: they are in its text. */
  folded = 0;
  readonly #slots: FieldSlots;
  #textCount = 0;
  #textStart = 0;
  #textEnd = 0;
  #text = '';
  #keyStart = 0;
  #slot = -1;
  #valueType: FieldType = 'str';

  constructor(slots: FieldSlots) {
    this.#slots = slots;
  }

  /**
   * Reads bytes[start, end) into the event's slots, adding fields that the event did not have.
   * @returns number of pairs found.
   */
  read(bytes: Uint8Array, start: number, end: number, event: TextEvent): number {
    this.#textCount = 0;
    this.folded = 0;
    let pairs = 0;
    let textStart = start;
    let keyStart = start;
    for (let at = start; at < end; ) {
      const byte = bytes[at];
      if (ROLE[byte] & 1) {
        at++;
        continue;
      }
      const value = at > keyStart && !isDigit(bytes[keyStart]) ? this.#valueStart(bytes, at, end) : -1;
      if (value < 0) {
        // A key begins only after a blank or an opening bracket: `a+b=c` has none.
        if (ROLE[byte] & 2) keyStart = at + 1;
        else {
          while (at < end && !(ROLE[bytes[at]] & 2)) at++;
          keyStart = at + 1;
        }
        at++;
        continue;
      }
      this.#valueType = numberKind(bytes, value, tokenEnd(bytes, value, end)) ?? 'str';
      this.#findKey(bytes, keyStart, at, textStart, event);
      this.#keepText(bytes, textStart, this.#keyStart);
      at = this.#value(bytes, value, end, event, this.#slot);
      if (this.#slot < 0) {
        this.folded++;
        this.#keepText(bytes, this.#keyStart, at);
      }
      pairs++;
      while (at < end && (ROLE[bytes[at]] & 2) === 2 && closing(bytes[at]) === 0) at++;
      textStart = at;
      keyStart = at;
    }
    this.#keepText(bytes, textStart, end);
    this.#writeText(event);
    return pairs;
  }

  /** Where the value begins if the byte at `at` ends a key, else −1. */
  #valueStart(bytes: Uint8Array, at: number, end: number): number {
    if (bytes[at] === EQUALS) return bytes[at + 1] === EQUALS || bytes[at + 1] === GREATER ? -1 : at + 1;
    if (bytes[at] !== COLON) return -1;
    let value = at + 1;
    while (value < end && isBlank(bytes[value])) value++;
    return numberKind(bytes, value, tokenEnd(bytes, value, end)) ? value : -1;
  }

  /** Finds the field of the key bytes[keyStart, keyEnd) into #slot, and where the key really begins into #keyStart. */
  #findKey(bytes: Uint8Array, keyStart: number, keyEnd: number, textStart: number, event: TextEvent): void {
    for (const blankKey of BLANK_KEYS) {
      const from = keyEnd - blankKey.bytes.length;
      if (keyStart - from === blankKey.headBytes && from >= textStart && equals(blankKey.bytes, bytes, from, keyEnd)) {
        this.#keyStart = from;
        this.#slot = this.#freeSlot(blankKey.field, event);
        return;
      }
    }
    this.#keyStart = keyStart;
    const first = bytes[keyStart] === DOLLAR ? keyStart + 1 : keyStart;
    this.#slot = event.slotOf(bytes, first, keyEnd);
    if (this.#slot < 0 || this.#slots.kind[this.#slot] !== SLOT_NULL)
      this.#slot = this.#freeSlot(nameText(bytes, first, keyEnd), event);
  }

  /** The field of that name, or of that name with a number when the line has the key twice. */
  #freeSlot(name: string, event: TextEvent): number {
    for (let copy = 1; copy < 10; copy++) {
      const candidate = copy === 1 ? name : `${name}_${copy}`;
      const slot = event.slotByName(candidate);
      if (slot < 0) {
        const added = event.addField(candidate, this.#valueType);
        if (added >= 0) this.#slots.null(added);
        return added;
      }
      if (this.#slots.kind[slot] === SLOT_NULL) return slot;
    }
    return -1;
  }

  /** Stores the value at `at`; returns the position after it. */
  #value(bytes: Uint8Array, at: number, end: number, event: TextEvent, slot: number): number {
    if (bytes[at] === QUOTE) {
      const close = quoteEnd(bytes, at, end);
      if (close >= 0) {
        if (slot >= 0) this.#slots.str(slot, at + 1, close);
        return close + 1;
      }
    }
    let stop = tokenEnd(bytes, at, end);
    let next = stop;
    if (this.#valueType === 'str') {
      if (closing(bytes[at])) next = stop = Math.max(groupEnd(bytes, at, end), stop);
      else if (!(isDigit(bytes[at]) || bytes[at] === MINUS)) {
        next = nextKey(bytes, at, end);
        stop = textValueEnd(bytes, at, next, end);
      }
    }
    if (slot >= 0) assign(this.#slots, slot, event.fieldType(slot), bytes, at, stop);
    return next;
  }

  #keepText(bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    let to = end;
    while (from < to && (isBlank(bytes[from]) || bytes[from] === COMMA || bytes[from] === SEMICOLON)) from++;
    while (to > from && (isBlank(bytes[to - 1]) || bytes[to - 1] === COMMA || bytes[to - 1] === SEMICOLON)) to--;
    if (from === to) return;
    if (this.#textCount === 0) {
      this.#textStart = from;
      this.#textEnd = to;
    } else {
      if (this.#textCount === 1) this.#text = utf8.decode(bytes.subarray(this.#textStart, this.#textEnd));
      this.#text += ` ${utf8.decode(bytes.subarray(from, to))}`;
    }
    this.#textCount++;
  }

  #writeText(event: TextEvent): void {
    if (this.#textCount === 0) return;
    let slot = event.slotByName(TEXT_FIELD);
    if (slot < 0) slot = event.addField(TEXT_FIELD, 'str');
    if (slot < 0) return;
    if (this.#textCount === 1) this.#slots.str(slot, this.#textStart, this.#textEnd);
    else this.#slots.string(slot, this.#text);
  }
}

/** Stores bytes[start, end) as the field's type says; what is no number goes into a number field as text. */
export function assign(
  slots: FieldSlots,
  slot: number,
  type: FieldType,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  if (type !== 'str') {
    const stop = type === 'int' ? readInt(bytes, start, end, slots, slot) : readHex(bytes, start, end, slots, slot);
    if (stop === end) return;
    slots.text(slot, start, end);
  } else slots.str(slot, start, end);
}
