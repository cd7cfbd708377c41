/** The timeline of one finding as a picture: the lanes of its chain, what happened on them, and the steps from lane to lane. */
import { type Finding, type Lane, OPEN_SPAN, SPAN_KINDS, type Timeline } from '../../../schema/index.ts';
import type { Explanation } from '../../query/explain.ts';
import { timelineFinding } from '../../report/html/timeline-links.ts';
import { type GroupRow, type LaneRow, layoutOf, type TrackRow } from '../../report/lanes/layout.ts';
import { arrowOf, BADGE, type PlacedStep, placedSteps } from '../../report/lanes/steps.ts';
import { clip, type TimeFormat } from '../../report/text/text-format.ts';
import { picture, tag, textElement } from './svg.ts';

const WIDTH = 980;
const NAMES = 180;
const TOP = 66;
const CHAR = 6.2;
/** Spans that are narrower share a pixel. */
const NARROW = 1.2;
const STRENGTHS = 4;
const TICKS = 6;

const KIND_MASK = OPEN_SPAN - 1;

export interface TimelinePicture {
  readonly finding: Finding;
  readonly explanation: Explanation;
  /** Of the span that is shown. */
  readonly timeline: Timeline;
  readonly time: TimeFormat;
}

export function timelineSvg({ finding, explanation, timeline, time }: TimelinePicture): string {
  const { firstNs, lastNs } = timeline;
  const shown = timelineFinding(finding, 0, explanation, timeline);
  const layout = layoutOf(
    timeline.lanes.filter((lane) =>
      isPart(
        lane,
        shown.steps.map(({ lane: key }) => key),
        finding,
      ),
    ),
  );
  const width = WIDTH - NAMES - 16;
  const pixelOf = (ns: number): number => ((ns - firstNs) / Math.max(1, lastNs - firstNs)) * width;
  const lanes = layout.groups.map((group) => groupSvg(group, timeline, pixelOf, width)).join('\n');
  const edges = [finding.start_ns, finding.end_ns].map((ns) =>
    tag('path', { class: `edge-${finding.severity}`, d: `M${Math.round(pixelOf(ns) * 100) / 100} 0V${layout.height}` }),
  );
  const placed = placedSteps(shown, layout, pixelOf, width);
  const steps = stepsSvg(placed);
  const span =
    finding.end_ns === finding.start_ns
      ? `at ${time.at(finding.start_ns)}`
      : `from ${time.at(finding.start_ns)} to ${time.at(finding.end_ns)}, ${time.length(finding.end_ns - finding.start_ns)}`;
  const content = [
    textElement({ class: 'title', x: 16, y: 24 }, clip(finding.title, 112)),
    textElement({ class: 'faint', x: 16, y: 42 }, span),
    tag(
      'g',
      { transform: `translate(${NAMES} ${TOP})` },
      `${axisSvg(timeline, pixelOf, time, layout.height)}${lanes}${edges.join('')}${steps}`,
    ),
  ].join('\n');
  return picture(WIDTH, TOP + layout.height + 10, finding.title, content);
}

/** Lanes that a step is on, and the CPUs, locks and grace periods that the finding names: the timeline was read for it alone. */
function isPart({ key, group }: Lane, steps: readonly string[], finding: Finding): boolean {
  if (steps.includes(key)) return true;
  if (group !== 'CPUs')
    return group === 'Tasks of the findings' || group === 'Locks' || (steps.length === 0 && group === 'RCU');
  const cpu = Number(key.slice('cpu:'.length));
  const named = 'cpus' in finding ? finding.cpus : 'cpu' in finding && finding.cpu !== undefined ? [finding.cpu] : [];
  return steps.length === 0 && (named.length === 0 ? cpu < FEW_CPUS : named.includes(cpu));
}

const FEW_CPUS = 4;

function groupSvg(group: GroupRow, timeline: Timeline, pixelOf: (ns: number) => number, width: number): string {
  const title = textElement({ class: 'group', x: 16 - NAMES, y: group.top + 14 }, group.name);
  return title + group.lanes.map((lane) => laneSvg(lane, timeline, pixelOf, width)).join('');
}

function laneSvg(row: LaneRow, timeline: Timeline, pixelOf: (ns: number) => number, width: number): string {
  const name = textElement({ x: 16 - NAMES, y: row.top + 13 }, clip(row.lane.name, Math.floor((NAMES - 24) / CHAR)));
  const tracks = row.tracks.map(
    (track) =>
      tag('rect', { class: 'band', x: 0, y: track.top, width, height: track.height }) +
      trackSvg(track, timeline, pixelOf, width),
  );
  return name + tracks.join('');
}

function trackSvg(row: TrackRow, timeline: Timeline, pixelOf: (ns: number) => number, width: number): string {
  const { startNs, endNs, kind, label } = row.track.spans;
  const wide: string[] = [];
  /** How much of each pixel short spans cover, by kind. */
  const narrow = new Map<number, Float64Array>();
  for (let i = 0; i < startNs.length; i++) {
    const [left, right] = [Math.max(0, pixelOf(startNs[i])), Math.min(width, pixelOf(endNs[i]))];
    if (right < 0 || left > width || right < left) continue;
    const code = kind[i] & KIND_MASK;
    if (right - left >= NARROW) wide.push(spanSvg(row, code, left, right, timeline.strings[label[i]]));
    else {
      const columns = narrow.get(code) ?? new Float64Array(Math.ceil(width) + 1);
      narrow.set(code, columns);
      columns[Math.floor(left)] += Math.max(0.15, right - left);
    }
  }
  addDensity(row, timeline, pixelOf, narrow, width);
  return [...narrow].map(([code, columns]) => columnsSvg(row, code, columns)).join('') + wide.join('');
}

/** Spans that were not kept one by one. */
function addDensity(
  { track: { density } }: TrackRow,
  { firstNs, sliceNs }: Timeline,
  pixelOf: (ns: number) => number,
  narrow: Map<number, Float64Array>,
  width: number,
): void {
  if (density === undefined) return;
  const code = SPAN_KINDS.indexOf(density.kind);
  const columns = narrow.get(code) ?? new Float64Array(Math.ceil(width) + 1);
  narrow.set(code, columns);
  density.share.forEach((share, slice) => {
    const [left, right] = [pixelOf(firstNs + slice * sliceNs), pixelOf(firstNs + (slice + 1) * sliceNs)];
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(width, right); x++)
      columns[x] += (share / 255) * Math.min(1, right - left);
  });
}

function spanSvg({ top, height }: TrackRow, code: number, left: number, right: number, label: string): string {
  const rect = tag('rect', { class: SPAN_KINDS[code], x: left, y: top, width: right - left, height });
  const room = Math.floor((right - left - 8) / CHAR);
  if (height < 11 || room < 4 || label === '') return rect;
  return rect + textElement({ class: 'ink', x: left + 4, y: top + height / 2 + 4 }, clip(label, room));
}

/** One path for each strength. */
function columnsSvg({ top, height }: TrackRow, code: number, columns: Float64Array): string {
  const paths = new Map<number, string>();
  columns.forEach((covered, x) => {
    if (covered === 0) return;
    const strength = Math.min(STRENGTHS, Math.max(1, Math.ceil(covered * STRENGTHS)));
    paths.set(strength, `${paths.get(strength) ?? ''}M${x} ${top}h1v${height}h-1z`);
  });
  return [...paths]
    .map(([strength, d]) => tag('path', { class: SPAN_KINDS[code], opacity: strength / STRENGTHS, d }))
    .join('');
}

function axisSvg(
  { firstNs, lastNs }: Timeline,
  pixelOf: (ns: number) => number,
  time: TimeFormat,
  height: number,
): string {
  const step = niceStep((lastNs - firstNs) / TICKS);
  const ticks: string[] = [];
  for (let ns = Math.ceil(firstNs / step) * step; ns <= lastNs; ns += step) {
    const x = pixelOf(ns);
    ticks.push(
      tag('path', { class: 'line', d: `M${Math.round(x)} -4V${height}` }),
      textElement(
        { class: 'faint small', x: x - 18, y: -8 },
        time
          .at(ns)
          .replace(/(\.\d*?)0+(?= s$)/, '$1')
          .replace(/\.(?= s$)/, ''),
      ),
    );
  }
  return ticks.join('');
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  const factor = [1, 2, 5, 10].find((each) => each * power >= least) ?? 10;
  return factor * power;
}

function stepsSvg(placed: readonly PlacedStep[]): string {
  const arrows = placed.slice(1).map((to, i) => {
    const from = placed[i];
    if (to.y === from.y) return '';
    const { curve, head } = arrowOf(from, to);
    const [x, y, ...rest] = curve.map((value) => Math.round(value * 10) / 10);
    return (
      tag('path', { class: 'arrow', d: `M${x} ${y}C${rest.join(' ')}` }) +
      tag('polygon', { class: 'head', points: head.map((value) => Math.round(value * 10) / 10).join(' ') })
    );
  });
  const badges = placed.map(
    ({ step, x, y }) =>
      tag('circle', { class: 'step', cx: x, cy: y, r: BADGE }) +
      textElement({ class: 'step-text', x, y: y + 3.5 }, String(step.step)),
  );
  return arrows.join('') + badges.join('');
}
