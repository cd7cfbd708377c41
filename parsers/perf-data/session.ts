/**
 * Reads the records of one recording: keeps them until their turn in time, then writes events. The caller feeds a cutter and
 * takes the batches away.
 */
import { BatchWriter, EventBatch, MOST_LOST, NO_CPU, NO_TID } from '../../schema/index.ts';
import type { ParseContext } from '../format.ts';
import { formatAddress } from '../tracefs-format/address-cache.ts';
import {
  AUX_FLAG_TRUNCATED,
  MISC_LOST_SAMPLES_BPF,
  RECORD_AUX,
  RECORD_EXIT,
  RECORD_FORK,
  RECORD_LOST,
  RECORD_LOST_SAMPLES,
  RECORD_SAMPLE,
  RECORD_THROTTLE,
  RECORD_UNTHROTTLE,
  RECORD_USER_TYPE_START,
} from './header/perf-event-abi.ts';
import type { Recording } from './recording.ts';
import { BlockPool, type RecordBlock } from './records/blocks.ts';
import type { RecordCutter } from './records/cutter.ts';
import { LossCount } from './records/loss-count.ts';
import { RecordQueue } from './records/queue.ts';
import { SideBand } from './records/side-band.ts';
import { CallChains } from './samples/call-chains.ts';
import { MAX_COUNTERS, SampleWriter } from './samples/writer.ts';

const TWO_32 = 4294967296;
/** High half of 2^53 ns, 104 days. */
const SAFE_HI = 1 << 21;
const HOUR_NS = 3_600_000_000_000n;
/** High half that stands for "no time". */
const NO_TIME_HI = 0xffffffff;

/** Why {@link Session.accept} stopped. */
export type Stop =
  /** The cutter has no complete record any more. */
  | 'input'
  /** The batch is full: {@link Session.takeBatch}. */
  | 'batch'
  /** Too much waits: {@link Session.queue}. */
  | 'window'
  /** The cutter stands at a record of the perf tool, which the caller handles. */
  | 'tool-record';

export class Session {
  readonly pool = new BlockPool();
  readonly queue = new RecordQueue(this.pool);
  readonly #context: ParseContext;
  readonly #recording: Recording;
  readonly #littleEndian: boolean;
  readonly #windowBytes: number;
  readonly #sideBand: SideBand;
  readonly #writer = new BatchWriter(new EventBatch());
  readonly #losses = new LossCount();
  #samples: SampleWriter | undefined;
  #baseHi = 0;
  #baseLo = 0;
  #baseKnown = false;
  #lastNs = 0;
  /** Time of the record that {@link #readTime} looked at. */
  #timeNs = 0;

  /** @param windowBytes of records that wait before something has to be done */
  constructor(context: ParseContext, recording: Recording, windowBytes: number) {
    this.#context = context;
    this.#windowBytes = windowBytes;
    this.#recording = recording;
    this.#littleEndian = recording.littleEndian;
    this.#sideBand = new SideBand(context.dictionary, recording.littleEndian);
  }

  get hasEvents(): boolean {
    return this.#writer.batch.length > 0;
  }

  /** The events written so far, with what they need of the dictionary. */
  takeBatch(): EventBatch {
    const { batch } = this.#writer;
    batch.delta = this.#context.dictionary.takeDelta();
    this.#writer.reset(new EventBatch());
    return batch;
  }

  /** Takes in records until something has to be done by the caller. */
  accept(cutter: RecordCutter): Stop {
    while (cutter.next()) {
      if (cutter.type >= RECORD_USER_TYPE_START) return 'tool-record';
      if (this.#readTime(cutter.block, cutter.at, cutter.size, cutter.type)) {
        this.queue.push(this.#timeNs, cutter.block, cutter.at, cutter.size);
        if (this.queue.heldBytes > this.#windowBytes || this.queue.isCrowded) return 'window';
      } else {
        this.#dispatch(cutter.block, cutter.at, cutter.size, undefined);
        if (this.#batchFull()) return 'batch';
      }
    }
    return 'input';
  }

  /**
   * Writes the due records of the queue.
   * @returns why it stopped: all are written, the batch is full, or the next record's bytes are not in memory
   */
  writeDue(): 'end' | 'batch' | 'absent' {
    const { queue } = this;
    while (!this.#batchFull()) {
      const next = queue.take();
      if (next !== 'record') return next;
      this.#dispatch(queue.block as RecordBlock, queue.at, queue.sizeBytes, queue.timeNs);
    }
    return 'batch';
  }

  /** Ends the recording: losses that only the totals at the end know become markers. @param captureEnd its size in bytes */
  *finish(captureEnd: number): Generator<EventBatch> {
    for (const { cpu, lost } of this.#losses.atEnd()) {
      this.#context.diagnostics.report('events-lost', { byte: captureEnd }, `${lost} events lost`, lost);
      this.#writeLoss(cpu, lost, this.#lastNs);
      if (this.#batchFull()) yield this.takeBatch();
    }
    if (this.hasEvents) yield this.takeBatch();
  }

  /** One sample may become as many events as a group has counters. */
  #batchFull(): boolean {
    const { batch } = this.#writer;
    return batch.length + MAX_COUNTERS >= batch.capacity;
  }

  /** Whether the record has a time; if so it is in {@link #timeNs}. Records that perf makes up itself have none. */
  #readTime(block: RecordBlock, at: number, size: number, type: number): boolean {
    const timeAt =
      type === RECORD_SAMPLE ? this.#sampleTimeAt(block, at, size) : this.#trailerTimeAt(block, at, size, type);
    if (timeAt < 0) return false;
    const { view } = block;
    const littleEndian = this.#littleEndian;
    const lo = view.getUint32(littleEndian ? timeAt : timeAt + 4, littleEndian);
    const hi = view.getUint32(littleEndian ? timeAt + 4 : timeAt, littleEndian);
    if ((hi === 0 && lo === 0) || hi === NO_TIME_HI) return false;
    if (!this.#baseKnown) this.#chooseBase(hi, lo);
    this.#timeNs = (hi - this.#baseHi) * TWO_32 + (lo - this.#baseLo);
    if (Number.isSafeInteger(this.#timeNs)) return true;
    this.#context.diagnostics.report(
      'record-malformed',
      { byte: block.captureOffset + at },
      'a time far from the others',
    );
    return false;
  }

  #sampleTimeAt(block: RecordBlock, at: number, size: number): number {
    const { table } = this.#recording;
    const index = table.indexOfSample(block.view, at, size, this.#littleEndian);
    if (index < 0) return -1;
    const offset = table.samples[index].time;
    return offset < 0 || offset + 8 > size ? -1 : at + offset;
  }

  #trailerTimeAt(block: RecordBlock, at: number, size: number, type: number): number {
    const { table } = this.#recording;
    const index = table.indexOfTrailer(block.view, at, size, this.#littleEndian);
    const fromEnd = index < 0 ? -1 : table.trailers[index].time;
    if (fromEnd >= 0) return fromEnd + 8 > size ? -1 : at + size - fromEnd;
    // Without trailers (sample_id_all came with Linux 2.6.38) some records still have a time of their own.
    if ((type === RECORD_FORK || type === RECORD_EXIT) && size >= 32) return at + 24;
    if ((type === RECORD_THROTTLE || type === RECORD_UNTHROTTLE) && size >= 16) return at + 8;
    return -1;
  }

  /** Wall clocks exceed 2^53 ns: their times are counted from a whole hour at least one hour before the first. */
  #chooseBase(hi: number, lo: number): void {
    this.#baseKnown = true;
    if (hi < SAFE_HI) return;
    const baseNs = (((BigInt(hi) << 32n) | BigInt(lo)) / HOUR_NS - 1n) * HOUR_NS;
    this.#context.facts.baseNs = baseNs;
    this.#baseHi = Number(baseNs >> 32n);
    this.#baseLo = Number(baseNs & 0xffffffffn);
  }

  /** @param timeNs undefined for a record without time: it takes that of the event before it */
  #dispatch(block: RecordBlock, at: number, size: number, timeNs: number | undefined): void {
    if (timeNs !== undefined && timeNs < this.#lastNs) {
      this.#context.diagnostics.report('time-backwards', { byte: block.captureOffset + at }, `${timeNs} ns`);
    }
    const tsNs = timeNs ?? this.#lastNs;
    const type = block.view.getUint32(at, this.#littleEndian);
    if (type === RECORD_SAMPLE) this.#sample(block, at, size, tsNs);
    else this.#otherRecord(block, at, size, type, tsNs, timeNs !== undefined);
    if (tsNs > this.#lastNs) this.#lastNs = tsNs;
  }

  #sample(block: RecordBlock, at: number, size: number, tsNs: number): void {
    const index = this.#recording.table.indexOfSample(block.view, at, size, this.#littleEndian);
    if (index < 0) {
      this.#context.diagnostics.report(
        'unknown-event-id',
        { byte: block.captureOffset + at },
        'sample of no known event',
      );
      return;
    }
    this.#samples ??= this.#makeSampleWriter();
    this.#samples.write(block, at, size, index, tsNs);
  }

  #makeSampleWriter(): SampleWriter {
    const recording = this.#recording;
    const sideBand = this.#sideBand;
    const decode = recording.decodeContext(sideBand);
    const kernelLookup = (hi: number, lo: number) =>
      decode.addresses.symbols?.find(hi, lo) ?? sideBand.loadedSymbol(hi, lo);
    return new SampleWriter(
      this.#context,
      {
        table: recording.table,
        tasks: sideBand.tasks,
        chains: new CallChains(this.#context.dictionary, sideBand.maps, kernelLookup),
        decode,
        formatOf: (id) => recording.formatOf(id),
        pmuName: (type) => recording.pmuName(type),
      },
      this.#writer,
      this.#littleEndian,
    );
  }

  #otherRecord(block: RecordBlock, at: number, size: number, type: number, tsNs: number, hasTime: boolean): void {
    const { table } = this.#recording;
    const index = Math.max(0, table.indexOfTrailer(block.view, at, size, this.#littleEndian));
    const trailer = table.trailers[index];
    const trailerBytes = trailer?.sizeBytes ?? 0;
    const { view } = block;
    const misc = view.getUint16(at + 4, this.#littleEndian);
    const cpuAt = trailer && trailer.cpu >= 0 && trailer.cpu + 8 <= size ? at + size - trailer.cpu : -1;
    const cpu = cpuAt < 0 ? NO_CPU : Math.min(NO_CPU, view.getUint32(cpuAt, this.#littleEndian));
    if (type === RECORD_LOST && size >= 24) {
      const lost = this.#lossAt(block, at + 16);
      if (lost !== undefined) this.#loss(cpu, lost, tsNs, block.captureOffset + at);
    } else if (type === RECORD_LOST_SAMPLES && size >= 16) {
      if (misc & MISC_LOST_SAMPLES_BPF) return;
      const lost = this.#lossAt(block, at + 8);
      if (lost === undefined) return;
      if (hasTime) this.#loss(cpu, lost, tsNs, block.captureOffset + at);
      else this.#totalLoss(block, at, size, trailer?.id ?? -1, lost);
    } else if (type === RECORD_THROTTLE || type === RECORD_UNTHROTTLE) {
      const { typeId } = this.#context.dictionary.eventType('quiesce_throttle', 'marker', 'quiesce', []);
      this.#writer.begin(tsNs, cpu, NO_TID, 0, typeId, 0, 0);
      this.#writer.int(type === RECORD_THROTTLE ? 1 : 0);
      this.#writer.end();
    } else if (type === RECORD_AUX && size >= 32) {
      // u64 offset, size and flags: what the AUX area holds, which is data of a tracer and no sample.
      if (this.#u64(view, at + 16) > 0)
        this.#context.diagnostics.report('aux-undecoded', { byte: block.captureOffset + at }, 'AUX record');
      if ((view.getUint32(at + (this.#littleEndian ? 24 : 28), this.#littleEndian) & AUX_FLAG_TRUNCATED) !== 0)
        this.#context.diagnostics.report('aux-truncated', { byte: block.captureOffset + at }, 'AUX record');
    } else if (this.#applySideBand(block, at, size, type, misc, trailerBytes) === false) {
      this.#context.diagnostics.report(
        'record-malformed',
        { byte: block.captureOffset + at },
        `record of type ${type}`,
      );
    }
  }

  #applySideBand(...record: Parameters<SideBand['apply']>): boolean | undefined {
    const known = this.#sideBand.apply(...record);
    const { facts } = this.#context;
    const { kernelReference } = this.#sideBand;
    if (kernelReference && facts.kernelText === undefined) {
      const { symbol, hi, lo } = kernelReference;
      if (hi !== 0 || lo !== 0) facts.kernelText = { [symbol]: formatAddress(hi, lo) };
    }
    return known;
  }

  #u64(view: DataView, at: number): number {
    const littleEndian = this.#littleEndian;
    const lo = view.getUint32(littleEndian ? at : at + 4, littleEndian);
    return view.getUint32(littleEndian ? at + 4 : at, littleEndian) * TWO_32 + lo;
  }

  /** A number of lost events; undefined when it is damage. */
  #lossAt(block: RecordBlock, at: number): number | undefined {
    const lost = this.#u64(block.view, at);
    if (lost > 0 && lost <= MOST_LOST) return lost;
    const text = `a loss of ${lost} events`;
    if (lost > 0) this.#context.diagnostics.report('record-malformed', { byte: block.captureOffset + at }, text);
    return undefined;
  }

  #loss(cpu: number, lost: number, tsNs: number, captureOffset: number): void {
    this.#losses.addInStream(cpu, lost);
    this.#context.diagnostics.report('events-lost', { byte: captureOffset }, `${lost} events lost`, lost);
    this.#writeLoss(cpu, lost, tsNs);
  }

  #totalLoss(block: RecordBlock, at: number, size: number, idFromEnd: number, lost: number): void {
    const id = idFromEnd < 0 || idFromEnd + 8 > size ? 0 : this.#u64(block.view, at + size - idFromEnd);
    this.#losses.addTotal(this.#recording.table.cpuOfId(id) ?? NO_CPU, lost);
  }

  #writeLoss(cpu: number, lost: number, tsNs: number): void {
    const { dictionary, facts } = this.#context;
    facts.lost = Math.min(facts.lost + lost, Number.MAX_SAFE_INTEGER);
    const { typeId } = dictionary.eventType('quiesce_lost', 'marker', 'quiesce', []);
    this.#writer.begin(tsNs, cpu, NO_TID, 0, typeId, 0, 0);
    this.#writer.int(cpu);
    this.#writer.int(Math.min(lost, Number.MAX_SAFE_INTEGER));
    this.#writer.end();
  }
}
