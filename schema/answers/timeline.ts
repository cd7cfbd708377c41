/** What a run looks like along its time: lanes of spans. Drawn by the report page and by pictures; made by src/query/timeline. */

/** What a span shows. The position is its number in the data block of the page: new ones go to the end. */
export const SPAN_KINDS = [
  'task',
  'running',
  'runnable',
  'blocked',
  'sleeping',
  'nmi',
  'hardirq',
  'softirq',
  'gp-request',
  'gp-init',
  'gp-wait',
  'gp-end',
  'holdout',
  'call',
  'lock-wait',
  'lock-hold',
  'work-queued',
  'work-run',
  'reader',
] as const;
export type SpanKind = (typeof SPAN_KINDS)[number];

/** Set in `kind` where the span was not over when the capture ended. */
export const OPEN_SPAN = 0x80;

/** In the order in which they are drawn: a chain is read from top to bottom, from the task that waits to the CPU that everything waits for. */
export const LANE_GROUPS = ['Tasks of the findings', 'Locks', 'SRCU', 'Workers', 'RCU', 'CPUs'] as const;
export type LaneGroup = (typeof LANE_GROUPS)[number];

/** Spans of a track in the order of their starts, ns on the run's timeline. */
export interface SpanColumns {
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** Position in {@link SPAN_KINDS}, with {@link OPEN_SPAN}. */
  readonly kind: Uint8Array;
  /** Position in the strings of the timeline. */
  readonly label: Uint32Array;
}

/** Spans that are too short to be kept one by one: how much of each slice of the run they cover. */
export interface TrackDensity {
  readonly kind: SpanKind;
  /** By slice, 255: all of it. */
  readonly share: Uint8Array;
  /** The label that covered most of the slice. */
  readonly label: Uint32Array;
}

/** Spans that do not overlap (or nest), drawn in one row. */
export interface Track {
  readonly name: string;
  readonly spans: SpanColumns;
  /** Missing: every span is there. */
  readonly density?: TrackDensity;
}

export interface Lane {
  /** `cpu:1`, `task:84`, `gp:rcu_preempt`, `lock:lab_mutex_a`. */
  readonly key: string;
  readonly group: LaneGroup;
  readonly name: string;
  /** Thickest first. */
  readonly tracks: readonly Track[];
}

export interface Timeline {
  readonly firstNs: number;
  readonly lastNs: number;
  readonly lanes: readonly Lane[];
  readonly strings: readonly string[];
  /** Length of a slice of {@link TrackDensity}; 0: every span of the run is there. */
  readonly sliceNs: number;
}
