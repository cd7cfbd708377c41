/**
 * Takes the prefixes off a log line (MODEL G0.1): quote marks, line numbers, `<6>`, dates and host names, `[ 12.345678]`, `[ T123]`.
 *
 * Hot: every line passes here. The common form `[<seconds>.<µs>][<caller>] text` is read byte by byte without allocating;
 * other forms go through {@link DatedPrefix} and cost about a microsecond.
 */

import { Margin } from '../margin.ts';
import { DatedMemo } from './dated-memo.ts';
import { DatedPrefix } from './dated-prefix.ts';
import { deviceStamp } from './device-stamp.ts';

const SPACE = 0x20;
const OPEN = 0x5b; // [
const CLOSE = 0x5d; // ]
const DOT = 0x2e;
const LESS = 0x3c;
const GREATER = 0x3e;
const ESCAPE = 0x1b;

/** Longest beginning of a line in which dates, hosts and names are looked for. */
export const MAX_PREFIX = 160;
/** What stands between a logger's prefix and the stamp of a console that programs write to: `login: `. */
const MAX_PROMPT = 48;

const isDigit = (code: number) => code >= 0x30 && code <= 0x39;

/** The prefix of the line last given to {@link scan}. */
export class LinePrefix {
  /** Kernel time, ns; −1 when the line has none. */
  stampNs = -1;
  /** Date in front of the line: whether there is one, and its value. */
  hasDate = false;
  dateSeconds = 0;
  dateNanos = 0;
  /** Printk level 0–7; −1 when not shown. */
  level = -1;
  /** Task that printed the line, or CPU when it was printed in interrupt context; −1 when not shown. */
  callerTid = -1;
  callerCpu = -1;
  /** The line is the kernel's, as far as the prefix says (`sshd[1]:` is not). */
  kernel = true;
  /** The prefix itself says that the kernel printed the line: a stamp, a level, `kernel:`, a caller. */
  fromKernel = false;
  /** There is a prefix of the logger: the line is no rest of the one before. */
  present = false;
  /** Byte offset of this piece in a record that netconsole cut (`ncfrag=`); 0 for a whole record or its first piece. */
  fragmentAt = 0;
  /** The record came in pieces. */
  isFragment = false;
  /** What logcat cut off in front of the first colon; '' otherwise. */
  tag = '';
  /** First byte of the text. */
  textStart = 0;
  /** The journal's `short-monotonic` form: `[   12.345678] host kernel: text`. */
  hostAfterStamp = false;
  /** Quote marks, indentation and line numbers. */
  readonly margin = new Margin();

  readonly #dated = new DatedPrefix();
  readonly #memo = new DatedMemo();

  /** Reads the prefix of bytes[start, end). */
  scan(bytes: Uint8Array, start: number, end: number): void {
    this.stampNs = -1;
    this.hasDate = false;
    this.level = -1;
    this.callerTid = -1;
    this.callerCpu = -1;
    this.kernel = true;
    this.fromKernel = false;
    this.present = false;
    this.fragmentAt = 0;
    this.isFragment = false;
    this.tag = '';
    const code = bytes[start];
    const { margin } = this;
    if ((code === OPEN || code === LESS) && start < end) {
      margin.none(start);
      this.#body(bytes, start, end, start);
    } else {
      margin.scan(bytes, start, end);
      this.#body(bytes, margin.end, end, margin.textStart);
    }
    const at = this.textStart;
    if (bytes[at] === OPEN && this.stampNs >= 0) this.#again(bytes, end);
    if (this.present && at < end && mayBeDeviceStamp(bytes, at)) this.#device(bytes, end);
    this.fromKernel ||= this.stampNs >= 0 || this.callerTid >= 0 || this.callerCpu >= 0;
  }

  /** @param bare where the text begins when there is no prefix: its indentation is kept */
  #body(bytes: Uint8Array, from: number, end: number, bare: number): void {
    let i = from;
    while (i < end && bytes[i] === ESCAPE) i = colour(bytes, i, end);
    if (bytes[i] === LESS && i < end) i = this.#level(bytes, i, end);
    const levelled = i;
    const at = this.#stamp(bytes, i, end);
    if (at !== i) {
      this.present = true;
      this.textStart = this.#callers(bytes, this.#host(bytes, at, end), end);
      return;
    }
    this.textStart = this.#rare(bytes, i, end);
    if (this.textStart > levelled || levelled > from) this.present = true;
    else this.textStart = bare;
  }

  /** Two stamps in a row: two consoles wrote to one terminal. The first is the line's (O52). */
  #again(bytes: Uint8Array, end: number): void {
    const { stampNs } = this;
    for (;;) {
      const at = this.textStart < end ? this.#stamp(bytes, this.textStart, end) : this.textStart;
      if (at === this.textStart) break;
      this.textStart = this.#callers(bytes, at, end);
    }
    this.stampNs = stampNs;
  }

  /** `<6>`; with a facility the level is in the low three bits (`<30>` is daemon.info). */
  #level(bytes: Uint8Array, at: number, end: number): number {
    let i = at + 1;
    let value = 0;
    while (i < end && isDigit(bytes[i]) && i - at < 5) value = value * 10 + bytes[i++] - 0x30;
    if (i === at + 1 || bytes[i] !== GREATER || i >= end) return at;
    this.level = value & 7;
    this.kernel = value < 8;
    this.fromKernel = value < 8;
    return i + 1;
  }

  /** `[   12.345678] `; returns `at` when there is none. */
  #stamp(bytes: Uint8Array, at: number, end: number): number {
    if (bytes[at] !== OPEN) return at;
    let i = at + 1;
    while (i < end && bytes[i] === SPACE) i++;
    let seconds = 0;
    const digits = i;
    while (i < end && isDigit(bytes[i])) seconds = seconds * 10 + bytes[i++] - 0x30;
    if (i === digits || i - digits > 9 || bytes[i] !== DOT) return at;
    i++;
    let fraction = 0;
    const decimals = i;
    while (i < end && isDigit(bytes[i]) && i - decimals < 9) fraction = fraction * 10 + bytes[i++] - 0x30;
    const places = i - decimals;
    // Some vendors write the unit; `dmesg -d` adds `<    0.000123>`, others a date (`12.345678 / 07-03 16:39:34.123`).
    if (bytes[i] === 0x73) i++;
    if (bytes[i] === SPACE && (bytes[i + 1] === LESS || bytes[i + 1] === 0x2f))
      while (i < end && bytes[i] !== CLOSE && i - decimals < 48) i++;
    // Some boards print whole seconds: `[  240.] text`.
    if ((places < 3 && places > 0) || bytes[i] !== CLOSE || i >= end) return at;
    this.stampNs = seconds * 1e9 + (places === 6 ? fraction * 1000 : fraction * 10 ** (9 - places));
    i++;
    // Colours end behind the stamp.
    while (bytes[i] === ESCAPE && i < end) i = colour(bytes, i, end);
    return i;
  }

  /** `[ T123]`, `[    C1]` directly behind the stamp, then one space. */
  #callers(bytes: Uint8Array, at: number, end: number): number {
    let i = at;
    if (bytes[i] === SPACE && i < end) i++;
    // journald trims the stamp away and keeps `[  T313]`.
    const after = bytes[i] === OPEN && i < end ? this.#caller(bytes, i, end) : -1;
    if (after >= 0) i = bytes[after] === SPACE && after < end ? after + 1 : after;
    while (bytes[i] === ESCAPE && i < end) i = colour(bytes, i, end);
    return i;
  }

  #caller(bytes: Uint8Array, at: number, end: number): number {
    let i = at + 1;
    while (i < end && bytes[i] === SPACE) i++;
    const kind = bytes[i];
    if (kind !== 0x54 && kind !== 0x43) return -1; // T, C
    let value = 0;
    const digits = ++i;
    while (i < end && isDigit(bytes[i]) && i - digits < 10) value = value * 10 + bytes[i++] - 0x30;
    if (i === digits) return -1;
    // Android: `[ T301@C1]`
    if (bytes[i] === 0x40) while (i < end && bytes[i] !== CLOSE && i - digits < 20) i++;
    if (bytes[i] !== CLOSE || i >= end) return -1;
    if (kind === 0x54) this.callerTid = value;
    else this.callerCpu = value;
    return i + 1;
  }

  /** `host kernel: ` behind the stamp, in logs that are written so. */
  #host(bytes: Uint8Array, at: number, end: number): number {
    if (!this.hostAfterStamp) return at;
    const dated = this.#dated;
    const behind = dated.identifier(ascii(bytes, at, Math.min(end, at + MAX_PREFIX)), 0);
    if (behind === undefined) return at;
    this.kernel = dated.kernel;
    return at + behind;
  }

  /** Everything that does not begin with a kernel stamp. Returns the start of the text. */
  #rare(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return at;
    if (bytes[at] === OPEN) {
      const caller = this.#caller(bytes, at, end);
      if (caller >= 0) return bytes[caller] === SPACE && caller < end ? caller + 1 : caller;
    }
    const memo = this.#memo;
    if (memo.matches(bytes, at, end)) {
      this.#date(memo.seconds, memo.nanos, memo.fromKernel);
      return this.#behindDate(bytes, at + memo.length, end);
    }
    const dated = this.#dated;
    const text = mayBeginPrefix(bytes, at) ? ascii(bytes, at, Math.min(end, at + MAX_PREFIX)) : '';
    if (text === '' || !dated.parse(text)) return this.#stampInside(bytes, at, Math.min(end, at + MAX_PREFIX), end);
    this.#date(dated.dateSeconds, dated.dateNanos, dated.fromKernel);
    this.hasDate = dated.hasDate;
    this.kernel &&= dated.kernel;
    if (dated.level >= 0) this.level = dated.level;
    this.tag = dated.tag;
    const behind = at + dated.end;
    if (dated.stampNs >= 0) {
      this.stampNs = dated.stampNs;
      this.callerTid = dated.callerTid;
      this.callerCpu = dated.callerCpu;
      this.fragmentAt = dated.fragmentAt;
      this.isFragment = dated.isFragment;
      return behind;
    }
    if (!this.kernel) return behind;
    const plain = dated.hasDate && dated.level < 0 && dated.tag === '';
    if (plain) memo.remember(text.slice(0, dated.end), dated.dateSeconds, dated.fromKernel);
    return this.#behindDate(bytes, behind, end);
  }

  #date(seconds: number, nanos: number, fromKernel: boolean): void {
    this.hasDate = true;
    this.dateSeconds = seconds;
    this.dateNanos = nanos;
    this.fromKernel ||= fromKernel;
  }

  /** A level, a stamp and a caller may follow the date. */
  #behindDate(bytes: Uint8Array, behind: number, end: number): number {
    let i = behind;
    while (bytes[i] === SPACE && i < end) i++;
    if (bytes[i] === LESS) i = this.#level(bytes, i, end);
    const stamped = this.#stamp(bytes, i, end);
    return stamped === i
      ? this.#stampInside(bytes, behind, Math.min(end, behind + MAX_PROMPT), end)
      : this.#callers(bytes, stamped, end);
  }

  /** A console that other programs write to as well: `syzkaller login: [   45.123456] text`. */
  #stampInside(bytes: Uint8Array, at: number, limit: number, end: number): number {
    for (let i = at; i < limit; i++) {
      if (bytes[i] !== OPEN) continue;
      const behind = this.#stamp(bytes, i, end);
      if (behind !== i) return this.#callers(bytes, behind, end);
    }
    return this.present || this.hasDate ? this.#callers(bytes, at, end) : at;
  }

  /** What kernels of phones add between stamp and text. */
  #device(bytes: Uint8Array, end: number): void {
    const found = deviceStamp(ascii(bytes, this.textStart, Math.min(end, this.textStart + MAX_PREFIX)));
    if (!found) return;
    this.textStart += found.length;
    if (found.tid > 0) this.callerTid = found.tid;
    else if (found.cpu >= 0) this.callerCpu = found.cpu;
  }
}

/** Index behind the colour sequence at `at`. */
function colour(bytes: Uint8Array, at: number, end: number): number {
  let i = at + 1;
  while (i < end && bytes[i] !== 0x6d && i - at < 16) i++; // up to `m`
  return i + 1;
}

/** Bytes as text, one character each: prefixes are ASCII, but for names of months. */
export function ascii(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

/** `[0: task: 35]`, `(0)[35:task]`, `-(0)[35:task]`, `c0 35`: a look at two bytes. */
function mayBeDeviceStamp(bytes: Uint8Array, at: number): boolean {
  const code = bytes[at];
  if (code === SPACE) return bytes[at + 1] === OPEN || bytes[at + 1] === 0x28 || bytes[at + 1] === 0x63;
  if (code === 0x63) return isDigit(bytes[at + 1]); // c
  if (code >= 0x41 && code <= 0x5a) return bytes[at + 1] === OPEN; // I[
  return code === OPEN || code === 0x28 || code === LESS || code === 0x2d || code === 0x2e;
}

/**
 * Cheap look at the places where dates (`Mar  5`, `déc. 14`, `12月 14`, `2024-`, `05-28 12:`, `1715523456.`, `16:39:34`), facilities (`kern  :`), kmsg
 * records (`6,1`) and severities of logcat (`E/`) show.
 */
function mayBeginPrefix(bytes: Uint8Array, at: number): boolean {
  const code = bytes[at];
  if (code === OPEN) return true;
  if (isDigit(code)) {
    for (let i = at + 1; i < at + 11; i++) {
      const next = bytes[i];
      if (isDigit(next)) continue;
      // A number and a blank: RFC 5424 (`1 2024-`), years in front (`2023 Nov 29`).
      if (next === SPACE) return isDigit(bytes[i + 1]) || i === at + 4;
      return next === 0x2d || next === COMMA || next === COLON || next === DOT || next === 0x5f || next > 0x7f;
    }
    return false;
  }
  if (bytes[at + 6] === COLON || bytes[at + 1] === 0x2f) return true; // `kern  :`, `kernel:`, `E/`
  if (code < 0x41 || (code > 0x5a && code < 0x61)) return false;
  // A word of two to ten bytes, then a day, or another word and then one (`Mi Jul  3`).
  for (let i = at + 1; i < at + 12; i++) {
    if (bytes[i] !== SPACE) continue;
    const next = bytes[i + 1];
    if (isDigit(next) || (next === SPACE && isDigit(bytes[i + 2]))) return true;
    if (i > at + 8) return false;
    for (let j = i + 2; j < i + 12; j++)
      if (bytes[j] === SPACE) return isDigit(bytes[j + 1]) || (bytes[j + 1] === SPACE && isDigit(bytes[j + 2]));
    return false;
  }
  return false;
}

const COMMA = 0x2c;
const COLON = 0x3a;
