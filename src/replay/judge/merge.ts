/**
 * One thing, one finding: what the kernel reported and what the events show are merged, with both kinds of evidence
 * (DESIGN "findings"). Two findings are the same thing when their occurrences match and their times are compatible.
 */
import { type Evidence, type Finding, rowOf, thingOf } from '../../../schema/index.ts';
import { notesOf, reported } from '../core/note.ts';

/** Lock orders hold for the whole run; everything else must overlap, with some slack for clocks and for reports that come late. */
const SLACK_NS = 3e9;

function same(reported: Finding, observed: Finding): boolean {
  if (reported.kind !== observed.kind) return false;
  const row = rowOf(reported);
  const occurrence = row.occurrence?.(reported);
  if (occurrence === undefined || occurrence !== row.occurrence?.(observed)) return false;
  if (
    reported.kind === 'rcu-stall' &&
    observed.kind === 'rcu-stall' &&
    reported.gp_seq !== null &&
    observed.gp_seq !== null
  ) {
    return reported.gp_seq === observed.gp_seq;
  }
  if (row.lasts === 'rule') return true;
  return reported.start_ns <= observed.end_ns + SLACK_NS && reported.end_ns >= observed.start_ns - SLACK_NS;
}

/** The wait or the stall that began then, or the same broken rule. */
export function isSameOccurrence(a: Finding, b: Finding): boolean {
  return a.id === b.id || (thingOf(a) === thingOf(b) && a.start_ns === b.start_ns);
}

/** Whether the kernel reported what the events show, so that the two become one finding. */
export function isSameThing(reported: Finding, observed: Finding): boolean {
  return reported.confidence === 'reported' && observed.confidence !== 'reported' && same(reported, observed);
}

/** Joins each reported finding with the observed one of the same thing. The observed one's keys stay: events are exact. */
export function mergeReported(findings: readonly Finding[]): Finding[] {
  const reported = findings.filter((finding) => finding.confidence === 'reported');
  const merged = findings.filter((finding) => finding.confidence !== 'reported');
  const alone: Finding[] = [];
  for (const report of reported) {
    const index = merged.findIndex((finding) => same(report, finding));
    if (index < 0) alone.push(report);
    else merged[index] = join(merged[index], report);
  }
  return joinDeadlocks([...merged, ...alone]);
}

/** A cycle that both the events and the log show is one finding: that of the events, which comes later in the list. */
function joinDeadlocks(findings: readonly Finding[]): Finding[] {
  const joined: Finding[] = [];
  for (const finding of findings) {
    const index =
      finding.kind === 'deadlock' ? joined.findIndex((other) => other.kind === 'deadlock' && same(other, finding)) : -1;
    if (index < 0) joined.push(finding);
    else joined[index] = withEvidence(finding, joined[index]);
  }
  return joined;
}

function withEvidence(finding: Finding, other: Finding): Finding {
  const notes = other.notes.filter((note) => !finding.notes.some((known) => known.text === note.text));
  return { ...finding, evidence: allEvidence(finding, other), notes: notesOf([...finding.notes, ...notes]) };
}

function allEvidence(first: Finding, second: Finding): Evidence[] {
  const evidence: Evidence[] = [...first.evidence];
  for (const item of second.evidence) {
    const known = evidence.some((other) =>
      'line' in item && 'line' in other
        ? item.line === other.line
        : 'event' in item && 'event' in other && item.event === other.event,
    );
    if (!known) evidence.push(item);
  }
  return evidence;
}

function join(observed: Finding, report: Finding): Finding {
  return {
    ...observed,
    // The kernel's word and the events agree: the stronger of the two.
    confidence: 'reported',
    severity: report.severity === 'error' ? 'error' : observed.severity,
    evidence: allEvidence(observed, report),
    // How a log was read matters only where there is nothing but the log.
    notes: notesOf([...observed.notes, reported(`the kernel reported it too: ${report.title}`)]),
  };
}
