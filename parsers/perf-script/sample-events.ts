/**
 * Events that are no tracepoints (cycles, cpu-clock, page-faults): a period, and what `-F` puts behind the name. Their fields are
 * added when the capture first shows them.
 */
import type { BatchWriter, FieldType } from '../../schema/index.ts';
import type { DictionaryWriter } from '../dictionary-writer.ts';
import type { RecordHeader } from '../event-text/event-text.ts';
import { FieldSlots } from '../event-text/field-slots.ts';
import { readInt } from '../event-text/number-text.ts';

const utf8 = new TextDecoder('utf-8');

/** What one line says about a sample. */
export interface SampleParts {
  hasPeriod: boolean;
  periodStart: number;
  periodEnd: number;
  /** Address of the sample, when it stands on the line. */
  hasAddress: boolean;
  hi: number;
  lo: number;
  /** What else there is: branches, memory accesses, registers. */
  textStart: number;
  textEnd: number;
}

const COLUMNS = ['period', 'ip', 'modifiers', 'text'] as const;
type Column = (typeof COLUMNS)[number];
const COLUMN_TYPES: Record<Column, FieldType> = { period: 'int', ip: 'ptr', modifiers: 'str', text: 'str' };

export class SampleEvent {
  readonly #dictionary: DictionaryWriter;
  readonly #typeId: number;
  /** String id of the modifiers, 0 for none. */
  readonly #modifiers: number;
  /** Columns in the order of the type's fields. */
  readonly #columns: Column[] = [];
  readonly #slots = new FieldSlots();

  constructor(dictionary: DictionaryWriter, name: string, modifiers: string) {
    this.#dictionary = dictionary;
    this.#modifiers = modifiers === '' ? 0 : dictionary.string(modifiers);
    const type = dictionary.eventType(name, 'sample', 'perf', []);
    this.#typeId = type.typeId;
    this.#adopt();
  }

  /** Events that differ in modifiers only share a type. */
  #adopt(): void {
    const { fields } = this.#dictionary.type(this.#typeId);
    for (let i = this.#columns.length; i < fields.length; i++) {
      this.#columns.push(COLUMNS.find((column) => column === fields[i].name) ?? 'text');
    }
  }

  #need(column: Column): void {
    if (this.#columns.includes(column)) return;
    this.#adopt();
    if (this.#columns.includes(column)) return;
    this.#dictionary.addField(this.#typeId, { name: column, type: COLUMN_TYPES[column] });
    this.#columns.push(column);
  }

  write(writer: BatchWriter, header: RecordHeader, bytes: Uint8Array, parts: SampleParts): void {
    if (parts.hasPeriod) this.#need('period');
    if (parts.hasAddress) this.#need('ip');
    if (this.#modifiers !== 0) this.#need('modifiers');
    if (parts.textStart < parts.textEnd) this.#need('text');
    writer.begin(header.tsNs, header.cpu, header.tid, header.comm, this.#typeId, header.flags, header.stack);
    for (const column of this.#columns) {
      if (column === 'period' && parts.hasPeriod) this.#writePeriod(writer, bytes, parts);
      else if (column === 'ip' && parts.hasAddress) writer.int64(parts.hi, parts.lo);
      else if (column === 'modifiers' && this.#modifiers !== 0) writer.str(this.#modifiers);
      else if (column === 'text' && parts.textStart < parts.textEnd) {
        writer.text(utf8.decode(bytes.subarray(parts.textStart, parts.textEnd)));
      } else writer.null();
    }
    writer.end();
  }

  #writePeriod(writer: BatchWriter, bytes: Uint8Array, parts: SampleParts): void {
    const slots = this.#slots;
    if (readInt(bytes, parts.periodStart, parts.periodEnd, slots, 0) < 0) writer.null();
    else if (slots.kind[0] === 1) writer.int(slots.a[0]);
    else writer.int64(slots.a[0], slots.b[0]);
  }
}
