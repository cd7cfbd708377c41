/**
 * Units, as names. A number whose unit is not one of these says it in its own name (`sizeBytes`, `share`).
 */

/**
 * Nanoseconds on the run's timeline, counted from `RunInfo.baseNs` (0 for every clock that fits, so normally the very
 * number that the recording shows). Always a safe integer: 2^53 ns are 104 days; a clock beyond that (tai) gets a base.
 */
export type TimeNs = number;

/** A length of time in nanoseconds. */
export type DurationNs = number;

/** 0-based kernel CPU number. */
export type CpuId = number;

/** Kernel `pid` of a thread. 0 is the idle task of whichever CPU: never one task (MODEL T25). */
export type Tid = number;

/** 1-based line in a text capture. */
export type LineNumber = number;

/** 0-based offset into a capture, after decompression. */
export type ByteOffset = number;

/** Index into the dictionary's strings; 0 is the empty string. */
export type StringId = number;

/** Index into the dictionary's stacks; 0 is "no stack recorded". */
export type StackId = number;

/** 1-based position of an event in its run. Grows with time, so a time range is an id range. */
export type EventId = number;

/** CPU number for records that belong to none (a log line without `printk.caller`). */
export const NO_CPU = 0xffff;

/** Task number for records that belong to none. */
export const NO_TID = -1;
