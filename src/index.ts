/**
 * The library: what the command line does, for programs. docs/LIBRARY.md shows it in use.
 *
 * Results are plain data in the shapes of `--json`; times are nanoseconds on the run's timeline. What goes wrong is a
 * {@link QuiesceError}: `CaptureError` when an input cannot be read at all, `StoreError` when a store cannot be opened, read or written,
 * `RequestError` when the request cannot be met. What is wrong inside a capture is no error but counted, in `import.issues`.
 */
export type * from '../schema/answers/comparison.ts';
export type { RecordingPlan, RecordingTier } from '../schema/answers/recording-plan.ts';
export type * from '../schema/answers/results.ts';
export type * from '../schema/answers/state.ts';
export type { ImportIssue } from '../schema/diagnostics.ts';
export { CaptureError, QuiesceError, RequestError } from '../schema/errors.ts';
export { FINDING_KINDS, type Finding, type FindingKind } from '../schema/finding-kinds/index.ts';
export type * from '../schema/findings.ts';
export type { KernelProfile, Thresholds } from '../schema/profile.ts';
export { DEFAULT_THRESHOLDS } from '../schema/profile.ts';
export { baselineOf, baselineText, readBaseline } from './compare/baseline-file.ts';
export { type CompareOptions, compareRuns } from './compare/compare-runs.ts';
export { type ReadOptions, type RunRecord, readStoreRuns } from './compare/run-record.ts';
export type { RunVerdicts } from './export/ci/cases.ts';
export { junitOfComparison, junitOfRuns } from './export/ci/junit.ts';
export { type SarifRun, sarifOfComparison, sarifOfRuns } from './export/ci/sarif.ts';
export type { CaptureInput } from './ingest/capture.ts';
export { type DoctorOptions, doctor } from './jobs/doctor.ts';
export { type FilledRows, type FillRowsOptions, fillRows } from './jobs/fill-rows.ts';
export type { Inputs } from './jobs/inputs.ts';
export { type EventStream, type ReadEventsOptions, readEvents } from './jobs/read-events.ts';
export { ingest, replay } from './jobs/replay.ts';
export type { IngestOptions, ReplayOptions, ReplayProgress } from './jobs/replay-options.ts';
export {
  type HistogramOptions,
  openStore,
  type Row,
  type Store,
  type StoredEventsOptions,
  type StoredRun,
  stateAt,
} from './jobs/store.ts';
export type { Instant } from './jobs/stored-states.ts';
export type { EventSelection, FieldValue, TraceEvent } from './jobs/trace-event.ts';
export { type VariantChoice, type WhatIfOptions, whatIf } from './jobs/what-if.ts';
export { type PlanRequest, planRecordings } from './plan/recording-plan.ts';
export { localTracefs, readTracefs, type TracefsTarget } from './plan/tracefs-target.ts';
export type { Explanation } from './query/explain.ts';
export { namedQueries, type QueryArguments } from './query/named-catalog.ts';
export type { NamedQuery, QueryColumn, QueryParameter } from './query/named-query.ts';
export type { SqlValue } from './query/user-sql.ts';
export type { InstantFilter } from './replay/instant/instant.ts';
export type { Operator, Variant } from './replay/what-if/operator.ts';
export { VARIANTS } from './replay/what-if/variants.ts';
export { type ReplayTextOptions, replayText } from './report/replay/replay-text.ts';
export { parseSuppressions, type Suppression, suppressFindings } from './report/replay/suppressions.ts';
export { PLAIN, type Style } from './report/text/style.ts';
export { StoreError } from './store/store-error.ts';
