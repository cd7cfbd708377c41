/** struct perf_event_attr as a recording stores it: which event, what each of its samples holds, and how it is called. */
import {
  TYPE_BREAKPOINT,
  TYPE_HARDWARE,
  TYPE_HW_CACHE,
  TYPE_RAW,
  TYPE_SOFTWARE,
  TYPE_TRACEPOINT,
} from './perf-event-abi.ts';

const TWO_32 = 4294967296;
/** PERF_ATTR_SIZE_VER0: no kernel ever wrote less. */
export const ATTRIBUTE_MIN_BYTES = 64;

/** One recorded event. */
export interface EventAttribute {
  /** Position in the recording. */
  readonly index: number;
  /** PERF_TYPE_*, or the number of a dynamic PMU. */
  readonly type: number;
  readonly configHi: number;
  readonly configLo: number;
  /** Fixed period, or frequency when `isFrequency`. */
  readonly samplePeriod: number;
  readonly isFrequency: boolean;
  readonly sampleType: number;
  readonly readFormat: number;
  readonly branchSampleType: number;
  /** Registers in REGS_USER and REGS_INTR. */
  readonly userRegisters: number;
  readonly interruptRegisters: number;
  /** Records other than samples end with tid, time, id … of {@link sampleType}. */
  readonly sampleIdAll: boolean;
  /** PERF clock of TIME, undefined for the default sched_clock. */
  readonly clockId: number | undefined;
  /** As the recording names it (`sched:sched_switch`, `cycles:u`); undefined when it does not. */
  name: string | undefined;
}

/**
 * Bit fields of C are laid out from the low end on little-endian machines and from the high end on big-endian ones, so the
 * flag word is read byte by byte (tools/perf/util/session.c swap_bitfield).
 */
function attributeFlag(view: DataView, at: number, bit: number, littleEndian: boolean): boolean {
  const byte = view.getUint8(at + (bit >> 3));
  return ((littleEndian ? byte >> (bit & 7) : byte >> (7 - (bit & 7))) & 1) === 1;
}

const FLAG_FREQ = 10;
const FLAG_SAMPLE_ID_ALL = 18;
const FLAG_USE_CLOCKID = 25;

function bitCount(value: number): number {
  let count = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/**
 * @param sizeBytes size of the structure in the file; fields beyond it are zero, bytes beyond the known fields are ignored
 *   (newer kernels only append).
 */
export function decodeEventAttribute(
  view: DataView,
  at: number,
  sizeBytes: number,
  littleEndian: boolean,
  index: number,
): EventAttribute {
  const u32 = (offset: number) => (offset + 4 <= sizeBytes ? view.getUint32(at + offset, littleEndian) : 0);
  const lo = (offset: number) => u32(littleEndian ? offset : offset + 4);
  const hi = (offset: number) => u32(littleEndian ? offset + 4 : offset);
  return {
    index,
    type: u32(0),
    configLo: lo(8),
    configHi: hi(8),
    samplePeriod: hi(16) * TWO_32 + lo(16),
    sampleType: lo(24),
    readFormat: lo(32),
    isFrequency: attributeFlag(view, at + 40, FLAG_FREQ, littleEndian),
    sampleIdAll: attributeFlag(view, at + 40, FLAG_SAMPLE_ID_ALL, littleEndian),
    branchSampleType: lo(72),
    userRegisters: bitCount(lo(80)) + bitCount(hi(80)),
    interruptRegisters: bitCount(lo(96)) + bitCount(hi(96)),
    clockId: attributeFlag(view, at + 40, FLAG_USE_CLOCKID, littleEndian) ? u32(92) : undefined,
    name: undefined,
  };
}

const HARDWARE_NAMES = [
  'cycles',
  'instructions',
  'cache-references',
  'cache-misses',
  'branches',
  'branch-misses',
  'bus-cycles',
  'stalled-cycles-frontend',
  'stalled-cycles-backend',
  'ref-cycles',
];
const SOFTWARE_NAMES = [
  'cpu-clock',
  'task-clock',
  'page-faults',
  'context-switches',
  'cpu-migrations',
  'minor-faults',
  'major-faults',
  'alignment-faults',
  'emulation-faults',
  'dummy',
  'bpf-output',
  'cgroup-switches',
];
const CACHE_NAMES = ['L1-dcache', 'L1-icache', 'LLC', 'dTLB', 'iTLB', 'branch', 'node'];
const CACHE_OPERATIONS = ['load', 'store', 'prefetch'];

/**
 * Name of an event that the recording does not name, as perf would print it (tools/perf/util/evsel.c evsel__name).
 * @param pmuName PMU of a dynamic type (`msr`, `cpu_core`), when the recording lists its PMUs.
 */
export function defaultEventName(attribute: EventAttribute, pmuName: string | undefined): string {
  const { type, configLo: config } = attribute;
  switch (type) {
    case TYPE_HARDWARE:
      return HARDWARE_NAMES[config] ?? `unknown-hardware-${config}`;
    case TYPE_SOFTWARE:
      return SOFTWARE_NAMES[config] ?? `unknown-software-${config}`;
    case TYPE_TRACEPOINT:
      return `tracepoint-${config}`;
    case TYPE_HW_CACHE: {
      const cache = CACHE_NAMES[config & 0xff] ?? `cache-${config & 0xff}`;
      const operation = CACHE_OPERATIONS[(config >> 8) & 0xff] ?? 'access';
      return (config >> 16) & 0xff ? `${cache}-${operation}-misses` : `${cache}-${operation}s`;
    }
    case TYPE_BREAKPOINT:
      return 'breakpoint';
    default: {
      const code = attribute.configHi * TWO_32 + attribute.configLo;
      return type === TYPE_RAW ? `raw-0x${code.toString(16)}` : `${pmuName ?? `pmu-${type}`}/0x${code.toString(16)}/`;
    }
  }
}
