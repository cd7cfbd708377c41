/** Options of a trace.dat: `u16 id, u32 size, data` each. Ids and contents as in trace-cmd.dat.v7(5). */
import type { GuestTrace, TimeShift } from '../../format.ts';
import { type ByteReader, MetadataError } from './byte-reader.ts';
import type { BufferOption, TraceOptions } from './metadata.ts';

export const OPTION_DONE = 0;
const OPTION_DATE = 1;
const OPTION_CPUSTAT = 2;
const OPTION_BUFFER = 3;
const OPTION_TRACECLOCK = 4;
const OPTION_UNAME = 5;
const OPTION_OFFSET = 7;
const OPTION_CPUCOUNT = 8;
const OPTION_VERSION = 9;
const OPTION_TRACEID = 11;
const OPTION_TIME_SHIFT = 12;
const OPTION_GUEST = 13;
const OPTION_TSC2NSEC = 14;
export const SECTION_HEADER_INFO = 16;
export const SECTION_FTRACE_EVENTS = 17;
export const SECTION_EVENT_FORMATS = 18;
export const SECTION_KALLSYMS = 19;
export const SECTION_PRINTK = 20;
export const SECTION_CMDLINES = 21;
const OPTION_BUFFER_TEXT = 22;

const MAX_TEXT_BYTES = 4096;
/** NR_CPUS of the largest configuration, doubled. */
export const MAX_CPUS = 16384;
/** Instances, guests or clock samples of a CPU; more is damage. */
const MAX_LIST = 4096;

export function emptyOptions(): TraceOptions {
  return { offsetNs: 0n, lost: 0, guests: [], buffers: [], texts: [], sections: new Map(), clockFollows: false };
}

/** Name of the clock in the text of tracefs `trace_clock`: `[local] global counter uptime`. */
export function clockIn(text: string): string | undefined {
  return /\[([\w-]+)\]/.exec(text)?.[1];
}

/**
 * Events that a CPU's ring buffer lost, by tracefs `per_cpu/cpuN/stats` as trace-cmd saves it at the end: overwritten before they were read, without room while
 * another was written, and dropped where nothing is overwritten (tracing_stats_read(), kernel/trace/trace.c).
 */
function lossesIn(text: string): number {
  let lost = 0;
  for (const match of text.matchAll(/^(?:overrun|commit overrun|dropped events): (\d{1,15})\s*$/gm))
    lost += Number(match[1]);
  return lost;
}

/** strtoll(…, 0): decimal, octal or 0x…, with a sign. */
function parseOffset(text: string): bigint {
  const match = /^\s*([-+]?)(0[xX][0-9a-fA-F]+|\d+)/.exec(text);
  if (!match) return 0n;
  const digits = /^0\d/.test(match[2]) ? `0o${match[2].slice(1)}` : match[2];
  const value = /^0o.*[89]/.test(digits) ? 0n : BigInt(digits);
  return BigInt.asIntN(64, match[1] === '-' ? -value : value);
}

/**
 * Reads one option into `options`. Unknown ids are skipped, as trace-cmd does.
 * @param sectioned version 7
 * @throws MetadataError when the data is shorter than its kind needs
 */
export function readOption(id: number, data: ByteReader, sectioned: boolean, options: TraceOptions): void {
  const listed = options.buffers.length + options.texts.length + options.guests.length;
  if (listed > MAX_LIST) throw new MetadataError('more buffers and guests than any recording has', data.origin);
  switch (id) {
    case OPTION_DATE:
      // Microseconds between the trace clock and the time of day.
      options.offsetNs += parseOffset(data.text(data.left)) * 1000n;
      break;
    case OPTION_OFFSET:
      options.offsetNs += parseOffset(data.text(data.left));
      break;
    case OPTION_CPUSTAT:
      options.lost += lossesIn(data.text(data.left));
      break;
    case OPTION_BUFFER:
      options.buffers.push(readBuffer(data, sectioned));
      break;
    case OPTION_BUFFER_TEXT:
      options.texts.push({
        offset: data.u64(),
        name: data.string(MAX_TEXT_BYTES),
        clock: sectioned ? data.string(MAX_TEXT_BYTES) : '',
      });
      break;
    case OPTION_TRACECLOCK: {
      const clock = clockIn(data.text(data.left));
      if (clock) options.clock = clock;
      options.clockFollows = true;
      break;
    }
    case OPTION_UNAME:
      options.uname = data.text(data.left).trim();
      break;
    case OPTION_VERSION:
      options.recorderVersion = data.text(data.left).trim();
      break;
    case OPTION_CPUCOUNT:
      options.cpuCount = countOf(data, MAX_CPUS);
      break;
    case OPTION_TRACEID:
      options.traceId = data.bigint();
      break;
    case OPTION_TIME_SHIFT:
      options.timeShift = readTimeShift(data);
      break;
    case OPTION_GUEST:
      options.guests.push(readGuest(data));
      break;
    case OPTION_TSC2NSEC:
      options.tsc = { multiplier: data.u32(), shift: data.u32(), offset: data.bigint() };
      break;
    case SECTION_HEADER_INFO:
    case SECTION_FTRACE_EVENTS:
    case SECTION_EVENT_FORMATS:
    case SECTION_KALLSYMS:
    case SECTION_PRINTK:
    case SECTION_CMDLINES:
      options.sections.set(id, data.u64());
      break;
    default:
  }
}

function countOf(data: ByteReader, most: number): number {
  const count = data.u32();
  if (count > most) throw new MetadataError(`a list of ${count}`, data.origin);
  return count;
}

function readBuffer(data: ByteReader, sectioned: boolean): BufferOption {
  const offset = data.u64();
  const name = data.string(MAX_TEXT_BYTES);
  if (!sectioned) return { offset, name, clock: '', pageBytes: 0, cpus: [] };
  const clock = data.string(MAX_TEXT_BYTES);
  const pageBytes = data.u32();
  const count = countOf(data, MAX_CPUS);
  const cpus = [];
  for (let i = 0; i < count; i++) cpus.push({ cpu: data.u32(), offset: data.u64(), sizeBytes: data.u64() });
  return { offset, name, clock, pageBytes, cpus };
}

function readTimeShift(data: ByteReader): TimeShift {
  const peerTraceId = data.bigint();
  const flags = data.u32();
  const count = countOf(data, MAX_CPUS);
  const cpus = [];
  const list = (length: number) => {
    const values: bigint[] = [];
    for (let i = 0; i < length; i++) values.push(BigInt.asIntN(64, data.bigint()));
    return values;
  };
  for (let i = 0; i < count; i++) {
    const samples = countOf(data, MAX_LIST);
    const timesNs = list(samples);
    const offsetsNs = list(samples);
    list(samples);
    cpus.push({ timesNs, offsetsNs });
  }
  return { peerTraceId, flags, cpus };
}

function readGuest(data: ByteReader): GuestTrace {
  const name = data.string(MAX_TEXT_BYTES);
  const traceId = data.bigint();
  const count = countOf(data, MAX_CPUS);
  const hostTids = [];
  for (let i = 0; i < count; i++) hostTids.push({ cpu: data.u32(), tid: data.u32() });
  return { name, traceId, hostTids };
}
