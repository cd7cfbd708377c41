/** Base runs against head runs: a verdict per metric, and what became of the findings. */
import {
  type ComparedRun,
  type CompareResult,
  METRIC_NAMES,
  type MetricComparison,
  type SideSummary,
} from '../../schema/index.ts';
import { LogLinearHistogram } from '../histogram/log-linear.ts';
import { findingDifference } from './finding-difference.ts';
import {
  DEFAULT_ALPHA,
  DEFAULT_THRESHOLD,
  judgeMetrics,
  type MetricPair,
  type MetricVerdict,
  RUNS_AS_BLOCKS,
} from './metric-verdict.ts';
import type { RunRecord } from './run-record.ts';
import type { BlockedSamples } from './sample-blocks.ts';

export interface CompareOptions {
  /** Smallest change that counts, as a share. Default: 0.05. */
  readonly threshold?: number;
  /** Corrected p-value up to which a change counts. Default: 0.005. */
  readonly alpha?: number;
}

/** Metrics whose growth is no news when they are split by label: a label that one side lacks has no verdict. */
interface MetricKey {
  readonly metric: string;
  readonly label: string | undefined;
}

export function compareRuns(
  base: readonly RunRecord[],
  head: readonly RunRecord[],
  options: CompareOptions = {},
): CompareResult {
  const threshold = options.threshold ?? DEFAULT_THRESHOLD;
  const alpha = options.alpha ?? DEFAULT_ALPHA;
  const keys = metricKeys([...base, ...head]);
  const pairs = keys.map(
    (key): MetricPair => ({
      key: key.label === undefined ? key.metric : `${key.metric}/${key.label}`,
      base: sideSamples(base, key),
      head: sideSamples(head, key),
    }),
  );
  const resolutionNs = Math.max(...[...base, ...head].map((run) => run.resolutionNs));
  const verdicts = judgeMetrics(pairs, { threshold, alpha });
  const metrics = keys.map(({ metric, label }, i): MetricComparison => {
    const summaries = { base: sideSummary(pairs[i].base, base), head: sideSummary(pairs[i].head, head) };
    const judged = belowResolution(verdicts[i], summaries, resolutionNs);
    const [deciding] = judged.statistics;
    return {
      metric,
      ...(label !== undefined && { label }),
      ...summaries,
      statistic: deciding?.statistic ?? null,
      ratio: deciding?.ratio ?? null,
      ci95: deciding?.ci95 ?? null,
      p_value: deciding?.pValue ?? null,
      verdict: judged.verdict,
      equivalent: judged.verdict === 'same' && judged.statistics.every(({ equivalent }) => equivalent),
      statistics: judged.statistics.map(({ statistic, ratio, ci95, pValue, verdict, equivalent }) => ({
        statistic,
        ratio,
        ci95,
        p_value: pValue,
        verdict,
        equivalent,
      })),
      note: judged.note,
    };
  });
  const findings = findingDifference(base, head);
  return {
    schema: 'quiesce.compare/1',
    base: { runs: base.map(comparedRun) },
    head: { runs: head.map(comparedRun) },
    threshold,
    alpha,
    metrics,
    findings,
    notes: comparabilityNotes(base, head),
    verdict: overall(metrics, findings),
  };
}

function comparedRun({ source, name, release, cpus, events, lost, lost_at_least, span_ns }: RunRecord): ComparedRun {
  return { source, name, release, cpus, events, lost, ...(lost_at_least && { lost_at_least }), span_ns };
}

/** Every metric and label that any run has, in the order of the metrics and then by number of samples. */
function metricKeys(runs: readonly RunRecord[]): MetricKey[] {
  const weight = new Map<string, MetricKey & { count: number }>();
  for (const run of runs)
    for (const { metric, label, samples } of run.metrics) {
      const id = `${metric}/${label ?? ''}`;
      const known = weight.get(id);
      weight.set(id, { metric, label, count: (known?.count ?? 0) + samples.count });
    }
  const order: readonly string[] = METRIC_NAMES;
  return [...weight.values()].sort(
    (a, b) =>
      order.indexOf(a.metric) - order.indexOf(b.metric) ||
      b.count - a.count ||
      ((a.label ?? '') < (b.label ?? '') ? -1 : 1),
  );
}

function sideSamples(runs: readonly RunRecord[], key: MetricKey): BlockedSamples[] {
  return runs.flatMap((run) =>
    run.metrics
      .filter(({ metric, label }) => metric === key.metric && label === key.label)
      .map(({ samples }) => samples),
  );
}

function sideSummary(samples: readonly BlockedSamples[], runs: readonly RunRecord[]): SideSummary {
  const histogram = new LogLinearHistogram();
  for (const run of samples) {
    for (const { buckets, counts } of run.blocks)
      for (let i = 0; i < buckets.length; i++) histogram.addBucket(buckets[i], counts[i]);
    histogram.openCount += run.openCount;
    histogram.sum += run.sumNs;
    if (run.count === 0) continue;
    histogram.min = Math.min(histogram.min, run.minNs);
    histogram.max = Math.max(histogram.max, run.maxNs);
  }
  const n = histogram.count;
  const seconds = runs.reduce((sum, run) => sum + run.span_ns, 0) / 1e9;
  return {
    n,
    open: histogram.openCount,
    p50: histogram.percentile(50) ?? null,
    p99: histogram.percentile(99) ?? null,
    max: n > 0 ? histogram.max : null,
    mean: n > 0 ? Math.round(histogram.sum / n) : null,
    per_second: seconds > 0 ? Number((n / seconds).toPrecision(6)) : 0,
    runs: samples.length,
  };
}

/** A median that moves by one tick of the clock has not moved as far as anyone can tell. */
function belowResolution(
  judged: MetricVerdict,
  { base, head }: { base: SideSummary; head: SideSummary },
  resolutionNs: number,
): MetricVerdict {
  if (judged.verdict === 'too-few' || judged.verdict === 'same') return judged;
  const seen = (statistic: string): boolean => {
    const key = statistic === 'mean' ? 'mean' : statistic === 'p50' ? 'p50' : 'p99';
    return Math.abs((head[key] ?? 0) - (base[key] ?? 0)) > (statistic === 'mean' ? 0 : resolutionNs);
  };
  const statistics = judged.statistics.map((result) =>
    result.verdict === 'same' || seen(result.statistic) ? result : { ...result, verdict: 'same' as const },
  );
  const slower = statistics.find((result) => result.verdict === 'regressed');
  const deciding = slower ?? statistics.find((result) => result.verdict === 'improved');
  if (deciding === judged.statistics[0]) return judged;
  return {
    verdict: deciding?.verdict ?? 'same',
    statistics: deciding ? [deciding, ...statistics.filter((result) => result !== deciding)] : statistics,
    note: deciding ? judged.note : `differs by no more than the resolution of the clock (${resolutionNs} ns)`,
  };
}

function overall(metrics: readonly MetricComparison[], findings: CompareResult['findings']): CompareResult['verdict'] {
  const has = (verdict: string) => metrics.some((metric) => metric.verdict === verdict);
  const serious = (list: CompareResult['findings']['appeared']) => list.some(({ severity }) => severity !== 'info');
  if (has('regressed') || serious(findings.appeared) || serious(findings.worse)) return 'regressed';
  if (has('improved') || serious(findings.gone)) return 'improved';
  return has('same') ? 'same' : 'too-few';
}

/** What a reader must know before believing a difference. */
function comparabilityNotes(base: readonly RunRecord[], head: readonly RunRecord[]): string[] {
  const notes: string[] = [];
  const cpus = (runs: readonly RunRecord[]) =>
    [...new Set(runs.map((run) => run.cpus))].sort((a, b) => a - b).join(', ');
  if (cpus(base) !== cpus(head)) notes.push(`CPUs differ: base ${cpus(base)}, head ${cpus(head)}`);
  const systems = (runs: readonly RunRecord[]) => new Set(runs.flatMap((run) => run.systems));
  const inBase = systems(base);
  const inHead = systems(head);
  // Recording locks slows everything down: lock events alone are most of a trace.
  const only = (a: Set<string>, b: Set<string>) => [...a].filter((system) => !b.has(system)).sort();
  if (only(inBase, inHead).length > 0)
    notes.push(`recorded in the base only: ${only(inBase, inHead).join(', ')} (tracing itself costs time)`);
  if (only(inHead, inBase).length > 0)
    notes.push(`recorded in the head only: ${only(inHead, inBase).join(', ')} (tracing itself costs time)`);
  const lost = (runs: readonly RunRecord[]) => runs.reduce((sum, run) => sum + run.lost, 0);
  for (const [side, runs] of [
    ['base', base],
    ['head', head],
  ] as const)
    if (lost(runs) > 0) {
      const bound = runs.some((run) => run.lost_at_least) ? 'at least ' : '';
      notes.push(`the ${side} lost ${bound}${lost(runs)} events while recording`);
    }
  const resolutions = new Set([...base, ...head].map((run) => run.resolutionNs));
  if (resolutions.size > 1) notes.push('some runs have times in µs, others in ns');
  const fewest = Math.min(base.length, head.length);
  if (fewest === 1)
    notes.push('one run on a side: a difference between two boots counts as a difference; record several');
  else if (fewest < RUNS_AS_BLOCKS)
    notes.push('a change counts only where it exceeds the differences between runs of one side');
  return notes;
}
