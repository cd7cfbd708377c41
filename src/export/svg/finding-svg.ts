/** Pictures of one finding of a store. */
import { type Finding, RequestError } from '../../../schema/index.ts';
import { explainFinding } from '../../query/explain.ts';
import { runTimeline } from '../../query/timeline/run-timeline.ts';
import { QueryConnection } from '../../query/user-sql.ts';
import { rootsOf } from '../../replay/roots/roots.ts';
import { findingGraph, isGraph } from '../../report/graph/finding-graphs.ts';
import type { Graphviz } from '../../report/graph/svg-of-dot.ts';
import { tellingFinding } from '../../report/replay/wait-list.ts';
import { timeFormat } from '../../report/text/text-format.ts';
import { StoreReader } from '../../store/run-reader.ts';
import { chainSvg } from './chain-svg.ts';
import { graphSvg } from './graph-svg.ts';
import { timelineSvg } from './timeline-svg.ts';

export const PICTURES = {
  timeline: 'lanes of the chain along time',
  chain: 'the tree of the chain, with what each link cost',
  graph: 'the order of the locks of a cycle, or who waits for whom in a deadlock',
} as const;
export type PictureKind = keyof typeof PICTURES;

export interface PictureRequest {
  /** Id of a finding, or its beginning; default: the one that tells most of the worst root cause. */
  readonly finding?: string;
  readonly picture: PictureKind;
  /** Default: the latest run. */
  readonly run?: number;
  readonly fromNs?: number;
  readonly toNs?: number;
}

/** Of the length of the finding, before and after it. */
const MARGIN = 0.06;
const LEAST_MARGIN_NS = 50_000;
/** Of the run; beyond it short ones are drawn by how much of the time they take. */
const MOST_SPANS = 500_000;

/**
 * @param graphviz for graphs alone
 * @throws RequestError when there is no such finding, or nothing to draw of it
 * @throws StoreError
 */
export function findingSvg(path: string, graphviz: Graphviz | undefined, request: PictureRequest): string {
  const connection = new QueryConnection(path);
  try {
    const id = request.finding ?? worstFinding(path, request.run);
    const explanation = explainFinding(connection, id, request.run);
    const { finding, runId } = explanation;
    if (request.picture === 'chain') return chainSvg(finding) ?? missing(finding, 'chain');
    if (request.picture === 'graph') {
      const graph =
        graphviz && isGraph(finding) ? findingGraph(graphviz, path, runId, finding, explanation) : undefined;
      return graph === undefined ? missing(finding, 'graph') : graphSvg(graph);
    }
    const margin = Math.max(LEAST_MARGIN_NS, (finding.end_ns - finding.start_ns) * MARGIN);
    const timeline = runTimeline(path, runId, [finding], {
      fromNs: request.fromNs ?? finding.start_ns - margin,
      toNs: request.toNs ?? finding.end_ns + margin,
      mostSpans: MOST_SPANS,
    });
    return timelineSvg({ finding, explanation, timeline, time: timeFormat(explanation.timeUnit) });
  } finally {
    connection.close();
  }
}

function worstFinding(path: string, run: number | undefined): string {
  const reader = new StoreReader(path);
  try {
    const runId = run ?? reader.runIds().at(-1);
    const { roots, findings } = rootsOf(runId === undefined ? [] : reader.findings(runId));
    if (roots.length === 0)
      throw new RequestError(`${path}: run ${runId ?? ''} has no findings to draw; --run chooses another`);
    return tellingFinding(findings.slice(0, roots[0].findings.length)).id;
  } finally {
    reader.close();
  }
}

function missing({ id }: Finding, picture: PictureKind): never {
  const having = picture === 'graph' ? '; findings about lock order and deadlocks have, --finding names one' : '';
  throw new RequestError(`${id} has no ${picture} to draw${having}`);
}
