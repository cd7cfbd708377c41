/** All detectors, in the order of the report. A detector reads models and returns findings; it never changes a model. */
import type { Finding } from '../../../schema/index.ts';
import type { World } from '../core/world.ts';
import type { Models } from '../models.ts';
import type { Timeline } from '../record/timeline.ts';
import { detectLocks } from './lock/index.ts';
import { detectLog } from './log/index.ts';
import { mergeReported } from './merge.ts';
import { detectGpKthreadStarvation } from './stall/gp-kthread-starved.ts';
import { detectRcuStalls } from './stall/rcu-stall.ts';
import { detectInterruptStorms } from './storm/interrupt-storm.ts';
import { detectBlockedSync } from './wait/blocked-sync.ts';
import { detectDeadlocks } from './wait/deadlock.ts';
import { detectHungTasks } from './wait/hung-task.ts';
import { detectWorkqueueStalls } from './wait/workqueue-stall.ts';

/** Judges models directly: locks, log reports. */
export type Detector = (world: World, models: Models) => Finding[];

/** Judges the timeline, real or rewritten. */
export type TimelineDetector = (world: World, timeline: Timeline) => Finding[];

const DETECTORS: readonly Detector[] = [detectLocks, detectLog];

export const TIMELINE_DETECTORS: readonly TimelineDetector[] = [
  detectRcuStalls,
  detectInterruptStorms,
  detectBlockedSync,
  detectHungTasks,
  detectDeadlocks,
  detectGpKthreadStarvation,
  detectWorkqueueStalls,
];

/** Findings of all detectors, sorted by start, kind and id: the same order in every replay. */
export function detectAll(world: World, models: Models, timeline: Timeline): Finding[] {
  const findings = [
    ...DETECTORS.flatMap((detect) => detect(world, models)),
    ...TIMELINE_DETECTORS.flatMap((detect) => detect(world, timeline)),
  ];
  return combineFindings(findings);
}

/** What the kernel reported and what the events show, joined and in the order of the report. */
export function combineFindings(findings: readonly Finding[]): Finding[] {
  return mergeReported(findings).sort(
    (a, b) => a.start_ns - b.start_ns || a.kind.localeCompare(b.kind, 'en') || a.id.localeCompare(b.id, 'en'),
  );
}
