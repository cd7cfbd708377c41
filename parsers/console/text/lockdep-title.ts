/** Titles of lockdep reports (MODEL 7.2), in the forms of all kernels: `WARNING: …`, `[ INFO: … ]`, `[ BUG: … ]`. */

export type LockdepKind =
  | 'lockdep-circular'
  | 'lockdep-irq-order'
  | 'lockdep-irq-inversion'
  | 'lockdep-irq-state'
  | 'lockdep-recursion'
  | 'lockdep-wait-context'
  | 'lockdep-misuse';

export interface LockdepTitle {
  readonly kind: LockdepKind;
  /** Without level and brackets: `bad unlock balance detected!`. */
  readonly title: string;
  readonly irq?: 'hardirq' | 'softirq';
}

/** Prefix of the title → kind. Order matters only where one is the beginning of another. */
const TITLES: readonly (readonly [string, LockdepKind])[] = [
  ['possible circular locking dependency detected', 'lockdep-circular'],
  ['possible recursive locking detected', 'lockdep-recursion'],
  ['possible irq lock inversion dependency detected', 'lockdep-irq-inversion'],
  ['inconsistent lock state', 'lockdep-irq-state'],
  ['Invalid wait context', 'lockdep-wait-context'],
  ['bad unlock balance detected', 'lockdep-misuse'],
  ['bad contention detected', 'lockdep-misuse'],
  ['held lock freed', 'lockdep-misuse'],
  ['lock held when returning to user space', 'lockdep-misuse'],
  ['lock held at task exit time', 'lockdep-misuse'],
  ['Nested lock was not taken', 'lockdep-misuse'],
  ['trying to register non-static key', 'lockdep-misuse'],
  ['workqueue leaked ', 'lockdep-misuse'],
  ['suspicious RCU usage', 'lockdep-misuse'],
  ['suspicious rcu_', 'lockdep-misuse'],
];

const IRQ_ORDER = /^(hard|soft)(?:irq)?-(?:READ-)?safe -> (?:hard|soft)(?:irq)?-(?:READ-)?unsafe lock order detected/i;

/**
 * Reads a title line:
 *
 *     WARNING: possible circular locking dependency detected
 *     [ INFO: possible circular locking dependency detected ]
 *     [ BUG: Invalid wait context ]
 *     WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected
 *     WARNING: syz-fuzzer/4398 still has locks held!
 */
export function parseLockdepTitle(text: string): LockdepTitle | undefined {
  const level = /^(?:\[ )?(?:WARNING|INFO|BUG): /.exec(text);
  if (!level) return undefined;
  const title = text
    .slice(level[0].length)
    .replace(/\s*\]\s*$/, '')
    .trim();
  for (const [start, kind] of TITLES) if (title.startsWith(start)) return { kind, title };
  const order = IRQ_ORDER.exec(title);
  if (order)
    return { kind: 'lockdep-irq-order', title, irq: order[1].toLowerCase() === 'hard' ? 'hardirq' : 'softirq' };
  if (/^\S.{0,60}\/\d+ still has locks held!/.test(title)) return { kind: 'lockdep-misuse', title };
  return undefined;
}

/** `hardirq` or `softirq` of a usage string (`IN-HARDIRQ-W`, `SOFTIRQ-ON-R`) or of a phrase that names one. */
export function irqOf(text: string): 'hardirq' | 'softirq' {
  return /soft/i.test(text) ? 'softirq' : 'hardirq';
}
