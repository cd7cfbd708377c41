/**
 * The irq/preempt column of the trace file (kernel/trace/trace_output.c trace_print_lat_fmt, MODEL E0.2): `d.h2.`.
 * Which characters mean what depends on the kernel; the header says it, and the width where there is no header:
 * 4 irqs-off, need-resched, hardirq/softirq, preempt-depth · 5 … and migrate-disable · 7 the PREEMPT_RT trees before 6.6, with
 * need-resched-lazy third and preempt-lazy-depth sixth. (Headers lie: that of timerlat announces four over seven characters.)
 */
import {
  CTX_BH_OFF,
  CTX_HARDIRQ,
  CTX_IRQS_KNOWN,
  CTX_IRQS_OFF,
  CTX_KNOWN,
  CTX_NEED_RESCHED,
  CTX_NMI,
  CTX_SOFTIRQ,
  packDepths,
} from '../../schema/index.ts';
import { HEX_DIGIT } from '../event-text/number-text.ts';

type Column = 'irqs' | 'resched' | 'lazy' | 'context' | 'preempt' | 'preempt-lazy' | 'migrate';

const LAYOUT_BY_WIDTH: Readonly<Record<number, readonly Column[]>> = {
  3: ['irqs', 'resched', 'context'],
  4: ['irqs', 'resched', 'context', 'preempt'],
  5: ['irqs', 'resched', 'context', 'preempt', 'migrate'],
  6: ['irqs', 'resched', 'lazy', 'context', 'preempt', 'migrate'],
  7: ['irqs', 'resched', 'lazy', 'context', 'preempt', 'preempt-lazy', 'migrate'],
  8: ['irqs', 'resched', 'lazy', 'context', 'preempt', 'preempt-lazy', 'migrate'],
};
const LONGEST = 8;

const FLAG_BYTE = new Uint8Array(256);
for (const c of '.dDbBXnNpPlLhHsSzZ0123456789abcdef') FLAG_BYTE[c.charCodeAt(0)] = 1;

/** Whether the byte may stand in the flag column. */
export function isFlagByte(byte: number): boolean {
  return FLAG_BYTE[byte] === 1;
}

/** Whether the byte may be the first of the column; no digit, because the CPU number is glued to it in latency layouts. */
export function isFirstFlagByte(byte: number): boolean {
  return byte === 0x2e || byte === 0x64 || byte === 0x44 || byte === 0x62 || byte === 0x58;
}

/** Column meanings as header lines name them: `#  _-----=> irqs-off/BH-disabled`. */
const HEADER_NAMES: readonly (readonly [RegExp, Column])[] = [
  [/^irqs-off/, 'irqs'],
  [/^need-resched[-_]lazy/, 'lazy'],
  [/^need-resched/, 'resched'],
  [/^hardirq\/softirq/, 'context'],
  [/^preempt[-_]lazy-depth/, 'preempt-lazy'],
  [/^preempt-depth/, 'preempt'],
  [/^migrate-disable/, 'migrate'],
];

export class FlagColumn {
  /** Columns that the header has named so far. */
  #header: Column[] = [];

  /** Takes a header line in: `# | / _---=> hardirq/softirq`. */
  addHeaderLine(line: string): void {
    const name = /=>\s*(\S+)/.exec(line)?.[1];
    if (name === undefined) return;
    const column = HEADER_NAMES.find(([pattern]) => pattern.test(name))?.[1];
    if (column === undefined) return;
    if (column === 'irqs') this.#header = [];
    this.#header.push(column);
  }

  /** Context bits of the column bytes[start, end). */
  decode(bytes: Uint8Array, start: number, end: number): number {
    const width = end - start;
    const layout =
      this.#header.length === width ? this.#header : LAYOUT_BY_WIDTH[width > LONGEST ? 4 : Math.max(3, width)];
    let flags = CTX_KNOWN;
    let preempt = 0;
    let migrate = 0;
    for (let i = 0; i < layout.length && start + i < end; i++) {
      const byte = bytes[start + i];
      switch (layout[i]) {
        case 'irqs':
          flags |= irqBits(byte);
          break;
        case 'resched':
          flags |= reschedBits(byte);
          break;
        case 'context':
          flags |= contextBits(byte);
          break;
        case 'preempt':
          // `2...ffffffff`: a depth of −1, printed whole.
          preempt = width > LONGEST ? 15 : depth(byte);
          break;
        case 'migrate':
          migrate = depth(byte);
          break;
        default:
          break;
      }
    }
    return packDepths(flags, preempt, migrate);
  }
}

function depth(byte: number): number {
  const digit = HEX_DIGIT[byte];
  return digit === 255 ? 0 : digit;
}

function irqBits(byte: number): number {
  switch (byte) {
    case 0x64: // d
      return CTX_IRQS_KNOWN | CTX_IRQS_OFF;
    case 0x44: // D
      return CTX_IRQS_KNOWN | CTX_IRQS_OFF | CTX_BH_OFF;
    case 0x62: // b
      return CTX_IRQS_KNOWN | CTX_BH_OFF;
    case 0x2e: // .
      return CTX_IRQS_KNOWN;
    default: // X: the architecture does not tell
      return 0;
  }
}

/** `N` and `n`, and with lazy preemption `B` and `b`, have TIF_NEED_RESCHED; `p`, `l`, `L` do not. */
function reschedBits(byte: number): number {
  return byte === 0x4e || byte === 0x6e || byte === 0x42 || byte === 0x62 ? CTX_NEED_RESCHED : 0;
}

function contextBits(byte: number): number {
  switch (byte) {
    case 0x68: // h
      return CTX_HARDIRQ;
    case 0x73: // s
      return CTX_SOFTIRQ;
    case 0x48: // H: hardirq that hit a softirq
      return CTX_HARDIRQ | CTX_SOFTIRQ;
    case 0x7a: // z
      return CTX_NMI;
    case 0x5a: // Z: NMI that hit a hardirq
      return CTX_NMI | CTX_HARDIRQ;
    default:
      return 0;
  }
}

/** Context bits of the numeric flags of the verbose latency layout (enum trace_flag_type) and a preempt_count. */
export function contextFromTraceFlags(traceFlags: number, preemptCount: number): number {
  let flags = CTX_KNOWN;
  if (!(traceFlags & 0x02)) flags |= CTX_IRQS_KNOWN;
  if (traceFlags & 0x01) flags |= CTX_IRQS_OFF;
  if (traceFlags & 0x04) flags |= CTX_NEED_RESCHED;
  if (traceFlags & 0x08) flags |= CTX_HARDIRQ;
  if (traceFlags & 0x10) flags |= CTX_SOFTIRQ;
  if (traceFlags & 0x40) flags |= CTX_NMI;
  if (traceFlags & 0x80) flags |= CTX_BH_OFF;
  return packDepths(flags, preemptCount & 0xf, (preemptCount >> 4) & 0xf);
}
