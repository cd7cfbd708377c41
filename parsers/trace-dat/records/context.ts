/**
 * `common_flags` and `common_preempt_count` of a record as the context bits of schema/events/context-flags.ts
 * (enum trace_flag_type of include/linux/trace_events.h, tracing_gen_ctx_irq_test of kernel/trace/trace.c).
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
} from '../../../schema/index.ts';

const TRACE_FLAG_IRQS_OFF = 0x01;
/** Up to Linux 6.12 "the architecture does not say"; since 6.13 TRACE_FLAG_NEED_RESCHED_LAZY. */
const TRACE_FLAG_IRQS_NOSUPPORT = 0x02;
const TRACE_FLAG_NEED_RESCHED = 0x04;
const TRACE_FLAG_HARDIRQ = 0x08;
const TRACE_FLAG_SOFTIRQ = 0x10;
const TRACE_FLAG_NMI = 0x40;
/** Since Linux 6.2; never set before. */
const TRACE_FLAG_BH_OFF = 0x80;

/** `[major, minor]` of a release such as `6.12.117-labA`. */
export function kernelVersion(release: string | undefined): readonly [number, number] | undefined {
  const match = release ? /^(\d+)\.(\d+)/.exec(release) : null;
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}

function atLeast(
  version: readonly [number, number] | undefined,
  major: number,
  minor: number,
  unknown: boolean,
): boolean {
  return version ? version[0] > major || (version[0] === major && version[1] >= minor) : unknown;
}

/** How a kernel fills in the two bytes. */
export interface ContextRules {
  /** Bit 1 of the flags is "lazy rescheduling", not "no irq state". */
  readonly lazyResched: boolean;
  /** The upper half of the counts is the migrate-disable depth; before, the whole byte counted preemption. */
  readonly migrateNibble: boolean;
}

export function contextRules(release: string | undefined): ContextRules {
  const version = kernelVersion(release);
  return { lazyResched: atLeast(version, 6, 13, false), migrateNibble: atLeast(version, 5, 15, true) };
}

/** Context bits of one record. @param flags its common_flags · @param counts its common_preempt_count */
export function contextBits(flags: number, counts: number, rules: ContextRules): number {
  let bits = CTX_KNOWN;
  if (rules.lazyResched || !(flags & TRACE_FLAG_IRQS_NOSUPPORT)) bits |= CTX_IRQS_KNOWN;
  if (flags & TRACE_FLAG_IRQS_OFF) bits |= CTX_IRQS_OFF;
  if (flags & TRACE_FLAG_NEED_RESCHED) bits |= CTX_NEED_RESCHED;
  if (flags & TRACE_FLAG_HARDIRQ) bits |= CTX_HARDIRQ;
  if (flags & TRACE_FLAG_SOFTIRQ) bits |= CTX_SOFTIRQ;
  if (flags & TRACE_FLAG_NMI) bits |= CTX_NMI;
  if (flags & TRACE_FLAG_BH_OFF) bits |= CTX_BH_OFF;
  return rules.migrateNibble ? packDepths(bits, counts & 15, counts >>> 4) : packDepths(bits, counts, 0);
}

const tables = new Map<string, Uint16Array>();

/** Context bits by `common_flags | common_preempt_count << 8`, for records of a kernel of that release. */
export function recordContexts(release: string | undefined): Uint16Array {
  const rules = contextRules(release);
  const key = `${rules.lazyResched} ${rules.migrateNibble}`;
  let contexts = tables.get(key);
  if (!contexts) {
    contexts = new Uint16Array(1 << 16);
    for (let bytes = 0; bytes < contexts.length; bytes++) {
      contexts[bytes] = contextBits(bytes & 0xff, bytes >>> 8, rules);
    }
    tables.set(key, contexts);
  }
  return contexts;
}
