/** The part of an event log that a finding cites (MODEL O26). */
import type { EvidenceRange, Finding } from '../../schema/index.ts';
import { type EventLog, type LoggedEvent, TID_FIELDS } from './event-log.ts';

function covers(range: EvidenceRange, event: LoggedEvent): boolean {
  if (range.events && !range.events.includes(event.name)) return false;
  if (range.cpu !== undefined && event.cpu !== range.cpu) return false;
  if (range.tid === undefined || event.tid === range.tid) return true;
  return event.fields.some((field, i) => TID_FIELDS.test(field.name) && event.cells[i] === range.tid);
}

/** The events that a finding cites, ranges unfolded, in their order. Markers of lost events are part of every recording. */
export function evidenceOf(finding: Finding, log: EventLog): EventLog {
  const cited = new Set<number>();
  for (const item of finding.evidence) {
    if (!('event' in item)) continue;
    cited.add(item.event - 1);
    if (!item.range) continue;
    for (let i = item.event - 1; i < item.range.to; i++) if (covers(item.range, log[i])) cited.add(i);
  }
  return log.filter((_, i) => cited.has(i));
}
