/** The event at an instant, with its fields as people read them. */
import type { Dictionary, EventBatch, StateEvent } from '../../schema/index.ts';
import { EventDecoder, type FieldValue } from './trace-event.ts';

/** @param index of the record in the batch */
export function stateEvent(batch: EventBatch, index: number, dictionary: Dictionary): StateEvent {
  const { event, ts_ns, cpu, task, tid, flags, name, fields } = new EventDecoder(dictionary).decode(batch, index);
  const types = new Map(dictionary.types[batch.type[index]].fields.map((field) => [field.name, field.type]));
  return {
    event,
    ts_ns,
    cpu,
    task: task || '<...>',
    tid,
    flags,
    name,
    fields: Object.fromEntries(
      Object.entries(fields).map(([field, value]) => [field, fieldText(value, types.get(field))]),
    ),
  };
}

/** Addresses and masks are read in hexadecimal. */
function fieldText(value: FieldValue, type: string | undefined): string {
  const isHex = type === 'hex' || type === 'ptr';
  if (!isHex || typeof value === 'string' || (typeof value === 'number' && !Number.isInteger(value)))
    return String(value);
  return `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;
}
