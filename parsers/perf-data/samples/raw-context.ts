/**
 * Context of a tracepoint's raw data: `common_flags` and `common_preempt_count`, which perf fills in like ftrace
 * (kernel/trace/trace_event_perf.c perf_trace_buf_update).
 */
import { type ContextRules, contextBits, contextRules } from '../../trace-dat/records/context.ts';
import type { EventFormat } from '../../tracefs-format/event-format.ts';

/** {@link RecordContext.flags} of a record whose format has no such fields. */
const UNKNOWN = 0;

export class RecordContext {
  readonly #flagsOffset: number;
  readonly #countOffset: number;
  readonly #contexts: PerfContexts;

  constructor(format: EventFormat, contexts: PerfContexts) {
    const offsetOf = (name: string) => format.commonFields.find((field) => field.name === name)?.offset ?? -1;
    this.#flagsOffset = offsetOf('common_flags');
    this.#countOffset = offsetOf('common_preempt_count');
    this.#contexts = contexts;
  }

  /** Context bits (schema/events/context-flags.ts) of the raw record [start, end). */
  flags(bytes: Uint8Array, start: number, end: number): number {
    const flagsAt = start + this.#flagsOffset;
    const countAt = start + this.#countOffset;
    if (this.#flagsOffset < 0 || this.#countOffset < 0 || flagsAt >= end || countAt >= end) return UNKNOWN;
    return this.#contexts.bits(bytes[flagsAt], bytes[countAt]);
  }
}

/**
 * Context bits by the two bytes. The preemption depth is one more than ftrace shows for the same event: the probe runs with
 * preemption disabled, and perf, unlike ftrace (tracing_gen_ctx_dec), stores the count as it finds it (MODEL S3.51, E0.2).
 */
export class PerfContexts {
  readonly #rules: ContextRules;
  readonly #known = new Int32Array(1 << 16).fill(-1);

  constructor(release: string | undefined) {
    this.#rules = contextRules(release);
  }

  bits(flags: number, counts: number): number {
    const key = flags | (counts << 8);
    const known = this.#known[key];
    if (known >= 0) return known;
    const bits = contextBits(flags, counts & 15 ? counts - 1 : counts, this.#rules);
    this.#known[key] = bits;
    return bits;
  }
}
