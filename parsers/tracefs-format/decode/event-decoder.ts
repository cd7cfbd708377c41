/**
 * Decoders by event format: which dictionary type an event is, and how its record becomes cells. trace.dat and perf.data share
 * this: the raw data of a perf tracepoint sample is the same record.
 */
import {
  type EventField,
  type EventShape,
  KNOWN_EVENTS,
  KPROBE_FIELDS,
  KRETPROBE_FIELDS,
} from '../../../schema/index.ts';
import type { EventFormat, FormatField } from '../event-format.ts';
import { PrintFormat } from '../print-fmt/format.ts';
import { closurePlan, type FieldPlan, NULL_PLAN } from './cell-plan.ts';
import type { DecodeContext } from './decode-context.ts';
import { fieldNamed, numberPlan, planField } from './field-plan.ts';
import { planKnownEvent } from './known-event-plans.ts';
import { RecordDecoder } from './record-decoder.ts';
import { StackReader } from './stack-reader.ts';

export interface EventDecoder {
  readonly format: EventFormat;
  readonly record: RecordDecoder;
  /** Set for kernel_stack and user_stack: the record's stack, which goes into the stack column. */
  readonly stack: StackReader | undefined;
}

interface NamedPlan {
  readonly name: string;
  readonly plan: FieldPlan;
}

/** Compiles the decoder of one event; registers its type in the dictionary. */
export function compileEventDecoder(format: EventFormat, context: DecodeContext): EventDecoder {
  const print = new PrintFormat(format.printFormat);
  const stack = stackReader(format, context);
  const shape = shapeOf(format);
  const named = stack ? [] : planEvent(format, shape, print, context);
  // A probe argument may have the name of a leading cell, which keeps it.
  const byName = new Map(named.map(({ name, plan }): [string, FieldPlan] => [name, plan]).reverse());
  const fields = named.map(({ name, plan }): EventField => ({ name, type: plan.type }));
  const { dictionary } = context;
  const { typeId } = dictionary.eventType(typeNameOf(format, context), shape, format.system, fields);
  // The type may come from another capture or another kernel, with other fields.
  const present = new Set(dictionary.type(typeId).fields.map((field) => field.name));
  for (const field of fields) if (!present.has(field.name)) dictionary.addField(typeId, field);
  const plans = dictionary.type(typeId).fields.map((field) => byName.get(field.name) ?? NULL_PLAN);
  return { format, record: new RecordDecoder(typeId, plans, context), stack };
}

/** Two systems may have events of one name; the second one seen gets its system as a prefix. */
function typeNameOf(format: EventFormat, { dictionary }: DecodeContext): string {
  const other = dictionary.typeId(format.name);
  if (other === undefined) return format.name;
  const { system } = dictionary.type(other);
  return system === '' || format.system === '' || system === format.system
    ? format.name
    : `${format.system}:${format.name}`;
}

function shapeOf(format: EventFormat): EventShape {
  if (fieldNamed(format, '__probe_func')) return 'kretprobe';
  if (fieldNamed(format, '__probe_ip')) return 'kprobe';
  return format.system === 'syscalls' ? 'syscall' : 'tracepoint';
}

function stackReader(format: EventFormat, context: DecodeContext): StackReader | undefined {
  if (format.system !== 'ftrace' || (format.name !== 'kernel_stack' && format.name !== 'user_stack')) return undefined;
  const callers = fieldNamed(format, 'caller');
  if (!callers) return undefined;
  return new StackReader(callers, fieldNamed(format, 'size'), format.name === 'user_stack', context);
}

function planEvent(format: EventFormat, shape: EventShape, print: PrintFormat, context: DecodeContext): NamedPlan[] {
  const known = shape === 'tracepoint' ? KNOWN_EVENTS.get(format.name) : undefined;
  if (known && known.system === format.system) {
    const { plans, used } = planKnownEvent(known, format, print, context);
    const named = known.fields.map(({ name }, index) => ({ name, plan: plans[index] }));
    return [...named, ...planRest(format, used, print, context)];
  }
  if (shape === 'kprobe') {
    const ip = fieldNamed(format, '__probe_ip') as FormatField;
    return [...planProbe(KPROBE_FIELDS, ip, ip, context), ...planRest(format, new Set(['__probe_ip']), print, context)];
  }
  if (shape === 'kretprobe') {
    const func = fieldNamed(format, '__probe_func') as FormatField;
    const returnIp = fieldNamed(format, '__probe_ret_ip') ?? func;
    const used = new Set(['__probe_func', '__probe_ret_ip']);
    return [...planProbe(KRETPROBE_FIELDS, func, returnIp, context), ...planRest(format, used, print, context)];
  }
  return planRest(format, new Set(), print, context);
}

function planRest(format: EventFormat, used: Set<string>, print: PrintFormat, context: DecodeContext): NamedPlan[] {
  return format.fields
    .filter((field) => !used.has(field.name))
    .map((field) => ({ name: field.name, plan: planField(field, print, context) }));
}

/** The two leading cells of a probe event: the probed function ('' for a user address) and an address. */
function planProbe(
  fields: readonly EventField[],
  func: FormatField,
  ip: FormatField,
  context: DecodeContext,
): NamedPlan[] {
  const { addresses, littleEndian } = context;
  const symbol = closurePlan(func, 'str', ({ view }, start, _end, writer) => {
    const at = start + func.offset;
    if (func.sizeBytes !== 8) writer.str(addresses.symbolOrEmpty(0, view.getUint32(at, littleEndian)));
    else if (littleEndian) writer.str(addresses.symbolOrEmpty(view.getInt32(at + 4, true), view.getInt32(at, true)));
    else writer.str(addresses.symbolOrEmpty(view.getInt32(at, false), view.getInt32(at + 4, false)));
  });
  return [
    { name: fields[0].name, plan: symbol },
    { name: fields[1].name, plan: numberPlan(ip, 'ptr') },
  ];
}
