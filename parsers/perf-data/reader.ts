/** Drives a session over a stream of records, and handles what the perf tool itself put between those of the kernel. */
import type { EventBatch } from '../../schema/index.ts';
import type { ParseContext } from '../format.ts';
import type { RandomAccess } from '../source.ts';
import { loadZstd } from '../zstd/libzstd.ts';
import { ZstdStream } from '../zstd/zstd-stream.ts';
import { ATTRIBUTE_MIN_BYTES, decodeEventAttribute } from './header/event-attribute.ts';
import {
  RECORD_AUXTRACE,
  RECORD_COMPRESSED,
  RECORD_COMPRESSED2,
  RECORD_EVENT_UPDATE,
  RECORD_FINISHED_ROUND,
  RECORD_HEADER_ATTR,
  RECORD_HEADER_BUILD_ID,
  RECORD_HEADER_BYTES,
  RECORD_HEADER_FEATURE,
  RECORD_HEADER_TRACING_DATA,
  RECORD_ID_INDEX,
} from './header/perf-event-abi.ts';
import type { Recording } from './recording.ts';
import { RecordCutter } from './records/cutter.ts';
import { recallRecords } from './records/recall.ts';
import { Session } from './session.ts';

const TWO_32 = 4294967296;
/** PERF_EVENT_UPDATE__NAME: the payload is the event's name. */
const UPDATE_NAME = 2;
/** Tracing data of a pipe recording is held in memory; that of a kernel with every driver has 10 MB, with kallsyms 25 MB. */
const MAX_TRACING_BYTES = 128 << 20;

/** Bytes of records that wait in memory before they are left to be read again. */
const FILE_WINDOW_BYTES = 48 << 20;
/** Where they cannot be read again, in pipes and compressed records, the older half goes when there are more. */
const STREAM_WINDOW_BYTES = 128 << 20;

/** Bytes that follow a record without being records: collected, or skipped. */
interface RawPayload {
  left: number;
  readonly pieces: Uint8Array[] | undefined;
  readonly captureOffset: number;
  /** Length without padding. */
  readonly sizeBytes: number;
}

export class RecordReader {
  readonly #context: ParseContext;
  readonly #recording: Recording;
  readonly #session: Session;
  readonly #outer: RecordCutter;
  readonly #littleEndian: boolean;
  readonly #access: RandomAccess | undefined;
  #inner: { readonly cutter: RecordCutter; readonly stream: ZstdStream } | undefined;
  #compressionBroken = false;
  #raw: RawPayload | undefined;
  #captureEnd: number;

  /**
   * @param captureOffset byte of the capture where the records begin
   * @param access the capture, when it is a file
   */
  constructor(context: ParseContext, recording: Recording, captureOffset: number, access?: RandomAccess) {
    this.#context = context;
    this.#access = access;
    this.#recording = recording;
    this.#littleEndian = recording.littleEndian;
    this.#session = new Session(context, recording, access ? FILE_WINDOW_BYTES : STREAM_WINDOW_BYTES);
    this.#outer = new RecordCutter(this.#session.pool, recording.littleEndian, captureOffset);
    this.#captureEnd = captureOffset;
  }

  /** Byte of the capture behind what was read. */
  get captureEnd(): number {
    return this.#captureEnd;
  }

  /** Takes the next bytes of the stream; {@link drain} must have ended. Up to BLOCK_BYTES are copied. */
  feed(chunk: Uint8Array): void {
    this.#captureEnd += chunk.length;
    this.#outer.feed(chunk);
  }

  /** Reads what was fed. */
  drain(): AsyncGenerator<EventBatch> {
    return this.#records(this.#outer);
  }

  /** Writes what still waits, and says what was left over. */
  async *finish(): AsyncGenerator<EventBatch> {
    const { diagnostics } = this.#context;
    const leftover = this.#outer.leftoverBytes;
    const byte = this.#captureEnd - leftover;
    // Some recorders leave a stray byte or two behind the last record.
    if (leftover >= RECORD_HEADER_BYTES || this.#raw)
      diagnostics.report('truncated', { byte }, 'the last record is cut');
    else if (leftover > 0) diagnostics.report('record-malformed', { byte }, `${leftover} bytes behind the last record`);
    this.#session.queue.releaseAll();
    yield* this.#writeDue();
    yield* this.#session.finish(this.#captureEnd);
  }

  async *#records(cutter: RecordCutter): AsyncGenerator<EventBatch> {
    const session = this.#session;
    for (;;) {
      if (this.#raw && !this.#takeRaw(cutter, this.#raw)) return;
      const stop = session.accept(cutter);
      const skipped = cutter.takeSkippedBytes();
      if (skipped > 0) {
        const byte = cutter.captureOffset;
        this.#context.diagnostics.report('record-malformed', { byte }, `${skipped} bytes that are no record`);
      }
      if (stop === 'input') return;
      if (stop === 'batch') yield session.takeBatch();
      else if (stop === 'window') yield* this.#makeRoom();
      else yield* this.#toolRecord(cutter);
    }
  }

  /** Compressed records have no place of their own in the file. */
  async *#makeRoom(): AsyncGenerator<EventBatch> {
    const { queue } = this.#session;
    if (this.#access && !this.#inner && !queue.isCrowded) queue.letGo();
    else {
      queue.releaseHalf();
      yield* this.#writeDue();
    }
  }

  async *#writeDue(): AsyncGenerator<EventBatch> {
    for (;;) {
      const stop = this.#session.writeDue();
      if (stop === 'end') return;
      if (stop === 'batch') yield this.#session.takeBatch();
      else await recallRecords(this.#session.queue, this.#session.pool, this.#access as RandomAccess);
    }
  }

  async *#toolRecord(cutter: RecordCutter): AsyncGenerator<EventBatch> {
    switch (cutter.type) {
      case RECORD_FINISHED_ROUND:
        this.#session.queue.releaseRound();
        yield* this.#writeDue();
        break;
      case RECORD_COMPRESSED:
      case RECORD_COMPRESSED2:
        // A compressed stream inside a compressed stream is damage.
        if (cutter === this.#outer) yield* this.#decompress(cutter);
        break;
      case RECORD_AUXTRACE:
        this.#beginRaw(cutter, 8, false);
        this.#context.diagnostics.report('unsupported', { byte: cutter.captureOffset }, 'AUX trace data');
        break;
      case RECORD_HEADER_TRACING_DATA:
        this.#beginRaw(cutter, 4, true);
        break;
      case RECORD_HEADER_ATTR:
        this.#attribute(cutter);
        break;
      case RECORD_HEADER_FEATURE:
        if (cutter.size >= RECORD_HEADER_BYTES + 8) {
          const payload = this.#payload(cutter);
          this.#recording.applyFeature(this.#u64(cutter, RECORD_HEADER_BYTES), payload.slice(8));
          this.#recording.nameEvents();
        }
        break;
      case RECORD_HEADER_BUILD_ID:
        this.#recording.applyBuildId(cutter.block.bytes.slice(cutter.at, cutter.at + cutter.size));
        break;
      case RECORD_EVENT_UPDATE:
        this.#eventUpdate(cutter);
        break;
      case RECORD_ID_INDEX:
        this.#idIndex(cutter);
        break;
      default:
        // The rest (thread and CPU maps, statistics, …) says nothing about samples.
        break;
    }
  }

  #payload(cutter: RecordCutter): Uint8Array {
    return cutter.block.bytes.subarray(cutter.at + RECORD_HEADER_BYTES, cutter.at + cutter.size);
  }

  #u64(cutter: RecordCutter, offset: number): number {
    const { view } = cutter.block;
    const at = cutter.at + offset;
    const lo = view.getUint32(this.#littleEndian ? at : at + 4, this.#littleEndian);
    return view.getUint32(this.#littleEndian ? at + 4 : at, this.#littleEndian) * TWO_32 + lo;
  }

  async *#decompress(cutter: RecordCutter): AsyncGenerator<EventBatch> {
    if (this.#compressionBroken) return;
    const { diagnostics } = this.#context;
    const byte = cutter.captureOffset;
    if (this.#inner === undefined) {
      await loadZstd();
      const inner = new RecordCutter(this.#session.pool, this.#littleEndian, byte);
      // PERF_RECORD_COMPRESSED and COMPRESSED2 are slices of one stream, flushed at the end of each.
      this.#inner = { cutter: inner, stream: new ZstdStream() };
    }
    const { cutter: inner, stream } = this.#inner;
    // COMPRESSED2 says how long its data is, because the record itself is padded.
    let slice = this.#payload(cutter);
    if (cutter.type === RECORD_COMPRESSED2) {
      slice =
        slice.length < 8 ? slice.subarray(slice.length) : slice.subarray(8, 8 + this.#u64(cutter, RECORD_HEADER_BYTES));
    }
    const pieces = stream.push(slice);
    for (;;) {
      let piece: IteratorResult<Uint8Array>;
      try {
        piece = pieces.next();
      } catch (error) {
        this.#compressionBroken = true;
        diagnostics.report('truncated', { byte }, `damaged compressed records (${(error as Error).message})`);
        return;
      }
      if (piece.done) return;
      inner.feed(piece.value);
      yield* this.#records(inner);
    }
  }

  /** A size word of `sizeWordBytes` tells how many bytes follow this record. */
  #beginRaw(cutter: RecordCutter, sizeWordBytes: 4 | 8, collect: boolean): void {
    if (cutter !== this.#outer || cutter.size < RECORD_HEADER_BYTES + sizeWordBytes) return;
    const sizeBytes =
      sizeWordBytes === 8
        ? this.#u64(cutter, RECORD_HEADER_BYTES)
        : cutter.block.view.getUint32(cutter.at + RECORD_HEADER_BYTES, this.#littleEndian);
    const captureOffset = cutter.captureOffset + cutter.size;
    // Tracing data is padded to words of 8 bytes.
    const left = collect ? Math.ceil(sizeBytes / 8) * 8 : sizeBytes;
    if (left > 0)
      this.#raw = { left, pieces: collect && left <= MAX_TRACING_BYTES ? [] : undefined, captureOffset, sizeBytes };
  }

  /** False when more input is needed. */
  #takeRaw(cutter: RecordCutter, raw: RawPayload): boolean {
    while (raw.left > 0) {
      const piece = cutter.takeRaw(raw.left);
      if (piece.length === 0) return false;
      raw.left -= piece.length;
      raw.pieces?.push(Uint8Array.from(piece));
    }
    this.#raw = undefined;
    if (raw.pieces) {
      const bytes = Buffer.concat(raw.pieces).subarray(0, raw.sizeBytes);
      this.#recording.applyTracingData(bytes, raw.captureOffset);
    }
    return true;
  }

  /** The attribute, whose size it says itself, then ids up to the end of the record. */
  #attribute(cutter: RecordCutter): void {
    const payloadBytes = cutter.size - RECORD_HEADER_BYTES;
    const at = cutter.at + RECORD_HEADER_BYTES;
    if (payloadBytes < ATTRIBUTE_MIN_BYTES) {
      this.#context.diagnostics.report('record-malformed', { byte: cutter.captureOffset }, 'event attribute');
      return;
    }
    const { view } = cutter.block;
    const told = view.getUint32(at + 4, this.#littleEndian);
    const sizeBytes = told >= ATTRIBUTE_MIN_BYTES && told <= payloadBytes ? told : ATTRIBUTE_MIN_BYTES;
    const { table } = this.#recording;
    const index = table.attributes.length;
    this.#recording.addAttribute(decodeEventAttribute(view, at, sizeBytes, this.#littleEndian, index));
    for (let offset = sizeBytes; offset + 8 <= payloadBytes; offset += 8) {
      table.addId(this.#u64(cutter, RECORD_HEADER_BYTES + offset), index);
    }
    this.#recording.nameEvents();
  }

  /** u64 type, u64 event id, then the new value. */
  #eventUpdate(cutter: RecordCutter): void {
    if (cutter.size < RECORD_HEADER_BYTES + 16 || this.#u64(cutter, 8) !== UPDATE_NAME) return;
    const attribute = this.#recording.table.attributes[this.#recording.table.indexOfId(this.#u64(cutter, 16))];
    const text = this.#payload(cutter).subarray(16);
    const nul = text.indexOf(0);
    if (attribute) attribute.name = Buffer.from(nul < 0 ? text : text.subarray(0, nul)).toString('utf8');
  }

  /** u64 count, then entries of u64 id, position, cpu, tid. */
  #idIndex(cutter: RecordCutter): void {
    const end = Math.min(cutter.size, 16 + 32 * (cutter.size >= 16 ? this.#u64(cutter, 8) : 0));
    for (let offset = 16; offset + 32 <= end; offset += 32) {
      const cpu = this.#u64(cutter, offset + 16);
      if (cpu < 0xffff) this.#recording.table.setCpuOfId(this.#u64(cutter, offset), cpu);
    }
  }
}
