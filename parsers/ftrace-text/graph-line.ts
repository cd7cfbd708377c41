// Lines of the function_graph tracer (kernel/trace/trace_functions_graph.c) and the same payload in trace-cmd report:
//
//    10.070698 |   1)   trace-c-64   | ! 318.387 us  |  mutex_unlock();
//    10.073924 |   1)   trace-c-64   |               |  call_srcu() {
//    10.074010 |   1)   trace-c-64   | + 87.901 us   |  }
//  1)               |  /* contention_begin: 00000000b2454398 (flags=SPIN|MUTEX) */
//  3) $ 30903388 us |          } /* __switch_to */
//  0)   ==========> |                                                   interrupt entry and exit marks
//  1)   1.232 us    |          } /* cgroup_taskset_first = 0xffff93fc8fb20000 */
//  0)    <idle>-0    =>   rcu_pre-16                                    the CPU switches tasks
//      funcgraph_entry:      ! 318.387 us |  mutex_unlock();            trace-cmd
//
// A leaf `f();` with a duration stands for two records, entry and exit (print_graph_entry_leaf), and becomes both.
import { isFlagByte } from './flag-column.ts';

const TAB = 0x09;
const BLANK = 0x20;
const OPEN_PAREN = 0x28;
const CLOSE_PAREN = 0x29;
const STAR = 0x2a;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const GREATER = 0x3e;
const OPEN_BRACE = 0x7b;
const PIPE = 0x7c;
const CLOSE_BRACE = 0x7d;

export type GraphKind = 'entry' | 'leaf' | 'exit' | 'comment' | 'mark' | 'switch';

export class GraphLine {
  kind: GraphKind = 'entry';
  cpu = 0;
  /** Absolute time column; seconds −1 when there is none. */
  seconds = -1;
  nanoseconds = 0;
  /** Task column: bytes[commStart, commEnd) and number; −1 when there is none. */
  tid = -1;
  commStart = 0;
  commEnd = 0;
  /** Flag column of the latency layout: bytes[flagsStart, flagsEnd), empty when there is none. */
  flagsStart = 0;
  flagsEnd = 0;
  /** −1 when the line shows none. */
  durationNs = -1;
  depth = 0;
  /** Function name; for a comment its text; empty at an exit without a name. */
  nameStart = 0;
  nameEnd = 0;
  /** What stands in the call's parentheses. */
  argsStart = 0;
  argsEnd = 0;
  /** Return value of an exit (funcgraph-retval), empty when there is none. */
  retStart = 0;
  retEnd = 0;

  /** Whether bytes[start, end) are a line of the tracer. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    let at = skipBlanks(bytes, start, end);
    this.seconds = -1;
    this.tid = -1;
    this.flagsStart = this.flagsEnd = 0;
    const afterTime = this.#readTime(bytes, at, end);
    if (afterTime >= 0) at = skipBlanks(bytes, afterTime, end);
    let cpu = 0;
    const cpuStart = at;
    while (at < end && isDigitAt(bytes, at)) cpu = cpu * 10 + bytes[at++] - ZERO;
    if (at === cpuStart || at - cpuStart > 5 || bytes[at] !== CLOSE_PAREN || cpu >= 0xffff) return false;
    this.cpu = cpu;
    at++;
    for (let columns = 0; columns < 4; columns++) {
      const bar = pipeAt(bytes, at, end);
      if (bar < 0) return columns === 0 && this.#readSwitch(bytes, at, end);
      if (!this.#readTask(bytes, at, bar) && !this.#readFlags(bytes, at, bar)) return this.readCall(bytes, at, end);
      at = bar + 1;
    }
    return false;
  }

  /** Reads the duration column and the call after it: the payload of trace-cmd's funcgraph events. */
  readCall(bytes: Uint8Array, start: number, end: number): boolean {
    const bar = pipeAt(bytes, start, end);
    if (bar < 0 || !this.#readDuration(bytes, start, bar)) return false;
    let at = bar + 1;
    while (at < end && bytes[at] === BLANK) at++;
    // `|  ` stands before the outermost function, two blanks more for each level.
    this.depth = Math.max(0, Math.floor((at - bar - 3) / 2));
    this.nameStart = this.nameEnd = this.argsStart = this.argsEnd = this.retStart = this.retEnd = at;
    if (this.kind === 'mark') return true;
    if (at >= end) return false;
    if (bytes[at] === SLASH && bytes[at + 1] === STAR) return this.#readComment(bytes, at, end);
    if (bytes[at] === CLOSE_BRACE) return this.#readExit(bytes, at, end);
    return this.#readFunction(bytes, at, end);
  }

  /** `   10.070698 |`. Returns the position after the bar. */
  #readTime(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    let seconds = 0;
    while (at < end && isDigitAt(bytes, at)) seconds = seconds * 10 + bytes[at++] - ZERO;
    if (at === start || at - start > 12 || bytes[at] !== DOT) return -1;
    const fraction = ++at;
    let nanoseconds = 0;
    let scale = 1e9;
    while (at < end && isDigitAt(bytes, at) && scale > 1) {
      nanoseconds = nanoseconds * 10 + bytes[at++] - ZERO;
      scale /= 10;
    }
    if (at === fraction) return -1;
    const bar = skipBlanks(bytes, at, end);
    if (bytes[bar] !== PIPE) return -1;
    this.seconds = seconds;
    this.nanoseconds = nanoseconds * scale;
    return bar + 1;
  }

  /** `   trace-c-64   `. */
  #readTask(bytes: Uint8Array, start: number, bar: number): boolean {
    const from = skipBlanks(bytes, start, bar);
    let to = bar;
    while (to > from && bytes[to - 1] === BLANK) to--;
    let digits = to;
    while (digits > from && isDigitAt(bytes, digits - 1)) digits--;
    if (digits === to || digits - 1 <= from || bytes[digits - 1] !== DASH) return false;
    let tid = 0;
    for (let at = digits; at < to; at++) tid = tid * 10 + bytes[at] - ZERO;
    this.tid = tid;
    this.commStart = from;
    this.commEnd = digits - 1;
    return true;
  }

  #readFlags(bytes: Uint8Array, start: number, bar: number): boolean {
    const from = skipBlanks(bytes, start, bar);
    let to = bar;
    while (to > from && bytes[to - 1] === BLANK) to--;
    if (to - from < 4 || to - from > 8) return false;
    for (let at = from; at < to; at++) if (!isFlagByte(bytes[at])) return false;
    // `318.3` alone is no duration: that has its unit.
    this.flagsStart = from;
    this.flagsEnd = to;
    return true;
  }

  /** `! 318.387 us  `, blanks, or the mark of an interrupt. */
  #readDuration(bytes: Uint8Array, start: number, bar: number): boolean {
    this.durationNs = -1;
    this.kind = 'entry';
    let at = skipBlanks(bytes, start, bar);
    if (at === bar) return true;
    if ((bytes[at] === EQUALS || bytes[at] === 0x3c) && bytes[at + 1] === EQUALS) {
      this.kind = 'mark';
      return true;
    }
    if (!isDigitAt(bytes, at)) at = skipBlanks(bytes, at + 1, bar);
    const first = at;
    let micros = 0;
    while (at < bar && isDigitAt(bytes, at)) micros = micros * 10 + bytes[at++] - ZERO;
    if (at === first) return false;
    let ns = micros * 1000;
    if (bytes[at] === DOT) {
      let unit = 100;
      for (at++; at < bar && isDigitAt(bytes, at); at++) {
        ns += (bytes[at] - ZERO) * unit;
        unit /= 10;
      }
    }
    at = skipBlanks(bytes, at, bar);
    if (bytes[at] !== 0x75 || bytes[at + 1] !== 0x73) return false;
    // Longer than any clock counts: the entry is kept, the call has no end.
    if (ns <= Number.MAX_SAFE_INTEGER) this.durationNs = Math.round(ns);
    return true;
  }

  #readComment(bytes: Uint8Array, start: number, end: number): boolean {
    this.kind = 'comment';
    this.nameStart = skipBlanks(bytes, start + 2, end);
    this.nameEnd = end - 2 > this.nameStart && bytes[end - 2] === STAR && bytes[end - 1] === SLASH ? end - 2 : end;
    while (this.nameEnd > this.nameStart && bytes[this.nameEnd - 1] === BLANK) this.nameEnd--;
    return true;
  }

  // `}`, `} /* __schedule */`, `} /* cgroup_migrate = -22 */`
  #readExit(bytes: Uint8Array, start: number, end: number): boolean {
    this.kind = 'exit';
    const comment = skipBlanks(bytes, start + 1, end);
    if (bytes[comment] !== SLASH || bytes[comment + 1] !== STAR) return true;
    let at = skipBlanks(bytes, comment + 2, end);
    this.nameStart = at;
    while (at < end && bytes[at] !== BLANK && bytes[at] !== STAR && bytes[at] !== OPEN_PAREN) at++;
    this.nameEnd = at;
    this.#readReturn(bytes, at, end);
    return true;
  }

  #readReturn(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end && bytes[at] !== EQUALS) at++;
    if (at >= end) return;
    at = skipBlanks(bytes, at + 1, end);
    this.retStart = at;
    while (at < end && bytes[at] !== BLANK) at++;
    this.retEnd = at;
  }

  /** `call_srcu() {`, `d_free();`, `fn [module]();`, `vfs_read(file=0x…, count=1) {`. */
  #readFunction(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    while (at < end && bytes[at] !== OPEN_PAREN && bytes[at] !== BLANK) at++;
    this.nameStart = start;
    this.nameEnd = at;
    while (at < end && bytes[at] !== OPEN_PAREN) at++;
    if (at >= end || at === start) return false;
    const open = at;
    let depth = 0;
    for (; at < end; at++) {
      if (bytes[at] === OPEN_PAREN) depth++;
      else if (bytes[at] === CLOSE_PAREN && --depth === 0) break;
    }
    if (at >= end) return false;
    this.argsStart = open + 1;
    this.argsEnd = at;
    const next = skipBlanks(bytes, at + 1, end);
    if (bytes[next] === SEMICOLON) {
      this.kind = 'leaf';
      this.#readReturn(bytes, next, end);
      return true;
    }
    this.kind = 'entry';
    return bytes[next] === OPEN_BRACE;
  }

  /** ` 0)    <idle>-0    =>   rcu_pre-16   `: the task that runs on the CPU from here. */
  #readSwitch(bytes: Uint8Array, start: number, end: number): boolean {
    for (let at = start; at + 1 < end; at++) {
      if (bytes[at] !== EQUALS || bytes[at + 1] !== GREATER) continue;
      this.kind = 'switch';
      return this.#readTask(bytes, at + 2, end);
    }
    return false;
  }
}

function pipeAt(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) if (bytes[at] === PIPE) return at;
  return -1;
}

function isDigitAt(bytes: Uint8Array, at: number): boolean {
  const digit = bytes[at] - ZERO;
  return digit >= 0 && digit <= 9;
}

function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] === BLANK || bytes[at] === TAB)) at++;
  return at;
}
