/**
 * perf.data: recordings of `perf record`, as files and as pipes (`perf record -o -`), of either byte order.
 *
 * A file has its tracing data and other features behind the samples, so it needs random access; a pipe brings everything in
 * order. Both carry the same records.
 */
import { CaptureError, type EventBatch } from '../../schema/index.ts';
import type { ParseContext, TraceFormat } from '../format.ts';
import type { ByteSource, RandomAccess } from '../source.ts';
import { openRandomAccess } from '../spool.ts';
import { FEATURE_TRACING_DATA, USED_FEATURES } from './header/features.ts';
import {
  isPipeHeader,
  type PerfFileHeader,
  PIPE_HEADER_BYTES,
  perfMagic,
  readFileHeader,
  type Section,
} from './header/file-header.ts';
import { RecordReader } from './reader.ts';
import { Recording } from './recording.ts';
import { BLOCK_BYTES } from './records/blocks.ts';

/** Feature sections other than tracing data that are read; theirs are some kilobytes. */
const MAX_FEATURE_BYTES = 16 << 20;
const MAX_TRACING_BYTES = 256 << 20;

export const perfData: TraceFormat = {
  id: 'perf-data',
  title: 'perf.data',
  details: 'file and pipe recordings of perf record, either byte order, compressed records (-z), call chains',
  sniff: (head) => perfMagic(head) !== undefined,
  parse,
};

async function* parse(source: ByteSource, context: ParseContext): AsyncGenerator<EventBatch> {
  const head = await source.head(PIPE_HEADER_BYTES);
  const magic = perfMagic(head);
  if (!magic || head.length < PIPE_HEADER_BYTES) {
    throw new CaptureError(`${source.name}: byte 0: not a complete perf.data header`);
  }
  context.facts.format = 'perf.data';
  context.facts.clock = 'perf';
  const recording = new Recording(context, magic.littleEndian);
  if (isPipeHeader(head, magic.littleEndian)) yield* parsePipe(source, context, recording);
  else yield* parseFile(source, context, recording);
}

async function* parsePipe(source: ByteSource, context: ParseContext, recording: Recording): AsyncGenerator<EventBatch> {
  context.facts.format = 'perf.data (pipe)';
  const reader = new RecordReader(context, recording, PIPE_HEADER_BYTES);
  let headerLeft = PIPE_HEADER_BYTES;
  try {
    for await (const chunk of source.chunks()) {
      const skipped = Math.min(headerLeft, chunk.length);
      headerLeft -= skipped;
      reader.feed(chunk.subarray(skipped));
      yield* reader.drain();
    }
  } catch (error) {
    // Damage in the compression around the capture: what came before it counts.
    if (!(error instanceof CaptureError) || recording.table.attributes.length === 0) throw error;
    context.diagnostics.report('truncated', { byte: reader.captureEnd }, error.message);
  }
  yield* reader.finish();
}

async function* parseFile(source: ByteSource, context: ParseContext, recording: Recording): AsyncGenerator<EventBatch> {
  const access = await openRandomAccess(source);
  try {
    const header = await readFileHeader(access, recording.littleEndian, source.name);
    for (const { byte, text } of header.problems) context.diagnostics.report('truncated', { byte }, text);
    await readDescription(access, header, context, recording);
    const reader = new RecordReader(context, recording, header.data.offset, access);
    yield* readRecords(access, header.data, reader);
    yield* reader.finish();
  } finally {
    await access.close();
  }
}

/** Feeds the data section to the reader; the next stretch is on its way while one is worked on. */
async function* readRecords(access: RandomAccess, data: Section, reader: RecordReader): AsyncGenerator<EventBatch> {
  const end = data.offset + data.sizeBytes;
  let offset = data.offset;
  for (let next = readStretch(access, offset, end); ; ) {
    const chunk = await next;
    if (chunk.length === 0) return;
    offset += chunk.length;
    reader.feed(chunk);
    next = readStretch(access, offset, end);
    // Nobody waits for it when the reader ends early.
    next.catch(() => undefined);
    yield* reader.drain();
  }
}

/** As much as the reader copies at once. */
function readStretch(access: RandomAccess, offset: number, end: number): Promise<Uint8Array> {
  return access.read(offset, Math.min(BLOCK_BYTES, end - offset));
}

/** Attributes, features and formats: all that samples are read with. */
async function readDescription(
  access: RandomAccess,
  header: PerfFileHeader,
  context: ParseContext,
  recording: Recording,
): Promise<void> {
  for (const attribute of header.attributes) recording.addAttribute(attribute);
  for (const { id, index } of header.ids) recording.table.addId(id, index);
  for (const feature of USED_FEATURES) {
    const section = header.features.get(feature);
    if (!section || section.sizeBytes > MAX_FEATURE_BYTES) continue;
    recording.applyFeature(feature, Uint8Array.from(await access.read(section.offset, section.sizeBytes)));
  }
  const tracing = header.features.get(FEATURE_TRACING_DATA);
  if (tracing && tracing.sizeBytes <= MAX_TRACING_BYTES) {
    recording.applyTracingData(Uint8Array.from(await access.read(tracing.offset, tracing.sizeBytes)), tracing.offset);
  } else if (tracing) context.diagnostics.report('unsupported', { byte: tracing.offset }, 'oversized tracing data');
  recording.nameEvents();
}
