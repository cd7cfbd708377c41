/**
 * What lockdep would have shown of it: it prints its first problem and switches itself off (MODEL L5.1, L5.30). Every lock
 * finding is told whether it would have been that one.
 */
import type { Finding } from '../../../../schema/index.ts';

/** Order of lockdep's checks within one acquisition (L5.30). */
const CHECK_ORDER: Partial<Record<Finding['kind'], number>> = {
  'wait-context': 0,
  'irq-lock-state': 1,
  'lock-recursion': 2,
  'lock-inversion': 3,
  'irq-lock-order': 4,
};

/** Title lines of lockdep's reports (MODEL 7.2). */
const LOCKDEP_TITLE: Partial<Record<Finding['kind'], string>> = {
  'wait-context': '[ BUG: Invalid wait context ]',
  'irq-lock-state': 'WARNING: inconsistent lock state',
  'lock-recursion': 'WARNING: possible recursive locking detected',
  'lock-inversion': 'WARNING: possible circular locking dependency detected',
  'irq-lock-order': 'WARNING: …-safe -> …-unsafe lock order detected',
};

/** Adds a note to each lockdep-like finding of this run: the first one masks the others. */
export function noteMasking(findings: readonly Finding[]): Finding[] {
  const seenByLockdep = findings
    .filter((finding) => CHECK_ORDER[finding.kind] !== undefined && finding.severity === 'error')
    .sort(
      (a, b) =>
        a.end_ns - b.end_ns ||
        (CHECK_ORDER[a.kind] ?? 9) - (CHECK_ORDER[b.kind] ?? 9) ||
        a.id.localeCompare(b.id, 'en'),
    );
  const [first] = seenByLockdep;
  if (first === undefined) return [...findings];
  return findings.map((finding) => {
    if (!seenByLockdep.includes(finding)) return finding;
    const note =
      finding === first
        ? seenByLockdep.length > 1
          ? `lockdep would report this one first (“${LOCKDEP_TITLE[finding.kind]}”) and switch itself off: it would hide ${seenByLockdep.length - 1} more (L5.30)`
          : `the first and only one that lockdep would report here, as “${LOCKDEP_TITLE[finding.kind]}” (L5.30)`
        : `lockdep would not show this one: it is off after ${first.kind} ${first.id} (L5.30)`;
    return { ...finding, notes: [...finding.notes, note] };
  });
}
