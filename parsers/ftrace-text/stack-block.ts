/**
 * Stack traces, one frame per line, inner first (kernel/trace/trace_output.c trace_stack_print, MODEL E0.8):
 *
 *        lab upd-1-87      [000] d..2.    28.711042: <stack trace>
 *   => __schedule
 *   => storm_updater+0x3d/0x60 [lab]
 *   => [FTRACE TRAMPOLINE]
 *      kworker/0:1-9     [000]    27.143496: kernel_stack:         <stack trace >
 *  => __schedule (ffffffff81605e03)                                              trace-cmd
 *  => ffffffffa0000a8d                                                           … without a symbol
 *   =>  <00007f1cb2d3f9b1>                                                       user stack
 *      … kernel_stack:   size=7 caller=ARRAY[e8, 54, 0d, 81, ff, ff, ff, ff, …]   trace-cmd report -R
 */
import type { DictionaryWriter } from '../dictionary-writer.ts';
import { HEX_DIGIT, isHexPrefix } from '../event-text/number-text.ts';

const BLANK = 0x20;
const TAB = 0x09;
const PLUS = 0x2b;
const SLASH = 0x2f;
const ZERO = 0x30;
const LESS = 0x3c;
const EQUALS = 0x3d;
const GREATER = 0x3e;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** The kernel records 64 frames at most in a trace stack; a file may claim anything. */
const MAX_FRAMES = 256;

const latin1 = new TextDecoder('latin1');

/** First byte after `=> ` when bytes[start, end) are a frame line, else −1. */
export function frameStart(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] === BLANK || bytes[at] === TAB)) at++;
  if (at + 2 >= end || bytes[at] !== EQUALS || bytes[at + 1] !== GREATER || bytes[at + 2] !== BLANK) return -1;
  at += 3;
  while (at < end && bytes[at] === BLANK) at++;
  return at < end ? at : -1;
}

/** Collects the frames of one stack. */
export class StackBlock {
  readonly #dictionary: DictionaryWriter;
  readonly #frames: number[] = [];

  constructor(dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
  }

  clear(): void {
    this.#frames.length = 0;
  }

  /** Stack id of the frames collected. */
  intern(): number {
    return this.#dictionary.stack(this.#frames);
  }

  /** Adds the frame that bytes[start, end) name (after `=> `). */
  addFrame(bytes: Uint8Array, start: number, end: number): void {
    if (this.#frames.length >= MAX_FRAMES) return;
    let stop = end;
    while (stop > start && bytes[stop - 1] === BLANK) stop--;
    if (bytes[start] === LESS || bytes[start] === SLASH || bytes[start] === OPEN_BRACKET) {
      this.#push(bytes, start, stop, -1, 0);
      return;
    }
    let nameEnd = start;
    while (nameEnd < stop && bytes[nameEnd] !== BLANK && bytes[nameEnd] !== PLUS) nameEnd++;
    if (isAddress(bytes, start, nameEnd) && nameEnd === stop) {
      this.addAddress(latin1.decode(bytes.subarray(start, nameEnd)).replace(/^0x/, ''));
      return;
    }
    let offset = -1;
    let at = nameEnd;
    if (bytes[at] === PLUS && isHexPrefix(bytes, at + 1, stop)) {
      offset = 0;
      for (at += 3; at < stop && HEX_DIGIT[bytes[at]] !== 255; at++) offset = offset * 16 + HEX_DIGIT[bytes[at]];
      while (at < stop && bytes[at] !== BLANK) at++;
    }
    this.#push(bytes, start, nameEnd, offset, this.#module(bytes, at, stop));
  }

  /** Adds a frame of which only the address is known, in hexadecimal without 0x. Zero pads short stacks (report -N). */
  addAddress(address: string): void {
    if (this.#frames.length >= MAX_FRAMES || /^0*$/.test(address)) return;
    this.#frames.push(this.#dictionary.frame(this.#dictionary.string(`0x${address}`), -1, 0));
  }

  /** Adds the addresses of `size=7 caller=ARRAY[e8, 54, …]`: as many 64-bit little-endian words as `size` says. */
  addArray(bytes: Uint8Array, start: number, end: number): void {
    const head = /^size=(\d+) caller=ARRAY\[/.exec(latin1.decode(bytes.subarray(start, Math.min(end, start + 64))));
    if (!head) return;
    const size = Math.min(MAX_FRAMES, Number(head[1]));
    let word = '';
    for (let at = start + head[0].length; at + 1 < end && bytes[at] !== CLOSE_BRACKET; at++) {
      if (this.#frames.length >= size) return;
      if (HEX_DIGIT[bytes[at]] === 255) continue;
      word = latin1.decode(bytes.subarray(at, at + 2)) + word;
      at++;
      if (word.length < 16) continue;
      this.addAddress(word.replace(/^0+(?=.)/, ''));
      word = '';
    }
  }

  #module(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && bytes[at] === BLANK) at++;
    if (bytes[at] !== OPEN_BRACKET || bytes[end - 1] !== CLOSE_BRACKET) return 0;
    return this.#dictionary.bytes(bytes, at + 1, end - 1);
  }

  #push(bytes: Uint8Array, start: number, end: number, offset: number, module: number): void {
    this.#frames.push(this.#dictionary.frame(this.#dictionary.bytes(bytes, start, end), offset, module));
  }
}

/** A bare address is at least eight digits; `deadbeef` as a function's name is not to be expected. */
function isAddress(bytes: Uint8Array, start: number, end: number): boolean {
  const first = isHexPrefix(bytes, start, end) ? start + 2 : start;
  if (end - first === 1 && bytes[first] === ZERO) return true;
  if (end - first < (first > start ? 1 : 8)) return false;
  for (let at = first; at < end; at++) if (HEX_DIGIT[bytes[at]] === 255) return false;
  return true;
}

/** Whether the payload announces frames in the lines that follow: `<stack trace>`, `<user stack trace>`, `… stack=STACK:`. */
export function announcesStack(
  bytes: Uint8Array,
  start: number,
  end: number,
): 'kernel' | 'user' | 'attached' | undefined {
  if (bytes[start] === LESS) {
    const text = latin1.decode(bytes.subarray(start, Math.min(end, start + 24)));
    if (text.startsWith('<stack trace')) return 'kernel';
    return text.startsWith('<user stack trace') ? 'user' : undefined;
  }
  // Synthetic events with a stack field (kernel/trace/trace_events_synth.c).
  if (end - start > 6 && bytes[end - 1] === 0x3a && bytes[end - 2] === 0x4b)
    return latin1.decode(bytes.subarray(end - 6, end)) === 'STACK:' ? 'attached' : undefined;
  return undefined;
}
