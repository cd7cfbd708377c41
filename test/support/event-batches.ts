/** Batches made by hand, for tests of store and ingest. */
import { DictionaryWriter } from '../../parsers/index.ts';
import {
  BATCH_CAPACITY,
  BatchWriter,
  EventBatch,
  type EventField,
  type EventShape,
  type FieldType,
  NO_CPU,
  NO_TID,
} from '../../schema/index.ts';

/** A field's value: number, 64-bit integer, dictionary string, text that is not in the dictionary, fraction, or missing. */
export type Value = number | bigint | string | null | { readonly text: string } | { readonly real: number };

export interface MadeEvent {
  readonly tsNs: number;
  readonly name: string;
  readonly fields?: Readonly<Record<string, Value>>;
  /** Types of the fields; default: int, ptr for bigint, str for texts. */
  readonly types?: Readonly<Record<string, FieldType>>;
  readonly cpu?: number;
  readonly tid?: number;
  readonly comm?: string;
  readonly flags?: number;
  readonly shape?: EventShape;
  /** Functions, innermost first. */
  readonly stack?: readonly string[];
  readonly boot?: number;
}

function typeOf(value: Value): FieldType {
  if (typeof value === 'bigint') return 'ptr';
  if (typeof value === 'string' || (value !== null && typeof value === 'object' && 'text' in value)) return 'str';
  return 'int';
}

/** Events in the order given. @param perBatch a batch ends after so many, and at each new boot. */
export function makeBatches(
  events: readonly MadeEvent[],
  perBatch: number = BATCH_CAPACITY,
  dictionary: DictionaryWriter = new DictionaryWriter(),
): EventBatch[] {
  const batches: EventBatch[] = [];
  let batch = new EventBatch(perBatch);
  const writer = new BatchWriter(batch);
  let nextEventId = 1;
  const finish = (): void => {
    if (batch.length === 0) return;
    batch.firstEventId = nextEventId;
    nextEventId += batch.length;
    batch.delta = dictionary.takeDelta();
    batches.push(batch);
    batch = new EventBatch(perBatch);
    writer.reset(batch);
  };
  for (const event of events) {
    const boot = event.boot ?? 0;
    if (batch.full || (batch.length > 0 && batch.boot !== boot)) finish();
    batch.boot = boot;
    append(event, writer, dictionary);
  }
  finish();
  return batches;
}

function append(event: MadeEvent, writer: BatchWriter, dictionary: DictionaryWriter): void {
  const values = Object.entries(event.fields ?? {});
  const fields: EventField[] = values.map(([name, value]) => ({ name, type: event.types?.[name] ?? typeOf(value) }));
  const type = dictionary.eventType(event.name, event.shape ?? 'tracepoint', 'test', fields);
  for (const field of fields)
    if (!dictionary.type(type.typeId).fields.some((f) => f.name === field.name))
      dictionary.addField(type.typeId, field);
  const stack = dictionary.stack((event.stack ?? []).map((name) => dictionary.frame(dictionary.string(name), 16, 0)));
  const comm = event.comm === undefined ? 0 : dictionary.string(event.comm);
  writer.begin(event.tsNs, event.cpu ?? NO_CPU, event.tid ?? NO_TID, comm, type.typeId, event.flags ?? 0, stack);
  for (const { name } of dictionary.type(type.typeId).fields) put(event.fields?.[name] ?? null, writer, dictionary);
  writer.end();
}

function put(value: Value, writer: BatchWriter, dictionary: DictionaryWriter): void {
  if (value === null) writer.null();
  else if (typeof value === 'number') writer.int(value);
  else if (typeof value === 'bigint') writer.bigint(value);
  else if (typeof value === 'string') writer.str(dictionary.string(value));
  else if ('text' in value) writer.text(value.text);
  else writer.real(value.real);
}

/** The columns of a batch as plain arrays, to compare batches whatever their capacity. */
export function contentOf(batch: EventBatch): unknown {
  const n = batch.length;
  const cells = batch.cellCount;
  return {
    boot: batch.boot,
    tsNs: [...batch.tsNs.subarray(0, n)],
    cpu: [...batch.cpu.subarray(0, n)],
    tid: [...batch.tid.subarray(0, n)],
    comm: [...batch.comm.subarray(0, n)],
    type: [...batch.type.subarray(0, n)],
    flags: [...batch.flags.subarray(0, n)],
    stack: [...batch.stack.subarray(0, n)],
    cellEnd: [...batch.cellEnd.subarray(0, n)],
    cellTag: [...batch.cellTag.subarray(0, cells)],
    cellValue: [...batch.cellValue.subarray(0, cells)],
    wide: [...batch.wide.subarray(0, batch.wideCount)],
    texts: batch.texts,
  };
}
