/** What a report page is made of, read from a store: the verdicts as the first screen has them, their evidence, and the run along its time. */
import {
  type Assessment,
  FINDING_KINDS,
  type Finding,
  type HistogramResult,
  type ImportSummary,
  METRIC_NAMES,
  type RootCause,
  type RunInfo,
  type Timeline,
  type WhatIfResult,
} from '../../../schema/index.ts';
import { type Explanation, explainStored, withEvidence } from '../../query/explain.ts';
import { histogramResult } from '../../query/histogram-result.ts';
import { type HeatMap, metricHeatMaps } from '../../query/metric-heat-map.ts';
import { metricHistograms } from '../../query/metric-histograms.ts';
import { runTimeline } from '../../query/timeline/run-timeline.ts';
import { QueryConnection } from '../../query/user-sql.ts';
import { rootsOf } from '../../replay/roots/roots.ts';
import { StoreReader } from '../../store/run-reader.ts';
import { type FindingGraph, findingGraphs } from '../graph/finding-graphs.ts';
import { tellingFinding } from '../replay/wait-list.ts';

export interface MetricMaterial {
  readonly histogram: HistogramResult;
  readonly heatMap: HeatMap | undefined;
}

/** One run of the page. */
export interface RunMaterial {
  readonly info: RunInfo;
  readonly import: ImportSummary;
  readonly assessments: readonly Assessment[];
  readonly roots: readonly RootCause[];
  /** In the order of the roots. */
  readonly findings: readonly Finding[];
  /** Their evidence, in the same order; of the worst ones only where there are very many. */
  readonly explanations: readonly Explanation[];
  readonly timeline: Timeline;
  readonly metrics: readonly MetricMaterial[];
  /** Pictures of lock orders and of who waits for whom, by the finding's place. */
  readonly graphs: ReadonlyMap<number, FindingGraph>;
  readonly whatIf?: WhatIfResult;
}

/** Findings whose events are on the page: the others are in the store. */
const MOST_EXPLAINED = 80;
/** Slices of a heat map. */
const SLICES = 120;

/** @throws StoreError, RequestError */
export async function runMaterial(path: string, runId: number, whatIf?: WhatIfResult): Promise<RunMaterial> {
  const reader = new StoreReader(path);
  try {
    const { roots, findings } = rootsOf(reader.findings(runId));
    const assessments = reader
      .assessments(runId)
      .sort((a, b) => FINDING_KINDS.indexOf(a.kind) - FINDING_KINDS.indexOf(b.kind));
    const info = reader.runInfo(runId);
    const explanations = explanationsOf(path, info, findings);
    return {
      info,
      import: reader.importSummary(runId),
      assessments,
      roots,
      findings,
      explanations,
      timeline: runTimeline(path, runId, laneFindings(roots, findings)),
      metrics: metricsOf(path, runId),
      graphs: await findingGraphs(path, runId, findings, explanations),
      ...(whatIf && { whatIf }),
    };
  } finally {
    reader.close();
  }
}

/** The one that tells most of each root goes first: its lanes are on top. */
function laneFindings(roots: readonly RootCause[], findings: readonly Finding[]): Finding[] {
  let at = 0;
  const telling = roots.map(({ findings: ids }) => {
    at += ids.length;
    return tellingFinding(findings.slice(at - ids.length, at));
  });
  return [...new Set([...telling.slice(0, 1), ...findings])];
}

function explanationsOf(path: string, info: RunInfo, findings: readonly Finding[]): Explanation[] {
  const connection = new QueryConnection(path);
  try {
    const explained = findings.slice(0, MOST_EXPLAINED);
    return withEvidence(connection, explained, info.run_id ?? 1, () =>
      explained.map((finding) => explainStored(connection, finding, info)),
    );
  } finally {
    connection.close();
  }
}

function metricsOf(path: string, run: number): MetricMaterial[] {
  return METRIC_NAMES.flatMap((metric) => {
    const histogram = histogramResult(metricHistograms(path, { metric, run }));
    const counted = histogram.histograms.some(({ count, open }) => count + open > 0);
    if (!counted) return [];
    return [{ histogram, heatMap: metricHeatMaps(path, { metric, run, slices: SLICES })[0] }];
  });
}
