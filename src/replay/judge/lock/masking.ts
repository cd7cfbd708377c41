/**
 * What lockdep would have shown of it: it prints its first problem and switches itself off (MODEL L5.1, L5.30). Every lock
 * finding says whether it would have been that one.
 */
import { type Finding, rowOf } from '../../../../schema/index.ts';
import { note } from '../../core/note.ts';

/** Adds a note to each lockdep-like finding of this run: the first one masks the others. */
export function noteMasking(findings: readonly Finding[]): Finding[] {
  const seenByLockdep = findings
    .filter((finding) => rowOf(finding).lockdep?.switchesOff(finding) && finding.severity === 'error')
    .sort((a, b) => a.end_ns - b.end_ns || checkOf(a) - checkOf(b) || a.id.localeCompare(b.id, 'en'));
  const [first] = seenByLockdep;
  if (first === undefined) return [...findings];
  return findings.map((finding) => {
    if (!seenByLockdep.includes(finding)) return finding;
    const added =
      finding === first
        ? seenByLockdep.length > 1
          ? note(
              `lockdep would report this one first (“${rowOf(finding).lockdep?.title(finding)}”) and switch itself off: it would hide ${seenByLockdep.length - 1} more`,
              'L5.30',
            )
          : note(
              `the first and only one that lockdep would report here, as “${rowOf(finding).lockdep?.title(finding)}”`,
              'L5.30',
            )
        : note(`lockdep would not show this one: it is off after ${first.kind} ${first.id}`, 'L5.30');
    return { ...finding, notes: [...finding.notes, added] };
  });
}

/** Place among lockdep's checks of one acquisition. */
const checkOf = (finding: Finding): number => rowOf(finding).lockdep?.check ?? Number.MAX_SAFE_INTEGER;
