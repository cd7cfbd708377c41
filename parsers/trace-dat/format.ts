/** The trace.dat format: recordings of trace-cmd, file versions 6 and 7. */
import { readFile } from 'node:fs/promises';
import { CaptureError, type EventBatch, fileProblem, NO_CPU } from '../../schema/index.ts';
import type { ParseContext, TraceFormat } from '../format.ts';
import { ftraceText } from '../ftrace-text/format.ts';
import { KernelSymbols } from '../kernel-symbols.ts';
import type { ByteSource, RandomAccess } from '../source.ts';
import { openRandomAccess } from '../spool.ts';
import { latencySource } from './latency-text.ts';
import { FILE_HEADER_BYTES, type FileHeader, isTraceDat, parseFileHeader } from './metadata/file-header.ts';
import { kernelTextOf, profileFromSymbols } from './metadata/kernel-config.ts';
import type { TraceMetadata, TraceText } from './metadata/metadata.ts';
import { readMetadataV6 } from './metadata/v6.ts';
import { readMetadataV7 } from './metadata/v7.ts';
import { Recording } from './recording.ts';
import { decompressorOf } from './records/compression.ts';

export const traceDat: TraceFormat = {
  id: 'trace-dat',
  title: 'trace-cmd trace.dat',
  details: 'versions 6 and 7, any byte order, plain, zlib or zstd inside; the file itself may be .gz or .zst',
  sniff: isTraceDat,
  parse: parseTraceDat,
};

async function* parseTraceDat(source: ByteSource, context: ParseContext): AsyncGenerator<EventBatch> {
  const file = await openRandomAccess(source);
  try {
    const header = parseFileHeader(Uint8Array.from(await file.read(0, FILE_HEADER_BYTES)), source.name);
    const readMetadata = header.version >= 7 ? readMetadataV7 : readMetadataV6;
    const metadata = await readMetadata(file, header, source.name, context.diagnostics);
    if (metadata.buffers.length === 0 && metadata.texts.length === 0) {
      throw new CaptureError(`${source.name}: byte ${file.sizeBytes}: the trace.dat names no ring buffer; it was cut`);
    }
    describe(header, metadata, context);
    if (metadata.kallsyms) {
      profileFromSymbols(metadata.kallsyms, context.facts.profile);
      context.facts.kernelText = kernelTextOf(metadata.kallsyms);
    }
    const symbols = await symbolLoader(metadata, context);
    if (metadata.buffers.length > 0) yield* new Recording(file, header, metadata, context).batches(symbols);
    for (const text of metadata.texts) yield* parseText(file, header, text, source.name, context);
  } finally {
    await file.close();
  }
}

/** Text that a latency tracer left in the file, read by the format that reads such text. */
async function* parseText(
  file: RandomAccess,
  header: FileHeader,
  text: TraceText,
  name: string,
  context: ParseContext,
): AsyncGenerator<EventBatch> {
  const { facts, diagnostics } = context;
  const { format } = facts;
  const decompress = (await decompressorOf(header.compression ?? 'none')) ?? ((data) => data);
  yield* ftraceText.parse(latencySource(name, file, text, decompress, header.littleEndian, diagnostics), context);
  facts.format = `${format}, latency text`;
}

/** Fills in what is known before the first event. */
function describe(header: FileHeader, { options, buffers }: TraceMetadata, { facts }: ParseContext): void {
  const compression = header.compression && header.compression !== 'none' ? ` (${header.compression})` : '';
  facts.format = `trace.dat version ${header.version}${compression}`;
  const clock = options.clock ?? buffers.find(({ clock }) => clock !== '')?.clock;
  if (clock !== undefined) facts.clock = clock;
  let highest = -1;
  for (const { cpus } of buffers) for (const { cpu } of cpus) if (cpu < NO_CPU) highest = Math.max(highest, cpu);
  facts.cpus = options.cpuCount || highest + 1;
  facts.profile.possibleCpus ??= facts.cpus;
  const { traceId, guests, timeShift } = options;
  if (guests.length > 0 || timeShift) facts.hostGuest = { traceId, guests, timeShift };
  if (options.uname !== undefined) describeMachine(options.uname, facts);
}

/** `Linux (none) 6.12.117-labA x86_64`: uname -s -n -r -m (trace-cmd add_uname). */
function describeMachine(uname: string, facts: ParseContext['facts']): void {
  const [, host, release, machine] = /^\S+ (\S+) (\S+)(?: .*)? (\S+)$/.exec(uname) ?? [];
  if (release === undefined) return;
  facts.profile.release ??= release;
  if (host !== '(none)') facts.hostname = host;
  facts.profile.x86 ??= /^(x86_64|i[3-6]86)$/.test(machine);
}

/** Symbols of the capture; of the file that the user gave when the capture has none. */
async function symbolLoader(
  metadata: TraceMetadata,
  { options }: ParseContext,
): Promise<() => KernelSymbols | undefined> {
  const path = options.kallsymsPath;
  let given: Uint8Array | undefined;
  if (path !== undefined) {
    try {
      given = await readFile(path);
    } catch (error) {
      throw new CaptureError(`${path}: the kernel symbols cannot be read: ${fileProblem(error)}`);
    }
  }
  return () => {
    const embedded = metadata.kallsyms;
    const symbols = embedded ? new KernelSymbols(embedded) : undefined;
    if (symbols?.usable) return symbols;
    return given ? new KernelSymbols(given) : symbols;
  };
}
