/** Text of the fields that are neither a number nor a string: bitmaps and arrays. */

import type { CellReader } from '../decode/cell-plan.ts';
import type { DecodeContext } from '../decode/decode-context.ts';
import type { RecordBytes } from '../decode/record-bytes.ts';
import type { FormatField } from '../event-format.ts';

const decoder = new TextDecoder('utf-8');
/** Elements shown of a long array; the rest becomes `…`. */
const MAX_ELEMENTS = 4096;

/** Where the bytes of a field are, written to `extent`; false when they are not inside the record. */
export function locate(
  field: FormatField,
  record: RecordBytes,
  start: number,
  end: number,
  littleEndian: boolean,
  extent: { start: number; end: number },
): boolean {
  const at = start + field.offset;
  if (field.layout === 'inline') {
    extent.start = at;
    extent.end = at + field.sizeBytes;
  } else if (field.layout === 'tail') {
    extent.start = at;
    extent.end = end;
  } else {
    const location = record.view.getUint32(at, littleEndian);
    extent.start = (field.layout === 'data-loc' ? start : at + 4) + (location & 0xffff);
    extent.end = extent.start + (location >>> 16);
  }
  return extent.start <= extent.end && extent.end <= end;
}

/** Characters of a trailing array up to the NUL: `char buf[]`. The text is not interned. */
export function readCharacters(field: FormatField): CellReader {
  return (record, start, end, writer) => {
    const from = start + field.offset;
    let to = from;
    while (to < end && record.bytes[to] !== 0) to++;
    writer.text(decoder.decode(record.bytes.subarray(from, to)));
  };
}

/** Set bits as the kernel's %*pbl prints them: `0-3,7`, '' for none. */
export function formatBitList(isSet: (bit: number) => boolean, bits: number): string {
  const ranges: string[] = [];
  for (let bit = 0; bit < bits; bit++) {
    if (!isSet(bit)) continue;
    const first = bit;
    while (bit + 1 < bits && isSet(bit + 1)) bit++;
    ranges.push(first === bit ? String(first) : `${first}-${bit}`);
  }
  return ranges.join(',');
}

/** A bitmap of longs, as list text. */
export function readBitmap(field: FormatField, context: DecodeContext): CellReader {
  const extent = { start: 0, end: 0 };
  const { longBytes, littleEndian, dictionary } = context;
  return (record, start, end, writer) => {
    if (!locate(field, record, start, end, littleEndian, extent)) return writer.null();
    const { bytes } = record;
    const length = extent.end - extent.start;
    const isSet = (bit: number) => {
      // Big-endian longs hold bit 0 in their last byte.
      const byte = littleEndian
        ? bit >> 3
        : (bit >> 3) - ((bit >> 3) % longBytes) + longBytes - 1 - ((bit >> 3) % longBytes);
      return byte < length && ((bytes[extent.start + byte] >> (bit & 7)) & 1) === 1;
    };
    writer.str(dictionary.string(formatBitList(isSet, length * 8)));
  };
}

function numberAt(view: DataView, at: number, bytes: number, signed: boolean, little: boolean): string {
  switch (bytes) {
    case 1:
      return String(signed ? view.getInt8(at) : view.getUint8(at));
    case 2:
      return String(signed ? view.getInt16(at, little) : view.getUint16(at, little));
    case 4:
      return String(signed ? view.getInt32(at, little) : view.getUint32(at, little));
    default:
      return String(signed ? view.getBigInt64(at, little) : view.getBigUint64(at, little));
  }
}

/** Numbers as `[1,2,3]`, bytes as hexadecimal digits. */
export function readNumberList(field: FormatField, context: DecodeContext): CellReader {
  const extent = { start: 0, end: 0 };
  const step = [1, 2, 4, 8].includes(field.elementBytes) ? field.elementBytes : 1;
  return (record, start, end, writer) => {
    if (!locate(field, record, start, end, context.littleEndian, extent)) return writer.null();
    const last = Math.min(extent.end, extent.start + MAX_ELEMENTS * step);
    const more = last < extent.end ? '…' : '';
    if (step === 1) return writer.text(Buffer.from(record.bytes.subarray(extent.start, last)).toString('hex') + more);
    const numbers: string[] = [];
    for (let at = extent.start; at + step <= last; at += step)
      numbers.push(numberAt(record.view, at, step, field.signed, context.littleEndian));
    writer.text(`[${numbers.join(',')}${more}]`);
  };
}
