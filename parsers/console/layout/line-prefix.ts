/**
 * Takes the prefixes off a log line (MODEL G0.1): mail quotes, `<6>`, dates and host names, `[ 12.345678]`, `[ T123]`.
 *
 * Hot: every line passes here. The common form `[<seconds>.<µs>][<caller>] text` is read byte by byte without allocating;
 * other forms go through {@link WallClock} and cost about a microsecond.
 */
import { WallClock } from './wall-clock.ts';

const SPACE = 0x20;
const OPEN = 0x5b; // [
const CLOSE = 0x5d; // ]
const DOT = 0x2e;
const LESS = 0x3c;
const GREATER = 0x3e;
const ESCAPE = 0x1b;
const COMMA = 0x2c;

/** Longest beginning of a line in which dates, hosts and names are looked for. */
const MAX_PREFIX = 160;

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
  /** First byte of the text. */
  textStart = 0;
  /** The journal's `short-monotonic` form: `[   12.345678] host kernel: text`. */
  hostAfterStamp = false;

  readonly #clock = new WallClock();

  /** Reads the prefix of bytes[start, end). */
  scan(bytes: Uint8Array, start: number, end: number): void {
    this.stampNs = -1;
    this.hasDate = false;
    this.level = -1;
    this.callerTid = -1;
    this.callerCpu = -1;
    this.kernel = true;
    let i = start;
    // Colours of `dmesg --color=always` and quotes of a mail.
    while (i < end && (bytes[i] === ESCAPE || bytes[i] === GREATER)) i = this.#decoration(bytes, i, end);
    if (bytes[i] === LESS && i < end) i = this.#level(bytes, i, end);
    const at = this.#stamp(bytes, i, end);
    if (at !== i) this.textStart = this.#callers(bytes, this.#host(bytes, at, end), end);
    else this.textStart = this.#rare(bytes, i, end);
    if (bytes[this.textStart] === OPEN && this.stampNs >= 0) this.#again(bytes, end);
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

  #decoration(bytes: Uint8Array, at: number, end: number): number {
    if (bytes[at] === GREATER) return bytes[at + 1] === SPACE ? at + 2 : at + 1;
    let i = at + 1;
    while (i < end && bytes[i] !== 0x6d && i - at < 16) i++; // up to `m`
    return i + 1;
  }

  /** `<6>`; with a facility the level is in the low three bits (`<30>` is daemon.info). */
  #level(bytes: Uint8Array, at: number, end: number): number {
    let i = at + 1;
    let value = 0;
    while (i < end && isDigit(bytes[i]) && i - at < 5) value = value * 10 + bytes[i++] - 0x30;
    if (i === at + 1 || bytes[i] !== GREATER || i >= end) return at;
    this.level = value & 7;
    this.kernel = value < 8;
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
    // `dmesg -d` adds `<    0.000123>`.
    if (bytes[i] === SPACE && bytes[i + 1] === LESS) while (i < end && bytes[i] !== CLOSE && i - decimals < 40) i++;
    if (places < 3 || bytes[i] !== CLOSE || i >= end) return at;
    this.stampNs = seconds * 1e9 + (places === 6 ? fraction * 1000 : fraction * 10 ** (9 - places));
    i++;
    // Colours end behind the stamp.
    while (bytes[i] === ESCAPE && i < end) i = this.#decoration(bytes, i, end);
    return i;
  }

  /** `[ T123]`, `[    C1]` directly behind the stamp, then one space. */
  #callers(bytes: Uint8Array, at: number, end: number): number {
    let i = at;
    if (bytes[i] === SPACE && i < end) i++;
    // journald trims the stamp away and keeps `[  T313]`.
    const after = bytes[i] === OPEN && i < end ? this.#caller(bytes, i, end) : -1;
    if (after >= 0) i = bytes[after] === SPACE && after < end ? after + 1 : after;
    while (bytes[i] === ESCAPE && i < end) i = this.#decoration(bytes, i, end);
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
    return this.#identifier(ascii(bytes, at, Math.min(end, at + MAX_PREFIX)), at) ?? at;
  }

  /** Everything that does not begin with a kernel stamp. Returns the start of the text. */
  #rare(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end || !mayBeginPrefix(bytes, at)) return this.#stampInside(bytes, at, end);
    const text = ascii(bytes, at, Math.min(end, at + MAX_PREFIX));
    let i = 0;
    // dmesg -x: `kern  :info  : `
    const decoded =
      /^(?:kern|user|mail|daemon|auth|syslog|lpr|news|local\d) *:(emerg|alert|crit|err|warn|notice|info|debug) *: /.exec(
        text,
      );
    if (decoded) {
      this.level = LEVELS.indexOf(decoded[1]);
      i = decoded[0].length;
    }
    // /dev/kmsg and netconsole: `6,1234,12345678,-,caller=T1;text`
    const kmsg = /^(\d{1,3}),(\d{1,20}),(\d{1,16}),[-c+,]/.exec(text);
    const semicolon = kmsg ? text.indexOf(';') : -1;
    if (kmsg && semicolon > 0) {
      this.level = Number(kmsg[1]) & 7;
      this.stampNs = Number(kmsg[3]) * 1000;
      const caller = /,caller=([TC])(\d{1,10})/.exec(text.slice(0, semicolon));
      if (caller?.[1] === 'T') this.callerTid = Number(caller[2]);
      else if (caller) this.callerCpu = Number(caller[2]);
      return at + semicolon + 1;
    }
    // RFC 5424 begins with its version, 1.
    if (/^1 \d{4}-/.test(text)) i = 2;
    const bracketed = text.charCodeAt(i) === OPEN;
    if (this.#clock.parse(text.slice(bracketed ? i + 1 : i))) i = this.#afterDate(text, i, bracketed);
    else if (text.startsWith('kernel:', i)) i += text.charCodeAt(i + 7) === SPACE ? 8 : 7;
    else if (i === 0) return this.#stampInside(bytes, at, end);
    const stamped = this.#stamp(bytes, at + i, end);
    return this.#callers(bytes, stamped, end);
  }

  #afterDate(text: string, from: number, bracketed: boolean): number {
    this.hasDate = true;
    this.dateSeconds = this.#clock.seconds;
    this.dateNanos = this.#clock.nanos;
    let i = from + this.#clock.end;
    if (bracketed) {
      const close = text.indexOf(']', i);
      if (close >= 0 && close - i < 8) i = close + 1;
      return text.startsWith(' [', i) ? i + 1 : i;
    }
    // RFC 5424: `<6>1 2024-07-03T16:39:34.123456+02:00 host kernel - - - text`
    const structured = /^ \S+ (\S+) \S+ \S+ (?:-|\[[^\]]*\]) /.exec(text.slice(i));
    if (structured && / - /.test(structured[0])) {
      this.kernel = structured[1] === 'kernel';
      return i + structured[0].length;
    }
    if (text.charCodeAt(i) === COMMA) return i;
    return this.#identifier(text.slice(i), i) ?? (text.charCodeAt(i) === SPACE ? i + 1 : i);
  }

  /** ` host kernel: `, ` host sshd[812]: `: index behind it. The identifier of a user program stays in the text. */
  #identifier(text: string, at: number): number | undefined {
    const match = /^ ?(\S{1,64}) ([^\s:[\]]{1,48})(\[\d{1,10}\])?: ?/.exec(text);
    if (!match) return undefined;
    if (match[2] === 'kernel') return at + match[0].length;
    if (match[3] === undefined) return undefined;
    this.kernel = false;
    return at + text.indexOf(match[2], 1 + match[1].length);
  }

  /** A console that other programs write to as well: `syzkaller login: [   45.123456] text`. */
  #stampInside(bytes: Uint8Array, at: number, end: number): number {
    const limit = Math.min(end, at + MAX_PREFIX);
    for (let i = at; i < limit; i++) {
      if (bytes[i] !== OPEN) continue;
      const behind = this.#stamp(bytes, i, end);
      if (behind !== i) return this.#callers(bytes, behind, end);
    }
    return at;
  }
}

const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];

/** Bytes as text, one character each: prefixes are ASCII. */
function ascii(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

/** Cheap look at the places where dates (`Mar  5`, `2024-`, `1715523456.`), facilities (`kern  :`) and kmsg records (`6,1`) show. */
function mayBeginPrefix(bytes: Uint8Array, at: number): boolean {
  const code = bytes[at];
  if (code === OPEN) return true;
  if (isDigit(code)) {
    if (
      bytes[at + 4] === 0x2d ||
      (bytes[at + 1] === SPACE && bytes[at + 6] === 0x2d) ||
      bytes[at + 9] === DOT ||
      bytes[at + 10] === DOT
    )
      return true;
    return bytes[at + 1] === COMMA || bytes[at + 2] === COMMA || bytes[at + 3] === COMMA;
  }
  if (bytes[at + 6] === 0x3a) return true; // `kern  :`, `kernel:`
  return bytes[at + 3] === SPACE && code >= 0x41 && code <= 0x5a;
}
