/** What a finding is on the timeline: its interval, the way of its chain from lane to lane, and the events that prove it. */
import type { ChainLink, Finding, Timeline } from '../../../schema/index.ts';
import type { Explanation } from '../../query/explain.ts';
import { chainOf, gracePeriodOf } from '../../query/timeline/subjects.ts';
import type { TimelineFinding, TimelineMark, TimelineStep } from '../block/page-data.ts';
import { linkName } from '../replay/chain-tree.ts';

const MOST_MARKS = 60;

export function timelineFinding(
  finding: Finding,
  index: number,
  explanation: Explanation | undefined,
  timeline: Timeline,
): TimelineFinding {
  const lanes = new Set(timeline.lanes.map(({ key }) => key));
  const { kind, severity, title, start_ns: startNs, end_ns: endNs } = finding;
  const times = new Map((explanation?.events ?? []).map(({ event, tsNs }) => [event, tsNs] as const));
  return {
    index,
    kind,
    severity,
    title,
    startNs,
    endNs,
    steps: stepsOf(finding, lanes, times),
    marks: marksOf(explanation, lanes),
  };
}

/** The links on the way to the root that have a lane; the numbers are those of the page's chain. */
function stepsOf(finding: Finding, lanes: ReadonlySet<string>, times: ReadonlyMap<number, number>): TimelineStep[] {
  const chain = chainOf(finding);
  const branch = chain.findIndex((link, i) => i > 0 && link.parent !== undefined && link.parent !== i - 1);
  const way = branch < 0 ? chain : chain.slice(0, branch);
  return way.flatMap((link, i) => {
    const lane = laneOf(link, lanes);
    if (lane === undefined) return [];
    const shown = link.event === undefined ? undefined : times.get(link.event);
    const atNs = Math.min(finding.end_ns, Math.max(finding.start_ns, shown ?? finding.start_ns));
    return [{ step: i + 1, lane, atNs, name: linkName(link) }];
  });
}

function laneOf(link: ChainLink, lanes: ReadonlySet<string>): string | undefined {
  const gracePeriod = gracePeriodOf(link);
  const keys = [
    ...(gracePeriod === undefined ? [] : [`gp:${gracePeriod}`]),
    ...(link.kind === 'lock' ? [`lock:${link.name}`] : []),
    ...(link.tid === undefined ? [] : [`task:${link.tid}`]),
    ...(link.cpu === undefined ? [] : [`cpu:${link.cpu}`]),
  ];
  return keys.find((key) => lanes.has(key));
}

function marksOf(explanation: Explanation | undefined, lanes: ReadonlySet<string>): TimelineMark[] {
  return (explanation?.events ?? []).slice(0, MOST_MARKS).flatMap(({ event, tsNs, cpu, task, role }) => {
    const tid = /:(\d+)$/.exec(task)?.[1];
    const lane = [`task:${tid}`, `cpu:${cpu}`].find((key) => lanes.has(key));
    return lane === undefined ? [] : [{ lane, atNs: tsNs, event, role }];
  });
}
