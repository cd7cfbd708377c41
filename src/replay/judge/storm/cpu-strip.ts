/** One line per CPU: what it did over an interval, as a strip of letters that fits a mail. */
import { OCC_HARDIRQ, OCC_IDLE, OCC_NMI, OCC_SOFTIRQ, OCC_TASK } from '../../model/cpu/cpu-state.ts';
import type { Timeline } from '../../record/timeline.ts';

/** Letter per kind of CPU time; `?` where events were lost or none was recorded. */
const LETTERS: readonly (readonly [number, string])[] = [
  [OCC_NMI, 'N'],
  [OCC_HARDIRQ, 'h'],
  [OCC_SOFTIRQ, 's'],
  [OCC_TASK, '#'],
  [OCC_IDLE, '.'],
];

export const STRIP_LEGEND = 'N NMI  h interrupt  s softirq  # task  . idle  ? not recorded';

export interface CpuStrip {
  readonly cpu: number;
  /** One letter per cell, the kind that took most of it. */
  readonly cells: string;
}

/** Strips of all CPUs over [fromNs, toNs). */
export function cpuStrips(timeline: Timeline, fromNs: number, toNs: number, cells = 64): CpuStrip[] {
  const widthNs = (toNs - fromNs) / cells;
  return timeline.data.cpus.map((cpu) => ({
    cpu,
    cells: Array.from({ length: cells }, (_, i) => {
      const spent = timeline.data.history.between(cpu, fromNs + i * widthNs, fromNs + (i + 1) * widthNs);
      let letter = '?';
      let most = 0;
      for (const [kind, mark] of LETTERS) {
        if (spent[kind] > most) {
          most = spent[kind];
          letter = mark;
        }
      }
      return letter;
    }).join(''),
  }));
}
