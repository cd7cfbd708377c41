/** From metadata to batches: opens the CPUs of all ring buffers, merges their records by time, writes them. */
import { BatchWriter, CaptureError, EventBatch, NO_CPU } from '../../schema/index.ts';
import type { ParseContext } from '../format.ts';
import type { KernelSymbols } from '../kernel-symbols.ts';
import type { RandomAccess } from '../source.ts';
import { AddressNames } from '../tracefs-format/address-names.ts';
import type { DecodeContext } from '../tracefs-format/decode/decode-context.ts';
import { PrintkFormats } from '../tracefs-format/printk-formats.ts';
import type { FileHeader } from './metadata/file-header.ts';
import type { CpuSection, TraceBuffer, TraceMetadata } from './metadata/metadata.ts';
import { type Decompressor, decompressorOf } from './records/compression.ts';
import { recordContexts } from './records/context.ts';
import { CpuStream } from './records/cpu-stream.ts';
import { CompressedPages, type PageSource, PlainPages } from './records/page-source.ts';
import { StreamHeap } from './records/stream-heap.ts';
import { TaskNames } from './records/task-names.ts';
import { timeScale } from './records/time-scale.ts';
import { RecordWriter } from './records/writer.ts';

/** Memory for the windows of all CPUs together, and the most that one CPU gets. */
const WINDOWS_BYTES = 64 << 20;
const MAX_WINDOW_BYTES = 1 << 20;
/** A record and the marker of a loss before it. */
const ROWS_PER_RECORD = 2;

export class Recording {
  readonly #file: RandomAccess;
  readonly #header: FileHeader;
  readonly #metadata: TraceMetadata;
  readonly #context: ParseContext;

  constructor(file: RandomAccess, header: FileHeader, metadata: TraceMetadata, context: ParseContext) {
    this.#file = file;
    this.#header = header;
    this.#metadata = metadata;
    this.#context = context;
  }

  /**
   * All events in time order; completes the facts.
   * @param symbols makes the symbol table when the first address is to be named
   */
  async *batches(symbols: () => KernelSymbols | undefined): AsyncGenerator<EventBatch> {
    const { dictionary, diagnostics, facts } = this.#context;
    const { formats, layout, options, savedCmdlines } = this.#metadata;
    const streams = this.#streams(await decompressorOf(this.#header.compression ?? 'none'));
    let earliest: bigint | undefined;
    for (const stream of streams) {
      const time = await stream.open();
      if (time !== undefined && (earliest === undefined || time < earliest)) earliest = time;
    }
    const scale = timeScale(earliest ?? 0n, facts.clock, options.tsc, options.offsetNs);
    facts.baseNs = scale.baseNs;
    facts.timeUnit = scale.unit;
    const addresses = new AddressNames(
      dictionary,
      diagnostics,
      symbols,
      new PrintkFormats(this.#metadata.printkFormats),
    );
    const decode: DecodeContext = {
      dictionary,
      diagnostics,
      addresses,
      littleEndian: this.#header.littleEndian,
      longBytes: layout.commitBytes,
    };
    const names = new TaskNames(savedCmdlines, dictionary);
    const records = new RecordWriter(formats, decode, names, recordContexts(facts.profile.release), scale);
    const heap = new StreamHeap();
    for (const stream of streams) {
      await stream.begin(scale.rawBase);
      heap.add(stream);
    }
    yield* this.#merge(heap, streams, records);
    facts.lost += Math.max(records.lost, options.lost);
    if (options.lost > records.lost) {
      const text = `the ring buffers count ${options.lost} lost, gaps between records tell of ${records.lost}`;
      diagnostics.report('events-lost', { byte: 0 }, text, options.lost - records.lost);
    } else if (records.unsized > 0)
      diagnostics.report('loss-unsized', { byte: 0 }, 'gaps between ring-buffer pages', records.unsized);
  }

  async *#merge(heap: StreamHeap, streams: readonly CpuStream[], records: RecordWriter): AsyncGenerator<EventBatch> {
    const { dictionary } = this.#context;
    const writer = new BatchWriter(new EventBatch());
    const finished = (): EventBatch => {
      writer.batch.delta = dictionary.takeDelta();
      return writer.batch;
    };
    const isFull = () => writer.batch.length + ROWS_PER_RECORD > writer.batch.capacity;
    for (let stream = heap.first; stream !== undefined; stream = heap.first) {
      if (isFull()) {
        yield finished();
        writer.reset(new EventBatch());
      }
      const more = writeRun(stream, heap.second, records, writer);
      if (!more) await stream.refill();
      heap.settleFirst();
    }
    for (const stream of streams) {
      if (isFull()) {
        yield finished();
        writer.reset(new EventBatch());
      }
      records.writeLossAtEnd(stream, writer);
    }
    if (writer.batch.length > 0) yield finished();
  }

  /** One stream per CPU with data; those of the top buffer go first, as in trace-cmd. */
  #streams(decompress: Decompressor | undefined): CpuStream[] {
    const { buffers, layout } = this.#metadata;
    const sections = this.#usableSections([...buffers].sort((a, b) => Number(a.name !== '') - Number(b.name !== '')));
    const share = Math.floor(WINDOWS_BYTES / Math.max(1, sections.length));
    return sections.map(({ buffer, section }, order) => {
      const pages = Math.max(1, Math.floor(Math.min(share, MAX_WINDOW_BYTES) / buffer.pageBytes));
      const source = this.#pages(buffer, section, pages * buffer.pageBytes, decompress);
      const { littleEndian } = this.#header;
      return new CpuStream(
        section.cpu,
        order,
        source,
        layout,
        buffer.pageBytes,
        littleEndian,
        this.#context.diagnostics,
      );
    });
  }

  #pages(
    buffer: TraceBuffer,
    section: CpuSection,
    windowBytes: number,
    decompress: Decompressor | undefined,
  ): PageSource {
    if (!buffer.compressed) return new PlainPages(this.#file, section, windowBytes);
    if (!decompress) throw new CaptureError(`compression "${this.#header.compression}" is not known`);
    const { littleEndian } = this.#header;
    return new CompressedPages(this.#file, section, decompress, littleEndian, this.#context.diagnostics, windowBytes);
  }

  /** Sections as far as the file has them. Together they are no larger than the file, or the table is damaged. */
  #usableSections(buffers: readonly TraceBuffer[]): { buffer: TraceBuffer; section: CpuSection }[] {
    const { diagnostics } = this.#context;
    const fileBytes = this.#file.sizeBytes;
    const usable: { buffer: TraceBuffer; section: CpuSection }[] = [];
    let total = 0;
    let end = 0;
    for (const buffer of buffers) {
      for (const { cpu, offset, sizeBytes } of buffer.cpus) {
        end = Math.max(end, offset + sizeBytes);
        if (sizeBytes === 0) continue;
        const present = Math.min(sizeBytes, fileBytes - offset);
        if (present < sizeBytes) {
          const missing = `data of CPU ${cpu} goes to byte ${offset + sizeBytes}, the file ends at ${fileBytes}`;
          diagnostics.report('truncated', { byte: Math.min(offset, fileBytes) }, missing);
        }
        if (present <= 0) continue;
        if (!buffer.compressed && present === sizeBytes && sizeBytes % buffer.pageBytes !== 0) {
          const text = `data of CPU ${cpu} has ${sizeBytes} bytes, which are no whole pages of ${buffer.pageBytes}`;
          diagnostics.report('page-malformed', { byte: offset }, text);
        }
        total += present;
        if (total > fileBytes || cpu >= NO_CPU) {
          diagnostics.report('record-malformed', { byte: offset }, `data of CPU ${cpu} overlaps that of another CPU`);
          total -= present;
          continue;
        }
        usable.push({ buffer, section: { cpu, offset, sizeBytes: present } });
      }
    }
    // Version 6 ends with the last CPU's pages; version 7 has its options behind them.
    const rest = fileBytes - end;
    if (this.#header.version < 7 && buffers.length > 0 && rest >= this.#header.pageBytes) {
      const text = `${rest} bytes behind the data of the last CPU belong to none: the table of CPUs is damaged`;
      diagnostics.report('page-malformed', { byte: end }, text);
    }
    return usable;
  }
}

/**
 * Writes records of one stream while it stays ahead of the next one.
 * @returns false when its window has no more
 */
function writeRun(stream: CpuStream, next: CpuStream | undefined, records: RecordWriter, writer: BatchWriter): boolean {
  const limit = next === undefined ? Number.POSITIVE_INFINITY : next.time;
  const winsTie = next === undefined || stream.order < next.order;
  const { batch } = writer;
  const last = batch.capacity - ROWS_PER_RECORD;
  do {
    records.write(stream, writer);
    if (!stream.advance()) return false;
  } while (batch.length <= last && (stream.time < limit || (winsTie && stream.time === limit)));
  return true;
}
