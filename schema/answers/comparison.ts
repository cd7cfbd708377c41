/** Shapes of `compare --json` and of baseline files. Changing one is a new schema number. Times are nanoseconds. */
import type { Finding, FindingKind } from '../finding-kinds/index.ts';
import type { Severity } from '../findings.ts';

export type MetricVerdictName = 'regressed' | 'improved' | 'same' | 'too-few';

/** A metric on one side, all of its runs together. Null where there are no samples. */
export interface SideSummary {
  /** Finished intervals. */
  readonly n: number;
  /** Intervals still open at the end of their capture; not among the n. */
  readonly open: number;
  /** Percentiles are exact to 1.6 %; the maximum and the mean are exact. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  /** Finished intervals per second of recording. */
  readonly per_second: number;
  /** Runs that have any. */
  readonly runs: number;
}

export interface StatisticComparison {
  /** `p50`, `p90`, `p95`, `p99` or `mean`. */
  readonly statistic: string;
  /** Head ÷ base. */
  readonly ratio: number;
  /** 1 lies outside where p_value is at most 0.05, and only there. */
  readonly ci95: readonly [number, number] | null;
  /** Corrected for all tests of the comparison (Holm). */
  readonly p_value: number;
  readonly verdict: Exclude<MetricVerdictName, 'too-few'>;
  /** The interval lies within the threshold: shown to be the same. False with the verdict `same`: no change is shown, and none is excluded. */
  readonly equivalent: boolean;
}

export interface MetricComparison {
  readonly metric: string;
  /** Label, when metrics are split by it. */
  readonly label?: string;
  readonly base: SideSummary;
  readonly head: SideSummary;
  /** Ratio, interval and p-value of the statistic that the verdict rests on; null when there is too little to judge. */
  readonly statistic: string | null;
  readonly ratio: number | null;
  readonly ci95: readonly [number, number] | null;
  readonly p_value: number | null;
  readonly verdict: MetricVerdictName;
  /** `same` for all statistics because it is shown; else a change as large as the threshold may have gone unseen. */
  readonly equivalent: boolean;
  /** All statistics that were tested. */
  readonly statistics: readonly StatisticComparison[];
  readonly note: string;
}

/** A finding of one side, or of both. */
export interface FindingComparison {
  /** Of the finding in the head, in the base when it is gone. */
  readonly id: string;
  readonly kind: FindingKind;
  readonly severity: Severity;
  readonly title: string;
  /** What it was matched by: kind, classes or domain, API, task; no addresses and numbers that differ from boot to boot. */
  readonly identity: string;
  /** Runs that have it. */
  readonly base_runs: number;
  readonly head_runs: number;
  /** How long it lasted or blocked, the worst of the runs; null on the side that does not have it. */
  readonly base_ns: number | null;
  readonly head_ns: number | null;
}

/** A run that took part. */
export interface ComparedRun {
  /** `file` or `file#run`. */
  readonly source: string;
  readonly name: string;
  readonly release: string | null;
  readonly cpus: number;
  readonly events: number;
  readonly lost: number;
  /** Gaps of unknown size are among the lost: there may be more. */
  readonly lost_at_least?: boolean;
  readonly span_ns: number;
}

/** `quiesce compare --json`. */
export interface CompareResult {
  readonly schema: 'quiesce.compare/1';
  readonly base: { readonly runs: readonly ComparedRun[] };
  readonly head: { readonly runs: readonly ComparedRun[] };
  /** Smallest change that counts, as a share; and the corrected p-value up to which a change counts. */
  readonly threshold: number;
  readonly alpha: number;
  readonly metrics: readonly MetricComparison[];
  readonly findings: {
    readonly appeared: readonly FindingComparison[];
    readonly gone: readonly FindingComparison[];
    /** On both sides, more severe or half as long again in the head. */
    readonly worse: readonly FindingComparison[];
    readonly remains: readonly FindingComparison[];
  };
  /** What makes the runs less comparable. */
  readonly notes: readonly string[];
  readonly verdict: 'regressed' | 'improved' | 'same' | 'too-few';
}

/** Samples of one metric in a baseline: consecutive samples as short histograms. */
export interface BaselineMetric {
  readonly metric: string;
  readonly label?: string;
  readonly count: number;
  readonly open: number;
  readonly min_ns: number;
  readonly max_ns: number;
  readonly sum_ns: number;
  /** Per block: bucket number, count, bucket number, count, … (src/histogram/log-linear.ts), bucket numbers ascending. */
  readonly blocks: readonly (readonly number[])[];
}

export interface BaselineRun extends Omit<ComparedRun, 'source'> {
  /** Durations are multiples of this: 1000 for text captures. */
  readonly resolution_ns: number;
  /** Tracing systems that were recorded. */
  readonly systems: readonly string[];
  readonly metrics: readonly BaselineMetric[];
  /** Findings without their evidence: the events are not here. */
  readonly findings: readonly Finding[];
}

/** `quiesce baseline save`: histograms and findings of runs, small enough to be committed. */
export interface BaselineFile {
  readonly schema: 'quiesce.baseline/1';
  readonly runs: readonly BaselineRun[];
}
