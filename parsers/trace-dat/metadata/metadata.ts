/** What a trace.dat says about the recording, whichever version wrote it. */
import type { GuestTrace, TimeShift } from '../../format.ts';

/** One CPU's share of a ring buffer. */
export interface CpuSection {
  readonly cpu: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A ring buffer: the top one, or an instance of tracefs `instances/`. */
export interface TraceBuffer {
  /** '' for the top buffer. */
  readonly name: string;
  /** '' when not said. */
  readonly clock: string;
  readonly pageBytes: number;
  readonly compressed: boolean;
  readonly cpus: readonly CpuSection[];
}

/** Text of tracefs `trace`, recorded instead of pages (trace-cmd with latency tracers). */
export interface TraceText {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly compressed: boolean;
}

/** Layout of a ring-buffer page, from `events/header_page`. */
export interface PageLayout {
  /** Offset and size of the commit field; its size is the kernel's long. */
  readonly commitOffset: number;
  readonly commitBytes: 4 | 8;
  /** Offset of the first record. */
  readonly dataOffset: number;
}

export interface TscConversion {
  readonly multiplier: number;
  readonly shift: number;
  readonly offset: bigint;
}

/** Options of the capture. A later option of a kind replaces an earlier one, offsets add up. */
export interface TraceOptions {
  uname?: string;
  clock?: string;
  cpuCount?: number;
  recorderVersion?: string;
  traceId?: bigint;
  /** Sum of `--date` and `--ts-offset`, added to every event as trace-cmd does. */
  offsetNs: bigint;
  tsc?: TscConversion;
  timeShift?: TimeShift;
  /** Events that the ring buffers lost, as they count it themselves; gaps between records know less. */
  lost: number;
  guests: GuestTrace[];
  /** Version 6: positions of the instances; version 7: everything about the buffers. */
  buffers: BufferOption[];
  texts: { offset: number; name: string; clock: string }[];
  /** Version 7: offset of each metadata section by its id. */
  sections: Map<number, number>;
  /** Version 6: the clock's name follows the table of CPUs. */
  clockFollows: boolean;
}

export interface BufferOption {
  readonly offset: number;
  readonly name: string;
  readonly clock: string;
  readonly pageBytes: number;
  readonly cpus: readonly CpuSection[];
}

export interface FormatFile {
  readonly system: string;
  readonly bytes: Uint8Array;
}

export interface TraceMetadata {
  readonly layout: PageLayout;
  readonly formats: readonly FormatFile[];
  /** Text of /proc/kallsyms; undefined when the capture has none or it is damaged. */
  readonly kallsyms: Uint8Array | undefined;
  /** Text of tracefs `printk_formats`. */
  readonly printkFormats: string;
  /** Text of tracefs `saved_cmdlines`. */
  readonly savedCmdlines: string;
  readonly options: TraceOptions;
  readonly buffers: readonly TraceBuffer[];
  readonly texts: readonly TraceText[];
}
