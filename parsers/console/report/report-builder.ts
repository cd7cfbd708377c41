/** What reads one kind of report, line by line, while other output may run between its lines. */
import type { LogBacktrace, LogReport } from '../../../schema/index.ts';

/** One prepared line: prefix removed (G0.1), its time and place. */
export interface LogLine {
  tsNs: number;
  /** 1-based; 0 for printk:console events. */
  line: number;
  /** From `printk.caller` or the trace record. */
  cpu: number | undefined;
  text: string;
  /** Function when the text is a stack frame ({@link parseFrame}). */
  frame: string | undefined;
}

/** Reports of one family end each other: one printer prints them one after the other. */
export type ReportFamily = 'lockdep' | 'stall' | 'hung' | 'lockup' | 'workqueue' | 'atomic' | 'held' | 'csd';

export interface ReportBuilder {
  readonly family: ReportFamily;
  /** The last line of the report was read. */
  readonly done: boolean;
  /** Takes the line when it belongs to this report. Lines that do not are offered to older reports of the stream. */
  accept(line: LogLine): boolean;
  /** A trace of another report passes through the stream: its frames are not ours. */
  suspend(): void;
  /** Takes a task or CPU dump that belongs to this report. */
  adopt?(dump: LogBacktrace): boolean;
  /** What was read, or undefined when it is too little to say anything. Place and time are added by the grammar. */
  finish(): ReportBody | undefined;
}

/** A report without its place. */
export type ReportBody = DistributiveOmit<LogReport, 'tsNs' | 'line' | 'endLine'>;

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
