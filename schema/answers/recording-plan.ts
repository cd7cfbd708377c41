/** `quiesce plan --json`: what to record for the findings wanted. Changing the shape is a new schema number. */
import type { FindingKind } from '../finding-kinds/index.ts';

export const RECORDING_TIERS = ['light', 'moderate', 'heavy'] as const;
/** What recording costs: a few thousand events per CPU and second · ten thousand · a hundred thousand, which changes timing. */
export type RecordingTier = (typeof RECORDING_TIERS)[number];

export const RECORDERS = ['trace-cmd', 'perf', 'tracefs'] as const;
export type Recorder = (typeof RECORDERS)[number];

/** Something that cannot be recorded on this kernel. */
export interface MissingEvent {
  /** Event, or function for a kprobe. */
  readonly name: string;
  /** Findings and metrics that want it. */
  readonly wanted_by: readonly string[];
  /** What the verdicts lack without it. */
  readonly consequence: string;
}

/** One recording: findings that can be had together. */
export interface PlannedRecording {
  readonly name: string;
  readonly kinds: readonly FindingKind[];
  readonly metrics: readonly string[];
  readonly tier: RecordingTier;
  /** system:event */
  readonly events: readonly string[];
  /** Lines for kprobe_events. */
  readonly kprobes: readonly string[];
  /** Whether stacks are recorded where tasks fall asleep in D state. */
  readonly stacks: boolean;
  /** Per CPU, on a busy machine; from recordings of a loaded two-CPU machine. */
  readonly events_per_second: number;
  /** Ring buffer per CPU that holds what is written between two reads, or the whole duration for tracefs. */
  readonly buffer_kb: number;
  readonly buffer_kb_tracefs: number;
  readonly missing: readonly MissingEvent[];
  /** Commands per recorder: preparation, the recording itself, clean-up. To be run as root. */
  readonly commands: Readonly<
    Record<
      Recorder,
      { readonly prepare: readonly string[]; readonly record: readonly string[]; readonly restore: readonly string[] }
    >
  >;
}

export interface RecordingPlan {
  readonly schema: 'quiesce.plan/1';
  /** tracefs whose events were looked up, null when the plan is for a kernel unknown. */
  readonly tracefs: string | null;
  readonly duration_s: number;
  /** Most that a recording was allowed to cost; one whose verdicts need more costs more all the same. */
  readonly tier_limit: RecordingTier;
  readonly recordings: readonly PlannedRecording[];
  /** Findings that no recording of this kernel decides, and the reports of the kernel log that do. */
  readonly from_log: readonly {
    readonly kind: FindingKind;
    /** Events that it would take, with their condition. Empty when no event would help. */
    readonly needs: readonly string[];
    readonly reports: readonly string[];
  }[];
}
