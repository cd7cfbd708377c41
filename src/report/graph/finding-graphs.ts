/** Pictures of the findings that are graphs: the order of the locks of a cycle, and the tasks and locks of a deadlock. */
import type { Finding } from '../../../schema/index.ts';
import type { Explanation } from '../../query/explain.ts';
import { lockGraph } from '../../query/lock-graph.ts';
import { lockDot, lockPath } from './lock-dot.ts';
import { type Graphviz, loadGraphviz, svgOfDot } from './svg-of-dot.ts';
import { waitDot } from './wait-dot.ts';

export interface FindingGraph {
  readonly title: string;
  /** One `svg` element; its texts are those of the capture, escaped. */
  readonly svg: string;
}

/** Drawing takes a while: the worst findings get a picture. */
const MOST_GRAPHS = 24;

/** @returns by the place of the finding in the list */
export async function findingGraphs(
  path: string,
  runId: number,
  findings: readonly Finding[],
  explanations: readonly Explanation[],
): Promise<Map<number, FindingGraph>> {
  const graphs = new Map<number, FindingGraph>();
  const drawable = findings.some((finding) => isGraph(finding));
  if (!drawable) return graphs;
  const graphviz = await loadGraphviz();
  for (const [i, finding] of findings.entries()) {
    if (graphs.size === MOST_GRAPHS) break;
    const graph = findingGraph(graphviz, path, runId, finding, explanations.at(i));
    if (graph !== undefined) graphs.set(i, graph);
  }
  return graphs;
}

/** Whether a finding is a matter of a graph. */
export const isGraph = (finding: Finding): boolean => finding.kind === 'deadlock' || lockPath(finding) !== undefined;

/** The picture of one finding; undefined when it is no matter of a graph. */
export function findingGraph(
  graphviz: Graphviz,
  path: string,
  runId: number,
  finding: Finding,
  explanation: Explanation | undefined,
): FindingGraph | undefined {
  if (finding.kind === 'deadlock') {
    const title = 'Who waits for whom';
    return { title, svg: svgOfDot(graphviz, waitDot(finding), title) };
  }
  const way = lockPath(finding);
  if (way === undefined) return undefined;
  const stacks = new Map((explanation?.events ?? []).map(({ event, stack }) => [event, stack] as const));
  const title = 'Order of the locks: each is held while the next is acquired';
  return { title, svg: svgOfDot(graphviz, lockDot(way, lockGraph(path, runId, way.locks), stacks), title) };
}
