/** Lock verdicts of a recording that misses a CPU: tasks migrate, and what they released there looks held forever (L5.24, E0.4). */

import type { Finding } from '../../../../schema/index.ts';
import { note, notesOf } from '../../core/note.ts';

/** @param cpus CPUs that took part and were not recorded */
export function withoutCpus(findings: readonly Finding[], cpus: readonly number[]): Finding[] {
  if (cpus.length === 0) return [...findings];
  const added = note(`nothing of CPU ${cpus.join(', ')} was recorded: locks may have been released there`, 'E0.4');
  return findings.map((finding) => ({
    ...finding,
    severity: finding.severity === 'error' ? 'warning' : finding.severity,
    confidence: finding.confidence === 'observed' ? 'inferred' : finding.confidence,
    notes: notesOf([...finding.notes, added]),
  }));
}
