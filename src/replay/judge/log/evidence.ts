/** Lines of the log as evidence, and ids that stay apart. */
import type { Evidence, Finding, LogBacktrace, LogFrames } from '../../../../schema/index.ts';
import type { LogPlace } from '../../model/log/log.ts';
import type { LogRecord } from '../../record/log-record.ts';

/** A place that is a report, as far as it is one: headline, own stack, dumps. */
interface Quoted extends LogPlace {
  readonly headline?: string;
  readonly frames?: LogFrames;
  readonly dumps?: readonly LogBacktrace[];
}

/** Lines of one quoted stack; a deeper one is in the log. */
const MAX_QUOTED = 128;

/**
 * Where reports begin: their lines, or the printk:console events that carried their first lines. A line comes with its words and the
 * report's stack, as printed; the repetitions of a report print the same stack, which is quoted once.
 */
export function reportEvidence(log: LogRecord, places: readonly Quoted[], role: string): Evidence[] {
  const seen = new Set<number>();
  let quoted = false;
  return places.flatMap((place): Evidence[] => {
    if (place.line > 0) {
      if (seen.has(place.line)) return [];
      seen.add(place.line);
      const stack = quoted ? undefined : stackOf(place);
      quoted ||= stack !== undefined;
      return [
        {
          line: place.line,
          role,
          ...(place.headline !== undefined && { text: place.headline }),
          ...(stack && { stack: stack.slice(0, MAX_QUOTED) }),
        },
      ];
    }
    const event = log.consoleEvents.get(place.tsNs);
    if (event === undefined || seen.has(-event)) return [];
    seen.add(-event);
    return [{ event, role, ...(place.headline !== undefined && { text: place.headline }) }];
  });
}

/** The report's own stack; a stall report has none: the first of its dumps that shows one. */
function stackOf({ frames, dumps }: Quoted): LogFrames | undefined {
  return frames ?? dumps?.find((dump) => dump.frames !== undefined)?.frames;
}

/** Several findings of one identity (three stalls of the same CPU) are distinguished by their order. */
export function withDistinctIds(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, number>();
  return findings.map((finding) => {
    const count = (seen.get(finding.id) ?? 0) + 1;
    seen.set(finding.id, count);
    return count === 1 ? finding : { ...finding, id: `${finding.id}-${count}` };
  });
}
