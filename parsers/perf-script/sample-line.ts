/**
 * First line of a sample in the text of perf script (tools/perf/builtin-script.c perf_sample__fprintf_start, process_event):
 *
 *             perf 23371 [000]  1013.720463:               sched:sched_stat_runtime: comm=perf pid=23371 runtime=573435 [ns]
 *     perf 23371 [000]  1013.720463:     573435               sched:sched_stat_runtime: comm=perf …     -g, +period
 *          migration/0    18/18    [000]  1013.720526: sched:sched_waking: …                            +pid,+tid
 *             perf 23371 [000] K      1013.720463: …                                                    +misc
 *     user spin-1 [x]    63 [001]     7.364583: …                                                       comms hold anything
 *     :256     256 [016] 43325196.779752:     250000 cpu-clock:                                         task without a name
 *     728783/728783 336962.964016127:       1 cycles:u:                                                 -comm,-cpu, --ns
 *     node-v011 31912 cpu-clock:                                                                        no time
 *
 * The fields stand in a fixed order and any may be missing, so the line is read from a word that can be the task's number: the
 * first one after which everything fits.
 */

const TAB = 0x09;
const BLANK = 0x20;
const MINUS = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Task names have 15 characters in the kernel; simpleperf and others print the names of processes. */
const LONGEST_COMM = 100;
/** Letters that `-F +misc` prints (perf_sample__fprintf_start). */
const LONGEST_MISC = 6;

/** No number: the line does not have the field. */
export const ABSENT = -1;

/** 1: letter · 2: may stand inside an event name. */
const ROLE = new Uint8Array(256);
for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_') ROLE[c.charCodeAt(0)] = 3;
for (const c of '0123456789:-/=,.@%+*#~<>[]{}') ROLE[c.charCodeAt(0)] |= 2;

export class SampleLine {
  commStart = 0;
  commEnd = 0;
  /** Task number, {@link ABSENT} when the line has none. */
  tid = ABSENT;
  cpu = ABSENT;
  hasTime = false;
  seconds = 0;
  nanoseconds = 0;
  hasPeriod = false;
  /** The period's digits. */
  periodStart = 0;
  periodEnd = 0;
  /** Name of the event without its colon; empty when the line shows none. */
  eventStart = 0;
  eventEnd = 0;
  payload = 0;

  /**
   * Whether bytes[start, end) begin a sample.
   * @param timed whether lines of this capture are known to have a time: then one without is none
   */
  read(bytes: Uint8Array, start: number, end: number, timed: boolean): boolean {
    const first = skipBlanks(bytes, start, end);
    if (this.#search(bytes, first, end, true)) return true;
    return !timed && this.#search(bytes, first, end, false);
  }

  #search(bytes: Uint8Array, first: number, end: number, timed: boolean): boolean {
    const limit = Math.min(end, first + LONGEST_COMM);
    for (let at = first; at < limit; ) {
      const stop = this.#readTask(bytes, at, end);
      if (stop > 0 && this.#readTail(bytes, stop, end, timed)) {
        this.commStart = first;
        this.commEnd = trimEnd(bytes, first, at);
        return true;
      }
      at = skipBlanks(bytes, wordEnd(bytes, at, end), end);
    }
    return false;
  }

  /** `23371`, `23371/23372`, `-1`. @returns position behind it, −1 when the word is something else */
  #readTask(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    const digits = at;
    let value = 0;
    while (at < end && isDigit(bytes[at])) value = value * 10 + bytes[at++] - ZERO;
    if (at === digits || at - digits > 10) return -1;
    if (bytes[at] === SLASH) return this.#readTask(bytes, at + 1, end);
    if (at < end && !isBlank(bytes[at])) return -1;
    this.tid = negative ? -value : value;
    return at;
  }

  /** What follows the task: `[cpu]`, misc, time, period, event. */
  #readTail(bytes: Uint8Array, start: number, end: number, timed: boolean): boolean {
    let at = skipBlanks(bytes, start, end);
    this.cpu = ABSENT;
    if (bytes[at] === OPEN_BRACKET) {
      at = this.#readCpu(bytes, at + 1, end);
      if (at < 0) return false;
    }
    this.hasTime = false;
    let next = this.#readTime(bytes, at, end);
    if (next < 0 && ROLE[bytes[at]] & 1) {
      const misc = wordEnd(bytes, at, end);
      if (misc - at <= LONGEST_MISC) next = this.#readTime(bytes, skipBlanks(bytes, misc, end), end);
    }
    if (next >= 0) at = next;
    else if (timed) return false;
    return this.#readEvent(bytes, skipBlanks(bytes, at, end), end);
  }

  #readCpu(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    let cpu = 0;
    while (at < end && isDigit(bytes[at])) cpu = cpu * 10 + bytes[at++] - ZERO;
    if (at === start || at - start > 5 || bytes[at] !== CLOSE_BRACKET || cpu >= 0xffff) return -1;
    this.cpu = cpu;
    return skipBlanks(bytes, at + 1, end);
  }

  /** `1013.720463:`. @returns position behind the colon, −1 when it is no time */
  #readTime(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    let seconds = 0;
    while (at < end && isDigit(bytes[at])) seconds = seconds * 10 + bytes[at++] - ZERO;
    if (at === start || at - start > 12 || bytes[at] !== DOT) return -1;
    const point = at++;
    let fraction = 0;
    while (at < end && isDigit(bytes[at])) fraction = fraction * 10 + bytes[at++] - ZERO;
    const digits = at - point - 1;
    if (digits === 0 || digits > 9 || bytes[at] !== COLON) return -1;
    this.hasTime = true;
    this.seconds = seconds;
    this.nanoseconds = digits === 6 ? fraction * 1000 : digits === 9 ? fraction : fraction * 10 ** (9 - digits);
    return at + 1;
  }

  /** `[period] event: payload`. A line that ends before, or goes on with an address, has a time but no event name. */
  #readEvent(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    let stop = wordEnd(bytes, at, end);
    this.hasPeriod = false;
    if (isNumber(bytes, at, stop)) {
      const next = skipBlanks(bytes, stop, end);
      const nextStop = wordEnd(bytes, next, end);
      if (isEventWord(bytes, next, nextStop)) {
        this.hasPeriod = true;
        this.periodStart = at;
        this.periodEnd = stop;
        at = next;
        stop = nextStop;
      }
    }
    if (isEventWord(bytes, at, stop)) {
      this.eventStart = at;
      this.eventEnd = bytes[stop - 1] === COLON ? stop - 1 : stop;
      this.payload = skipBlanks(bytes, stop, end);
      return true;
    }
    if (!this.hasTime) return false;
    this.eventStart = this.eventEnd = at;
    this.payload = at;
    return true;
  }
}

function isNumber(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (!isDigit(bytes[at])) return false;
  return end > start;
}

/** `sched:sched_switch:`, `cycles:uppp:`, `cpu/event=0x3c/u:`, and the `PERF_RECORD_LOST` of --show-lost-events. */
function isEventWord(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 2 || !(ROLE[bytes[start]] & 1)) return false;
  if (bytes[end - 1] !== COLON && !isRecordWord(bytes, start, end)) return false;
  for (let at = start + 1; at < end; at++) {
    if (!(ROLE[bytes[at]] & 2)) return isRecordWord(bytes, start, end);
  }
  return true;
}

const RECORD_PREFIX = Array.from('PERF_RECORD_', (letter) => letter.charCodeAt(0));

/** Whether bytes[start, end) begin with `PERF_RECORD_`: a record that is no sample. */
export function isRecordWord(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start <= RECORD_PREFIX.length) return false;
  for (let i = 0; i < RECORD_PREFIX.length; i++) if (bytes[start + i] !== RECORD_PREFIX[i]) return false;
  return true;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}

function isBlank(byte: number): boolean {
  return byte === BLANK || byte === TAB;
}

export function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isBlank(bytes[at])) at++;
  return at;
}

export function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && !isBlank(bytes[at])) at++;
  return at;
}

export function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && isBlank(bytes[at - 1])) at--;
  return at;
}
