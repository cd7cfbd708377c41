/**
 * What stands before the payload of a record (kernel/trace/trace_output.c trace_print_context, trace_print_lat_context;
 * trace-cmd's tracecmd/trace-read.c), in all its layouts:
 *
 *          trace-cmd-62      [000] d.h2.    13.952093: local_timer_entry: vector=236
 *     user spin-1 [x]-83     [001]    27.026288: sys_enter_close: fd: 0x0000000a          comms hold anything
 *            atrace-14446  (-----) [000] ...2  1212.465062: sched_switch: …               tgid column
 *        insmod-4383[000] d.s.. 591.420487: rcu_quiescent_state_report: …                 no blanks
 *      kthreadd-2     [000]119753355079: rcu_utilization: …                               clock without a dot
 *   trace-cm-62        0d.h2. 1099991us+: local_timer_entry: vector=236                   latency layout
 *   <idle>-0       116d.h.. 11612209us : timer_interrupt: …
 *   trace-cm-63      1.....    16.045029: lock_release: …                                 trace-cmd report -l
 *   host.dat:     <idle>-0     [000]  2.167196: hrtimer_cancel: …                         several inputs
 *       bash  4000 1 0 00000000 00010a95 [58127d26] 1720.415ms (+0.000ms): simple_strtoul (kstrtoul)
 */
import { contextFromTraceFlags, type FlagColumn, isFirstFlagByte, isFlagByte } from './flag-column.ts';
import type { TaskNames } from './task-names.ts';

const BLANK = 0x20;
const OPEN_PAREN = 0x28;
const CLOSE_PAREN = 0x29;
const DASH = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Names of tasks are 15 characters in the kernel; atrace writes process names of any length. */
const LONGEST_COMM = 100;

/** Seven columns, of which one may be a number of eight digits. */
const LONGEST_FLAGS = 16;

const VERBOSE =
  /^\s*(.+?)\s+(\d+)\s+(\d+)\s+(\d+)\s+([0-9a-f]{8})\s+[0-9a-f]{8,16}\s+\[([0-9a-f]{8,16})\]\s+-?\d+\.\d{3}ms\s+\(\+-?\d+\.\d{3}ms\):\s*/;
const VERBOSE_END = 's): ';

const latin1 = new TextDecoder('latin1');

export class RecordPrefix {
  /** String id of the task name. */
  comm = 0;
  tid = 0;
  cpu = 0;
  /** Context bits; 0 when the line has no flag column. */
  flags = 0;
  /** Time as seconds and nanoseconds; of a plain integer the last nine digits are in nanoseconds. */
  seconds = 0;
  nanoseconds = 0;
  /** The time is an integer without unit: ticks of `counter` or `x86-tsc`, jiffies, or a clock that trace-cmd does not know. */
  ticks = false;
  /** The time counts from the beginning of the trace (latency layouts). */
  relative = false;
  /** The line has a flag column after `[cpu]`. */
  hasFlagColumn = false;
  /** First byte of the payload. */
  payload = 0;

  readonly #flagColumn: FlagColumn;
  readonly #tasks: TaskNames;

  constructor(flagColumn: FlagColumn, tasks: TaskNames) {
    this.#flagColumn = flagColumn;
    this.#tasks = tasks;
  }

  /**
   * Whether bytes[first, end) begin with a record's prefix; its parts are then in the fields.
   * @param first first byte of the line that is no blank.
   */
  read(bytes: Uint8Array, first: number, end: number): boolean {
    const limit = Math.min(end, first + LONGEST_COMM);
    for (let dash = first; dash < limit; dash++) {
      if (bytes[dash] !== DASH) continue;
      let at = dash + 1;
      let pid = 0;
      while (at < end) {
        const digit = bytes[at] - ZERO;
        if (digit < 0 || digit > 9) break;
        pid = pid * 10 + digit;
        at++;
      }
      if (at === dash + 1 || at - dash > 11 || !this.#readAfterPid(bytes, at, end)) continue;
      this.tid = pid;
      this.comm = this.#tasks.find(pid, bytes, first, dash);
      return this.comm >= 0 || this.#takeComm(bytes, first, dash);
    }
    return this.#readVerbose(bytes, first, end);
  }

  #readAfterPid(bytes: Uint8Array, start: number, end: number): boolean {
    let at = skipBlanks(bytes, start, end);
    if (bytes[at] === OPEN_PAREN) {
      at++;
      while (at < end && (bytes[at] === BLANK || bytes[at] === DASH || isDigitAt(bytes, at))) at++;
      if (bytes[at] !== CLOSE_PAREN) return false;
      at = skipBlanks(bytes, at + 1, end);
    }
    this.flags = 0;
    this.hasFlagColumn = false;
    if (bytes[at] === OPEN_BRACKET) {
      at = this.#readCpu(bytes, at + 1, end);
      if (at < 0 || bytes[at] !== CLOSE_BRACKET) return false;
      at = skipBlanks(bytes, at + 1, end);
      if (isFirstFlagByte(bytes[at])) {
        at = this.#readFlags(bytes, at, end);
        if (at < 0) return false;
        this.hasFlagColumn = true;
      }
      if (this.#readTime(bytes, at, end)) return true;
      // `2...ffffffff`: a column that begins with a digit.
      if (this.hasFlagColumn || !isDigitAt(bytes, at)) return false;
      at = this.#readFlags(bytes, at, end);
      this.hasFlagColumn = at > 0;
      return this.hasFlagColumn && this.#readTime(bytes, at, end);
    }
    if (at === start || !isDigitAt(bytes, at)) return false;
    at = this.#readCpu(bytes, at, end);
    if (at < 0 || !isFirstFlagByte(bytes[at])) return false;
    at = this.#readFlags(bytes, at, end);
    return at > 0 && this.#readTime(bytes, at, end);
  }

  #readCpu(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    let cpu = 0;
    while (at < end && isDigitAt(bytes, at)) cpu = cpu * 10 + bytes[at++] - ZERO;
    this.cpu = cpu;
    return at === start || at - start > 5 || cpu >= 0xffff ? -1 : at;
  }

  /** Reads the flag column and the blanks after it. */
  #readFlags(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && isFlagByte(bytes[at])) at++;
    if (at - start < 3 || at - start > LONGEST_FLAGS || bytes[at] !== BLANK) return -1;
    this.flags = this.#flagColumn.decode(bytes, start, at);
    return skipBlanks(bytes, at, end);
  }

  /** `13.952093:`, `119753355079:`, `1099991us+:`, `16.045029101:`. */
  #readTime(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    let high = 0;
    let low = 0;
    let digits = 0;
    while (at < end && isDigitAt(bytes, at)) {
      // Two parts of up to nine digits each: exact for every 64-bit value but the longest.
      if (digits < 9) high = high * 10 + bytes[at] - ZERO;
      else low = low * 10 + bytes[at] - ZERO;
      digits++;
      at++;
    }
    if (digits === 0 || digits > 18) return false;
    this.relative = false;
    if (bytes[at] === DOT) {
      if (digits > 12) return false;
      return this.#readFraction(bytes, at + 1, end, digits > 9 ? high * 10 ** (digits - 9) + low : high);
    }
    const value = digits > 9 ? high * 10 ** (digits - 9) + low : high;
    if (bytes[at] === 0x75 && bytes[at + 1] === 0x73) {
      // `us` with a mark for the delay to the next record, or a blank.
      if (bytes[at + 3] !== COLON) return false;
      this.relative = true;
      this.ticks = false;
      this.seconds = Math.floor(value / 1e6);
      this.nanoseconds = (value % 1e6) * 1000;
      this.payload = at + 4;
      return true;
    }
    if (bytes[at] !== COLON) return false;
    this.ticks = true;
    if (digits > 9) splitTicks(this, bytes, start, digits);
    else {
      this.seconds = 0;
      this.nanoseconds = high;
    }
    this.payload = at + 1;
    return true;
  }

  #readFraction(bytes: Uint8Array, start: number, end: number, seconds: number): boolean {
    let at = start;
    let fraction = 0;
    while (at < end && isDigitAt(bytes, at)) fraction = fraction * 10 + bytes[at++] - ZERO;
    const digits = at - start;
    if (digits === 0 || digits > 9 || bytes[at] !== COLON) return false;
    this.ticks = false;
    this.seconds = seconds;
    this.nanoseconds = digits === 6 ? fraction * 1000 : digits === 9 ? fraction : fraction * 10 ** (9 - digits);
    this.payload = at + 1;
    return true;
  }

  /** The task name, less what people and tools put before it: a file name, arrows, time differences. */
  #takeComm(bytes: Uint8Array, first: number, dash: number): boolean {
    let start = first;
    // `[  280.939873]   <idle>-0`, `May 26 04:02:34 host kernel: [280.939873] …`: a log line; its reader takes the prefix off.
    if (hasPrintkStamp(bytes, first, dash)) return false;
    for (let at = dash - 1; at > first; at--) {
      if (bytes[at] !== BLANK) continue;
      if (bytes[at - 1] === BLANK || (bytes[at - 1] === COLON && endsWithDat(bytes, first, at - 1))) {
        start = at + 1;
        break;
      }
    }
    this.comm = this.#tasks.add(this.tid, bytes, first, start, dash);
    return true;
  }

  /** Slow: only lines that look like no other layout and end their prefix with `ms): ` come here. */
  #readVerbose(bytes: Uint8Array, start: number, end: number): boolean {
    const from = bytes.indexOf(0x29, start);
    if (from < 0 || from >= end || bytes[from - 1] !== VERBOSE_END.charCodeAt(0)) return false;
    const text = latin1.decode(bytes.subarray(start, Math.min(end, start + 200)));
    const match = VERBOSE.exec(text);
    if (!match) return false;
    this.tid = Number(match[2]);
    const comm = start + text.indexOf(match[1]);
    this.comm = this.#tasks.add(this.tid, bytes, comm, comm, comm + match[1].length);
    this.cpu = Number(match[3]);
    this.flags = contextFromTraceFlags(Number(match[4]), Number.parseInt(match[5], 16));
    const micros = Number.parseInt(match[6], 16);
    this.relative = false;
    this.ticks = false;
    this.seconds = Math.floor(micros / 1e6);
    this.nanoseconds = (micros % 1e6) * 1000;
    this.payload = start + match[0].length;
    return true;
  }
}

/** Plain integers beyond nine digits: value = seconds·10⁹ + nanoseconds, as for times. */
function splitTicks(prefix: RecordPrefix, bytes: Uint8Array, start: number, digits: number): void {
  let head = 0;
  let tail = 0;
  for (let i = 0; i < digits; i++) {
    const digit = bytes[start + i] - ZERO;
    if (i < digits - 9) head = head * 10 + digit;
    else tail = tail * 10 + digit;
  }
  prefix.seconds = head;
  prefix.nanoseconds = tail;
}

function isDigitAt(bytes: Uint8Array, at: number): boolean {
  const digit = bytes[at] - ZERO;
  return digit >= 0 && digit <= 9;
}

function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] === BLANK) at++;
  return at;
}

/** Whether `[  280.939873]` stands in bytes[start, end). */
function hasPrintkStamp(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end - 8; at++) {
    if (bytes[at] !== OPEN_BRACKET) continue;
    let i = skipBlanks(bytes, at + 1, end);
    const from = i;
    while (i < end && isDigitAt(bytes, i)) i++;
    if (i > from && bytes[i] === DOT && isDigitAt(bytes, i + 1)) return true;
  }
  return false;
}

function endsWithDat(bytes: Uint8Array, first: number, end: number): boolean {
  return (
    end - first > 4 &&
    bytes[end - 4] === DOT &&
    bytes[end - 3] === 0x64 &&
    bytes[end - 2] === 0x61 &&
    bytes[end - 1] === 0x74
  );
}
