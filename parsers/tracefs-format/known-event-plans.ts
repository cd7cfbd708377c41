/**
 * Cells of the events in schema/event-catalog.ts from the fields that a kernel records: where a catalogue field has another
 * name in the format, is computed from several, or is shown by its text. One row per exception; all other fields have one
 * source of their own name.
 */
import type { KnownEvent } from '../../schema/index.ts';
import { formatAddress } from './address-cache.ts';
import { type BinaryFormat, formatBinary, parseBinaryFormat } from './binary-printf.ts';
import type { EventFormat, FormatField } from './event-format.ts';
import {
  closurePlan,
  constantPlan,
  type FieldPlan,
  fieldNamed,
  isAddressSized,
  NULL_PLAN,
  numberPlan,
  planField,
  plannedByConversion,
  symbolPlan,
} from './field-plan.ts';
import type { PrintFormat } from './print-format.ts';
import type { RecordBytes } from './record-bytes.ts';
import type { DecodeContext } from './record-decoder.ts';
import { locate } from './value-text.ts';

const decoder = new TextDecoder('utf-8');
const TWO_32 = 4294967296;

/** Plans for the catalogue's fields in its order, and the names of the format's fields that they use up. */
export interface KnownPlans {
  readonly plans: FieldPlan[];
  readonly used: Set<string>;
}

interface Source {
  readonly format: EventFormat;
  readonly print: PrintFormat;
  readonly context: DecodeContext;
  /** Field of the format by name; marks it as used up. */
  take(name: string): FormatField | undefined;
}

/** Catalogue fields that hold a code address; other pointers among the strings hold constant strings. */
const CODE_ADDRESSES = /^(func|function|handler|callback|callsite|caller|parent|ip|parent_ip)$/;

/** Catalogue fields that some kernels name differently. */
const OTHER_NAMES: Record<string, readonly string[]> = {
  counter: ['dynticks'],
  start_ns: ['start'],
  duration_ns: ['duration'],
};

/** Fields with a rule of their own, by `event.field`. */
const RULES: Record<string, (source: Source) => FieldPlan | undefined> = {
  'rcu_watching.counter': watchingCounter,
  'rcu_dyntick.counter': watchingCounter,
  'irq_disable.caller': (source) => textOffset(source, 'caller_offs'),
  'irq_disable.parent': (source) => textOffset(source, 'parent_offs'),
  'irq_enable.caller': (source) => textOffset(source, 'caller_offs'),
  'irq_enable.parent': (source) => textOffset(source, 'parent_offs'),
  'preempt_disable.caller': (source) => textOffset(source, 'caller_offs'),
  'preempt_disable.parent': (source) => textOffset(source, 'parent_offs'),
  'preempt_enable.caller': (source) => textOffset(source, 'caller_offs'),
  'preempt_enable.parent': (source) => textOffset(source, 'parent_offs'),
  'funcgraph_exit.duration_ns': graphDuration,
  'bprint.buf': binaryPrint,
  'print.buf': plainPrint,
  'bputs.buf': constantPrint,
  'console.msg': consoleMessage,
  'timerlat.context': (source) => textPlan(source.take('context'), TIMERLAT_CONTEXT, source),
  'sys_enter.args': syscallArguments,
  'sched_switch.prev_state': taskState,
};
for (const [index, segment] of ['done', 'wait', 'next_ready', 'next'].entries()) {
  for (const array of ['seglen', 'gp_seq'])
    RULES[`rcu_segcb_stats.${array}_${segment}`] = (source) => elementPlan(source.take(array), index);
}

export function planKnownEvent(
  known: KnownEvent,
  format: EventFormat,
  print: PrintFormat,
  context: DecodeContext,
): KnownPlans {
  const used = new Set<string>();
  const take = (name: string) => {
    const field = fieldNamed(format, name);
    if (field) used.add(name);
    return field;
  };
  const source: Source = { format, print, context, take };
  const plans = known.fields.map(({ name, type }) => {
    const special = RULES[`${known.name}.${name}`]?.(source);
    if (special) return special;
    const field = [name, ...(OTHER_NAMES[name] ?? [])].map(take).find((found) => found !== undefined);
    if (!field) return NULL_PLAN;
    if (field.isArray) return planField(field, print, context);
    return type === 'str' ? stringPlan(field, name, source) : numberPlan(field, type);
  });
  return { plans, used };
}

function stringPlan(field: FormatField, name: string, source: Source): FieldPlan {
  const byConversion = plannedByConversion(field, source.print.conversionOf(field.name));
  if (byConversion) return byConversion;
  const text = source.print.textOf(field.name);
  if (text) return textPlan(field, text, source) ?? NULL_PLAN;
  if (!isAddressSized(field) || field.sizeBytes < source.context.longBytes) return numberPlan(field, 'int');
  return CODE_ADDRESSES.test(name) ? symbolPlan(field) : constantPlan(field);
}

function readBigInt(record: RecordBytes, at: number, field: FormatField, little: boolean): bigint {
  const { view } = record;
  switch (field.sizeBytes) {
    case 1:
      return BigInt(field.signed ? view.getInt8(at) : view.getUint8(at));
    case 2:
      return BigInt(field.signed ? view.getInt16(at, little) : view.getUint16(at, little));
    case 4:
      return BigInt(field.signed ? view.getInt32(at, little) : view.getUint32(at, little));
    default:
      return field.signed ? view.getBigInt64(at, little) : view.getBigUint64(at, little);
  }
}

/** A number shown by its text; each value is translated once. */
function textPlan(
  field: FormatField | undefined,
  text: (value: bigint) => string | undefined,
  { context }: Source,
): FieldPlan | undefined {
  if (!field || ![1, 2, 4, 8].includes(field.sizeBytes)) return undefined;
  const { dictionary, littleEndian } = context;
  const ids = new Map<number, number>();
  return closurePlan(field, 'str', (record, start, _end, writer) => {
    const at = start + field.offset;
    // Only values that a double holds are remembered; states and modes are small.
    const key =
      field.sizeBytes === 8 ? keyOf64(record, at, littleEndian) : smallKey(record, at, field.sizeBytes, littleEndian);
    let id = ids.get(key);
    if (id === undefined) {
      const value = readBigInt(record, at, field, littleEndian);
      id = dictionary.string(text(value) ?? value.toString());
      if (Number.isSafeInteger(key) && ids.size < 65536) ids.set(key, id);
    }
    writer.str(id);
  });
}

function smallKey(record: RecordBytes, at: number, bytes: number, little: boolean): number {
  if (bytes === 1) return record.view.getUint8(at);
  return bytes === 2 ? record.view.getUint16(at, little) : record.view.getInt32(at, little);
}

function keyOf64(record: RecordBytes, at: number, little: boolean): number {
  const hi = record.view.getInt32(little ? at + 4 : at, little);
  return hi * TWO_32 + record.view.getUint32(little ? at : at + 4, little);
}

/** Element of an array as a column of its own (`seglen[RCU_WAIT_TAIL]`). */
function elementPlan(array: FormatField | undefined, index: number): FieldPlan | undefined {
  if (!array || (index + 1) * array.elementBytes > array.sizeBytes) return undefined;
  const offset = array.offset + index * array.elementBytes;
  return numberPlan({ ...array, isArray: false, offset, sizeBytes: array.elementBytes }, 'int');
}

/** Printed `& 0xfff` (include/trace/events/rcu.h), so that text and binary agree. */
function watchingCounter({ take, context }: Source): FieldPlan | undefined {
  const field = take('counter') ?? take('dynticks');
  if (!field || field.sizeBytes < 2) return undefined;
  return closurePlan(field, 'hex', (record, start, _end, writer) => {
    const at = start + field.offset + (context.littleEndian ? 0 : field.sizeBytes - 2);
    writer.int(record.view.getUint16(at, context.littleEndian) & 0xfff);
  });
}

/** `(void *)((unsigned long)(_stext) + REC->caller_offs)` of include/trace/events/preemptirq.h. */
function textOffset({ take, context }: Source, name: string): FieldPlan | undefined {
  const field = take(name);
  if (field?.sizeBytes !== 4) return undefined;
  return closurePlan(field, 'str', (record, start, _end, writer) => {
    const base = context.addresses.textStart;
    if (!base) return writer.null();
    const lo = base.lo + record.view.getInt32(start + field.offset, context.littleEndian);
    writer.str(context.addresses.symbolWithOffset((base.hi + Math.floor(lo / TWO_32)) | 0, lo | 0));
  });
}

/** The kernel records when a function was called and when it returned, in the trace clock's unit. */
function graphDuration({ take, context }: Source): FieldPlan | undefined {
  const called = take('calltime');
  const returned = take('rettime');
  if (called?.sizeBytes !== 8 || returned?.sizeBytes !== 8) return undefined;
  const later = called.offset > returned.offset ? called : returned;
  return closurePlan(later, 'int', (record, start, _end, writer) => {
    const { view } = record;
    const hi = context.littleEndian ? 4 : 0;
    const lo = 4 - hi;
    const from = start + called.offset;
    const to = start + returned.offset;
    const highs = view.getUint32(to + hi, context.littleEndian) - view.getUint32(from + hi, context.littleEndian);
    const lows = view.getUint32(to + lo, context.littleEndian) - view.getUint32(from + lo, context.littleEndian);
    const duration = highs * TWO_32 + lows;
    if (Number.isSafeInteger(duration)) writer.int(duration);
    else writer.null();
  });
}

function withoutNewline(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

function readAddress(record: RecordBytes, at: number, field: FormatField, little: boolean): { hi: number; lo: number } {
  const { view } = record;
  if (field.sizeBytes !== 8) return { hi: 0, lo: view.getUint32(at, little) };
  return little
    ? { hi: view.getInt32(at + 4, true), lo: view.getUint32(at, true) }
    : { hi: view.getInt32(at, false), lo: view.getUint32(at + 4, false) };
}

function binaryPrint({ take, context }: Source): FieldPlan | undefined {
  const address = take('fmt');
  const packed = take('buf');
  if (!address || !packed || !isAddressSized(address)) return undefined;
  const formats = new Map<string, BinaryFormat | undefined>();
  return closurePlan(address, 'str', (record, start, end, writer) => {
    const { hi, lo } = readAddress(record, start + address.offset, address, context.littleEndian);
    const key = formatAddress(hi, lo);
    let format = formats.get(key);
    if (!format && !formats.has(key)) {
      const text = context.addresses.constantText(hi, lo);
      format = text === undefined ? undefined : parseBinaryFormat(text);
      formats.set(key, format);
    }
    if (!format) writer.text(key);
    else writer.text(withoutNewline(formatBinary(format, record, start + packed.offset, end, context)));
  });
}

function plainPrint({ take }: Source): FieldPlan | undefined {
  const field = take('buf');
  if (!field) return undefined;
  return closurePlan(field, 'str', (record, start, end, writer) => {
    const from = start + field.offset;
    let to = from;
    while (to < end && record.bytes[to] !== 0) to++;
    writer.text(withoutNewline(decoder.decode(record.bytes.subarray(from, to))));
  });
}

function constantPrint({ take, context }: Source): FieldPlan | undefined {
  const field = take('str');
  if (!field || !isAddressSized(field)) return undefined;
  return closurePlan(field, 'str', (record, start, _end, writer) => {
    const { hi, lo } = readAddress(record, start + field.offset, field, context.littleEndian);
    writer.str(context.addresses.constantLine(hi, lo));
  });
}

/** Log lines hardly repeat: they are kept as text, not interned. */
function consoleMessage({ take, context }: Source): FieldPlan | undefined {
  const field = take('msg');
  if (!field) return undefined;
  const extent = { start: 0, end: 0 };
  return closurePlan(field, 'str', (record, start, end, writer) => {
    if (!locate(field, record, start, end, context.littleEndian, extent)) return writer.null();
    let to = extent.start;
    while (to < extent.end && record.bytes[to] !== 0) to++;
    writer.text(withoutNewline(decoder.decode(record.bytes.subarray(extent.start, to))));
  });
}

/** `NR 3 (7f00, 0, 1, 0, 0, 0)`: the list inside the brackets. */
function syscallArguments({ take, context }: Source): FieldPlan | undefined {
  const field = take('args');
  if (!field || (field.elementBytes !== 4 && field.elementBytes !== 8)) return undefined;
  return closurePlan(field, 'str', (record, start, _end, writer) => {
    const args: string[] = [];
    for (let i = 0; i < field.sizeBytes; i += field.elementBytes) {
      const element = { ...field, sizeBytes: field.elementBytes, signed: false };
      args.push(readBigInt(record, start + field.offset + i, element, context.littleEndian).toString(16));
    }
    writer.text(args.join(', '));
  });
}

/** timerlat_lat_context of kernel/trace/trace_output.c; the format file prints the bare number. */
function TIMERLAT_CONTEXT(value: bigint): string | undefined {
  return ['irq', 'thread', 'user ret'][Number(value)];
}

/** Letters of include/linux/sched.h task_index_to_char for TASK_REPORT, used when the print fmt cannot be read. */
const STATE_LETTERS = 'SDTtXZPI';
const TASK_REPORT_MAX = 0x100;

function stateLetters(value: bigint): string {
  const state = Number(BigInt.asUintN(32, value));
  const letters = [...STATE_LETTERS].filter((_, bit) => state & (1 << bit));
  return (letters.length ? letters.join('|') : 'R') + (state & TASK_REPORT_MAX ? '+' : '');
}

function taskState(source: Source): FieldPlan | undefined {
  const field = source.take('prev_state');
  const printed = field && source.print.textOf(field.name);
  return textPlan(field, (value) => printed?.(value) ?? stateLetters(value), source);
}
