/**
 * Arguments and results of named system calls (kernel/trace/trace_syscalls.c).
 *
 *   fd: 3, buf: 7ffd3c1a, count: 1000          kernel: hexadecimal without 0x
 *   fd: 0x00000003                             trace-cmd, perf
 *   filename: 0x7ffe20c0 "/etc/passwd"         7.0 adds the string that the pointer had
 *   0x0                                        result
 */
import type { FieldSlots } from './field-slots.ts';
import { HEX_DIGIT, readHex } from './number-text.ts';
import { nameText, type TextEvent } from './text-event.ts';

const BLANK = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** End of one argument: the comma before the next, none inside quotes. */
function argumentEnd(bytes: Uint8Array, start: number, end: number): number {
  let quoted = false;
  for (let at = start; at < end; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === QUOTE) quoted = !quoted;
    else if (bytes[at] === COMMA && !quoted && (at + 1 === end || bytes[at + 1] === BLANK)) return at;
  }
  return end;
}

/** Reads `name: value, …` into fields; false when the payload is of another form (`key=value` of report -R). */
export function readSyscallArguments(
  bytes: Uint8Array,
  start: number,
  end: number,
  event: TextEvent,
  slots: FieldSlots,
): boolean {
  for (let at = start; at < end; ) {
    const stop = argumentEnd(bytes, at, end);
    let colon = at;
    while (colon < stop && bytes[colon] !== COLON && bytes[colon] !== BLANK) colon++;
    if (colon >= stop || colon === at || bytes[colon] !== COLON) return false;
    let value = colon + 1;
    while (value < stop && bytes[value] === BLANK) value++;
    readArgument(bytes, at, colon, value, stop, event, slots);
    at = stop + 1;
    while (at < end && bytes[at] === BLANK) at++;
  }
  return true;
}

function readArgument(
  bytes: Uint8Array,
  nameStart: number,
  nameEnd: number,
  value: number,
  end: number,
  event: TextEvent,
  slots: FieldSlots,
): void {
  const isNumber = HEX_DIGIT[bytes[value]] !== 255;
  let slot = event.slotOf(bytes, nameStart, nameEnd);
  if (slot < 0) {
    slot = event.addField(nameText(bytes, nameStart, nameEnd), isNumber ? 'hex' : 'str');
    if (slot < 0) return;
  }
  const stop = isNumber ? readHex(bytes, value, end, slots, slot) : -1;
  if (stop === end) return;
  if (stop > 0 && bytes[stop] === BLANK) {
    // A pointer with what it pointed to: both are kept, the text as a field of its own.
    const text = nameText(bytes, nameStart, nameEnd).concat('_text');
    let textSlot = event.slotByName(text);
    if (textSlot < 0) textSlot = event.addField(text, 'str');
    if (textSlot >= 0) readText(bytes, stop + 1, end, textSlot, slots);
  } else readText(bytes, value, end, slot, slots);
}

/** A text argument, without its quotes. */
function readText(bytes: Uint8Array, start: number, end: number, slot: number, slots: FieldSlots): void {
  const quoted = end - start >= 2 && bytes[start] === QUOTE && bytes[end - 1] === QUOTE;
  slots.text(slot, quoted ? start + 1 : start, quoted ? end - 1 : end);
}

/** Reads the result, a hexadecimal 64-bit number, into the field ret; false when the payload is of another form. */
export function readSyscallReturn(
  bytes: Uint8Array,
  start: number,
  end: number,
  event: TextEvent,
  slots: FieldSlots,
): boolean {
  if (HEX_DIGIT[bytes[start]] === 255) return false;
  let slot = event.slotByName('ret');
  if (slot < 0) slot = event.addField('ret', 'int');
  return slot >= 0 && readHex(bytes, start, end, slots, slot) === end;
}
