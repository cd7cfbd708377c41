/**
 * What is known of a run at its end, as plain data: all that a judge may read. A what-if variant is a copy with parts replaced (MODEL 6.3).
 */
import type { EventType, KernelProfile, Thresholds } from '../../../schema/index.ts';
import type { LiveRun } from '../model/models.ts';
import { type LockRecord, lockRecord } from './lock-record.ts';
import { type LogRecord, logRecord } from './log-record.ts';
import { Timeline } from './timeline.ts';

/** By which numbers a run is judged. */
export interface RunSettings {
  readonly profile: KernelProfile;
  readonly thresholds: Thresholds;
}

/** What was recorded at all: verdicts must not take "not recorded" for "did not happen". */
export interface Coverage {
  /** Events by name. */
  readonly events: ReadonlyMap<string, number>;
  /** Reports of the kernel log by kind. */
  readonly reports: ReadonlyMap<string, number>;
  /** Kinds of reports that lines of the log look like which could not be read. */
  readonly unreadReports: ReadonlySet<string>;
  /** Stacks at context switches, with symbols. */
  readonly stacks: boolean;
  /** Stacks at context switches of which no address has a name. */
  readonly namelessStacks: boolean;
  /** From the first event of the trace to its last, ns. */
  readonly lengthNs: number;
  readonly contextFlags: boolean;
  /** Lost-event markers (MODEL E0.3). */
  readonly lostMarkers: number;
  readonly types: readonly EventType[];
}

export interface RunRecord extends RunSettings {
  readonly coverage: Coverage;
  /** Who did what and who waited, by time. */
  readonly timeline: Timeline;
  /** Classes of locks, their orders and contexts. */
  readonly locks: LockRecord;
  /** What the kernel log says. */
  readonly log: LogRecord;
}

/** Taken after the models' `finish`. */
export function recordOf({ world, models }: LiveRun): RunRecord {
  return {
    profile: world.profile,
    thresholds: world.thresholds,
    coverage: {
      events: world.seen,
      reports: world.reportsSeen,
      unreadReports: world.unreadReports,
      stacks: world.stacksNamed,
      namelessStacks: world.stacksSeen > 0 && !world.stacksNamed,
      lengthNs: world.nowNs - world.firstNs,
      contextFlags: world.contextFlagsSeen,
      lostMarkers: world.lostMarkers,
      types: world.dictionary.types,
    },
    timeline: Timeline.of(world, models),
    locks: lockRecord(world, models),
    log: logRecord(models.log, models.load.storms),
  };
}

/** Whether any event of that name was recorded. */
export function isRecorded({ events }: Coverage, name: string): boolean {
  return (events.get(name) ?? 0) > 0;
}
