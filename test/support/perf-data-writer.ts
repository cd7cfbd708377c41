/** Makes small perf.data files of either byte order, so that tests can hold every record type and damage every byte. */
import { Buffer } from 'node:buffer';

export const SAMPLE_IP = 1;
export const SAMPLE_TID = 2;
export const SAMPLE_TIME = 4;
export const SAMPLE_ADDR = 8;
export const SAMPLE_READ = 16;
export const SAMPLE_CALLCHAIN = 32;
export const SAMPLE_ID = 64;
export const SAMPLE_CPU = 128;
export const SAMPLE_PERIOD = 256;
export const SAMPLE_RAW = 1024;
export const SAMPLE_IDENTIFIER = 65536;

export const CONTEXT_KERNEL = 2n ** 64n - 128n;
export const CONTEXT_USER = 2n ** 64n - 512n;

const SAMPLE_ID_ALL = 18;

export interface WrittenAttribute {
  readonly type: number;
  readonly config: number;
  readonly sampleType: number;
  readonly ids: readonly number[];
  readonly readFormat?: number;
  readonly branchSampleType?: number;
  readonly userRegisters?: number;
  /** Size of the structure, 128 unless told. */
  readonly sizeBytes?: number;
  readonly sampleIdAll?: boolean;
}

/** Numbers and texts one after the other, in one byte order. */
export class Bytes {
  readonly littleEndian: boolean;
  #parts: Buffer[] = [];

  constructor(littleEndian: boolean) {
    this.littleEndian = littleEndian;
  }

  u8(value: number): this {
    return this.#put(Buffer.from([value]));
  }

  u16(value: number): this {
    const part = Buffer.alloc(2);
    if (this.littleEndian) part.writeUInt16LE(value);
    else part.writeUInt16BE(value);
    return this.#put(part);
  }

  u32(value: number): this {
    const part = Buffer.alloc(4);
    if (this.littleEndian) part.writeUInt32LE(value >>> 0);
    else part.writeUInt32BE(value >>> 0);
    return this.#put(part);
  }

  u64(value: bigint | number): this {
    const part = Buffer.alloc(8);
    const unsigned = BigInt.asUintN(64, BigInt(value));
    if (this.littleEndian) part.writeBigUInt64LE(unsigned);
    else part.writeBigUInt64BE(unsigned);
    return this.#put(part);
  }

  raw(bytes: Uint8Array): this {
    return this.#put(Buffer.from(bytes));
  }

  /** Text with NUL, padded to a multiple of `align`. */
  text(text: string, align = 1): this {
    const length = Buffer.byteLength(text) + 1;
    const part = Buffer.alloc(Math.ceil(length / align) * align);
    part.write(text);
    return this.#put(part);
  }

  #put(part: Buffer): this {
    this.#parts.push(part);
    return this;
  }

  get length(): number {
    return this.#parts.reduce((sum, part) => sum + part.length, 0);
  }

  done(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** A record with its header. */
export function record(type: number, misc: number, payload: Bytes): Buffer {
  const body = payload.done();
  const header = new Bytes(payload.littleEndian)
    .u32(type)
    .u16(misc)
    .u16(8 + body.length);
  return Buffer.concat([header.done(), body]);
}

function attributeBytes(attribute: WrittenAttribute, littleEndian: boolean): Buffer {
  const size = attribute.sizeBytes ?? 128;
  const bytes = new Bytes(littleEndian)
    .u32(attribute.type)
    .u32(size)
    .u64(attribute.config)
    .u64(1)
    .u64(attribute.sampleType)
    .u64(attribute.readFormat ?? 0)
    .raw(flagBytes(attribute.sampleIdAll ?? true, littleEndian))
    .u32(0)
    .u32(0)
    .u64(0)
    .u64(0)
    .u64(attribute.branchSampleType ?? 0)
    .u64(attribute.userRegisters ?? 0)
    .raw(Buffer.alloc(40))
    .raw(Buffer.alloc(Math.max(0, size - 128)))
    .done();
  return bytes.subarray(0, size);
}

/** Bit fields start at the low end on little-endian machines, at the high end on others. */
function flagBytes(sampleIdAll: boolean, littleEndian: boolean): Buffer {
  const flags = Buffer.alloc(8);
  if (sampleIdAll) flags[SAMPLE_ID_ALL >> 3] = littleEndian ? 1 << (SAMPLE_ID_ALL & 7) : 0x80 >> (SAMPLE_ID_ALL & 7);
  return flags;
}

export interface WrittenFile {
  readonly littleEndian: boolean;
  readonly attributes: readonly WrittenAttribute[];
  readonly records: readonly Buffer[];
  /** Feature sections by number. */
  readonly features?: ReadonlyMap<number, Buffer>;
  /** Data size in the header; 0 is what a killed recorder leaves. */
  readonly dataBytes?: number;
}

/** A recording in file mode. */
export function perfFile(file: WrittenFile): Buffer {
  const { littleEndian, attributes } = file;
  const features = [...(file.features ?? new Map<number, Buffer>())].sort(([a], [b]) => a - b);
  const attributeSize = attributes[0].sizeBytes ?? 128;
  const idsOffset = 104;
  const idBytes = attributes.map((attribute) => attribute.ids.length * 8);
  const attrsOffset = idsOffset + idBytes.reduce((sum, bytes) => sum + bytes, 0);
  const data = Buffer.concat(file.records);
  const dataOffset = attrsOffset + attributes.length * (attributeSize + 16);
  const bitmap = Buffer.alloc(32);
  for (const [feature] of features) {
    const word = (feature >> 6) * 8;
    const inWord = feature & 63;
    bitmap[littleEndian ? word + (inWord >> 3) : word + 7 - (inWord >> 3)] |= 1 << (inWord & 7);
  }
  const out = new Bytes(littleEndian)
    .raw(Buffer.from(littleEndian ? 'PERFILE2' : '2ELIFREP', 'latin1'))
    .u64(104)
    .u64(attributeSize + 16)
    .u64(attrsOffset)
    .u64(attributes.length * (attributeSize + 16))
    .u64(dataOffset)
    .u64(file.dataBytes ?? data.length)
    .u64(0)
    .u64(0)
    .raw(bitmap);
  for (const attribute of attributes) for (const id of attribute.ids) out.u64(id);
  let ids = idsOffset;
  attributes.forEach((attribute, i) => {
    out.raw(attributeBytes(attribute, littleEndian)).u64(ids).u64(idBytes[i]);
    ids += idBytes[i];
  });
  out.raw(data);
  let offset = dataOffset + data.length + features.length * 16;
  for (const [, section] of features) {
    out.u64(offset).u64(section.length);
    offset += section.length;
  }
  for (const [, section] of features) out.raw(section);
  return out.done();
}

/** The same recording in pipe mode. Tracing data (feature 1) becomes its own record, other features HEADER_FEATURE. */
export function perfPipe(file: WrittenFile): Buffer {
  const { littleEndian } = file;
  const out = new Bytes(littleEndian).raw(Buffer.from(littleEndian ? 'PERFILE2' : '2ELIFREP', 'latin1')).u64(16);
  for (const [feature, section] of file.features ?? []) {
    if (feature === 1) continue;
    const padded = Buffer.alloc(Math.ceil(section.length / 8) * 8);
    section.copy(padded);
    out.raw(record(80, 0, new Bytes(littleEndian).u64(feature).raw(padded)));
  }
  for (const attribute of file.attributes) {
    const payload = new Bytes(littleEndian).raw(attributeBytes(attribute, littleEndian));
    for (const id of attribute.ids) payload.u64(id);
    out.raw(record(64, 0, payload));
  }
  const tracing = file.features?.get(1);
  if (tracing) {
    out.raw(record(66, 0, new Bytes(littleEndian).u32(tracing.length))).raw(tracing);
    out.raw(Buffer.alloc((8 - (tracing.length % 8)) % 8));
  }
  for (const one of file.records) out.raw(one);
  return out.done();
}

/** A feature section that is one text. */
export function textFeature(littleEndian: boolean, text: string): Buffer {
  const length = Math.ceil((Buffer.byteLength(text) + 1) / 64) * 64;
  return new Bytes(littleEndian).u32(length).text(text, 64).done();
}

/** Tracing data with these formats (texts of `format` files) and constant strings. */
export function tracingData(
  littleEndian: boolean,
  formats: readonly { readonly system: string; readonly text: string }[],
  printkFormats = '',
): Buffer {
  const out = new Bytes(littleEndian)
    .raw(Buffer.from('\x17\x08\x44tracing', 'latin1'))
    .text('0.6')
    .u8(littleEndian ? 0 : 1)
    .u8(8)
    .u32(4096);
  for (const header of ['header_page', 'header_event']) out.text(header).u64(0);
  out.u32(0).u32(formats.length);
  for (const { system, text } of formats) out.text(system).u32(1).u64(Buffer.byteLength(text)).raw(Buffer.from(text));
  out.u32(0).u32(Buffer.byteLength(printkFormats)).raw(Buffer.from(printkFormats));
  return out.u64(0).done();
}

/** A format file as tracefs shows it. */
export function formatFile(name: string, id: number, fields: readonly string[], printFormat: string): string {
  const common = [
    'field:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;',
    'field:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;',
    'field:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;',
    'field:int common_pid;\toffset:4;\tsize:4;\tsigned:1;',
  ];
  const lines = [...common, '', ...fields].map((line) => (line === '' ? '' : `\t${line}`));
  return `name: ${name}\nID: ${id}\nformat:\n${lines.join('\n')}\n\nprint fmt: ${printFormat}\n`;
}
