/**
 * Context of a tracepoint's raw data: `common_flags` and `common_preempt_count`, which perf fills in like ftrace
 * (kernel/trace/trace_event_perf.c perf_trace_buf_update).
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
import type { EventFormat } from '../tracefs-format/event-format.ts';

// enum trace_flag_type of include/linux/trace_events.h.
const TRACE_FLAG_IRQS_OFF = 0x01;
const TRACE_FLAG_NEED_RESCHED = 0x04;
const TRACE_FLAG_HARDIRQ = 0x08;
const TRACE_FLAG_SOFTIRQ = 0x10;
const TRACE_FLAG_NMI = 0x40;
const TRACE_FLAG_BH_OFF = 0x80;

/** {@link flags} of a record whose format has no such fields. */
const UNKNOWN = 0;

export class RecordContext {
  readonly #flagsOffset: number;
  readonly #depthOffset: number;
  /** Packed context by `flags << 8 | depths`: two bytes decide everything. */
  readonly #packed = new Int32Array(1 << 16).fill(-1);

  constructor(format: EventFormat) {
    const offsetOf = (name: string) => format.commonFields.find((field) => field.name === name)?.offset ?? -1;
    this.#flagsOffset = offsetOf('common_flags');
    this.#depthOffset = offsetOf('common_preempt_count');
  }

  /** Context bits (schema/context-flags.ts) of the raw record [start, end). */
  flags(bytes: Uint8Array, start: number, end: number): number {
    const flagsAt = start + this.#flagsOffset;
    const depthAt = start + this.#depthOffset;
    if (this.#flagsOffset < 0 || this.#depthOffset < 0 || flagsAt >= end || depthAt >= end) return UNKNOWN;
    const key = (bytes[flagsAt] << 8) | bytes[depthAt];
    const known = this.#packed[key];
    if (known >= 0) return known;
    const packed = packContext(bytes[flagsAt], bytes[depthAt]);
    this.#packed[key] = packed;
    return packed;
  }
}

/**
 * The preemption depth is one more than ftrace shows for the same event: the probe runs with preemption disabled, and perf,
 * unlike ftrace (tracing_gen_ctx_dec), stores the count as it finds it (MODEL S3.51, E0.2).
 */
function packContext(traceFlags: number, depths: number): number {
  let flags = CTX_KNOWN | CTX_IRQS_KNOWN;
  if (traceFlags & TRACE_FLAG_IRQS_OFF) flags |= CTX_IRQS_OFF;
  if (traceFlags & TRACE_FLAG_NEED_RESCHED) flags |= CTX_NEED_RESCHED;
  if (traceFlags & TRACE_FLAG_HARDIRQ) flags |= CTX_HARDIRQ;
  if (traceFlags & TRACE_FLAG_SOFTIRQ) flags |= CTX_SOFTIRQ;
  if (traceFlags & TRACE_FLAG_NMI) flags |= CTX_NMI;
  if (traceFlags & TRACE_FLAG_BH_OFF) flags |= CTX_BH_OFF;
  return packDepths(flags, Math.max(0, (depths & 15) - 1), depths >> 4);
}
