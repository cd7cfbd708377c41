/** All detectors, in the order of the report. A detector reads the record of a run and returns findings; it never changes the record. */
import type { Finding } from '../../../schema/index.ts';
import type { RunRecord } from '../record/run-record.ts';
import type { LoggedLoad } from '../record/timeline.ts';
import { detectLocks } from './lock/index.ts';
import { detectLog, loggedLoads } from './log/index.ts';
import { isSameOccurrence, isSameThing, mergeReported } from './merge.ts';
import { detectGpKthreadStarvation } from './stall/gp-kthread-starved.ts';
import { detectRcuStalls } from './stall/rcu-stall.ts';
import { detectInterruptStorms } from './storm/interrupt-storm.ts';
import { detectBlockedSync } from './wait/blocked-sync.ts';
import { detectDeadlocks } from './wait/deadlock.ts';
import { detectHungTasks } from './wait/hung-task.ts';
import { detectWorkqueueStalls } from './wait/workqueue-stall.ts';

export type Detector = (record: RunRecord) => Finding[];

interface DetectorRow {
  readonly detect: Detector;
  /** The parts of the record that it reads: where these are the same, so are its findings. */
  readonly reads: readonly (keyof RunRecord)[];
  /** It judges orders; the others judge durations, which ticks of an unknown length are not. */
  readonly timeless?: boolean;
}

const LOG: DetectorRow = { detect: detectLog, reads: ['log', 'profile', 'coverage'], timeless: true };
const TIMELINE = ['timeline', 'profile', 'thresholds', 'coverage'] as const;

const DETECTORS: readonly DetectorRow[] = [
  { detect: detectLocks, reads: ['locks'], timeless: true },
  LOG,
  { detect: detectRcuStalls, reads: TIMELINE },
  { detect: detectInterruptStorms, reads: TIMELINE },
  { detect: detectBlockedSync, reads: TIMELINE },
  { detect: detectHungTasks, reads: TIMELINE },
  { detect: detectDeadlocks, reads: TIMELINE, timeless: true },
  { detect: detectGpKthreadStarvation, reads: TIMELINE },
  { detect: detectWorkqueueStalls, reads: TIMELINE },
];

/** What the detectors make of a record. */
export interface Verdicts {
  readonly record: RunRecord;
  /** As the detectors gave them, by detector; those of the kernel log, and the others, which rest on events. */
  readonly found: ReadonlyMap<DetectorRow, readonly Finding[]>;
  readonly ofLog: readonly Finding[];
  readonly ofEvents: readonly Finding[];
  /** What the log and the events show of one thing joined; by start, kind and id: the same order in every replay. */
  readonly findings: readonly Finding[];
}

/**
 * Judges a record.
 * @param before verdicts on the record of which this one is a changed copy (MODEL 6.3): what was not changed is not judged again, and what the
 *   kernel reported of a thing goes with the thing itself
 * @param outlasts of what the log alone reports, what would be reported all the same
 */
export function detectAll(
  taken: RunRecord,
  before?: Verdicts,
  outlasts: (reports: readonly Finding[]) => readonly Finding[] = (reports) => reports,
): Verdicts {
  const record = withLoggedLoads(taken);
  const found = new Map(DETECTORS.map((row) => [row, findingsOf(row, record, before)]));
  const ofLog = found.get(LOG) ?? [];
  const ofEvents = [...found].flatMap(([row, findings]) => (row === LOG ? [] : findings));
  const stands = before ? outlasts(ofLog).filter((report) => isLeft(report, before.ofEvents, ofEvents)) : ofLog;
  const findings = [...found].flatMap(([row, all]) => (row === LOG ? stands : all));
  return { record, found, ofLog, ofEvents, findings: inOrder(mergeReported(findings)) };
}

/** The record in which the timeline knows what the kernel log tells of interrupt load that no event shows. */
function withLoggedLoads(record: RunRecord): RunRecord {
  const loads = loggedLoads(record);
  const known = record.timeline.data.loggedLoads;
  const same = loads.length === known.length && loads.every((load, i) => isSameLoad(load, known[i]));
  return same ? record : { ...record, timeline: record.timeline.with({ loggedLoads: loads }) };
}

const isSameLoad = (a: LoggedLoad, b: LoggedLoad): boolean =>
  a.cpu === b.cpu && a.cause === b.cause && a.startNs === b.startNs && a.endNs === b.endNs;

function findingsOf(row: DetectorRow, record: RunRecord, before: Verdicts | undefined): readonly Finding[] {
  if (record.profile.timeUnit === 'ticks' && !row.timeless) return [];
  const known = before?.found.get(row);
  const same = known && row.reads.every((part) => record[part] === before?.record[part]);
  return same ? known : row.detect(record);
}

/** Whether what the kernel reported is still there, or was never seen in events. */
function isLeft(report: Finding, before: readonly Finding[], after: readonly Finding[]): boolean {
  const partner = before.find((finding) => isSameThing(report, finding));
  return partner === undefined || after.some((finding) => isSameOccurrence(finding, partner));
}

function inOrder(findings: readonly Finding[]): Finding[] {
  return [...findings].sort(
    (a, b) => a.start_ns - b.start_ns || a.kind.localeCompare(b.kind, 'en') || a.id.localeCompare(b.id, 'en'),
  );
}
