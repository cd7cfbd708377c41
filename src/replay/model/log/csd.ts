/** CSD-lock reports, joined by their number: one CPU that spins until another one has done a function call (kernel/smp.c csd_lock_wait_toolong). */
import type { LogReport } from '../../../../schema/index.ts';

export type CsdReport = Extract<LogReport, { kind: 'csd-lock' }>;

export interface LogCsdWait {
  readonly bug: number;
  /** The CPU that spins. */
  readonly cpu: number;
  /** The one that does not answer; undefined: the report does not name it. */
  target: number | undefined;
  /** The function that is to run there. */
  fn: string | undefined;
  /** Time of a report less the wait that it tells. */
  readonly sinceNs: number;
  lastNs: number;
  /** When the answer came; undefined: the log does not tell. */
  endNs: number | undefined;
  /** The newest report. */
  last: CsdReport;
  reports: number;
  /** The first few reports, for the evidence. */
  readonly places: CsdReport[];
}

const MAX_WAITS = 512;
const MAX_PLACES = 8;

export class LogCsdWaits {
  readonly all: LogCsdWait[] = [];

  add(report: CsdReport): void {
    const { bug, cpu, tsNs } = report;
    const known = this.all.findLast((wait) => wait.bug === bug && wait.cpu === cpu && wait.endNs === undefined);
    if (report.how === 'unstuck') {
      // Without its beginning the release tells of no length.
      if (known) known.endNs = known.lastNs = tsNs;
      return;
    }
    const { target, fn } = report;
    if (!known) {
      const sinceNs = tsNs - (report.waitedNs ?? 0);
      const wait = { bug, cpu, target, fn, sinceNs, lastNs: tsNs, endNs: undefined, last: report, reports: 1 };
      if (this.all.length < MAX_WAITS) this.all.push({ ...wait, places: [report] });
      return;
    }
    known.target ??= target;
    known.fn ??= fn;
    known.lastNs = tsNs;
    known.last = report;
    known.reports++;
    if (known.places.length < MAX_PLACES) known.places.push(report);
  }
}
