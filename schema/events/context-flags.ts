/**
 * The context of an event record, packed into 16 bits (MODEL E0.2; kernel/trace/trace_output.c trace_print_lat_fmt).
 * Text columns and the binary common_flags/common_preempt_count both end up here.
 */

/** Hard interrupts were disabled. Meaningful only with {@link CTX_IRQS_KNOWN}. */
export const CTX_IRQS_OFF = 1 << 0;
/** Bottom halves were disabled. */
export const CTX_BH_OFF = 1 << 1;
/** TIF_NEED_RESCHED was set. */
export const CTX_NEED_RESCHED = 1 << 2;
/** Recorded inside a softirq (running, not merely disabled). */
export const CTX_SOFTIRQ = 1 << 3;
/** Recorded inside a hard interrupt. */
export const CTX_HARDIRQ = 1 << 4;
/** Recorded inside an NMI. */
export const CTX_NMI = 1 << 5;
/** The recording carries a context at all: without this bit, bits 3–5 say nothing. */
export const CTX_KNOWN = 1 << 6;
/** The architecture reports the irq state (column 1 is not `X`). */
export const CTX_IRQS_KNOWN = 1 << 7;

const PREEMPT_SHIFT = 8;
const MIGRATE_SHIFT = 12;

/** Preemption depth 0–15; saturates. */
export function preemptDepth(flags: number): number {
  return (flags >>> PREEMPT_SHIFT) & 15;
}

/** Migration-disable depth 0–15; saturates. */
export function migrateDepth(flags: number): number {
  return (flags >>> MIGRATE_SHIFT) & 15;
}

/** Adds the two depths to the low bits; each is clamped to 15. */
export function packDepths(flags: number, preempt: number, migrate: number): number {
  return (flags & 0xff) | (Math.min(preempt, 15) << PREEMPT_SHIFT) | (Math.min(migrate, 15) << MIGRATE_SHIFT);
}

/** Innermost context of a record whose CTX_KNOWN is set: NMI beats hardirq beats softirq (MODEL L5.21). */
export function innermostContext(flags: number): 'nmi' | 'hardirq' | 'softirq' | 'task' {
  if (flags & CTX_NMI) return 'nmi';
  if (flags & CTX_HARDIRQ) return 'hardirq';
  if (flags & CTX_SOFTIRQ) return 'softirq';
  return 'task';
}

/** The five-character column that the kernel would print (`d.h2.`), or `?????` when nothing is known. */
export function formatContextFlags(flags: number): string {
  if (!(flags & CTX_KNOWN)) return '?????';
  const off = flags & CTX_IRQS_OFF;
  const bh = flags & CTX_BH_OFF;
  const irqs = flags & CTX_IRQS_KNOWN ? (off && bh ? 'D' : off ? 'd' : bh ? 'b' : '.') : 'X';
  const depth = (n: number) => (n ? n.toString(16) : '.');
  const nested = flags & CTX_NMI ? (flags & CTX_HARDIRQ ? 'Z' : 'z') : '';
  const irq = flags & CTX_HARDIRQ ? (flags & CTX_SOFTIRQ ? 'H' : 'h') : flags & CTX_SOFTIRQ ? 's' : '.';
  return `${irqs}${flags & CTX_NEED_RESCHED ? 'N' : '.'}${nested || irq}${depth(preemptDepth(flags))}${depth(migrateDepth(flags))}`;
}
