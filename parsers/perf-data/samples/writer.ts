/** Turns SAMPLE records into events: raw tracepoint data through the embedded format, other samples part by part. */
import { type BatchWriter, NO_CPU, NO_TID } from '../../../schema/index.ts';
import type { ParseContext } from '../../format.ts';
import { compileEventDecoder, type EventDecoder } from '../../tracefs-format/decode/event-decoder.ts';
import type { DecodeContext } from '../../tracefs-format/decode/record-decoder.ts';
import type { EventFormat } from '../../tracefs-format/event-format.ts';
import type { AttributeTable } from '../header/attribute-table.ts';
import { defaultEventName, type EventAttribute } from '../header/event-attribute.ts';
import { splitEventName } from '../header/event-name.ts';
import {
  MISC_CPUMODE_KERNEL,
  MISC_CPUMODE_MASK,
  SAMPLE_CALLCHAIN,
  SAMPLE_RAW,
  TYPE_TRACEPOINT,
} from '../header/perf-event-abi.ts';
import type { RecordBlock } from '../records/blocks.ts';
import type { TaskNames } from '../records/task-names.ts';
import type { CallChains } from './call-chains.ts';
import { countersOf, PERIOD_OF_RECORD, type SampleField, sampleFields } from './fields.ts';
import { type SampleLayout, SampleParts } from './layout.ts';
import { PerfContexts, RecordContext } from './raw-context.ts';

/** NR_CPUS of the largest kernel (x86, CONFIG_MAXSMP). */
const MAX_CPUS = 8192;
const TWO_32 = 4294967296;
/** Counters of one group that become events; the kernel limits a group by the size of a record. */
export const MAX_COUNTERS = 64;

/** How the samples of one recorded event are written. */
interface SamplePlan {
  readonly attribute: EventAttribute;
  readonly layout: SampleLayout;
  readonly typeId: number;
  /** Set for tracepoints whose format is known. */
  readonly decoder: EventDecoder | undefined;
  readonly context: RecordContext | undefined;
  /** Cells of other samples, in the order of the type's fields; undefined where the type has a field of another event. */
  readonly columns: readonly (SampleField | undefined)[];
  /** Where the sample was taken is its stack when there is no call chain. */
  readonly placeIsStack: boolean;
  /** Set when samples carry counter values with their ids: where in a value the id is, and how far the next value. */
  readonly countsById: { readonly idOffset: number; readonly valueBytes: number } | undefined;
}

/** What samples are read with. */
export interface SampleReading {
  readonly table: AttributeTable;
  readonly tasks: TaskNames;
  readonly chains: CallChains;
  readonly decode: DecodeContext;
  /** Embedded format by tracepoint id. */
  formatOf(id: number): EventFormat | undefined;
  pmuName(type: number): string | undefined;
}

export class SampleWriter {
  readonly #context: ParseContext;
  readonly #reading: SampleReading;
  readonly #writer: BatchWriter;
  readonly #littleEndian: boolean;
  readonly #plans: (SamplePlan | undefined)[] = [];
  readonly #parts = new SampleParts();
  /** Last value of each counter, by event id. */
  readonly #counts = new Map<number, number>();
  #contexts: PerfContexts | undefined;

  constructor(context: ParseContext, reading: SampleReading, writer: BatchWriter, littleEndian: boolean) {
    this.#context = context;
    this.#reading = reading;
    this.#writer = writer;
    this.#littleEndian = littleEndian;
  }

  /**
   * Writes one sample as an event, or reports why it cannot. A sample with counter values stands for each counter that has moved
   * (tools/perf/util/session.c evlist__deliver_sample): at most {@link MAX_COUNTERS} events.
   */
  write(block: RecordBlock, at: number, size: number, attributeIndex: number, tsNs: number): void {
    const plan = this.#planOf(attributeIndex);
    const { attribute, layout } = plan;
    const parts = this.#parts;
    if (!parts.locate(block.view, at, at + size, this.#littleEndian, attribute, layout)) {
      this.#context.diagnostics.report('record-malformed', { byte: block.captureOffset + at }, 'sample');
      return;
    }
    if (parts.auxBytes > 0)
      this.#context.diagnostics.report('aux-undecoded', { byte: block.captureOffset + at }, 'AUX area of a sample');
    if (!plan.countsById) {
      this.#emit(plan, plan, block, at, tsNs, PERIOD_OF_RECORD);
      return;
    }
    const { idOffset, valueBytes } = plan.countsById;
    const counters = Math.min(parts.readCount, MAX_COUNTERS);
    for (let i = 0; i < counters; i++) {
      const valueAt = parts.readStart + i * valueBytes;
      const id = this.#word(block.view, valueAt + idOffset);
      const index = this.#reading.table.indexOfId(id);
      const value = this.#word(block.view, valueAt);
      const moved = value - (this.#counts.get(id) ?? 0);
      if (index < 0 || moved === 0) continue;
      this.#counts.set(id, value);
      parts.valueAt = valueAt;
      this.#emit(plan, this.#planOf(index), block, at, tsNs, moved);
    }
  }

  /** @param plan of the record · @param shown plan of the event that it becomes, another one for members of a group */
  #emit(plan: SamplePlan, shown: SamplePlan, block: RecordBlock, at: number, tsNs: number, period: number): void {
    const { view } = block;
    const { layout } = plan;
    const littleEndian = this.#littleEndian;
    const { facts, diagnostics } = this.#context;
    const parts = this.#parts;
    const cpu = layout.cpu < 0 ? NO_CPU : Math.min(NO_CPU, view.getUint32(at + layout.cpu, littleEndian));
    if (cpu >= MAX_CPUS && cpu !== NO_CPU) {
      diagnostics.report('record-malformed', { byte: block.captureOffset + at }, `a sample of CPU ${cpu}`);
      return;
    }
    if (cpu >= facts.cpus && cpu !== NO_CPU) facts.cpus = cpu + 1;
    const tid = layout.tid < 0 ? NO_TID : view.getInt32(at + layout.tid + 4, littleEndian);
    const comm = layout.tid < 0 ? 0 : this.#reading.tasks.comm(tid);
    const stack = this.#stack(plan, block, at);
    const rawEnd = parts.rawStart + parts.rawBytes;
    const flags = plan.context ? plan.context.flags(block.bytes, parts.rawStart, rawEnd) : 0;
    const writer = this.#writer;
    writer.begin(tsNs, cpu, tid, comm, shown.typeId, flags, stack);
    if (!shown.decoder) this.#writeColumns(plan, shown, block, at, period);
    else if (shown === plan && !shown.decoder.record.writeCells(block, parts.rawStart, rawEnd, writer)) {
      diagnostics.report('field-unreadable', { byte: block.captureOffset + at }, shown.attribute.name ?? '');
    }
    writer.end();
  }

  #word(view: DataView, at: number): number {
    const littleEndian = this.#littleEndian;
    const hi = view.getUint32(littleEndian ? at + 4 : at, littleEndian);
    return hi * TWO_32 + view.getUint32(littleEndian ? at : at + 4, littleEndian);
  }

  #planOf(attributeIndex: number): SamplePlan {
    const known = this.#plans[attributeIndex];
    if (known) return known;
    const plan = this.#prepare(attributeIndex);
    this.#plans[attributeIndex] = plan;
    return plan;
  }

  #stack(plan: SamplePlan, block: RecordBlock, at: number): number {
    const { layout, attribute } = plan;
    const { chains } = this.#reading;
    const { view } = block;
    const littleEndian = this.#littleEndian;
    if (attribute.sampleType & SAMPLE_CALLCHAIN) {
      const { chainStart, chainLength } = this.#parts;
      const pid = layout.tid < 0 ? NO_TID : view.getInt32(at + layout.tid, littleEndian);
      const stack = chainLength === 0 ? 0 : chains.stack(view, chainStart, chainLength, littleEndian, pid);
      // User stacks recorded for unwinding (--call-graph dwarf) leave the chain empty.
      if (stack !== 0) return stack;
    }
    if (!plan.placeIsStack) return 0;
    const pid = layout.tid < 0 ? NO_TID : view.getInt32(at + layout.tid, littleEndian);
    const hi = view.getInt32(at + layout.ip + (littleEndian ? 4 : 0), littleEndian);
    const lo = view.getInt32(at + layout.ip + (littleEndian ? 0 : 4), littleEndian);
    const isKernel = (view.getUint16(at + 4, littleEndian) & MISC_CPUMODE_MASK) === MISC_CPUMODE_KERNEL;
    return chains.place(hi, lo, isKernel, pid);
  }

  #writeColumns(plan: SamplePlan, shown: SamplePlan, block: RecordBlock, at: number, period: number): void {
    const { layout, attribute } = plan;
    const { view, bytes } = block;
    const sample = { view, bytes, littleEndian: this.#littleEndian, at, layout, parts: this.#parts, attribute, period };
    for (const column of shown.columns) {
      if (column && (attribute.sampleType & column.bits) === column.bits) column.write(sample, this.#writer);
      else this.#writer.null();
    }
  }

  #prepare(attributeIndex: number): SamplePlan {
    const { table, decode } = this.#reading;
    const attribute = table.attributes[attributeIndex];
    const layout = table.samples[attributeIndex];
    const isTracepoint = attribute.type === TYPE_TRACEPOINT;
    const countsById = countersOf(attribute);
    const format = isTracepoint ? this.#reading.formatOf(attribute.configLo) : undefined;
    if (format && attribute.sampleType & SAMPLE_RAW) {
      const decoder = compileEventDecoder(format, decode);
      attribute.name ??= `${format.system}:${format.name}`;
      const context = new RecordContext(format, this.#contextsOfKernel());
      const typeId = decoder.record.typeId;
      return { attribute, layout, typeId, decoder, context, columns: [], placeIsStack: false, countsById };
    }
    const text = attribute.name ?? defaultEventName(attribute, this.#reading.pmuName(attribute.type));
    if (isTracepoint) {
      this.#context.diagnostics.report('format-unparsable', { byte: 0 }, `${text}: no format in the recording`);
    }
    const { system, name, modifiers } = splitEventName(text);
    const columns = sampleFields(attribute);
    if (modifiers !== '') columns.push(modifierColumn(this.#context.dictionary.string(modifiers)));
    const typeId = this.#declare(name, isTracepoint, system, columns);
    const byName = new Map(columns.map((column) => [column.field.name, column]));
    const fields = this.#context.dictionary.type(typeId).fields;
    return {
      attribute,
      layout,
      typeId,
      decoder: undefined,
      context: undefined,
      columns: fields.map((field) => byName.get(field.name)),
      placeIsStack: !isTracepoint && layout.ip >= 0,
      countsById,
    };
  }

  #contextsOfKernel(): PerfContexts {
    this.#contexts ??= new PerfContexts(this.#context.facts.profile.release);
    return this.#contexts;
  }

  /** The event's type, with a column for each of its parts. */
  #declare(name: string, isTracepoint: boolean, system: string, columns: readonly SampleField[]): number {
    const { dictionary } = this.#context;
    const fields = columns.map((column) => column.field);
    const shape = isTracepoint ? 'tracepoint' : 'sample';
    const { typeId } = dictionary.eventType(name, shape, system === '' ? 'perf' : system, fields);
    const present = new Set(dictionary.type(typeId).fields.map((field) => field.name));
    for (const field of fields) if (!present.has(field.name)) dictionary.addField(typeId, field);
    return typeId;
  }
}

function modifierColumn(modifiers: number): SampleField {
  return { field: { name: 'modifiers', type: 'str' }, bits: 0, write: (_sample, writer) => writer.str(modifiers) };
}
