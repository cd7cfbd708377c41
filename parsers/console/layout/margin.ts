/**
 * What stands left of a line because somebody quoted, indented or numbered it: quote marks of any depth (`>`, `> >`, `|`, `AB>`), marks of
 * comments and lists (`# `, ` * `, `+ `), blanks, line numbers of editors and of `grep -n`.
 */

const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
const DASH = 0x2d;
const OPEN = 0x5b;
const LESS = 0x3c;
const GREATER = 0x3e;
const BAR = 0x7c;

const isDigit = (code: number) => code >= 0x30 && code <= 0x39;
const isLetter = (code: number) => (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

/** Longest number that is taken for a line's, and longest name of a file in front of one. */
const MAX_NUMBER_DIGITS = 8;
const MAX_FILE_NAME = 120;
/** Initials of who is quoted: `PM> `. */
const MAX_INITIALS = 4;

/** Headlines: with one of them behind it, a number at the beginning of a line is the line's. */
const HEADLINE =
  /^(?:\[ )?(?:rcu: |watchdog: |NMI watchdog: )?(?:INFO|BUG|WARNING): |^={10,}|^Kernel panic|^(?:NMI )?watchdog: |^\[ *\d+\.\d{3}|^<\d{1,2}>\[/;

/** Numbers of lines are known by the number of the line before, or by a headline behind them. The margin of the line last given to {@link scan}. */
export class Margin {
  /** Behind all of it: a prefix of the logger can begin here. */
  end = 0;
  /** Behind marks and numbers; the text's own indentation is left. */
  textStart = 0;
  quoted = false;
  /** The line has a number in front. */
  numbered = false;

  #lastNumber = -1;

  /** The line begins with a prefix of its own. */
  none(start: number): void {
    this.end = start;
    this.textStart = start;
    this.quoted = false;
    this.numbered = false;
    this.#lastNumber = -1;
  }

  scan(bytes: Uint8Array, start: number, end: number): void {
    const before = this.#lastNumber;
    this.none(start);
    let text = start;
    let i = start;
    for (;;) {
      while (i < end && (bytes[i] === SPACE || bytes[i] === TAB)) i++;
      const mark = i < end ? markLength(bytes, i, end) : 0;
      if (mark === 0) break;
      i += mark;
      this.quoted = true;
      text = bytes[i] === SPACE && i < end ? i + 1 : i;
    }
    this.end = i;
    this.textStart = text;
    this.#number(bytes, i, end, before);
  }

  /** @param before number of the line before, −1 when it had none */
  #number(bytes: Uint8Array, at: number, end: number, before: number): void {
    let i = at;
    if (!isDigit(bytes[i])) {
      i = behindFileName(bytes, at, end);
      if (i === at) return;
      // `FILE:12:text`: nothing else looks so.
      while (i < end && isDigit(bytes[i])) i++;
      this.#take(bytes, i + 1, end);
      return;
    }
    let number = 0;
    while (i < end && isDigit(bytes[i]) && i - at < MAX_NUMBER_DIGITS) number = number * 10 + bytes[i++] - 0x30;
    const separator = bytes[i];
    if (
      i >= end ||
      !(separator === SPACE || separator === TAB || separator === COLON || separator === DASH || separator === BAR)
    )
      return;
    const follows = before >= 0 && number === before + 1;
    this.#lastNumber = number;
    let behind = i + 1;
    if (separator !== COLON && separator !== DASH) {
      while (behind < end && (bytes[behind] === SPACE || bytes[behind] === TAB)) behind++;
      if (bytes[behind] === BAR) behind += 2;
    }
    const rest = Buffer.from(bytes.buffer, bytes.byteOffset + behind, Math.min(end - behind, 64)).toString('latin1');
    if (HEADLINE.test(rest) || (follows && !countsSomethingElse(separator, rest)))
      this.#take(bytes, i + 1, end, behind);
  }

  #take(bytes: Uint8Array, text: number, end: number, behind = text): void {
    this.numbered = true;
    this.textStart = bytes[text] === BAR || bytes[text + 1] === BAR ? behind : text;
    let i = behind;
    while (i < end && (bytes[i] === SPACE || bytes[i] === TAB)) i++;
    this.end = i;
  }
}

/** `0-....: (26000 ticks` and the old `0: (20822 ticks` count CPUs, `2 locks held by` locks, `3, 0x…` fields: not lines. */
function countsSomethingElse(separator: number, rest: string): boolean {
  return (
    (separator === DASH && /^[.OoNdDn!?0-9]{3,4}/.test(rest)) ||
    (separator === COLON && /^ \(\d/.test(rest)) ||
    /^locks? held/.test(rest)
  );
}

/** Bytes of the mark at `at`, 0 when there is none. */
function markLength(bytes: Uint8Array, at: number, end: number): number {
  const code = bytes[at];
  if (code === GREATER) return 1;
  const next = at + 1 < end ? bytes[at + 1] : SPACE;
  switch (code) {
    case BAR:
      return next === SPACE || next === TAB || next === OPEN || next === LESS || next === BAR ? 1 : 0;
    case 0x23: // #
    case 0x2a: // *
    case 0x2b: // +
    case 0x25: // %
    case COLON:
      return next === SPACE && at + 1 < end ? 1 : 0;
    case 0xe2: // › (e2 80 ba)
      return bytes[at + 1] === 0x80 && bytes[at + 2] === 0xba ? 3 : 0;
    case 0xc2: // »
      return bytes[at + 1] === 0xbb ? 2 : 0;
    default:
  }
  if (!isLetter(code)) return 0;
  for (let i = at + 1; i <= at + MAX_INITIALS && i < end; i++) {
    if (bytes[i] === GREATER) return i + 1 - at;
    if (!isLetter(bytes[i])) return 0;
  }
  return 0;
}

/** Index of the number in `FILE:12:` and `FILE-12-`; `at` when there is none. */
function behindFileName(bytes: Uint8Array, at: number, end: number): number {
  const limit = Math.min(end, at + MAX_FILE_NAME);
  let dot = -1;
  for (let i = at; i < limit; i++) {
    const code = bytes[i];
    if (code === SPACE || code === TAB) return at;
    if (code === 0x2e) dot = i;
    if ((code !== COLON && code !== DASH) || !isDigit(bytes[i + 1]) || dot < 0 || i - dot < 3) continue;
    let k = i + 1;
    while (k < end && isDigit(bytes[k]) && k - i <= MAX_NUMBER_DIGITS) k++;
    if (bytes[k] !== code || k >= end) continue;
    return i + 1;
  }
  return at;
}
