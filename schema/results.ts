/** Shapes of `--json` answers. Changing one is a new schema number. */
import type { ImportIssue } from './diagnostics.ts';
import type { Assessment, Finding } from './findings.ts';
import type { KernelProfile, Thresholds } from './profile.ts';

export interface CaptureInfo {
  readonly path: string;
  /** `trace-cmd report`, `ftrace text`, `perf script`, `trace.dat`, `perf.data`, `kernel log`, … */
  readonly format: string;
  /** trace clock when the capture names it. */
  readonly clock?: string;
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
  first_ns: number;
  last_ns: number;
  /** Decimal; absolute time = base_ns + ts_ns. '0' unless the clock exceeds 2^53 ns. */
  base_ns: string;
}

export interface ImportSummary {
  events: number;
  /** Events that the recorder says it lost; markers without a number count as one. */
  lost: number;
  issues: ImportIssue[];
}

/** `quiesce replay --json`, schema `quiesce.replay/1`. */
export interface ReplayResult {
  readonly schema: 'quiesce.replay/1';
  readonly run: RunInfo;
  /** Present when a capture holds several boots. */
  readonly runs?: readonly RunInfo[];
  readonly import: ImportSummary;
  readonly assessments: readonly Assessment[];
  readonly findings: readonly Finding[];
  /** Where the run was stored; null for `--db :memory:`. */
  readonly db: string | null;
}
