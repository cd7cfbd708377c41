/**
 * Head of a kprobe, uprobe or fprobe payload: which function, which address.
 *
 *   (synchronize_srcu+0x4/0xf0) ssp=0xffffffff81ee05a0              kernel (kernel/trace/trace_kprobe.c print_kprobe_event)
 *   (process_one_work+0x203/0x6b0 <- process_srcu)                  kernel, return probe: (return address <- function)
 *   (storm_updater+0x3d/0x60 [lab] <- synchronize_srcu)
 *   (0x446540 <- 0x446420) arg1=446540                              kernel, uprobe return
 *   (ffffffff81105a74) ssp=0xffffffffa0005940                       trace-cmd and perf: bare addresses
 *   (ffffffff81105d04 <- ffffffff8108c963)                          … and the function first
 *   __probe_ip=ffffffff81103aa4 ssp=0xffffffff82daa220              trace-cmd report -R
 *   __probe_func=ffffffff81105d04 __probe_ret_ip=ffffffff8108c963
 */
import { type FieldSlots, SLOT_NULL } from './field-slots.ts';
import { HEX_DIGIT, isHexPrefix, readHex } from './number-text.ts';

const OPEN = 0x28;
const CLOSE = 0x29;
const BLANK = 0x20;
const PLUS = 0x2b;
const SLASH = 0x2f;
const LESS = 0x3c;
const DASH = 0x2d;

/** Slots of the leading fields of every probe (KPROBE_FIELDS, KRETPROBE_FIELDS). */
const FUNC = 0;
const ADDRESS = 1;

const encoder = new TextEncoder();
const RAW_IP = encoder.encode('__probe_ip=');
const RAW_FUNC = encoder.encode('__probe_func=');
const RAW_RETURN = encoder.encode(' __probe_ret_ip=');

export type ProbeKind = 'kprobe' | 'kretprobe';

function startsWith(bytes: Uint8Array, at: number, end: number, text: Uint8Array): boolean {
  if (at + text.length > end) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

export class ProbeReader {
  kind: ProbeKind = 'kprobe';
  /** First byte after the head. */
  end = 0;
  #functionStart = 0;
  #functionEnd = 0;
  #addressStart = 0;
  #addressEnd = 0;

  /** Whether bytes[start, end) begin with a probe's head; its parts are then taken by {@link store}. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    if (bytes[start] !== OPEN) return this.#readRaw(bytes, start, end);
    let close = start + 1;
    let arrow = -1;
    while (close < end && bytes[close] !== CLOSE) {
      if (bytes[close] === LESS && bytes[close + 1] === DASH) arrow = close;
      close++;
    }
    if (close >= end) return false;
    this.end = close + 1;
    if (arrow < 0) return this.#readEntry(bytes, start + 1, close);
    if (bytes[arrow - 1] !== BLANK || bytes[arrow + 2] !== BLANK) return false;
    this.kind = 'kretprobe';
    const leftEnd = arrow - 1;
    const right = arrow + 3;
    if (isBareAddress(bytes, start + 1, leftEnd) && isBareAddress(bytes, right, close)) {
      this.#take(right, right, right, close);
      // Bare addresses on both sides: the function comes first and has no name; what remains is the return address.
      return true;
    }
    if (!isPlace(bytes, start + 1, leftEnd)) return false;
    this.#take(right, symbolEnd(bytes, right, close), start + 1, leftEnd);
    return true;
  }

  #readEntry(bytes: Uint8Array, start: number, end: number): boolean {
    this.kind = 'kprobe';
    if (isAddress(bytes, start, end)) {
      this.#take(start, start, start, end);
      return true;
    }
    if (!isPlace(bytes, start, end)) return false;
    this.#take(start, symbolEnd(bytes, start, end), end, end);
    return true;
  }

  #readRaw(bytes: Uint8Array, start: number, end: number): boolean {
    if (startsWith(bytes, start, end, RAW_IP)) {
      this.kind = 'kprobe';
      const address = start + RAW_IP.length;
      this.end = wordEnd(bytes, address, end);
      this.#take(address, address, address, this.end);
      return true;
    }
    if (!startsWith(bytes, start, end, RAW_FUNC)) return false;
    const after = wordEnd(bytes, start + RAW_FUNC.length, end);
    if (!startsWith(bytes, after, end, RAW_RETURN)) return false;
    this.kind = 'kretprobe';
    const address = after + RAW_RETURN.length;
    this.end = wordEnd(bytes, address, end);
    this.#take(address, address, address, this.end);
    return true;
  }

  #take(functionStart: number, functionEnd: number, addressStart: number, addressEnd: number): void {
    this.#functionStart = functionStart;
    this.#functionEnd = functionEnd;
    this.#addressStart = addressStart;
    this.#addressEnd = addressEnd;
  }

  /** Puts func and ip (ret_ip) into their slots. An address that the form does not print is 0; a return place keeps its text. */
  store(bytes: Uint8Array, slots: FieldSlots): void {
    slots.str(FUNC, this.#functionStart, this.#functionEnd);
    const start = this.#addressStart;
    const end = this.#addressEnd;
    slots.kind[ADDRESS] = SLOT_NULL;
    if (start === end) slots.int(ADDRESS, 0);
    else if (!isAddress(bytes, start, end) || readHex(bytes, start, end, slots, ADDRESS) !== end)
      slots.str(ADDRESS, start, end);
  }
}

function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== BLANK) at++;
  return at;
}

/** End of the function's name in `sym+0x4/0xf0 [mod]`. */
function symbolEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== BLANK && bytes[at] !== PLUS) at++;
  return at;
}

/** `ffffffff81105a74`, `c0339346`: an address without 0x, as libtraceevent prints it. */
function isBareAddress(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 6 || end - start > 16) return false;
  for (let at = start; at < end; at++) if (HEX_DIGIT[bytes[at]] === 255) return false;
  return true;
}

function isAddress(bytes: Uint8Array, start: number, end: number): boolean {
  if (!isHexPrefix(bytes, start, end)) return isBareAddress(bytes, start, end);
  for (let at = start + 2; at < end; at++) if (HEX_DIGIT[bytes[at]] === 255) return false;
  return end - start > 2 && end - start <= 18;
}

/** `sym+0xoff/0xsize`, with a module or without; or an address. The size tells it from a plugin's `(sym+0x84)`. */
function isPlace(bytes: Uint8Array, start: number, end: number): boolean {
  if (isAddress(bytes, start, end)) return true;
  let at = start;
  while (at < end && bytes[at] !== PLUS && bytes[at] !== BLANK) at++;
  if (at === start || !isHexPrefix(bytes, at + 1, end)) return false;
  while (at < end && bytes[at] !== SLASH && bytes[at] !== BLANK) at++;
  return bytes[at] === SLASH && isHexPrefix(bytes, at + 1, end);
}
