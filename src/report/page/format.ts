/** Times as the rest of the page writes them. */
import { formatDuration, formatTicks } from '../../../schema/duration.ts';

export interface PageTime {
  at(ns: number): string;
  length(ns: number): string;
  /** A label of the axis, where neighbours are `stepNs` apart. */
  tick(ns: number, stepNs: number): string;
}

export function pageTime(ticks: boolean): PageTime {
  if (ticks) return { at: (ns) => `tick ${Math.round(ns)}`, length: formatTicks, tick: (ns) => String(Math.round(ns)) };
  return {
    at: (ns) => `${(ns / 1e9).toFixed(6)} s`,
    length: formatDuration,
    tick: (ns, stepNs) =>
      `${(ns / 1e9).toFixed(Math.max(0, Math.min(9, -Math.floor(Math.log10(stepNs / 1e9) + 1e-9))))} s`,
  };
}
