/** What is written when a run is complete. */
import type { Assessment, Finding, ImportIssue, KernelProfile, RootCause, Thresholds } from '../../schema/index.ts';
import type { HistogramRow } from '../histogram/histogram-set.ts';

export interface StoredCapture {
  readonly path: string;
  readonly format: string;
  readonly clock?: string;
  readonly ns_per_tick?: number;
  readonly rate_from?: string;
  readonly hostname?: string;
  /** Of a file; a pipe is read once. */
  readonly bytes?: number;
  /** SHA-256, hexadecimal. */
  readonly content_hash?: string;
  readonly first_ns?: number;
  readonly last_ns?: number;
  readonly offset_ns?: number;
  readonly offset_uncertainty_ns?: number;
}

/** What was recorded of a CPU. */
export interface CpuSpan {
  readonly cpu: number;
  readonly firstNs: number;
  readonly lastNs: number;
}

/** What a span of a CPU is the measure of: anything, tasks, or interrupts of a kind. */
export type SpanUse = 'any' | 'task' | 'nmi' | 'hardirq' | 'softirq';

/** The same by what was recorded there: a trace of interrupts may be shorter than that of switches. */
export interface CpuSpanOf extends CpuSpan {
  readonly of: SpanUse;
  /** Without the time between two traces. */
  readonly recordedNs: number;
}

/** What of a run is kept: everything · histograms and findings, no events · findings alone. */
export const KEPT = ['all', 'metrics', 'findings'] as const;
export type Kept = (typeof KEPT)[number];

/** Where a run comes from, as far as its events do not tell. */
export interface RunOrigin {
  /** UTC, ISO 8601 with milliseconds. */
  readonly ingestedAt: string;
  readonly toolVersion: string;
  readonly kept: Kept;
  readonly labels: Readonly<Record<string, string>>;
  /** SHA-256 of the captures' hashes; undefined when one of them was read from a pipe. */
  readonly contentHash: string | undefined;
}

/** What is known of a run when its last event has been read. */
export interface RunSummary {
  readonly name: string;
  readonly origin: RunOrigin;
  readonly boot: number;
  readonly captures: readonly StoredCapture[];
  readonly kernel: KernelProfile;
  readonly kernelGiven: KernelProfile;
  readonly kernelHeader: KernelProfile;
  readonly kernelCaptured: KernelProfile;
  readonly thresholds: Thresholds;
  readonly thresholdsGiven: Partial<Thresholds>;
  readonly cpus: number;
  /** Markers of quiesce's own not counted. */
  readonly events: number;
  readonly lost: number;
  /** What the trace covers. */
  readonly firstNs: number;
  readonly lastNs: number;
  readonly cpuSpans: readonly CpuSpanOf[];
  readonly baseNs: bigint;
  readonly issues: readonly ImportIssue[];
}

/** What the replay concluded. */
export interface RunResults {
  /** In the order of `roots`: those of the first root first. */
  readonly findings: readonly Finding[];
  readonly roots: readonly RootCause[];
  readonly assessments: readonly Assessment[];
  readonly histograms: readonly HistogramRow[];
  /** Names of srcu_structs in facts and histograms that the run came to know better. */
  readonly renames: readonly (readonly [from: string, to: string])[];
  /** Age of a normal grace period at which the kernel warns. */
  readonly stallTimeoutNs: number;
}
