/** Shapes of `--json` answers. Changing one is a new schema number. */
import type { ImportIssue } from '../diagnostics.ts';
import type { Assessment, Finding, FindingKind } from '../finding-kinds/index.ts';
import type { RootKind, Severity } from '../findings.ts';
import type { KernelProfile, Thresholds } from '../profile.ts';

export interface CaptureInfo {
  readonly path: string;
  /** `trace-cmd report`, `ftrace text`, `perf script`, `trace.dat`, `perf.data`, `kernel log`, … */
  readonly format: string;
  /** trace clock when the capture names it. */
  readonly clock?: string;
  /** A clock that does not count nanoseconds: what one tick is, and what proves it. Without a rate its times stay ticks (`kernel.timeUnit`). */
  readonly ns_per_tick?: number;
  readonly rate_from?: string;
  /** First and last record on the run's timeline; absent without any. */
  readonly first_ns?: number;
  readonly last_ns?: number;
  /** Added to this capture's own times to get the run's (0 for the first capture), and how sure. */
  readonly offset_ns?: number;
  readonly offset_uncertainty_ns?: number;
}

export interface RunInfo {
  run_id?: number;
  name: string;
  captures: CaptureInfo[];
  kernel: KernelProfile;
  thresholds: Thresholds;
  /** Number of CPUs seen or announced. */
  cpus: number;
  /** Events of the recording (markers of ours not counted). */
  events: number;
  /** What the trace covers: a kernel log beside it extends neither end. Of a run that is a log alone, the log's. */
  first_ns: number;
  last_ns: number;
  /** Decimal; absolute time = base_ns + ts_ns. '0' unless the clock exceeds 2^53 ns. */
  base_ns: string;
}

export interface ImportSummary {
  events: number;
  /** Events that the recorder says it lost. Markers without a number count as one: then it is a lower bound, and `issues` has `loss-unsized`. */
  lost: number;
  issues: ImportIssue[];
}

/** A finding that a file of known issues names. */
export interface SuppressedFinding {
  readonly id: string;
  readonly kind: FindingKind;
  readonly title: string;
  /** As the file gives them. */
  readonly reason: string;
  readonly owner?: string;
  readonly link?: string;
}

/** Findings that have one root cause, under one headline. */
export interface RootCause {
  /** `root-` and the id of its first finding. */
  readonly id: string;
  /** What the waits come down to; for broken rules of locking the kind of the first finding. */
  readonly kind: RootKind | FindingKind;
  /** That of its worst finding. */
  readonly severity: Severity;
  /** One line: the cause → what it held up → who suffered. */
  readonly title: string;
  /** Ids, the cause first. Two findings of one id are named twice. */
  readonly findings: readonly string[];
  /** As in the findings, when a capture holds several boots. */
  readonly run_id?: number;
}

/**
 * `quiesce replay --json`, schema `quiesce.replay/2`. The first version had no `roots`, and its findings were ordered by time; the keys
 * are otherwise the same.
 */
export interface ReplayResult {
  readonly schema: 'quiesce.replay/2';
  readonly run: RunInfo;
  /** Present when a capture holds several boots. */
  readonly runs?: readonly RunInfo[];
  readonly import: ImportSummary;
  readonly assessments: readonly Assessment[];
  /** In the order of `roots`. */
  readonly findings: readonly Finding[];
  /** Worst first. */
  readonly roots: readonly RootCause[];
  /** With --suppress: findings that are known. Not among `findings`, unless --show-suppressed asks for them. */
  readonly suppressed?: readonly SuppressedFinding[];
  /** Where the run was stored; null for `--db :memory:`. */
  readonly db: string | null;
}

/** One variant's column of the verdict matrix. */
export interface WhatIfVariant {
  readonly name: string;
  readonly title: string;
  /** The recording holds nothing that the change would touch. */
  readonly no_op: boolean;
  /** Only the kernel's reports are there, which have no times of single waits: the change may touch what they report, and that is not known. */
  readonly undecided?: true;
  /** Ids of baseline findings. */
  readonly cleared: readonly string[];
  readonly remains: readonly string[];
  readonly new: readonly Finding[];
  /** Waits that remain with another length, as an interval. */
  readonly changed: readonly { readonly id: string; readonly blocked_ns: readonly [number, number] }[];
  /** Edges and waits that were rewritten, with their witnesses, one sentence each. */
  readonly because: readonly string[];
}

/** `quiesce whatif --json`, schema `quiesce.whatif/1`. */
export interface WhatIfResult {
  readonly schema: 'quiesce.whatif/1';
  readonly baseline: readonly Finding[];
  /** With --suppress: findings that are known; they are in no list of the variants. */
  readonly suppressed?: readonly SuppressedFinding[];
  readonly variants: readonly WhatIfVariant[];
}

/** `quiesce doctor --json`, schema `quiesce.doctor/1`. */
export interface DoctorResult {
  readonly schema: 'quiesce.doctor/1';
  readonly run: RunInfo;
  readonly import: ImportSummary;
  /** Most frequent first. */
  readonly event_types: readonly {
    readonly name: string;
    readonly system: string;
    readonly shape: string;
    readonly events: number;
  }[];
  readonly assessments: readonly Assessment[];
  /** Number of findings of a replay. */
  readonly findings: number;
}

/** One histogram of `quiesce hist`. Times in nanoseconds; null when nothing was counted. */
export interface HistogramResultEntry {
  /** Value of the grouping column; '' when not grouped. */
  readonly label: string;
  readonly count: number;
  /** Intervals still open at the end of the capture; they are in no bucket. */
  readonly open: number;
  readonly min_ns: number | null;
  readonly p50_ns: number | null;
  readonly p90_ns: number | null;
  readonly p99_ns: number | null;
  /** 99.9 %. */
  readonly p999_ns: number | null;
  readonly max_ns: number | null;
  readonly sum_ns: number;
  readonly buckets: readonly { readonly low_ns: number; readonly high_ns: number; readonly count: number }[];
}

/** `quiesce hist --format json`, schema `quiesce.hist/1`. */
export interface HistogramResult {
  readonly schema: 'quiesce.hist/1';
  readonly metric: string;
  readonly title: string;
  /** Grouping column, null when everything is in one histogram. */
  readonly by: string | null;
  /** Largest first. */
  readonly histograms: readonly HistogramResultEntry[];
}

/** A rule of docs/MODEL.md. */
export interface Rule {
  /** `R2.61`. */
  readonly id: string;
  /** Heading under which it stands. */
  readonly chapter: string;
  /** Its first sentence. */
  readonly summary: string;
  readonly text: string;
  /** Kernel files and functions, or `inference`. */
  readonly source: string;
}

/** `quiesce rule --json`, schema `quiesce.rule/1`. */
export interface RuleResult {
  readonly schema: 'quiesce.rule/1';
  readonly rules: readonly Rule[];
}

/** `quiesce formats --json`, schema `quiesce.formats/1`. */
export interface FormatsResult {
  readonly schema: 'quiesce.formats/1';
  readonly formats: readonly { readonly id: string; readonly title: string; readonly details: string }[];
}
