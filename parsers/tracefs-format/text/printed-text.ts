/** The text of trace_printk, trace_marker and console records. It hardly repeats and is not interned. */
import { formatAddress } from '../address-cache.ts';
import { closurePlan, type FieldPlan } from '../decode/cell-plan.ts';
import { isAddressSized } from '../decode/field-plan.ts';
import type { FieldSource } from '../decode/field-source.ts';
import type { RecordBytes } from '../decode/record-bytes.ts';
import type { FormatField } from '../event-format.ts';
import { type BinaryFormat, formatBinary, parseBinaryFormat } from './binary-printf.ts';
import { locate } from './value-text.ts';

const decoder = new TextDecoder('utf-8');

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

export function binaryPrint({ take, context }: FieldSource): FieldPlan | undefined {
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

export function plainPrint({ take }: FieldSource): FieldPlan | undefined {
  const field = take('buf');
  if (!field) return undefined;
  return closurePlan(field, 'str', (record, start, end, writer) => {
    const from = start + field.offset;
    let to = from;
    while (to < end && record.bytes[to] !== 0) to++;
    writer.text(withoutNewline(decoder.decode(record.bytes.subarray(from, to))));
  });
}

export function constantPrint({ take, context }: FieldSource): FieldPlan | undefined {
  const field = take('str');
  if (!field || !isAddressSized(field)) return undefined;
  return closurePlan(field, 'str', (record, start, _end, writer) => {
    const { hi, lo } = readAddress(record, start + field.offset, field, context.littleEndian);
    writer.str(context.addresses.constantLine(hi, lo));
  });
}

/** Log lines hardly repeat: they are kept as text, not interned. */
export function consoleMessage({ take, context }: FieldSource): FieldPlan | undefined {
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
