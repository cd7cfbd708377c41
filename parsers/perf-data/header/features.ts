/** Feature sections: what perf record notes about the machine and the events (tools/perf/util/header.c). */
import type { CaptureFacts } from '../../format.ts';
import { ATTRIBUTE_MIN_BYTES } from './event-attribute.ts';
import { MISC_BUILD_ID_SIZE, MISC_CPUMODE_KERNEL, MISC_CPUMODE_MASK } from './perf-event-abi.ts';

export const FEATURE_TRACING_DATA = 1;
const FEATURE_BUILD_ID = 2;
const FEATURE_HOSTNAME = 3;
const FEATURE_OSRELEASE = 4;
const FEATURE_ARCH = 6;
const FEATURE_NRCPUS = 7;
const FEATURE_EVENT_DESC = 12;
const FEATURE_PMU_MAPPINGS = 16;
const FEATURE_CLOCK_DATA = 29;
/** Of simpleperf (Android): texts by key. */
const FEATURE_SIMPLEPERF_META_INFO = 129;

/** Features that say something which quiesce uses; the others are left alone. */
export const USED_FEATURES: readonly number[] = [
  FEATURE_BUILD_ID,
  FEATURE_HOSTNAME,
  FEATURE_OSRELEASE,
  FEATURE_ARCH,
  FEATURE_NRCPUS,
  FEATURE_EVENT_DESC,
  FEATURE_PMU_MAPPINGS,
  FEATURE_CLOCK_DATA,
  FEATURE_SIMPLEPERF_META_INFO,
];

const TWO_32 = 4294967296;
const decoder = new TextDecoder('utf-8');

/** Reads fields one after the other; `undefined` past the end. */
class FeatureCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  #at = 0;

  constructor(bytes: Uint8Array, littleEndian: boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#littleEndian = littleEndian;
  }

  u32(): number | undefined {
    if (this.#at + 4 > this.#bytes.length) return undefined;
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, this.#littleEndian);
  }

  u64(): number | undefined {
    const first = this.u32();
    const second = this.u32();
    if (first === undefined || second === undefined) return undefined;
    return this.#littleEndian ? second * TWO_32 + first : first * TWO_32 + second;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  /** do_write_string: u32 length with padding, then the text with its NUL. */
  string(): string | undefined {
    const length = this.u32();
    if (length === undefined || length > this.#bytes.length - this.#at) return undefined;
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    const nul = bytes.indexOf(0);
    return decoder.decode(nul < 0 ? bytes : bytes.subarray(0, nul));
  }
}

/** What features tell about events, beside the facts. */
export interface FeatureNotes {
  /** One per described event, in attribute order. */
  readonly events: { readonly name: string; readonly ids: readonly number[] }[];
  readonly pmuNames: Map<number, string>;
  /** Event names by `type,config`. */
  readonly typeNames: Map<string, string>;
}

export function emptyNotes(): FeatureNotes {
  return { events: [], pmuNames: new Map(), typeNames: new Map() };
}

/** clockid_t of Linux as the names that ftrace gives to the same clocks. */
const CLOCK_NAMES = new Map([
  [0, 'realtime'],
  [1, 'mono'],
  [4, 'mono_raw'],
  [7, 'boot'],
  [11, 'tai'],
]);

export function clockName(clockId: number): string {
  return CLOCK_NAMES.get(clockId) ?? `clock ${clockId}`;
}

/** Takes one feature section into facts and notes; what it cannot read it leaves out. */
export function applyFeature(
  feature: number,
  bytes: Uint8Array,
  littleEndian: boolean,
  facts: CaptureFacts,
  notes: FeatureNotes,
): void {
  const cursor = new FeatureCursor(bytes, littleEndian);
  switch (feature) {
    case FEATURE_BUILD_ID:
      readBuildIds(bytes, littleEndian, facts);
      break;
    case FEATURE_HOSTNAME: {
      const hostname = cursor.string();
      if (hostname) facts.hostname = hostname;
      break;
    }
    case FEATURE_OSRELEASE: {
      const release = cursor.string();
      if (release) facts.profile.release = release;
      break;
    }
    case FEATURE_ARCH: {
      const arch = cursor.string();
      if (arch) facts.profile.x86 = /^(x86_64|i[3-6]86)$/.test(arch);
      break;
    }
    case FEATURE_NRCPUS: {
      const available = cursor.u32();
      const online = cursor.u32();
      if (available !== undefined && available > 0 && available < 0xffff) facts.profile.possibleCpus = available;
      if (online !== undefined && online > 0 && online < 0xffff) facts.cpus = Math.max(facts.cpus, online);
      break;
    }
    case FEATURE_EVENT_DESC:
      readEventDescriptions(cursor, bytes.length, notes);
      break;
    case FEATURE_PMU_MAPPINGS: {
      const count = cursor.u32() ?? 0;
      for (let i = 0; i < count; i++) {
        const type = cursor.u32();
        const name = cursor.string();
        if (type === undefined || name === undefined) break;
        notes.pmuNames.set(type, name);
      }
      break;
    }
    case FEATURE_CLOCK_DATA: {
      // u32 version, u32 clockid, then the same instant on the wall clock and on that clock.
      cursor.u32();
      const clockId = cursor.u32();
      if (clockId !== undefined) facts.clock = clockName(clockId);
      break;
    }
    case FEATURE_SIMPLEPERF_META_INFO:
      readMetaInfo(decoder.decode(bytes), facts, notes);
      break;
    default:
      break;
  }
}

/** `key\0value\0…`; event_type_info holds lines `sched:sched_switch,2,47`. */
function readMetaInfo(text: string, facts: CaptureFacts, notes: FeatureNotes): void {
  const words = text.split('\0');
  for (let i = 0; i + 1 < words.length; i += 2) {
    if (words[i] === 'kernel_version' && words[i + 1] !== '') facts.profile.release ??= words[i + 1];
    if (words[i] !== 'event_type_info') continue;
    for (const line of words[i + 1].split('\n')) {
      const match = /^(.+),(\d+),(\d+)$/.exec(line);
      if (match) notes.typeNames.set(`${match[2]},${match[3]}`, match[1]);
    }
  }
}

/** Bytes of a build_id event before the name: header, pid, and 24 for the id. */
const BUILD_ID_EVENT_BYTES = 36;
const BUILD_ID_BYTES = 20;

/**
 * perf_record_header_build_id, one after the other: u32 type, u16 misc, u16 size, s32 pid, the id, its length where misc says so, the name. That of
 * the kernel itself is taken.
 */
export function readBuildIds(bytes: Uint8Array, littleEndian: boolean, facts: CaptureFacts): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + BUILD_ID_EVENT_BYTES <= bytes.length; ) {
    const misc = view.getUint16(at + 4, littleEndian);
    const size = view.getUint16(at + 6, littleEndian);
    if (size < BUILD_ID_EVENT_BYTES || at + size > bytes.length) return;
    const id = at + 12;
    const length = misc & MISC_BUILD_ID_SIZE ? Math.min(bytes[id + BUILD_ID_BYTES], BUILD_ID_BYTES) : BUILD_ID_BYTES;
    const name = decoder.decode(bytes.subarray(at + BUILD_ID_EVENT_BYTES, at + size)).split('\0', 1)[0];
    if ((misc & MISC_CPUMODE_MASK) === MISC_CPUMODE_KERNEL && KERNEL_IMAGE.test(name) && length > 0)
      facts.profile.buildId = Buffer.from(bytes.subarray(id, id + length)).toString('hex');
    at += size;
  }
}

/** `[kernel.kallsyms]`, or where perf found the image. */
const KERNEL_IMAGE = /^\[kernel\.kallsyms\]|\/vmlinux/;

/** u32 count, u32 size of an attribute; per event: the attribute, u32 ids, the name, the ids. */
function readEventDescriptions(cursor: FeatureCursor, sizeBytes: number, notes: FeatureNotes): void {
  const count = cursor.u32() ?? 0;
  const attributeBytes = cursor.u32() ?? 0;
  if (attributeBytes < ATTRIBUTE_MIN_BYTES || attributeBytes > sizeBytes) return;
  for (let i = 0; i < count; i++) {
    cursor.skip(attributeBytes);
    const idCount = cursor.u32();
    const name = cursor.string();
    if (idCount === undefined || name === undefined || idCount * 8 > sizeBytes) return;
    const ids: number[] = [];
    for (let k = 0; k < idCount; k++) ids.push(cursor.u64() ?? 0);
    notes.events.push({ name, ids });
  }
}
