/** The axis above the lanes: as precise as its ticks are apart. */
import { axisTop } from 'd3-axis';
import { scaleLinear } from 'd3-scale';
import { select } from 'd3-selection';
import type { PageTime } from '../format.ts';
import { AXIS_HEIGHT } from './dom.ts';
import type { Viewport } from './paint.ts';

const TICK_PIXELS = 110;

export function paintAxis(axis: SVGSVGElement, { fromNs, toNs, width }: Viewport, time: PageTime): void {
  const scale = scaleLinear([fromNs, toNs], [0, width]);
  const ticks = scale.ticks(Math.max(2, Math.floor(width / TICK_PIXELS)));
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : toNs - fromNs;
  const drawn = axisTop<number>(scale)
    .tickValues(ticks)
    .tickFormat((ns) => time.tick(ns, step))
    .tickSizeOuter(0);
  select(axis)
    .attr('width', width)
    .attr('height', AXIS_HEIGHT)
    .selectAll<SVGGElement, null>('g.ticks')
    .data([null])
    .join('g')
    .attr('class', 'ticks')
    .attr('transform', `translate(0,${AXIS_HEIGHT - 1})`)
    .call(drawn);
}
