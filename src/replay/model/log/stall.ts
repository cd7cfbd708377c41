/** Stall reports, joined by grace period: the kernel repeats itself while one lasts (MODEL G3.2). */
import type { LogBacktrace, LogReport } from '../../../../schema/index.ts';
import { hzBetween } from './jiffies.ts';

export type StallReport = Extract<LogReport, { kind: 'rcu-stall' }>;

/** A grace period that the kernel complained about. */
export interface LogStall {
  readonly flavor: string;
  readonly expedited: boolean;
  readonly gpSeq: string | null;
  /** The number that events print of it: `s:` of an expedited one is the running sequence, its tracepoints print the end value (MODEL 1.3). */
  readonly eventSeq: string | null;
  readonly first: StallReport;
  last: StallReport;
  reports: number;
  /** The first few reports, for the evidence. */
  readonly places: StallReport[];
  readonly cpus: Map<number, StallReport['cpus'][number]>;
  readonly tasks: Map<number, StallReport['tasks'][number]>;
  /** Newest dump of each CPU and task. */
  readonly cpuDumps: Map<number, LogBacktrace>;
  readonly taskDumps: Map<number, LogBacktrace>;
}

const MAX_STALLS = 256;
const MAX_PLACES = 8;
/** Without a grace-period number, reports this close together are taken for the same stall: 3 × 300 s is the longest repeat. */
const REPEAT_NS = 920e9;

export class LogStalls {
  readonly all: LogStall[] = [];
  /** HZ as two reports of one grace period give it. */
  hz: number | undefined;

  add(report: StallReport): void {
    const expedited = report.how === 'expedited';
    const gpSeq = report.gpSeq ?? null;
    const known = this.all.findLast(
      (stall) =>
        stall.flavor === report.flavor &&
        stall.expedited === expedited &&
        (gpSeq === null || stall.gpSeq === null
          ? report.tsNs - stall.last.tsNs <= REPEAT_NS && (gpSeq ?? stall.gpSeq) === (stall.gpSeq ?? gpSeq)
          : stall.gpSeq === gpSeq),
    );
    if (known) {
      this.#repeat(known, report);
      return;
    }
    if (this.all.length >= MAX_STALLS) return;
    const stall: LogStall = {
      flavor: report.flavor,
      expedited,
      gpSeq,
      eventSeq: expedited && gpSeq !== null ? endSequence(gpSeq) : gpSeq,
      first: report,
      last: report,
      reports: 1,
      places: [report],
      cpus: new Map(),
      tasks: new Map(),
      cpuDumps: new Map(),
      taskDumps: new Map(),
    };
    this.all.push(stall);
    collect(stall, report);
  }

  #repeat(stall: LogStall, report: StallReport): void {
    if (report.jiffies !== undefined && stall.last.jiffies !== undefined && report.jiffies > stall.last.jiffies)
      this.hz ??= hzBetween(report.jiffies - stall.last.jiffies, report.tsNs - stall.last.tsNs);
    stall.reports++;
    if (stall.places.length < MAX_PLACES) stall.places.push(report);
    // Reports may come out of order, from several captures of one run.
    if (report.tsNs >= stall.last.tsNs) stall.last = report;
    collect(stall, report);
  }
}

/** `413` → `416`: (s | 3) + 1 of rcu_seq_end(), in 64-bit two's complement. */
function endSequence(running: string): string {
  return String(BigInt.asIntN(64, (BigInt(running) | 3n) + 1n));
}

function collect(stall: LogStall, report: StallReport): void {
  for (const cpu of report.cpus) stall.cpus.set(cpu.cpu, cpu);
  for (const task of report.tasks) stall.tasks.set(task.tid, task);
  for (const dump of report.dumps ?? []) {
    if (dump.cpu !== undefined) stall.cpuDumps.set(dump.cpu, dump);
    if (dump.task) stall.taskDumps.set(dump.task.tid, dump);
  }
}
