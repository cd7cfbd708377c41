/**
 * Context of a tracepoint's raw data: `common_flags` and `common_preempt_count`, which perf fills in like ftrace
 * (kernel/trace/trace_event_perf.c perf_trace_buf_update).
 */
import { recordContexts } from '../trace-dat/record-context.ts';
import type { EventFormat } from '../tracefs-format/event-format.ts';

/** {@link RecordContext.flags} of a record whose format has no such fields. */
const UNKNOWN = 0;

export class RecordContext {
  readonly #flagsOffset: number;
  readonly #countOffset: number;
  readonly #contexts: Uint16Array;

  /** @param contexts of {@link perfContexts} */
  constructor(format: EventFormat, contexts: Uint16Array) {
    const offsetOf = (name: string) => format.commonFields.find((field) => field.name === name)?.offset ?? -1;
    this.#flagsOffset = offsetOf('common_flags');
    this.#countOffset = offsetOf('common_preempt_count');
    this.#contexts = contexts;
  }

  /** Context bits (schema/context-flags.ts) of the raw record [start, end). */
  flags(bytes: Uint8Array, start: number, end: number): number {
    const flagsAt = start + this.#flagsOffset;
    const countAt = start + this.#countOffset;
    if (this.#flagsOffset < 0 || this.#countOffset < 0 || flagsAt >= end || countAt >= end) return UNKNOWN;
    return this.#contexts[bytes[flagsAt] | (bytes[countAt] << 8)];
  }
}

/**
 * Context bits by `common_flags | common_preempt_count << 8`. The preemption depth is one more than ftrace shows for the same
 * event: the probe runs with preemption disabled, and perf, unlike ftrace (tracing_gen_ctx_dec), stores the count as it finds
 * it (MODEL S3.51, E0.2).
 */
export function perfContexts(release: string | undefined): Uint16Array {
  const traced = recordContexts(release);
  return traced.map((_, key) => traced[(key >>> 8) & 15 ? key - 0x100 : key]);
}
