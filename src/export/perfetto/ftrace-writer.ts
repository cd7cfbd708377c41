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
import { type EventPlan, type PlannedField, planOf } from './ftrace-plan.ts';
import { taskStateBits, timerMode } from './ftrace-table.ts';
import { beginPacket, LENGTH, type Output, PacketSequence, TRACE_PACKET, VARINT } from './packets.ts';
import { writeInteger, writeWords } from './varint.ts';

const BUNDLE = { cpu: 1, event: 2, lostEvents: 3, descriptors: 11 } as const;
const GENERIC_EVENT_TAG = (327 << 3) | LENGTH;
const KERNEL_SYMBOLS = 26;

/** Perfetto refuses a trace with a CPU from this number on (ftrace_tokenizer.cc, kMaxCpuCount). */
export const MOST_CPUS = 1024;
const EVENTS_PER_BUNDLE = 512;
/** Sequence of all bundles: they share the function names. */
const FTRACE_SEQUENCE = 1;

interface CpuBuffer {
  readonly writer: BinaryWriter;
  events: number;
  lost: boolean;
}

export class FtraceWriter {
  readonly #out: Output;
  readonly #dictionary: Dictionary;
  readonly #sequence: PacketSequence;
  readonly #cpus: (CpuBuffer | undefined)[] = [];
  /** By type id. */
  readonly #plans: (EventPlan | undefined)[] = [];
  /** By string id of the function: its id plus one, once the name is in the trace. */
  readonly #symbols = new Set<number>();
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
    const writer = buffer.writer;
    if (buffer.events === 0) this.#open(buffer, cpu);
    const fits = plan.descriptor === undefined || fitsDescription(batch, index, plan.fields);
    writer.uint32((BUNDLE.event << 3) | LENGTH).fork();
    writeInteger(writer.uint32((1 << 3) | VARINT), Math.max(0, batch.tsNs[index]));
    writer.uint32((2 << 3) | VARINT).uint32(Math.max(0, batch.tid[index]));
    if (fits) {
      writer.uint32(plan.tag).fork();
      this.#fields(writer, batch, index, plan);
    } else {
      writer.uint32(GENERIC_EVENT_TAG).fork();
      this.#selfDescribed(writer, batch, index, plan);
    }
    writer.join().join();
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
      buffer = { writer: new BinaryWriter(), events: 0, lost: false };
      this.#cpus[cpu] = buffer;
    }
    return buffer;
  }

  #open(buffer: CpuBuffer, cpu: number): void {
    const writer = beginPacket(buffer.writer, FTRACE_SEQUENCE);
    writer.tag(TRACE_PACKET.ftraceEvents, LENGTH).fork();
    writer.tag(BUNDLE.cpu, VARINT).uint32(cpu);
    if (buffer.lost) writer.tag(BUNDLE.lostEvents, VARINT).bool(true);
    buffer.lost = false;
  }

  #flush(buffer: CpuBuffer): void {
    if (buffer.events === 0) return;
    buffer.events = 0;
    // Names that the bundle uses come first.
    this.#sequence.flush();
    this.#out(buffer.writer.join().join().finish());
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

  #fields(writer: BinaryWriter, batch: EventBatch, index: number, plan: EventPlan): void {
    const { cellTag, cellValue } = batch;
    const { strings } = this.#dictionary;
    const start = batch.cellStart(index);
    const end = batch.cellEnd[index];
    const { fields } = plan;
    for (let f = 0; f < fields.length; f++) {
      const field = fields[f];
      const cell = start + field.cell;
      if (cell >= end) continue;
      const value = cellValue[cell];
      switch (cellTag[cell]) {
        case CELL_STR:
          this.#text(writer, field, strings[value] ?? '', value);
          break;
        case CELL_TEXT:
          this.#text(writer, field, batch.texts[value] ?? '', undefined);
          break;
        case CELL_INT:
          if (field.form === 'str') break;
          writeInteger(writer.uint32(field.tag), value);
          break;
        case CELL_WIDE:
          if (field.form !== 'str') writeWide(writer.uint32(field.tag), batch.wide, value);
          break;
        default:
          break;
      }
    }
    const stack = batch.stack[index];
    if (stack > 0 && plan.stackTag !== undefined) writer.uint32(plan.stackTag).string(this.#stack(stack));
  }

  /** @param id of a string of the dictionary */
  #text(writer: BinaryWriter, field: PlannedField, text: string, id: number | undefined): void {
    switch (field.form) {
      case 'str':
        writer.uint32(field.tag).string(text);
        break;
      case 'symbol':
        if (id !== undefined) writer.uint32(field.tag).uint32(this.#symbol(id));
        break;
      case 'state':
        writer.uint32(field.tag).uint32(taskStateBits(text));
        break;
      case 'timer-mode':
        writer.uint32(field.tag).uint32(timerMode(text));
        break;
      default:
        break;
    }
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

  #selfDescribed(writer: BinaryWriter, batch: EventBatch, index: number, { type }: EventPlan): void {
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
          writeWide(writer.tag(4, VARINT), batch.wide, value);
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

function writeWide(writer: BinaryWriter, wide: BigInt64Array, index: number): void {
  const value = wide[index];
  writeWords(writer, Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)));
}
