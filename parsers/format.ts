/** What a recording format has to provide. One folder per format; the registry is parsers/index.ts. */
import type { DiagnosticSink, EventBatch, KernelProfile } from '../schema/index.ts';
import type { DictionaryWriter } from './dictionary-writer.ts';
import type { ByteSource } from './source.ts';

/** Bytes that `sniff` gets at most (fewer when the capture is shorter). */
export const SNIFF_BYTES = 65536;

/** One virtual machine recorded together with its host. */
export interface GuestTrace {
  readonly name: string;
  readonly traceId: bigint;
  /** Host task that runs each virtual CPU. */
  readonly hostTids: readonly { readonly cpu: number; readonly tid: number }[];
}

/** Clock corrections of each CPU against the machine that recorded the other half of the session. */
export interface TimeShift {
  readonly peerTraceId: bigint;
  readonly flags: number;
  readonly cpus: readonly { readonly timesNs: readonly bigint[]; readonly offsetsNs: readonly bigint[] }[];
}

/** Facts about the capture that a parser fills in as it learns them; complete when the parser has ended. */
export interface CaptureFacts {
  /** Human name of the exact layout (`trace-cmd report`, `ftrace text`). */
  format: string;
  clock?: string;
  /** CPUs announced by the capture, or the highest seen + 1. */
  cpus: number;
  /** Events lost as the recorder itself says. */
  lost: number;
  profile: KernelProfile;
  hostname?: string;
  /** Where the kernel was loaded, by symbol (`_text`, `_stext`): another address at each boot where it is randomised (KASLR). */
  kernelText?: Readonly<Record<string, string>>;
  /** Absolute time = baseNs + tsNs; set before the first batch leaves the parser. 0n unless times exceed 2^53 ns. */
  baseNs: bigint;
  /** Whether times count nanoseconds. `counter` and `x86-tsc` clocks do not. */
  timeUnit: 'ns' | 'ticks';
  /** A host/guest session as the capture describes it. Kept for a tool that aligns the two; times here are not shifted by it. */
  hostGuest?: {
    readonly traceId: bigint | undefined;
    readonly guests: readonly GuestTrace[];
    readonly timeShift: TimeShift | undefined;
  };
}

/** Everything a parser writes to. */
export interface ParseContext {
  readonly dictionary: DictionaryWriter;
  readonly diagnostics: DiagnosticSink;
  readonly facts: CaptureFacts;
  readonly options: ParseOptions;
}

export interface ParseOptions {
  /** Text of /proc/kallsyms or System.map of the recorded kernel, for captures that carry none. */
  readonly kallsymsPath?: string;
}

export interface TraceFormat {
  readonly id: string;
  /** One line for `quiesce formats`. */
  readonly title: string;
  /** Other forms it accepts, for `quiesce formats`. */
  readonly details: string;
  /** The first bytes can be of no other format: asked of all formats before {@link sniff}. */
  certain?(head: Uint8Array): boolean;
  /** Judges the first bytes only: never throws, never reads more. */
  sniff(head: Uint8Array): boolean;
  /**
   * Yields batches in the time order of the capture (as far as the capture has one). Each batch carries the dictionary delta
   * that it needs. Problems inside go to diagnostics; throws CaptureError when nothing can be read at all.
   */
  parse(source: ByteSource, context: ParseContext): AsyncIterable<EventBatch>;
}
