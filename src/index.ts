/**
 * The library: what the command line does, for programs.
 *
 * ```ts
 * import { openStore, replayCaptures } from 'quiesce';
 *
 * const result = await replayCaptures(['trace.dat', 'dmesg.txt'], { db: 'quiesce.db' });
 * for (const finding of result.findings) console.log(finding.kind, finding.title);
 *
 * const store = openStore('quiesce.db');
 * console.log(store.runIds().map((id) => store.runInfo(id).name));
 * store.close();
 * ```
 *
 * Errors: `CaptureError` when an input cannot be read at all, `StoreError` when a store cannot be opened, read or written. What is
 * wrong inside a capture is no error but counted, in `result.import.issues`.
 */
import { StoreReader } from './store/run-reader.ts';

export type {
  Assessment,
  BaselineFile,
  CaptureInfo,
  ChainLink,
  CompareResult,
  Evidence,
  Finding,
  FindingKind,
  ImportIssue,
  ImportSummary,
  KernelProfile,
  RecordingPlan,
  ReplayResult,
  RunInfo,
  Severity,
  StateResult,
  Thresholds,
  WhatIfResult,
  WhatIfVariant,
} from '../schema/index.ts';
export { CaptureError, DEFAULT_THRESHOLDS, DIAGNOSTICS, FINDING_KINDS } from '../schema/index.ts';
export { baselineOf, baselineText, readBaseline } from './compare/baseline-file.ts';
export { type CompareOptions, compareRuns } from './compare/compare-runs.ts';
export { type ReadOptions, type RunRecord, readStoreRuns } from './compare/run-record.ts';
export { junitOfComparison, junitOfRuns, type RunVerdicts } from './export/junit.ts';
export { type SarifRun, sarifOfComparison, sarifOfRuns } from './export/sarif.ts';
export { hdrBase64, hdrLog } from './histogram/hdr-log.ts';
export { bucketHigh, bucketLow, LogLinearHistogram } from './histogram/log-linear.ts';
export type { CaptureInput } from './ingest/capture.ts';
export {
  IN_MEMORY,
  type ReplayCapturesOptions,
  type ReplayProgress,
  replayCaptures,
} from './jobs/replay-captures.ts';
export { type ReplayStoreOptions, replayStore } from './jobs/replay-store.ts';
export { StateError, StoredStates, type Target } from './jobs/stored-states.ts';
export { type PlanRequest, planRecordings } from './plan/recording-plan.ts';
export { localTracefs, readTracefs, type TracefsTarget } from './plan/tracefs-target.ts';
export {
  type HistogramRequest,
  type LabelledHistogram,
  MetricError,
  type MetricHistograms,
  metricHistograms,
} from './query/metric-histograms.ts';
export { namedQueries, namedQuery, type QueryArguments, runNamedQuery } from './query/named-catalog.ts';
export type { NamedQuery, QueryColumn, QueryParameter } from './query/named-query.ts';
export { QueryConnection, SqlError, type SqlRows, type SqlValue } from './query/user-sql.ts';
export type { InstantFilter } from './replay/instant/instant.ts';
export { type ReplayedRun, WhatIf } from './replay/what-if/judge.ts';
export type { Operator, Variant } from './replay/what-if/operator.ts';
export { parseVariant, VariantError } from './replay/what-if/variant-file.ts';
export { resolveVariant, VARIANTS } from './replay/what-if/variants.ts';
export { compareText } from './report/compare-text.ts';
export { type ReplayTextOptions, replayText } from './report/replay-text.ts';
export { PLAIN, type Style } from './report/style.ts';
export { parseSuppressions, type Suppression, SuppressionError, suppressFindings } from './report/suppressions.ts';
export { type RunSettings, StoreReader } from './store/run-reader.ts';
export { StoreError } from './store/store-error.ts';

/**
 * Opens a store for reading: its runs, their findings and their events. Close it after use.
 * @throws StoreError when the file is missing, not a store, locked, damaged or of a newer version
 */
export function openStore(path: string): StoreReader {
  return new StoreReader(path);
}
