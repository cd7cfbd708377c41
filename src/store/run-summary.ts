/** What is written when a run is complete. */
import type { Assessment, Finding, ImportIssue, KernelProfile, Thresholds } from '../../schema/index.ts';
import type { HistogramRow } from '../histogram/histogram-set.ts';

export interface StoredCapture {
  readonly path: string;
  readonly format: string;
  readonly clock?: string;
  readonly ns_per_tick?: number;
  readonly rate_from?: string;
  readonly hostname?: string;
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

/** What is known of a run when its last event has been read. */
export interface RunSummary {
  readonly name: string;
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
  readonly cpuSpans: readonly CpuSpan[];
  readonly baseNs: bigint;
  readonly issues: readonly ImportIssue[];
}

/** What the replay concluded. */
export interface RunResults {
  readonly findings: readonly Finding[];
  readonly assessments: readonly Assessment[];
  readonly histograms: readonly HistogramRow[];
  /** Age of a normal grace period at which the kernel warns. */
  readonly stallTimeoutNs: number;
}
