/** Lines of the log as evidence, and ids that stay apart. */
import type { Evidence, Finding } from '../../../../schema/index.ts';
import type { LogPlace } from '../../model/log/log.ts';
import type { LogRecord } from '../../record/log-record.ts';

/** Where reports begin: their lines, or the printk:console events that carried their first lines. */
export function reportEvidence(log: LogRecord, places: readonly LogPlace[], role: string): Evidence[] {
  const seen = new Set<number>();
  return places.flatMap((place): Evidence[] => {
    if (place.line > 0) return seen.has(place.line) || !seen.add(place.line) ? [] : [{ line: place.line, role }];
    const event = log.consoleEvents.get(place.tsNs);
    return event === undefined || seen.has(-event) || !seen.add(-event) ? [] : [{ event, role }];
  });
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
