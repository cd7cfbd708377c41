import type { LineLook } from '../report/report-words.ts';

/** A line of a log with its layout undone: what every later step reads. */
export interface PreparedLine {
  /** Kernel time, ns; −1 when the line has none. */
  stampNs: number;
  hasDate: boolean;
  dateSeconds: number;
  dateNanos: number;
  /** Printk level 0–7, −1 when not shown. */
  level: number;
  /** Task that printed it, or CPU in interrupt context; −1 when not shown. */
  callerTid: number;
  callerCpu: number;
  /** It has a prefix of the logger. */
  prefixed: boolean;
  /** The line may be the kernel's, as far as its prefix says. */
  kernel: boolean;
  /** The prefix says that it is. */
  fromKernel: boolean;
  /** Number in the capture, from 1; of the first piece when the line was broken. */
  line: number;
  /** Without prefix. */
  text: string;
  /** What it promises, at a glance. */
  look: LineLook;
}

/** The bytes of a line that came in one piece: `bytes[start, end)` is its text. */
export interface TextBytes {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}
