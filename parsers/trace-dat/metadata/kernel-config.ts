/** What the symbol table of a kernel says of its configuration (MODEL §0). */
import type { KernelProfile } from '../../../schema/index.ts';

/** Tables of whole kernels are larger; what is missing in a smaller one proves nothing. */
const WHOLE_TABLE_BYTES = 256 << 10;

function defines(kallsyms: Buffer, name: string): boolean {
  return kallsyms.includes(` T ${name}\n`) || kallsyms.includes(` t ${name}\n`);
}

const SRCU_USAGE = '_srcu_usage';
/** More static srcu_structs than a kernel and its modules have. */
const MOST_USAGES = 256;

/** Static srcu_structs: DEFINE_SRCU(x) defines x_srcu_usage beside x (include/linux/srcutree.h), in modules too. */
function srcuUsages(table: Buffer): Record<string, string> | undefined {
  const usages: Record<string, string> = {};
  let found = 0;
  for (let at = table.indexOf(SRCU_USAGE); at >= 0 && found < MOST_USAGES; at = table.indexOf(SRCU_USAGE, at + 1)) {
    const start = table.lastIndexOf('\n', at) + 1;
    const match = /^([0-9a-f]{9,16}) [a-zA-Z] (\w+)_srcu_usage$/.exec(
      table.toString('latin1', start, at + SRCU_USAGE.length),
    );
    const after = table[at + SRCU_USAGE.length];
    if (!match || after > 0x20) continue;
    usages[`0x${match[1].replace(/^0+/, '')}`] = match[2];
    found++;
  }
  return found > 0 ? usages : undefined;
}

/**
 * Fills in what is still unknown: `rt_spin_lock` exists on PREEMPT_RT only (kernel/locking/spinlock_rt.c), `__rcu_read_lock` is
 * a function with PREEMPT_RCU only (kernel/rcu/tree_plugin.h).
 */
export function profileFromSymbols(kallsyms: Uint8Array, profile: KernelProfile): void {
  const table = Buffer.from(kallsyms.buffer, kallsyms.byteOffset, kallsyms.length);
  const usages = srcuUsages(table);
  if (usages) profile.srcuUsages ??= usages;
  if (table.length < WHOLE_TABLE_BYTES || !defines(table, 'schedule')) return;
  profile.rt ??= defines(table, 'rt_spin_lock');
  profile.preemptRcu ??= defines(table, '__rcu_read_lock');
}

/** Addresses of the beginning of the kernel's text; none where the reader of kallsyms was not allowed to see them. */
export function kernelTextOf(kallsyms: Uint8Array): Record<string, string> {
  const table = Buffer.from(kallsyms.buffer, kallsyms.byteOffset, kallsyms.length);
  const addresses: Record<string, string> = {};
  for (const symbol of ['_text', '_stext']) {
    const at = table.indexOf(` T ${symbol}\n`);
    const address = at < 0 ? '' : table.toString('latin1', Math.max(0, table.lastIndexOf('\n', at) + 1), at);
    if (/^[0-9a-f]{8,16}$/.test(address) && !/^0+$/.test(address)) addresses[symbol] = `0x${address}`;
  }
  return addresses;
}
