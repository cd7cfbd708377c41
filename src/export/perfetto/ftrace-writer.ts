/**
 * Events as `FtraceEventBundle`s, one CPU each. Bytes are gathered per CPU, as the kernel's buffers do; memory is bounded by CPUs, not by
 * events. An event whose cells do not fit its description goes as a `GenericFtraceEvent`, which carries the kind of each field.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import {
  CELL_INT,
  CELL_NULL,
  CELL_REAL,
  CELL_STR,
  CELL_TEXT,
  CELL_WIDE,
  type Dictionary,
  type EventBatch,
  NO_CPU,
} from '../../../schema/index.ts';
import { EventBytes } from './event-bytes.ts';
import { type EventPlan, type PlannedField, planOf } from './ftrace-plan.ts';
import { taskStateBits, timerMode } from './ftrace-table.ts';
import { beginPacket, LENGTH, type Output, PacketSequence, TRACE_PACKET, VARINT } from './packets.ts';
import { writeInteger } from './varint.ts';

const utf8 = new TextEncoder();

const BUNDLE = { cpu: 1, lostEvents: 3, descriptors: 11 } as const;
/** Of a bundle, and of `FtraceEvent`. */
const EVENT_TAG = (2 << 3) | LENGTH;
const TIMESTAMP_TAG = (1 << 3) | VARINT;
const PID_TAG = (2 << 3) | VARINT;
const GENERIC_EVENT_TAG = (327 << 3) | LENGTH;
const KERNEL_SYMBOLS = 26;

/** Perfetto refuses a trace with a CPU from this number on (ftrace_tokenizer.cc, kMaxCpuCount). */
export const MOST_CPUS = 1024;
const EVENTS_PER_BUNDLE = 512;
/** Numbers of an event beside its fields: lengths, time, task, stack. */
const NUMBERS_AROUND = 6;
/** Sequence of all bundles: they share the function names. */
const FTRACE_SEQUENCE = 1;

interface CpuBuffer {
  readonly cpu: number;
  readonly bytes: EventBytes;
  events: number;
  lost: boolean;
}

export class FtraceWriter {
  readonly #out: Output;
  readonly #dictionary: Dictionary;
  readonly #sequence: PacketSequence;
  readonly #bundle = new BinaryWriter();
  readonly #cpus: (CpuBuffer | undefined)[] = [];
  /** By type id. */
  readonly #plans: (EventPlan | undefined)[] = [];
  /** By string id of the function: its id plus one, once the name is in the trace. */
  readonly #symbols = new Set<number>();
  /** By string id. */
  readonly #texts: (Uint8Array | undefined)[] = [];
  readonly #states: (number | undefined)[] = [];
  /** By stack id. */
  readonly #stacks: (string | undefined)[] = [];
  #described = false;

  /** @param dictionary of the whole run */
  constructor(dictionary: Dictionary, out: Output) {
    this.#dictionary = dictionary;
    this.#out = out;
    this.#sequence = new PacketSequence(FTRACE_SEQUENCE, out);
    for (const type of dictionary.types) if (type !== undefined) this.#plans[type.typeId] = planOf(type);
  }

  /** Events of that CPU before this point are missing. */
  lose(cpu: number): void {
    const buffer = this.#buffer(cpu);
    this.#flush(buffer);
    buffer.lost = true;
  }

  /** @returns false when Perfetto has no place for it: it belongs to no CPU, or to one beyond {@link MOST_CPUS} */
  write(batch: EventBatch, index: number): boolean {
    const cpu = batch.cpu[index];
    const plan = this.#plans[batch.type[index]];
    if (cpu === NO_CPU || cpu >= MOST_CPUS || plan === undefined) return false;
    if (!this.#described) this.#describe(cpu);
    const buffer = this.#buffer(cpu);
    const { bytes } = buffer;
    bytes.reserve(plan.type.fields.length + NUMBERS_AROUND);
    bytes.uint32(EVENT_TAG);
    const event = bytes.begin();
    bytes.uint32(TIMESTAMP_TAG);
    bytes.integer(Math.max(0, batch.tsNs[index]));
    bytes.uint32(PID_TAG);
    bytes.uint32(Math.max(0, batch.tid[index]));
    if (plan.descriptor === undefined || fitsDescription(batch, index, plan.fields)) {
      bytes.uint32(plan.tag);
      const fields = bytes.begin();
      this.#fields(bytes, batch, index, plan);
      bytes.end(fields);
    } else this.#selfDescribed(bytes, batch, index, plan);
    bytes.end(event);
    if (++buffer.events === EVENTS_PER_BUNDLE) this.#flush(buffer);
    return true;
  }

  close(): void {
    for (const buffer of this.#cpus) if (buffer !== undefined) this.#flush(buffer);
    this.#sequence.flush();
  }

  #buffer(cpu: number): CpuBuffer {
    let buffer = this.#cpus[cpu];
    if (buffer === undefined) {
      buffer = { cpu, bytes: new EventBytes(), events: 0, lost: false };
      this.#cpus[cpu] = buffer;
    }
    return buffer;
  }

  #flush(buffer: CpuBuffer): void {
    if (buffer.events === 0) return;
    buffer.events = 0;
    // Names that the bundle uses come first.
    this.#sequence.flush();
    const writer = beginPacket(this.#bundle, FTRACE_SEQUENCE);
    writer.tag(TRACE_PACKET.ftraceEvents, LENGTH).fork();
    writer.tag(BUNDLE.cpu, VARINT).uint32(buffer.cpu);
    if (buffer.lost) writer.tag(BUNDLE.lostEvents, VARINT).bool(true);
    buffer.lost = false;
    this.#out(writer.raw(buffer.bytes.take()).join().join().finish());
  }

  /** Which fields the events have that Perfetto does not know. */
  #describe(cpu: number): void {
    this.#described = true;
    const writer = this.#sequence.begin();
    writer.tag(TRACE_PACKET.ftraceEvents, LENGTH).fork();
    writer.tag(BUNDLE.cpu, VARINT).uint32(cpu);
    for (const plan of this.#plans) {
      if (plan?.descriptor === undefined) continue;
      const { type, descriptor } = plan;
      writer.tag(BUNDLE.descriptors, LENGTH).fork();
      writer.tag(1, VARINT).int32(descriptor.fieldId);
      writer.tag(3, LENGTH).string(type.system);
      writer.tag(2, LENGTH).fork();
      writer.tag(1, LENGTH).string(type.name);
      for (const field of descriptor.fields) {
        writer.tag(2, LENGTH).fork();
        writer.tag(1, LENGTH).string(field.name);
        writer.tag(3, VARINT).int32(field.number);
        writer.tag(4, VARINT).int32(1);
        writer.tag(5, VARINT).int32(field.type);
        writer.join();
      }
      writer.join().join();
    }
    writer.join();
    this.#sequence.end();
  }

  #fields(bytes: EventBytes, batch: EventBatch, index: number, { fields, stackTag }: EventPlan): void {
    const { cellTag, cellValue } = batch;
    const start = batch.cellStart(index);
    const end = batch.cellEnd[index];
    for (let f = 0; f < fields.length; f++) {
      const field = fields[f];
      const cell = start + field.cell;
      if (cell >= end) continue;
      const value = cellValue[cell];
      switch (cellTag[cell]) {
        case CELL_STR:
          this.#string(bytes, field, value);
          break;
        case CELL_TEXT:
          if (field.form === 'str') {
            bytes.uint32(field.tag);
            bytes.text(batch.texts[value] ?? '');
          }
          break;
        case CELL_INT:
          if (field.form === 'str') break;
          bytes.uint32(field.tag);
          bytes.integer(value);
          break;
        case CELL_WIDE:
          if (field.form === 'str') break;
          bytes.uint32(field.tag);
          writeWide(bytes, batch.wide, value);
          break;
        default:
          break;
      }
    }
    const stack = batch.stack[index];
    if (stack > 0 && stackTag !== undefined) {
      bytes.uint32(stackTag);
      bytes.text(this.#stack(stack));
    }
  }

  /** @param id of a string of the dictionary */
  #string(bytes: EventBytes, { form, tag }: PlannedField, id: number): void {
    if (form === 'int' || form === 'uint') return;
    bytes.uint32(tag);
    if (form === 'str') bytes.encoded(this.#encoded(id));
    else if (form === 'symbol') bytes.uint32(this.#symbol(id));
    else bytes.uint32(form === 'state' ? this.#state(id) : timerMode(this.#dictionary.string(id)));
  }

  #encoded(id: number): Uint8Array {
    this.#texts[id] ??= utf8.encode(this.#dictionary.string(id));
    return this.#texts[id];
  }

  #state(id: number): number {
    this.#states[id] ??= taskStateBits(this.#dictionary.string(id));
    return this.#states[id];
  }

  /** Number by which an event names a function. */
  #symbol(id: number): number {
    if (!this.#symbols.has(id)) {
      this.#symbols.add(id);
      const writer = this.#sequence.begin();
      writer.tag(TRACE_PACKET.internedData, LENGTH).fork();
      writer.tag(KERNEL_SYMBOLS, LENGTH).fork();
      writer.tag(1, VARINT).uint32(id + 1);
      writer.tag(2, LENGTH).string(this.#dictionary.string(id));
      writer.join().join();
      this.#sequence.end();
    }
    return id + 1;
  }

  /** Innermost function first. */
  #stack(id: number): string {
    this.#stacks[id] ??= this.#dictionary.stackSymbols(id).join(' < ');
    return this.#stacks[id];
  }

  #selfDescribed(bytes: EventBytes, batch: EventBatch, index: number, { type }: EventPlan): void {
    const writer = new BinaryWriter();
    writer.tag(1, LENGTH).string(type.name);
    const start = batch.cellStart(index);
    const count = Math.min(type.fields.length, batch.cellEnd[index] - start);
    for (let position = 0; position < count; position++) {
      const cell = start + position;
      if (batch.cellTag[cell] === CELL_NULL) continue;
      writer.tag(2, LENGTH).fork();
      writer.tag(1, LENGTH).string(type.fields[position].name);
      const value = batch.cellValue[cell];
      switch (batch.cellTag[cell]) {
        case CELL_INT:
          writeInteger(writer.tag(4, VARINT), value);
          break;
        case CELL_WIDE:
          writer.tag(4, VARINT).int64(batch.wide[value]);
          break;
        case CELL_STR:
          writer.tag(3, LENGTH).string(this.#dictionary.string(value));
          break;
        case CELL_TEXT:
          writer.tag(3, LENGTH).string(batch.texts[value]);
          break;
        default:
          writer.tag(3, LENGTH).string(String(value));
      }
      writer.join();
    }
    bytes.uint32(GENERIC_EVENT_TAG);
    bytes.encoded(writer.finish());
  }
}

/** Whether each cell is of the kind that the description promises. */
function fitsDescription(batch: EventBatch, index: number, fields: readonly PlannedField[]): boolean {
  const { cellTag } = batch;
  const start = batch.cellStart(index);
  const count = batch.cellEnd[index] - start;
  if (count > fields.length) return false;
  for (let f = 0; f < count; f++) {
    const tag = cellTag[start + f];
    const isText = tag === CELL_STR || tag === CELL_TEXT;
    if (tag === CELL_REAL || (tag !== CELL_NULL && isText !== (fields[f].form === 'str'))) return false;
  }
  return true;
}

function writeWide(bytes: EventBytes, wide: BigInt64Array, index: number): void {
  const value = wide[index];
  bytes.words(Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)));
}
