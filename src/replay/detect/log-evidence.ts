/** Lines of the log as evidence, and ids that stay apart. */
import type { Evidence, Finding } from '../../../schema/index.ts';

/** Reports from printk:console events have no line of their own. */
export function lineEvidence(lines: readonly number[], role: string): Evidence[] {
  return [...new Set(lines)].filter((line) => line > 0).map((line) => ({ line, role }));
}

/** Several findings of one identity (three stalls of the same CPU) are told apart by their order. */
export function withDistinctIds(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, number>();
  return findings.map((finding) => {
    const count = (seen.get(finding.id) ?? 0) + 1;
    seen.set(finding.id, count);
    return count === 1 ? finding : { ...finding, id: `${finding.id}-${count}` };
  });
}

/** Class names without `#2` and `/1`: two runs number them differently. */
export const plainLock = (name: string): string => name.replace(/[#/]\d+/g, '');
