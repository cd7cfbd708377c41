/**
 * Start of a perf.data (tools/perf/util/header.h struct perf_file_header; Documentation/perf.data-file-format.txt). A file has
 * a table of contents of 104 bytes, a pipe only magic and size, its attributes and features come as records.
 */
import { CaptureError } from '../../../schema/index.ts';
import type { RandomAccess } from '../../source.ts';
import { ATTRIBUTE_MIN_BYTES, decodeEventAttribute, type EventAttribute } from './event-attribute.ts';

export const PIPE_HEADER_BYTES = 16;
const FILE_HEADER_BYTES = 104;
/** `attrs` entries are the attribute and a section of ids. */
const SECTION_BYTES = 16;
/** Attributes and ids that a recording can sensibly have; keeps damaged tables cheap. */
const MAX_ATTRIBUTES = 1 << 16;
const MAX_ATTRIBUTE_BYTES = 4096;
const MAX_IDS = 1 << 22;
const TWO_32 = 4294967296;

/** A stretch of the file; both numbers are checked against its size. */
export interface Section {
  readonly offset: number;
  readonly sizeBytes: number;
}

export type PerfMagic = { readonly littleEndian: boolean };

/**
 * Recognises both byte orders of `PERFILE2` and of `PERFFILE`, which perf wrote before Linux 3.0. The magic is stored as a
 * number, so a file of the other byte order begins with `2ELIFREP`.
 */
export function perfMagic(head: Uint8Array): PerfMagic | undefined {
  const text = String.fromCharCode(...head.subarray(0, 8));
  if (text === 'PERFILE2' || text === 'PERFFILE') return { littleEndian: true };
  if (text === '2ELIFREP' || text === 'ELIFFREP') return { littleEndian: false };
  return undefined;
}

function readU64(view: DataView, at: number, littleEndian: boolean): number {
  const lo = view.getUint32(littleEndian ? at : at + 4, littleEndian);
  return view.getUint32(littleEndian ? at + 4 : at, littleEndian) * TWO_32 + lo;
}

/** Whether the capture is a pipe recording (`perf record -o -`): its header holds nothing but its own size. */
export function isPipeHeader(head: Uint8Array, littleEndian: boolean): boolean {
  if (head.length < PIPE_HEADER_BYTES) return false;
  return readU64(viewOf(head), 8, littleEndian) === PIPE_HEADER_BYTES;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export interface PerfFileHeader {
  readonly attributes: EventAttribute[];
  /** Event id → attribute index, in file order. */
  readonly ids: { readonly id: number; readonly index: number }[];
  readonly data: Section;
  /** Feature number → where it is. Damaged entries are left out. */
  readonly features: ReadonlyMap<number, Section>;
  /** What was wrong, for the diagnostics: byte and text. */
  readonly problems: { readonly byte: number; readonly text: string }[];
}

/**
 * Reads the table of contents, the attributes with their ids, and the places of the feature sections.
 * @throws CaptureError when there is no complete header or no attribute.
 */
export async function readFileHeader(
  access: RandomAccess,
  littleEndian: boolean,
  name: string,
): Promise<PerfFileHeader> {
  const head = Uint8Array.from(await access.read(0, FILE_HEADER_BYTES));
  if (head.length < FILE_HEADER_BYTES) {
    throw new CaptureError(
      `${name}: byte ${head.length}: a perf.data header has ${FILE_HEADER_BYTES} bytes, the file ends before; copy it again`,
    );
  }
  const view = viewOf(head);
  const section = (at: number): Section => ({
    offset: readU64(view, at, littleEndian),
    sizeBytes: readU64(view, at + 8, littleEndian),
  });
  const problems: { byte: number; text: string }[] = [];
  const entryBytes = readU64(view, 16, littleEndian);
  const attrs = section(24);
  const attributeBytes = entryBytes - SECTION_BYTES;
  if (attributeBytes < ATTRIBUTE_MIN_BYTES || attributeBytes > MAX_ATTRIBUTE_BYTES) {
    throw new CaptureError(
      `${name}: byte 16: perf.data header with event attributes of ${attributeBytes} bytes; damaged`,
    );
  }
  const present = Math.max(0, Math.min(attrs.sizeBytes, access.sizeBytes - attrs.offset));
  if (present < attrs.sizeBytes) problems.push({ byte: 24, text: 'event attributes end beyond the file' });
  const count = Math.min(MAX_ATTRIBUTES, Math.floor(present / entryBytes));
  if (!(count > 0)) {
    throw new CaptureError(
      `${name}: byte 24: no event attributes in this perf.data; the recorder was killed, or the file is damaged`,
    );
  }
  const table = Uint8Array.from(await access.read(attrs.offset, count * entryBytes));
  const attributes: EventAttribute[] = [];
  const ids: { id: number; index: number }[] = [];
  const tableView = viewOf(table);
  for (let index = 0; index < count && (index + 1) * entryBytes <= table.length; index++) {
    const at = index * entryBytes;
    attributes.push(decodeEventAttribute(tableView, at, attributeBytes, littleEndian, index));
    const idsOffset = readU64(tableView, at + attributeBytes, littleEndian);
    const idsBytes = readU64(tableView, at + attributeBytes + 8, littleEndian);
    if (idsOffset + idsBytes > access.sizeBytes || ids.length + idsBytes / 8 > MAX_IDS) {
      problems.push({ byte: attrs.offset + at + attributeBytes, text: 'event ids lie beyond the file' });
      continue;
    }
    const list = await access.read(idsOffset, idsBytes);
    const listView = viewOf(list);
    for (let i = 0; i + 8 <= list.length; i += 8) ids.push({ id: readU64(listView, i, littleEndian), index });
  }
  const declared = section(40);
  const data = clipData(declared, access.sizeBytes, problems);
  const features = await readFeatureTable(access, head, littleEndian, declared, problems);
  return { attributes, ids, data, features, problems };
}

/**
 * A recorder that was killed leaves a data size of 0: then everything after the header is data (perf does the same,
 * tools/perf/util/session.c).
 */
function clipData(data: Section, sizeBytes: number, problems: { byte: number; text: string }[]): Section {
  const room = Math.max(0, sizeBytes - data.offset);
  if (data.sizeBytes === 0 && room > 0) {
    problems.push({ byte: 48, text: 'data size is 0: the recorder was killed; all that follows is taken as data' });
    return { offset: data.offset, sizeBytes: room };
  }
  if (data.sizeBytes > room) {
    problems.push({ byte: 48, text: `data of ${data.sizeBytes} bytes, the file holds ${room}` });
    return { offset: Math.min(data.offset, sizeBytes), sizeBytes: room };
  }
  return data;
}

/** One section per set bit of the feature bitmap, in bit order, right behind the data. */
async function readFeatureTable(
  access: RandomAccess,
  head: Uint8Array,
  littleEndian: boolean,
  data: Section,
  problems: { byte: number; text: string }[],
): Promise<Map<number, Section>> {
  const features = new Map<number, Section>();
  if (data.sizeBytes === 0) return features;
  const bits = featureBits(head, littleEndian);
  const tableOffset = data.offset + data.sizeBytes;
  if (bits.length === 0) return features;
  const table =
    tableOffset < access.sizeBytes ? await access.read(tableOffset, bits.length * SECTION_BYTES) : undefined;
  if (!table || table.length < bits.length * SECTION_BYTES) {
    problems.push({ byte: Math.min(tableOffset, access.sizeBytes), text: 'the feature sections are missing' });
  }
  const view = table ? viewOf(table) : undefined;
  for (let i = 0; view && table && i < bits.length && (i + 1) * SECTION_BYTES <= table.length; i++) {
    const offset = readU64(view, i * SECTION_BYTES, littleEndian);
    const sizeBytes = readU64(view, i * SECTION_BYTES + 8, littleEndian);
    if (offset + sizeBytes <= access.sizeBytes) features.set(bits[i], { offset, sizeBytes });
    else problems.push({ byte: tableOffset + i * SECTION_BYTES, text: `feature ${bits[i]} lies beyond the file` });
  }
  return features;
}

/**
 * The bitmap of 256 bits was written as an array of `long` by the recording machine: of 64 or 32 bits. Only the host-data
 * bits of a right reading make sense, so a big-endian bitmap is tried as 64-bit words first (perf_file_header__read).
 */
function featureBits(head: Uint8Array, littleEndian: boolean): number[] {
  const bytes = head.subarray(72, FILE_HEADER_BYTES);
  const read = (wordBytes: number) => {
    const bits: number[] = [];
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const inWord = (bit >> 3) % wordBytes;
      const word = (bit >> 3) - inWord;
      const byte = littleEndian ? bytes[bit >> 3] : bytes[word + wordBytes - 1 - inWord];
      if ((byte >> (bit & 7)) & 1) bits.push(bit);
    }
    return bits;
  };
  const wide = read(8);
  return littleEndian || wide.includes(FEATURE_HOSTNAME) ? wide : read(4);
}

/** Every recording of a real machine names its host: the test bit of perf itself for the word size. */
const FEATURE_HOSTNAME = 3;
