/**
 * Stack frames as perf script prints them (tools/perf/util/evsel_fprintf.c sample__fprintf_callchain), on lines of their own or
 * at the end of the sample's line:
 *
 *     	ffffffff813ad60a update_se+0x13a ([kernel.kallsyms])
 *     	           2724a __libc_start_call_main+0x7a (/usr/lib/x86_64-linux-gnu/libc.so.6)
 *     	ffffffffa0000a8d lab_spin+0x1d ([lab])
 *     	          9d8a7a v8::internal::Zone::Zone(v8::internal::Isolate*) (/usr/local/bin/node)
 *     	          401b97 main::inner (inlined)
 *     	ffffffff813ad60a update_se                                         -F without symoff and dso
 *     lock:lock_acquire: 0xffffffffa0005a78 lab_lock ffffffff810e0a3f lock_acquire+0xbf ([kernel.kallsyms])
 */
import { HEX_DIGIT, isHexPrefix } from '../event-text/number-text.ts';
import { skipBlanks, trimEnd, wordEnd } from './sample-line.ts';

const TAB = 0x09;
const BLANK = 0x20;
const OPEN_PAREN = 0x28;
const CLOSE_PAREN = 0x29;
const PLUS = 0x2b;
const SLASH = 0x2f;
const OPEN_BRACKET = 0x5b;

/** Bits of a double's integers; a larger offset is that of an address outside the symbol. */
const MAX_OFFSET_DIGITS = 13;

export class FrameText {
  /** Address as two halves. */
  hi = 0;
  lo = 0;
  /** Symbol without its offset: bytes[symbolStart, symbolEnd); empty when the frame shows only an address. */
  symbolStart = 0;
  symbolEnd = 0;
  /** Bytes into the symbol, −1 when unknown. */
  offset = -1;
  /** Mapped object: bytes[objectStart, objectEnd) inside the parentheses; empty when the frame does not show it. */
  objectStart = 0;
  objectEnd = 0;
  /** Where the frame begins when it was read from the end of a line. */
  start = 0;

  /** Whether bytes[start, end) are one frame. @param indented the line begins with a tab, as only frames do */
  read(bytes: Uint8Array, start: number, end: number, indented: boolean): boolean {
    const at = skipBlanks(bytes, start, end);
    const stop = trimEnd(bytes, at, end);
    const addressEnd = wordEnd(bytes, at, stop);
    if (addressEnd === at) return false;
    const isAddress = this.#readAddress(bytes, at, addressEnd);
    if (!isAddress && !(indented && bytes[stop - 1] === CLOSE_PAREN)) return false;
    const symbol = skipBlanks(bytes, addressEnd, stop);
    if (symbol === stop && !indented) return false;
    this.#readSymbol(bytes, symbol, stop);
    return true;
  }

  /** Whether bytes[start, end) end with a frame: an address of its own word, a symbol without blanks, an object. */
  readAtEnd(bytes: Uint8Array, start: number, end: number): boolean {
    const stop = trimEnd(bytes, start, end);
    let symbolStop = stop;
    if (bytes[stop - 1] === CLOSE_PAREN) {
      const open = openingParenthesis(bytes, start, stop);
      // `(ret=0)` and the like end many payloads; objects are a path or in brackets.
      if (open <= start || (bytes[open + 1] !== OPEN_BRACKET && bytes[open + 1] !== SLASH)) return false;
      symbolStop = trimEnd(bytes, start, open);
    }
    const symbol = wordStart(bytes, start, symbolStop);
    const addressEnd = trimEnd(bytes, start, symbol);
    const address = wordStart(bytes, start, addressEnd);
    if (address === addressEnd || !this.#readAddress(bytes, address, addressEnd)) return false;
    // Without an object only a kernel address can be distinguished from a payload's words.
    if (symbolStop === stop && (this.hi >= 0 || addressEnd - address !== 16)) return false;
    this.start = address;
    this.#readSymbol(bytes, symbol, stop);
    return true;
  }

  /** Up to 16 hexadecimal digits without 0x. */
  #readAddress(bytes: Uint8Array, start: number, end: number): boolean {
    this.hi = 0;
    this.lo = 0;
    if (end - start > 16 || end === start) return false;
    let hi = 0;
    let lo = 0;
    for (let at = start; at < end; at++) {
      const digit = HEX_DIGIT[bytes[at]];
      if (digit === 255) return false;
      hi = (hi << 4) | (lo >>> 28);
      lo = (lo << 4) | digit;
    }
    this.hi = hi;
    this.lo = lo;
    return true;
  }

  #readSymbol(bytes: Uint8Array, start: number, end: number): void {
    let stop = end;
    this.objectStart = this.objectEnd = end;
    if (bytes[end - 1] === CLOSE_PAREN) {
      const open = openingParenthesis(bytes, start, end);
      if (open > start || (open === start && bytes[start] === OPEN_PAREN)) {
        this.objectStart = open + 1;
        this.objectEnd = end - 1;
        stop = trimEnd(bytes, start, open);
      }
    }
    this.symbolStart = start;
    this.symbolEnd = stop;
    this.offset = -1;
    let plus = stop - 1;
    while (plus > start && HEX_DIGIT[bytes[plus]] !== 255) plus--;
    // `+0x13a`: the walk back has stopped at the x.
    if (plus - 2 > start && bytes[plus - 2] === PLUS && isHexPrefix(bytes, plus - 1, stop) && plus + 1 < stop) {
      this.symbolEnd = plus - 2;
      if (stop - plus - 1 <= MAX_OFFSET_DIGITS) {
        let offset = 0;
        for (let at = plus + 1; at < stop; at++) offset = offset * 16 + HEX_DIGIT[bytes[at]];
        this.offset = offset;
      }
    }
  }
}

/** Position of the parenthesis that the one at end − 1 closes, with a blank before it; −1 when there is none. */
function openingParenthesis(bytes: Uint8Array, start: number, end: number): number {
  let depth = 0;
  for (let at = end - 1; at >= start; at--) {
    if (bytes[at] === CLOSE_PAREN) depth++;
    else if (bytes[at] === OPEN_PAREN && --depth === 0) {
      return at === start || bytes[at - 1] === BLANK || bytes[at - 1] === TAB ? at : -1;
    }
  }
  return -1;
}

function wordStart(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && bytes[at - 1] !== BLANK && bytes[at - 1] !== TAB) at--;
  return at;
}
