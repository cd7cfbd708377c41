/**
 * Metadata of version 7: sections `u16 id, u16 flags, u32 description, u64 size`, found through the options, which are sections
 * themselves and form a chain (option DONE holds the offset of the next one, 0 at the end).
 */
import { CaptureError, type DiagnosticSink } from '../../../schema/index.ts';
import type { RandomAccess } from '../../source.ts';
import { type Decompressor, decompressorOf } from '../records/compression.ts';
import { ByteReader, MetadataError } from './byte-reader.ts';
import type { FileHeader } from './file-header.ts';
import { isPageSize } from './file-header.ts';
import { readHeaderInfo } from './header-info.ts';
import type { FormatFile, PageLayout, TraceBuffer, TraceMetadata, TraceOptions, TraceText } from './metadata.ts';
import {
  emptyOptions,
  OPTION_DONE,
  readOption,
  SECTION_CMDLINES,
  SECTION_EVENT_FORMATS,
  SECTION_FTRACE_EVENTS,
  SECTION_HEADER_INFO,
  SECTION_KALLSYMS,
  SECTION_PRINTK,
} from './options.ts';
import {
  MAX_KALLSYMS_BYTES,
  MAX_TEXT_BYTES,
  readEventFormats,
  readFtraceFormats,
  readSized,
  textOf,
} from './sections.ts';

const SECTION_HEADER_BYTES = 16;
const FLAG_COMPRESSED = 1;
/** Sections are read whole; the largest real one is the symbol table. */
const MAX_SECTION_BYTES = 64 << 20;
const MAX_OPTION_SECTIONS = 64;
/** Section ids of the ring buffers and of latency text equal the ids of their options. */
const SECTION_BUFFER = 3;
const SECTION_BUFFER_TEXT = 22;

interface SectionHeader {
  readonly id: number;
  readonly compressed: boolean;
  /** Offset behind the section header. */
  readonly dataOffset: number;
  /** Bytes in the file, cut to what the file has. */
  readonly sizeBytes: number;
}

class SectionFile {
  readonly #file: RandomAccess;
  readonly #header: FileHeader;
  readonly #decompressor: Decompressor;

  constructor(file: RandomAccess, header: FileHeader, decompressor: Decompressor) {
    this.#file = file;
    this.#header = header;
    this.#decompressor = decompressor;
  }

  /** @throws MetadataError when there is no such section at the offset */
  async header(offset: number, id: number): Promise<SectionHeader> {
    const bytes = Uint8Array.from(await this.#file.read(offset, SECTION_HEADER_BYTES));
    const reader = new ByteReader(bytes, this.#header.littleEndian, offset);
    const found = reader.u16();
    const flags = reader.u16();
    reader.u32();
    const size = reader.u64();
    if (found !== id) throw new MetadataError(`section ${id} expected, section ${found} found`, offset);
    const dataOffset = offset + SECTION_HEADER_BYTES;
    const compressed = (flags & FLAG_COMPRESSED) !== 0 && this.#header.compression !== 'none';
    return { id, compressed, dataOffset, sizeBytes: Math.min(size, this.#file.sizeBytes - dataOffset) };
  }

  /** @throws MetadataError when the section is not there or damaged */
  async open(offset: number, id: number): Promise<ByteReader> {
    const { compressed, dataOffset, sizeBytes } = await this.header(offset, id);
    if (sizeBytes > MAX_SECTION_BYTES) throw new MetadataError(`a section of ${sizeBytes} bytes`, offset);
    const bytes = Uint8Array.from(await this.#file.read(dataOffset, sizeBytes));
    const little = this.#header.littleEndian;
    return compressed
      ? new ByteReader(this.#decompress(bytes, dataOffset), little)
      : new ByteReader(bytes, little, dataOffset);
  }

  #decompress(block: Uint8Array, origin: number): Uint8Array {
    const reader = new ByteReader(block, this.#header.littleEndian, origin);
    const size = reader.u32();
    const plainBytes = reader.u32();
    if (plainBytes > MAX_SECTION_BYTES) throw new MetadataError(`a section of ${plainBytes} bytes`, origin);
    const data = reader.take(size);
    try {
      return this.#decompressor(data, plainBytes);
    } catch (error) {
      throw new MetadataError(`compressed data is damaged (${(error as Error).message})`, origin);
    }
  }
}

/** @throws CaptureError when the parts without which no event can be read are missing or damaged. */
export async function readMetadataV7(
  file: RandomAccess,
  header: FileHeader,
  name: string,
  diagnostics: DiagnosticSink,
): Promise<TraceMetadata> {
  const decompressor = await decompressorOf(header.compression ?? 'none');
  if (!decompressor) {
    throw new CaptureError(
      `${name}: byte 0: compression "${header.compression}" of the trace.dat is not known; zlib, zstd and none are`,
    );
  }
  const sections = new SectionFile(file, header, decompressor);
  const attempt = async <T>(what: string, read: () => Promise<T>, needed: boolean): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof MetadataError)) throw error;
      const text = `${what}: ${error.message}`;
      if (needed) throw new CaptureError(`${name}: byte ${error.byteOffset}: cannot read the trace.dat: ${text}`);
      diagnostics.report(error.ended ? 'truncated' : 'record-malformed', { byte: error.byteOffset }, text);
      return undefined;
    }
  };
  const options = emptyOptions();
  await attempt('options', () => readOptions(sections, header.optionsOffset, options, diagnostics), false);
  const reading = async <T>(id: number, read: (reader: ByteReader) => T): Promise<T> => {
    const offset = options.sections.get(id);
    if (offset === undefined) throw new MetadataError('the section is missing', header.optionsOffset);
    return read(await sections.open(offset, id));
  };
  const readInfo = (reader: ByteReader) => readHeaderInfo(reader);
  const layout = await attempt('header_page', () => reading(SECTION_HEADER_INFO, readInfo), true);
  const formats: FormatFile[] = [];
  const readFtrace = (reader: ByteReader) => readFtraceFormats(reader, formats);
  await attempt('ftrace formats', () => reading(SECTION_FTRACE_EVENTS, readFtrace), false);
  const readEvents = (reader: ByteReader) => readEventFormats(reader, formats);
  await attempt('event formats', () => reading(SECTION_EVENT_FORMATS, readEvents), formats.length === 0);
  const text = async (what: string, id: number, sizeBytes: 4 | 8): Promise<string> => {
    if (!options.sections.has(id)) return '';
    const read = (reader: ByteReader) => textOf(readSized(reader, sizeBytes, MAX_TEXT_BYTES));
    return (await attempt(what, () => reading(id, read), false)) ?? '';
  };
  return {
    layout: layout as PageLayout,
    formats,
    kallsyms: await readKallsyms(sections, options, diagnostics),
    printkFormats: await text('printk formats', SECTION_PRINTK, 4),
    savedCmdlines: await text('saved command lines', SECTION_CMDLINES, 8),
    options,
    buffers: await readBuffers(sections, header, options, diagnostics),
    texts: await readTexts(sections, options, diagnostics),
  };
}

async function readOptions(
  sections: SectionFile,
  first: number,
  options: TraceOptions,
  diagnostics: DiagnosticSink,
): Promise<void> {
  const seen = new Set<number>();
  for (let offset = first; offset !== 0; ) {
    if (seen.has(offset) || seen.size === MAX_OPTION_SECTIONS) throw new MetadataError('a loop', offset);
    seen.add(offset);
    const reader = await sections.open(offset, OPTION_DONE);
    offset = 0;
    for (let done = false; !done; ) {
      const id = reader.u16();
      const size = reader.u32();
      const at = reader.origin + reader.at;
      const data = new ByteReader(reader.take(size), reader.littleEndian, at);
      done = id === OPTION_DONE;
      try {
        if (done) offset = data.u64();
        else readOption(id, data, true, options);
      } catch (error) {
        if (!(error instanceof MetadataError)) throw error;
        diagnostics.report('record-malformed', { byte: error.byteOffset }, `option ${id}: ${error.message}`);
      }
    }
  }
}

/** A damaged table counts as missing. */
async function readKallsyms(
  sections: SectionFile,
  options: TraceOptions,
  diagnostics: DiagnosticSink,
): Promise<Uint8Array | undefined> {
  const offset = options.sections.get(SECTION_KALLSYMS);
  if (offset === undefined) return undefined;
  try {
    return readSized(await sections.open(offset, SECTION_KALLSYMS), 4, MAX_KALLSYMS_BYTES);
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    const kind = error.ended ? 'truncated' : 'record-malformed';
    diagnostics.report(kind, { byte: offset }, `kallsyms: ${error.message}`);
    return undefined;
  }
}

async function readBuffers(
  sections: SectionFile,
  header: FileHeader,
  options: TraceOptions,
  diagnostics: DiagnosticSink,
): Promise<TraceBuffer[]> {
  const buffers: TraceBuffer[] = [];
  for (const { offset, name, clock, pageBytes: given, cpus } of options.buffers) {
    const pageBytes = given || header.pageBytes;
    try {
      if (!isPageSize(pageBytes)) throw new MetadataError(`page size of ${pageBytes} bytes`, offset);
      const { compressed } = await sections.header(offset, SECTION_BUFFER);
      buffers.push({ name, clock, pageBytes, compressed, cpus });
    } catch (error) {
      if (!(error instanceof MetadataError)) throw error;
      const text = `buffer "${name}": ${error.message}`;
      diagnostics.report(error.ended ? 'truncated' : 'record-malformed', { byte: error.byteOffset }, text);
    }
  }
  return buffers;
}

async function readTexts(
  sections: SectionFile,
  options: TraceOptions,
  diagnostics: DiagnosticSink,
): Promise<TraceText[]> {
  const texts: TraceText[] = [];
  for (const { offset, name } of options.texts) {
    try {
      const { compressed, dataOffset, sizeBytes } = await sections.header(offset, SECTION_BUFFER_TEXT);
      texts.push({ offset: dataOffset, sizeBytes, compressed });
    } catch (error) {
      if (!(error instanceof MetadataError)) throw error;
      const text = `text of buffer "${name}": ${error.message}`;
      diagnostics.report(error.ended ? 'truncated' : 'record-malformed', { byte: error.byteOffset }, text);
    }
  }
  return texts;
}
