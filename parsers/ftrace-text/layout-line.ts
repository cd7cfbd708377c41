/**
 * Lines that are no records but belong to the layout of a trace: headers, notes of the recorder, separators.
 *
 *   # tracer: nop
 *   # entries-in-buffer/entries-written: 3151/2962011   #P:2
 *   # nop latency trace v1.1.5 on 6.12.117-labA
 *   # latency: 0 us, #33525/33525, CPU#0 | (M:preempt VP:0, KP:0, SP:0 HP:0 #P:2)
 *   ##### CPU 3 buffer started ####
 *   cpus=2 · version = 6 · CPU 0 is empty                              trace-cmd report
 *   CPU:1 [LOST 11238 EVENTS] · CPU:0 [LOST EVENTS] · CPU:0 [4900 EVENTS DROPPED] · CPU:1 [EVENTS DROPPED]
 *    ------------------------------------------                        function_graph
 *   [...]                                                              people
 */
import { plausibleLoss } from '../../schema/index.ts';
import type { CaptureFacts } from '../format.ts';
import type { FlagColumn } from './flag-column.ts';

const HASH = 0x23;
const DASH = 0x2d;
const DOT = 0x2e;
const BLANK = 0x20;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Longest line of this kind that is decoded to text. */
const LONGEST = 240;

const latin1 = new TextDecoder('latin1');

const LOST = /^CPU:(\d{1,5}) \[(?:LOST (?:(\d{1,18}) )?EVENTS|(?:(\d{1,18}) )?EVENTS DROPPED)\]$/;
const REPORT = /^(?:cpus=(\d+)|version = \d+|CPU \d+ is empty|\s*CPU\d+ data recorded at offset.*)$/;
const GRAPH_NOTE = /^\s*\(Overruns: \d+\)$/;

export type LayoutKind = 'layout' | 'lost';

export class LayoutLine {
  /** Of a lost-events note: the CPU and how many, 0 when unknown. */
  lostCpu = 0;
  lostCount = 0;
  /** A header or note of a recorder was seen: the capture is a trace even if it holds no record. */
  seenHeader = false;
  /** Tracer of the header, `nop` when there was none. */
  tracer = 'nop';
  /** The capture comes from trace-cmd report. */
  report = false;
  /** Records overwritten before the trace was read, as the header says (MODEL E0.3). */
  overwritten = 0;
  /** Line of the last header that said so. */
  overwrittenLine = 0;
  #line = 0;

  readonly #facts: CaptureFacts;
  readonly #flagColumn: FlagColumn;

  constructor(facts: CaptureFacts, flagColumn: FlagColumn) {
    this.#facts = facts;
    this.#flagColumn = flagColumn;
  }

  /** What kind of layout bytes[start, end) are, undefined when none. The line has no blanks at its ends and is not empty. */
  read(bytes: Uint8Array, start: number, end: number, line: number): LayoutKind | undefined {
    this.#line = line;
    const first = bytes[start];
    if (first === HASH) {
      this.#readHeader(latin1.decode(bytes.subarray(start, Math.min(end, start + LONGEST))));
      return 'layout';
    }
    if (first === DASH || first === DOT || first === OPEN_BRACKET)
      return isRule(bytes, start, end) ? 'layout' : undefined;
    if (end - start > LONGEST) return undefined;
    // C(PU), c(pus), v(ersion), ((Overruns)
    if (first !== 0x43 && first !== 0x63 && first !== 0x76 && first !== 0x28) return undefined;
    const text = latin1.decode(bytes.subarray(start, end));
    const lost = LOST.exec(text);
    if (lost) {
      this.lostCpu = Number(lost[1]);
      this.lostCount = plausibleLoss(Number(lost[2] ?? lost[3] ?? 0));
      this.seenHeader = true;
      return 'lost';
    }
    const report = REPORT.exec(text);
    if (report) {
      this.seenHeader = true;
      this.report = true;
      if (report[1] !== undefined) this.#facts.cpus = Math.max(this.#facts.cpus, Number(report[1]));
      return 'layout';
    }
    return GRAPH_NOTE.test(text) ? 'layout' : undefined;
  }

  #readHeader(text: string): void {
    const tracer = /^# tracer: (\S+)/.exec(text);
    if (tracer) {
      this.tracer = tracer[1];
      this.seenHeader = true;
      return;
    }
    const entries = /entries-in-buffer\/entries-written: (\d+)\/(\d+)\s+#P:(\d+)/.exec(text);
    if (entries) {
      const overwritten = Math.max(0, Number(entries[2]) - Number(entries[1]));
      if (overwritten > 0) this.overwrittenLine = this.#line;
      this.overwritten += overwritten;
      this.#facts.cpus = Math.max(this.#facts.cpus, Number(entries[3]));
      return;
    }
    const version = /latency trace v[\d.]+ on (\S+)/.exec(text);
    if (version) {
      this.#facts.profile.release ??= version[1];
      return;
    }
    const latency = /^# latency: .*\(M:(\S+) .*#P:(\d+)\)/.exec(text);
    if (latency) {
      // get_trace_header: server, desktop, preempt, preempt_rt.
      this.#facts.profile.rt ??= latency[1].includes('rt');
      this.#facts.cpus = Math.max(this.#facts.cpus, Number(latency[2]));
      return;
    }
    this.#flagColumn.addHeaderLine(text);
  }
}

/** A line of dashes, `...`, `[...]`, `[ ... ]`: separators of the function_graph tracer, and what people put for lines left out. */
function isRule(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte !== DASH && byte !== DOT && byte !== BLANK && byte !== OPEN_BRACKET && byte !== CLOSE_BRACKET)
      return false;
  }
  return end - start >= 3;
}
