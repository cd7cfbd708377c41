/** What the symbol table of a kernel says of its configuration (MODEL §0). */
import type { KernelProfile } from '../../schema/index.ts';

/** Tables of whole kernels are larger; what is missing in a smaller one proves nothing. */
const WHOLE_TABLE_BYTES = 256 << 10;

function defines(kallsyms: Buffer, name: string): boolean {
  return kallsyms.includes(` T ${name}\n`) || kallsyms.includes(` t ${name}\n`);
}

/**
 * Fills in what is still unknown: `rt_spin_lock` exists on PREEMPT_RT only (kernel/locking/spinlock_rt.c), `__rcu_read_lock` is
 * a function with PREEMPT_RCU only (kernel/rcu/tree_plugin.h).
 */
export function profileFromSymbols(kallsyms: Uint8Array, profile: KernelProfile): void {
  const table = Buffer.from(kallsyms.buffer, kallsyms.byteOffset, kallsyms.length);
  if (table.length < WHOLE_TABLE_BYTES || !defines(table, 'schedule')) return;
  profile.rt ??= defines(table, 'rt_spin_lock');
  profile.preemptRcu ??= defines(table, '__rcu_read_lock');
}
