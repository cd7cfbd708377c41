/**
 * Metadata of version 6, one part behind the other without a table of contents:
 * header_page, header_event, ftrace formats, event formats, kallsyms, printk formats, saved command lines, number of CPUs,
 * "options  \0" with options, then "flyrecord\0" with a table of CPUs or "latency  \0" with text to the end of the file.
 */
import { CaptureError, type DiagnosticSink } from '../../../schema/index.ts';
import type { RandomAccess } from '../../source.ts';
import { ByteReader, MetadataError } from './byte-reader.ts';
import type { FileHeader } from './file-header.ts';
import { readHeaderInfo } from './header-info.ts';
import type {
  BufferOption,
  CpuSection,
  FormatFile,
  TraceBuffer,
  TraceMetadata,
  TraceOptions,
  TraceText,
} from './metadata.ts';
import { clockIn, emptyOptions, MAX_CPUS, OPTION_DONE, readOption } from './options.ts';
import {
  MAX_KALLSYMS_BYTES,
  MAX_TEXT_BYTES,
  readEventFormats,
  readFtraceFormats,
  readSized,
  textOf,
} from './sections.ts';

const TAG_BYTES = 10;
const FLYRECORD = 'flyrecord\0';
/** First guess of the metadata's size; it is read again, four times larger, while the guess is too small. */
const FIRST_READ_BYTES = 4 << 20;
const MAX_METADATA_BYTES = 256 << 20;

/** Something wrong that does not stop the reading. */
interface Problem {
  readonly byte: number;
  readonly text: string;
}

/** @throws CaptureError when the metadata is cut or contradicts itself. */
export async function readMetadataV6(
  file: RandomAccess,
  header: FileHeader,
  name: string,
  diagnostics: DiagnosticSink,
): Promise<TraceMetadata> {
  for (let size = FIRST_READ_BYTES; ; size *= 4) {
    const bytes = Uint8Array.from(await file.read(0, size));
    const whole = bytes.length === file.sizeBytes;
    try {
      const reader = new ByteReader(bytes, header.littleEndian);
      reader.at = header.sizeBytes;
      const { metadata, instances, problems } = readParts(reader, header, file.sizeBytes);
      for (const { byte, text } of problems) diagnostics.report('record-malformed', { byte }, text);
      for (const instance of instances) await readInstance(file, header, instance, metadata, diagnostics);
      return metadata;
    } catch (error) {
      if (!(error instanceof MetadataError)) throw error;
      if (error.ended && !whole && size < MAX_METADATA_BYTES) continue;
      const what = error.ended ? 'the trace.dat ends inside its headers' : 'the trace.dat headers are damaged';
      throw new CaptureError(`${name}: byte ${error.byteOffset}: ${what}: ${error.message}`);
    }
  }
}

function readParts(reader: ByteReader, header: FileHeader, fileBytes: number) {
  const layout = readHeaderInfo(reader);
  const formats: FormatFile[] = [];
  readFtraceFormats(reader, formats);
  readEventFormats(reader, formats);
  const kallsyms = readSized(reader, 4, MAX_KALLSYMS_BYTES);
  const printkFormats = textOf(readSized(reader, 4, MAX_TEXT_BYTES));
  const savedCmdlines = textOf(readSized(reader, 8, MAX_TEXT_BYTES));
  const cpuCount = reader.u32();
  const options = emptyOptions();
  let tag = reader.text(TAG_BYTES);
  const problems: Problem[] = [];
  if (tag.startsWith('options')) tag = readOptions(reader, options, problems);
  const cpus = Math.max(cpuCount, options.cpuCount ?? 0);
  if (cpus > MAX_CPUS) throw new MetadataError(`${cpus} CPUs`, reader.at);
  options.cpuCount ??= cpuCount;
  const texts: TraceText[] = [];
  const buffers: TraceBuffer[] = [];
  if (tag.startsWith('latency')) {
    texts.push({ offset: reader.at, sizeBytes: fileBytes - reader.at, compressed: false });
  } else if (tag.startsWith('flyrecord')) {
    const sections = readCpuTable(reader, options.cpuCount);
    const clock = options.clockFollows ? clockBehindTable(reader) : undefined;
    if (clock !== undefined) options.clock ??= clock;
    buffers.push({ name: '', clock: '', pageBytes: header.pageBytes, compressed: false, cpus: sections });
  } else throw new MetadataError('"flyrecord" or "latency" expected', reader.at - TAG_BYTES);
  const metadata = {
    layout,
    formats,
    kallsyms: kallsyms.length > 0 ? kallsyms : undefined,
    printkFormats,
    savedCmdlines,
    options,
    buffers,
    texts,
  };
  return { metadata, instances: options.buffers, problems };
}

/**
 * The options and the tag behind them. Some writers put options there whose sizes are wrong; the tag can be found all the same.
 */
function readOptions(reader: ByteReader, options: TraceOptions, problems: Problem[]): string {
  const start = reader.at;
  try {
    for (let id = reader.u16(); id !== OPTION_DONE; id = reader.u16()) {
      const size = reader.u32();
      const at = reader.at;
      readOne(id, new ByteReader(reader.take(size), reader.littleEndian, at), options, problems);
    }
    const tag = reader.text(TAG_BYTES);
    if (tag.startsWith('flyrecord') || tag.startsWith('latency')) return tag;
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
  }
  const { bytes } = reader;
  const found = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(FLYRECORD, start);
  if (found < 0) throw new MetadataError('options without an end', start, true);
  problems.push({ byte: start, text: `options that do not end before byte ${found}` });
  reader.at = found;
  return reader.text(TAG_BYTES);
}

function readOne(id: number, data: ByteReader, options: TraceOptions, problems: Problem[]): void {
  try {
    readOption(id, data, false, options);
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    problems.push({ byte: data.origin, text: `option ${id}: ${error.message}` });
  }
}

function readCpuTable(reader: ByteReader, count: number): CpuSection[] {
  const cpus: CpuSection[] = [];
  for (let cpu = 0; cpu < count; cpu++) cpus.push({ cpu, offset: reader.u64(), sizeBytes: reader.u64() });
  return cpus;
}

/** `u64 size` and the text of tracefs `trace_clock`; early writers forgot it (trace-cmd then assumes the local clock). */
function clockBehindTable(reader: ByteReader): string | undefined {
  try {
    const size = reader.u64();
    return size <= 4096 ? clockIn(reader.text(size)) : undefined;
  } catch (error) {
    if (error instanceof MetadataError) return undefined;
    throw error;
  }
}

/** An instance begins with its own tag and table of CPUs, at the offset that its option gives. */
async function readInstance(
  file: RandomAccess,
  header: FileHeader,
  instance: BufferOption,
  metadata: TraceMetadata & { buffers: TraceBuffer[]; texts: TraceText[] },
  diagnostics: DiagnosticSink,
): Promise<void> {
  const count = metadata.options.cpuCount ?? 0;
  const bytes = Uint8Array.from(await file.read(instance.offset, TAG_BYTES + count * 16));
  try {
    const reader = new ByteReader(bytes, header.littleEndian, instance.offset);
    const tag = reader.text(TAG_BYTES);
    if (tag.startsWith('latency')) {
      const offset = instance.offset + TAG_BYTES;
      metadata.texts.push({ offset, sizeBytes: file.sizeBytes - offset, compressed: false });
    } else if (tag.startsWith('flyrecord')) {
      const cpus = readCpuTable(reader, count);
      const { pageBytes } = header;
      metadata.buffers.push({ name: instance.name, clock: '', pageBytes, compressed: false, cpus });
    } else throw new MetadataError('"flyrecord" or "latency" expected', instance.offset);
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    const text = `instance "${instance.name}": ${error.message}`;
    diagnostics.report(error.ended ? 'truncated' : 'record-malformed', { byte: error.byteOffset }, text);
  }
}
