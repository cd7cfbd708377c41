/**
 * Symbols of a kernel from the text of /proc/kallsyms, System.map, or the copy inside a recording.
 *
 *     ffffffff81000000 T _text
 *     ffffffffc0a5e000 t lab_spin	[lab]
 *
 * Addresses are kept as two 32-bit halves in signed 64-bit order: a double would merge neighbours at 0xc000000000000000 (ppc64).
 */
import { KeyOrder } from './key-order.ts';

const decoder = new TextDecoder('utf-8');
const encoder = new TextEncoder();
const TWO_32 = 4294967296;
const PAGE_BYTES = 4096;
/** `0 t f` and a newline: bounds the table when the text is nothing but newlines. */
const SHORTEST_LINE_BYTES = 6;

const NEWLINE = 0x0a;
const BLANK = 0x20;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Value of a hexadecimal digit, 255 for other bytes. */
const HEX_DIGIT = new Uint8Array(256).fill(255);
for (let digit = 0; digit < 16; digit++) {
  HEX_DIGIT[digit.toString(16).charCodeAt(0)] = digit;
  HEX_DIGIT[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** Types that nm and kallsyms give to functions: text, weak, and indirect functions. */
const FUNCTION_TYPES = 'tTwWiI';

/** Where an address lies. */
export interface SymbolHit {
  readonly name: string;
  /** Bytes into the symbol. */
  readonly offset: number;
  /** Name of the module, '' for the kernel itself. */
  readonly module: string;
  /** Distance to the next symbol; undefined for the last one of the kernel or a module. */
  readonly sizeBytes: number | undefined;
}

/** A 64-bit address: the high half signed, the low half not. */
export interface Address {
  readonly hi: number;
  readonly lo: number;
}

/** Distance between where a table has the kernel and where it was. */
class Shift {
  readonly #hi: number;
  readonly #lo: number;

  constructor(own: Address, recorded: Address) {
    this.#lo = (recorded.lo - own.lo) >>> 0;
    this.#hi = (recorded.hi - own.hi - (recorded.lo < own.lo ? 1 : 0)) | 0;
  }

  /** Looks an address up by its place in the table; a hit in a module is none. */
  toTable<Hit extends SymbolHit>(hi: number, lo: number, find: (hi: number, lo: number) => Hit | undefined) {
    const borrow = lo >>> 0 < this.#lo ? 1 : 0;
    const hit = find((hi - this.#hi - borrow) | 0, (lo - this.#lo) >>> 0);
    return hit?.module === '' ? hit : undefined;
  }
}

export class KernelSymbols {
  /** Number of symbols, data included (a data symbol ends the function before it). */
  readonly size: number;
  readonly #text: Uint8Array;
  readonly #hi: Int32Array;
  readonly #lo: Uint32Array;
  readonly #lineStart: Uint32Array;
  #shift: Shift | undefined;

  /**
   * Reads every line that begins with an address and leaves out the others; names are looked at when they are asked for.
   * The text must not change afterwards.
   */
  constructor(text: Uint8Array) {
    const capacity = Math.min(countLines(text), Math.ceil(text.length / SHORTEST_LINE_BYTES));
    const keys = new Float64Array(capacity);
    const hi = new Int32Array(capacity);
    const lo = new Uint32Array(capacity);
    const lineStart = new Uint32Array(capacity);
    let size = 0;
    let at = 0;
    while (at < text.length) {
      const start = at;
      let high = 0;
      let low = 0;
      for (let digit = HEX_DIGIT[text[at]]; digit < 16; digit = HEX_DIGIT[text[++at]]) {
        high = (high << 4) | (low >>> 28);
        low = (low << 4) | digit;
      }
      if (at > start && at <= start + 16 && text[at] === BLANK && text[at + 2] === BLANK) {
        hi[size] = high;
        lo[size] = low;
        keys[size] = high * TWO_32 + (low >>> 0);
        lineStart[size++] = start;
      }
      const newline = text.indexOf(NEWLINE, at);
      at = newline < 0 ? text.length : newline + 1;
    }
    const order = new KeyOrder().sort(keys, size);
    this.size = size;
    this.#text = text;
    this.#hi = new Int32Array(size);
    this.#lo = new Uint32Array(size);
    this.#lineStart = new Uint32Array(size);
    for (let i = 0; i < size; i++) {
      this.#hi[i] = hi[order[i]];
      this.#lo[i] = lo[order[i]];
      this.#lineStart[i] = lineStart[order[i]];
    }
  }

  /**
   * Whether the addresses are real. A reader without the privilege gets zeros (kernel.kptr_restrict), and then nothing can be
   * resolved.
   */
  get usable(): boolean {
    const last = this.size - 1;
    return last >= 0 && (this.#hi[0] !== 0 || this.#lo[0] !== 0 || this.#hi[last] !== 0 || this.#lo[last] !== 0);
  }

  /**
   * The function that covers an address given as two halves of 64 bits; undefined when none does. Symbols carry no sizes: one
   * ends where the next begins, the last one of a module two pages on at most (tools/perf/util/symbol.c symbols__fixup_end); of
   * several names at one address that leaves a size only to the last, which is the one that perf shows.
   */
  find(hi: number, lo: number): SymbolHit | undefined {
    if (this.#shift) return this.#shift.toTable(hi, lo, (ownHi, ownLo) => this.#find(ownHi, ownLo));
    return this.#find(hi | 0, lo >>> 0);
  }

  #find(hi: number, lo: number): SymbolHit | undefined {
    const last = this.#lastAtOrBelow(hi, lo);
    if (last < 0) return undefined;
    const module = this.#module(last);
    const offset = (hi - this.#hi[last]) * TWO_32 + (lo - this.#lo[last]);
    const next = last + 1;
    if (next === this.size || this.#module(next) !== module) {
      const toPageEnd = PAGE_BYTES - (this.#lo[last] % PAGE_BYTES);
      if (offset >= toPageEnd + PAGE_BYTES) return undefined;
    }
    if (!FUNCTION_TYPES.includes(this.#type(last))) return undefined;
    return { name: this.#name(last), offset, module, sizeBytes: this.#distance(last, next, module) };
  }

  /**
   * The symbol, function or data, that the kernel itself prints for an address with %ps and %pS: of several names at one
   * address the first of the table (kernel/kallsyms.c get_symbol_pos); per-CPU offsets, listed as absolute, are not addresses.
   */
  printed(hi: number, lo: number): SymbolHit | undefined {
    if (this.#shift) return this.#shift.toTable(hi, lo, (ownHi, ownLo) => this.#printed(ownHi, ownLo));
    return this.#printed(hi | 0, lo >>> 0);
  }

  #printed(hi: number, lo: number): SymbolHit | undefined {
    // Where the kernel lives in the upper half, a small number is no kernel address but may lie among the per-CPU symbols.
    if (this.size > 0 && this.#hi[0] < 0 && hi >= 0) return undefined;
    const last = this.#lastAtOrBelow(hi, lo);
    let first = last;
    while (first > 0 && this.#hi[first - 1] === this.#hi[last] && this.#lo[first - 1] === this.#lo[last]) first--;
    if (last < 0 || 'aA'.includes(this.#type(first))) return undefined;
    const module = this.#module(first);
    const offset = (hi - this.#hi[first]) * TWO_32 + (lo - this.#lo[first]);
    const next = last + 1;
    if (next === this.size || this.#module(next) !== module) {
      const toPageEnd = PAGE_BYTES - (this.#lo[first] % PAGE_BYTES);
      if (offset >= toPageEnd + PAGE_BYTES) return undefined;
    }
    return { name: this.#name(first), offset, module, sizeBytes: this.#distance(first, next, module) };
  }

  /** Bytes from one symbol to the next of its module. */
  #distance(from: number, next: number, module: string): number | undefined {
    if (next === this.size || this.#module(next) !== module) return undefined;
    return (this.#hi[next] - this.#hi[from]) * TWO_32 + (this.#lo[next] - this.#lo[from]);
  }

  /**
   * Reads the table for a kernel that was loaded elsewhere (KASLR): what it has at `own` is at `recorded` there. Modules are not
   * moved along with the kernel, so their symbols are lost.
   */
  relocate(own: Address, recorded: Address): void {
    this.#shift = new Shift(own, recorded);
  }

  /** Address of a symbol of the kernel itself, as halves. A linear search, for a few lookups per capture. */
  addressOf(name: string): Address | undefined {
    const wanted = encoder.encode(name);
    for (let i = 0; i < this.size; i++) {
      const start = this.#typeAt(i) + 2;
      let same = 0;
      while (same < wanted.length && this.#text[start + same] === wanted[same]) same++;
      if (same === wanted.length && !(this.#text[start + same] > BLANK) && this.#module(i) === '') {
        return { hi: this.#hi[i], lo: this.#lo[i] };
      }
    }
    return undefined;
  }

  #lastAtOrBelow(hi: number, lo: number): number {
    const his = this.#hi;
    const los = this.#lo;
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (his[middle] < hi || (his[middle] === hi && los[middle] <= lo)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #typeAt(index: number): number {
    return this.#text.indexOf(BLANK, this.#lineStart[index]) + 1;
  }

  #type(index: number): string {
    return String.fromCharCode(this.#text[this.#typeAt(index)]);
  }

  #nameEnd(start: number): number {
    let end = start;
    while (end < this.#text.length && this.#text[end] > BLANK) end++;
    return end;
  }

  #name(index: number): string {
    const start = this.#typeAt(index) + 2;
    return decoder.decode(this.#text.subarray(start, this.#nameEnd(start)));
  }

  #module(index: number): string {
    const nameEnd = this.#nameEnd(this.#typeAt(index) + 2);
    if (this.#text[nameEnd + 1] !== OPEN_BRACKET) return '';
    const close = this.#text.indexOf(CLOSE_BRACKET, nameEnd);
    return close < 0 ? '' : decoder.decode(this.#text.subarray(nameEnd + 2, close));
  }
}

function countLines(text: Uint8Array): number {
  let lines = 1;
  for (let i = text.indexOf(NEWLINE); i >= 0; i = text.indexOf(NEWLINE, i + 1)) lines++;
  return lines;
}
