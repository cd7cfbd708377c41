/** Numbers of a record that are shown by their text: task states, timer modes. */
import { closurePlan, type FieldPlan } from '../decode/cell-plan.ts';
import type { DecodeContext } from '../decode/decode-context.ts';
import type { RecordBytes } from '../decode/record-bytes.ts';
import type { FormatField } from '../event-format.ts';

const TWO_32 = 4294967296;

/** The value of a number field whose first byte is at `at`. */
export function readBigInt(record: RecordBytes, at: number, field: FormatField, little: boolean): bigint {
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
export function textPlan(
  field: FormatField | undefined,
  text: (value: bigint) => string | undefined,
  context: DecodeContext,
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
