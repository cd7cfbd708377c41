/**
 * Where the parts of a sample are. The first parts are words of 8 bytes at offsets that follow from sample_type alone; what
 * comes after them has sizes of its own and is walked per sample (kernel/events/core.c perf_output_sample).
 */
import type { EventAttribute } from '../header/event-attribute.ts';
import {
  BRANCH_COUNTERS,
  BRANCH_HW_INDEX,
  READ_GROUP,
  READ_ID,
  READ_LOST,
  READ_TOTAL_TIME_ENABLED,
  READ_TOTAL_TIME_RUNNING,
  RECORD_HEADER_BYTES,
  SAMPLE_ADDR,
  SAMPLE_AUX,
  SAMPLE_BRANCH_STACK,
  SAMPLE_CALLCHAIN,
  SAMPLE_CGROUP,
  SAMPLE_CODE_PAGE_SIZE,
  SAMPLE_CPU,
  SAMPLE_DATA_PAGE_SIZE,
  SAMPLE_DATA_SRC,
  SAMPLE_ID,
  SAMPLE_IDENTIFIER,
  SAMPLE_IP,
  SAMPLE_PERIOD,
  SAMPLE_PHYS_ADDR,
  SAMPLE_RAW,
  SAMPLE_READ,
  SAMPLE_REGS_INTR,
  SAMPLE_REGS_USER,
  SAMPLE_STACK_USER,
  SAMPLE_STREAM_ID,
  SAMPLE_TID,
  SAMPLE_TIME,
  SAMPLE_TRANSACTION,
  SAMPLE_WEIGHT,
  SAMPLE_WEIGHT_STRUCT,
} from '../header/perf-event-abi.ts';

const ABSENT = -1;
const WORD = 8;

/** Offsets from the start of a SAMPLE record; −1 for a part that the event does not record. */
export interface SampleLayout {
  readonly id: number;
  readonly ip: number;
  /** u32 pid, u32 tid. */
  readonly tid: number;
  readonly time: number;
  readonly addr: number;
  readonly cpu: number;
  readonly period: number;
  /** First part of variable size; also the smallest size of such a record. */
  readonly fixedEnd: number;
  /** Whether only call chain and raw data can follow the fixed part. */
  readonly isPlain: boolean;
}

export function sampleLayout(attribute: EventAttribute): SampleLayout {
  const type = attribute.sampleType;
  let at = RECORD_HEADER_BYTES;
  const word = (bit: number) => {
    if (!(type & bit)) return ABSENT;
    at += WORD;
    return at - WORD;
  };
  const identifier = word(SAMPLE_IDENTIFIER);
  const ip = word(SAMPLE_IP);
  const tid = word(SAMPLE_TID);
  const time = word(SAMPLE_TIME);
  const addr = word(SAMPLE_ADDR);
  const id = word(SAMPLE_ID);
  word(SAMPLE_STREAM_ID);
  const cpu = word(SAMPLE_CPU);
  const period = word(SAMPLE_PERIOD);
  const variable = SAMPLE_READ | SAMPLE_BRANCH_STACK | ~(SAMPLE_CALLCHAIN | SAMPLE_RAW | FIXED_PARTS);
  return {
    id: identifier !== ABSENT ? identifier : id,
    ip,
    tid,
    time,
    addr,
    cpu,
    period,
    fixedEnd: at,
    isPlain: (type & variable) === 0,
  };
}

const FIXED_PARTS =
  SAMPLE_IDENTIFIER |
  SAMPLE_IP |
  SAMPLE_TID |
  SAMPLE_TIME |
  SAMPLE_ADDR |
  SAMPLE_ID |
  SAMPLE_STREAM_ID |
  SAMPLE_CPU |
  SAMPLE_PERIOD;

/** The words at the end of every other record when sample_id_all is set; distances from the record's end, −1 if absent. */
export interface TrailerLayout {
  readonly tid: number;
  readonly time: number;
  readonly id: number;
  readonly cpu: number;
  readonly sizeBytes: number;
}

export function trailerLayout(attribute: EventAttribute): TrailerLayout {
  let fromEnd = 0;
  const word = (bit: number) => {
    if (!attribute.sampleIdAll || !(attribute.sampleType & bit)) return ABSENT;
    fromEnd += WORD;
    return fromEnd;
  };
  const identifier = word(SAMPLE_IDENTIFIER);
  const cpu = word(SAMPLE_CPU);
  word(SAMPLE_STREAM_ID);
  const id = word(SAMPLE_ID);
  const time = word(SAMPLE_TIME);
  const tid = word(SAMPLE_TID);
  return { tid, time, id: identifier !== ABSENT ? identifier : id, cpu, sizeBytes: fromEnd };
}

/** Where the parts of variable place are in one sample. One object is reused for all of them. */
export class SampleParts {
  /** First address of the call chain, and how many there are. */
  chainStart = 0;
  chainLength = 0;
  rawStart = 0;
  rawBytes = 0;
  /** First counter value of READ, and how many values a group has. */
  readStart = 0;
  readCount = 0;
  /** The counter value that the event shows, −1 when there is none. */
  valueAt = ABSENT;
  /** First of `branchCount` entries of three words: from, to, flags. */
  branchStart = 0;
  branchCount = 0;
  /** Offsets of single words, −1 when absent. */
  weight = ABSENT;
  /** Length of the piece of the AUX area that came with the sample. */
  auxBytes = 0;
  dataSource = ABSENT;
  transaction = ABSENT;
  physicalAddress = ABSENT;
  cgroup = ABSENT;
  dataPageBytes = ABSENT;
  codePageBytes = ABSENT;

  /**
   * Walks the sample [start, end). Every length is checked against the record.
   * @returns false when a part would end beyond the record
   */
  locate(
    view: DataView,
    start: number,
    end: number,
    littleEndian: boolean,
    attribute: EventAttribute,
    layout: SampleLayout,
  ): boolean {
    const type = attribute.sampleType;
    let at = start + layout.fixedEnd;
    if (at > end) return false;
    this.chainLength = 0;
    this.rawBytes = 0;
    if (!layout.isPlain && type & SAMPLE_READ) {
      at = this.#read(view, at, end, littleEndian, attribute.readFormat);
      if (at < 0) return false;
    }
    if (type & SAMPLE_CALLCHAIN) {
      const length = countAt(view, at, end, littleEndian);
      if (length * WORD > end - at - WORD) return false;
      this.chainStart = at + WORD;
      this.chainLength = length;
      at += WORD + length * WORD;
    }
    if (type & SAMPLE_RAW) {
      if (at + 4 > end) return false;
      const bytes = view.getUint32(at, littleEndian);
      if (bytes > end - at - 4) return false;
      this.rawStart = at + 4;
      this.rawBytes = bytes;
      // The kernel makes size word and data a multiple of 8 together.
      at += 4 + bytes;
    }
    return layout.isPlain || this.#locateRest(view, at, end, littleEndian, attribute);
  }

  /** Parts behind the raw data: of hardware samples only. */
  #locateRest(view: DataView, from: number, end: number, littleEndian: boolean, attribute: EventAttribute): boolean {
    const type = attribute.sampleType;
    let at = from;
    this.branchCount = 0;
    if (type & SAMPLE_BRANCH_STACK) {
      const count = countAt(view, at, end, littleEndian);
      at += attribute.branchSampleType & BRANCH_HW_INDEX ? 2 * WORD : WORD;
      if (count * 3 * WORD > end - at) return false;
      this.branchStart = at;
      this.branchCount = count;
      at += count * 3 * WORD;
      if (attribute.branchSampleType & BRANCH_COUNTERS) at += count * WORD;
    }
    if (type & SAMPLE_REGS_USER) at = afterRegisters(view, at, end, littleEndian, attribute.userRegisters);
    if (type & SAMPLE_STACK_USER) {
      const bytes = countAt(view, at, end, littleEndian);
      // The size in use follows the dump, and only a dump has one.
      at += bytes === 0 ? WORD : WORD + bytes + WORD;
    }
    const word = (bit: number) => {
      if (!(type & bit)) return ABSENT;
      at += WORD;
      return at - WORD;
    };
    this.weight = word(SAMPLE_WEIGHT | SAMPLE_WEIGHT_STRUCT);
    this.dataSource = word(SAMPLE_DATA_SRC);
    this.transaction = word(SAMPLE_TRANSACTION);
    if (type & SAMPLE_REGS_INTR) at = afterRegisters(view, at, end, littleEndian, attribute.interruptRegisters);
    this.physicalAddress = word(SAMPLE_PHYS_ADDR);
    this.cgroup = word(SAMPLE_CGROUP);
    this.dataPageBytes = word(SAMPLE_DATA_PAGE_SIZE);
    this.codePageBytes = word(SAMPLE_CODE_PAGE_SIZE);
    this.auxBytes = type & SAMPLE_AUX ? countAt(view, at, end, littleEndian) : 0;
    if (type & SAMPLE_AUX) at += WORD + this.auxBytes;
    return at <= end;
  }

  /** @returns where READ ends, −1 when that is beyond the record. */
  #read(view: DataView, from: number, end: number, littleEndian: boolean, format: number): number {
    const times = (format & READ_TOTAL_TIME_ENABLED ? 1 : 0) + (format & READ_TOTAL_TIME_RUNNING ? 1 : 0);
    const perValue = 1 + (format & READ_ID ? 1 : 0) + (format & READ_LOST ? 1 : 0);
    let at = from;
    if (format & READ_GROUP) {
      const count = countAt(view, at, end, littleEndian);
      this.readStart = at + WORD + times * WORD;
      this.readCount = count;
      at = this.readStart + count * perValue * WORD;
    } else {
      this.readStart = at;
      this.readCount = 1;
      at += (perValue + times) * WORD;
    }
    this.valueAt = this.readCount > 0 ? this.readStart : ABSENT;
    return at > end ? -1 : at;
  }
}

/** A count of 64 bits; one that does not even fit 32 bits, or lies beyond the record, is more than any record holds. */
function countAt(view: DataView, at: number, end: number, littleEndian: boolean): number {
  if (at + WORD > end) return Number.MAX_SAFE_INTEGER;
  if (view.getUint32(littleEndian ? at + 4 : at, littleEndian) !== 0) return Number.MAX_SAFE_INTEGER;
  return view.getUint32(littleEndian ? at : at + 4, littleEndian);
}

/** Registers follow a word that tells the ABI; 0 means that there are none. */
function afterRegisters(view: DataView, at: number, end: number, littleEndian: boolean, registers: number): number {
  const abi = countAt(view, at, end, littleEndian);
  return at + WORD + (abi === 0 ? 0 : registers * WORD);
}
