/** Where the steps of a chain stand on its lanes. */
import type { TimelineFinding, TimelineStep } from '../block/page-data.ts';
import type { LaneRow, Layout } from './layout.ts';

export interface PlacedStep {
  readonly step: TimelineStep;
  readonly x: number;
  /** On the lanes, not on the screen. */
  readonly y: number;
}

/** Radius of a step's number. */
export const BADGE = 8;
/** From one step of a ladder to the next. */
const STEP_WIDTH = 30;
/** Pixels within which steps count as simultaneous. */
const LADDER_SPREAD = 60;
/** Room for the names on the spans. */
const LADDER_OFFSET = 290;

/**
 * A wait and what it waits for begin together: such steps are a ladder to the right of the names on the spans, one beside the other;
 * closer up each stands where it began.
 */
export function placedSteps(
  { steps, startNs, endNs }: TimelineFinding,
  layout: Layout,
  pixelOf: (ns: number) => number,
  width: number,
): PlacedStep[] {
  const shown = steps.flatMap((step) => {
    const lane = layout.byKey.get(step.lane);
    return lane === undefined ? [] : [{ step, y: middleOf(lane), x: pixelOf(step.atNs) }];
  });
  const xs = shown.map(({ x }) => x);
  const ladder = Math.max(...xs) - Math.min(...xs) < LADDER_SPREAD;
  const [from, to] = [Math.max(0, pixelOf(startNs)), Math.min(width, pixelOf(endNs))];
  const room = to - from - shown.length * STEP_WIDTH;
  const offset = ladder && room > 1.2 * LADDER_OFFSET ? LADDER_OFFSET : BADGE + 3;
  let last = Number.NEGATIVE_INFINITY;
  return shown.map(({ step, x, y }) => {
    const at = ladder ? Math.max(x + offset, last + STEP_WIDTH) : x;
    last = at;
    return { step, x: at, y };
  });
}

const middleOf = ({ tracks }: LaneRow): number => tracks[0].top + tracks[0].height / 2;

/** A curve from what waits to what it waits for, and the three corners of its head. */
export function arrowOf(from: PlacedStep, to: PlacedStep): { curve: readonly number[]; head: readonly number[] } {
  const down = to.y > from.y ? 1 : -1;
  const end = to.y - down * (BADGE + 5);
  const begin = from.y + down * BADGE;
  const bend = Math.max(12, Math.abs(end - begin) / 2) * down;
  return {
    curve: [from.x, begin, from.x, begin + bend, to.x, end - bend, to.x, end],
    head: [to.x, end + 5 * down, to.x - 4.5, end - 2 * down, to.x + 4.5, end - 2 * down],
  };
}
