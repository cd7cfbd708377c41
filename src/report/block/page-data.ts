/** What the script of a report page reads, beside the block of columns: JSON in the page. docs/REPORT-PAGE.md describes it. */
import type { Severity } from '../../../schema/findings.ts';
import type { TimelineDirectory } from './timeline-block.ts';

/** A step of a chain: from the lane of what waits to the lane of what it waits for. */
export interface TimelineStep {
  /** Number on the page's chain. */
  readonly step: number;
  readonly lane: string;
  readonly atNs: number;
  readonly name: string;
}

export interface TimelineMark {
  readonly lane: string;
  readonly atNs: number;
  readonly event: number;
  readonly role: string;
}

export interface TimelineFinding {
  /** Place in the run. */
  readonly index: number;
  readonly kind: string;
  readonly severity: Severity;
  readonly title: string;
  readonly startNs: number;
  readonly endNs: number;
  readonly steps: readonly TimelineStep[];
  readonly marks: readonly TimelineMark[];
}

export interface PageRun {
  readonly name: string;
  /** Times are ticks of a clock of unknown rate. */
  readonly ticks: boolean;
  readonly timeline: TimelineDirectory;
  readonly findings: readonly TimelineFinding[];
}

/** Intervals of a metric by their length and the time at which they began. */
export interface PageHeat {
  readonly fromNs: number;
  readonly sliceNs: number;
  readonly rows: readonly (readonly [lowNs: number, highNs: number, counts: readonly number[]])[];
  /** Not over when the capture ended. */
  readonly open: readonly number[];
}

/** A metric, with the runs that have it. */
export interface PageChart {
  readonly metric: string;
  readonly title: string;
  readonly runs: readonly {
    readonly name: string;
    /** Low end, high end and count of each bucket. */
    readonly buckets: readonly (readonly [lowNs: number, highNs: number, count: number])[];
    readonly heat?: PageHeat;
  }[];
}

export interface PageData {
  readonly runs: readonly PageRun[];
  readonly charts: readonly PageChart[];
}
