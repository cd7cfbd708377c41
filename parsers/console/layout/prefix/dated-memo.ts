/**
 * Remembers the last date in front of a line. Most lines of a journal differ from the one before in the time of day only: those are read without
 * patterns.
 */

/** The time in a prefix; a date in front of it ends with a blank, `T` or `_`. */
const TIME = /(?:^|[ T_])(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?/;
const COLON = 0x3a;
const SPACE = 0x20;
const CLOSE = 0x5d;
/** As far as another `kernel: ` behind the date of `dmesg -T` is looked for. */
const MAX_IDENTIFIER = 64;

export class DatedMemo {
  seconds = 0;
  nanos = 0;
  /** The prefix says that the kernel printed the line. */
  fromKernel = false;
  /** Length of the prefix; 0: nothing is remembered. */
  length = 0;
  #bytes = new Uint8Array(0);
  #timeAt = 0;
  #fractionDigits = 0;
  #midnightSeconds = 0;
  #bracketed = false;

  /** Takes over a prefix that the patterns have read, and what they have made of it. */
  remember(prefix: string, seconds: number, fromKernel: boolean): void {
    this.length = 0;
    this.fromKernel = fromKernel;
    const time = TIME.exec(prefix);
    // Other prefixes depend on what stands behind them.
    this.#bracketed = prefix.endsWith('] ');
    if (!time || !(this.#bracketed || prefix.endsWith('kernel: '))) return;
    this.#timeAt = time.index + time[0].indexOf(':') - 2;
    this.#fractionDigits = time[4]?.length ?? 0;
    this.#midnightSeconds = seconds - (Number(time[1]) * 3600 + Number(time[2]) * 60 + Number(time[3]));
    this.#bytes = Buffer.from(prefix, 'latin1');
    this.length = prefix.length;
  }

  /** Whether bytes[at, end) begin with the same prefix but for the time: {@link seconds} and {@link nanos} are its time then. */
  matches(bytes: Uint8Array, at: number, end: number): boolean {
    const { length } = this;
    if (length === 0 || end - at < length) return false;
    const known = this.#bytes;
    const timeAt = this.#timeAt;
    for (let i = 0; i < timeAt; i++) if (bytes[at + i] !== known[i]) return false;
    const time = at + timeAt;
    const hours = twoDigits(bytes, time);
    const minutes = twoDigits(bytes, time + 3);
    const seconds = twoDigits(bytes, time + 6);
    if (hours < 0 || minutes < 0 || seconds < 0 || bytes[time + 2] !== COLON || bytes[time + 5] !== COLON) return false;
    let behind = timeAt + 8;
    let nanos = 0;
    if (this.#fractionDigits > 0) {
      if (bytes[at + behind] !== known[behind]) return false;
      behind++;
      for (let i = 0; i < 9; i++) {
        const digit = i < this.#fractionDigits ? bytes[at + behind + i] - 0x30 : 0;
        if (digit < 0 || digit > 9) return false;
        nanos = nanos * 10 + digit;
      }
      behind += this.#fractionDigits;
    }
    for (let i = behind; i < length; i++) if (bytes[at + i] !== known[i]) return false;
    if (this.#bracketed && namesKernel(bytes, at + length, end)) return false;
    this.seconds = this.#midnightSeconds + hours * 3600 + minutes * 60 + seconds;
    this.nanos = nanos;
    return true;
  }
}

function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at] - 0x30;
  const ones = bytes[at + 1] - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

/** Whether an identifier may follow: the first word that ends with a colon is `kernel:` or `kernel[1]:`. */
function namesKernel(bytes: Uint8Array, from: number, end: number): boolean {
  const limit = Math.min(end, from + MAX_IDENTIFIER);
  for (let i = from; i < limit; i++) {
    if (bytes[i] !== COLON) continue;
    const before = bytes[i - 1];
    if (before === 0x6c || before === CLOSE) return true; // l, ]
    if (bytes[i + 1] === SPACE) return false;
  }
  return false;
}
