/** Hung-task reports, joined by wait: the kernel repeats a wait with growing seconds (MODEL G4.1, W4.21). */
import type { LogReport, LogStack } from '../../../../schema/index.ts';
import { classifyStack, type StackVerdict } from '../../knowledge/stack/stack-verdict.ts';

export type HungReport = Extract<LogReport, { kind: 'hung-task' }>;

/** One wait that the kernel reported, once or again and again. */
export interface LogHung {
  readonly comm: string;
  readonly tid: number;
  /** Start of the wait: time of a report less its seconds. */
  sinceNs: number;
  /** The newest report. */
  last: HungReport;
  reports: number;
  /** The first few reports, for the evidence. */
  readonly places: HungReport[];
  /** The longest stack of the reports: one may be cut. */
  stack: LogStack;
  verdict: StackVerdict;
}

const MAX_HUNG = 2048;
const MAX_PLACES = 8;
/** The seconds are rounded down, and the report's own stack takes time to print. */
const SAME_WAIT_NS = 4e9;

export class LogHungTasks {
  readonly all: LogHung[] = [];
  /** Least number of seconds in any report: an upper bound of hung_task_timeout_secs. */
  leastSeconds = Number.POSITIVE_INFINITY;

  add(report: HungReport): void {
    if (!report.cannotDie) this.leastSeconds = Math.min(this.leastSeconds, report.seconds);
    const { comm, tid } = report.task;
    const sinceNs = report.tsNs - report.seconds * 1e9;
    const known = this.all.findLast(
      (hung) =>
        hung.tid === tid &&
        hung.comm === comm &&
        (Math.abs(hung.sinceNs - sinceNs) <= SAME_WAIT_NS || repeatsThreshold(hung, report)),
    );
    if (!known) {
      if (this.all.length < MAX_HUNG)
        this.all.push({ comm, tid, sinceNs, last: report, reports: 1, places: [report], ...judged(report.stack) });
      return;
    }
    known.reports++;
    known.sinceNs = Math.min(known.sinceNs, sinceNs);
    if (known.places.length < MAX_PLACES) known.places.push(report);
    if (report.tsNs >= known.last.tsNs) known.last = report;
    if (report.stack.length > known.stack.length) Object.assign(known, judged(report.stack));
  }
}

/**
 * Until v4.19 the printed seconds are the threshold, the same in each repetition (kernel/hung_task.c check_hung_task): the same stack about one
 * threshold later is the same wait.
 */
function repeatsThreshold({ last, stack }: LogHung, report: HungReport): boolean {
  const distanceNs = report.tsNs - last.tsNs;
  return (
    report.seconds === last.seconds &&
    distanceNs > 0 &&
    distanceNs <= 2 * report.seconds * 1e9 &&
    stack.length > 0 &&
    stack.join() === report.stack.join()
  );
}

function judged(stack: LogStack): { stack: LogStack; verdict: StackVerdict } {
  return { stack, verdict: classifyStack(stack) };
}
