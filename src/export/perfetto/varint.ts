/**
 * Integers beyond 32 bits, without a bigint per value: the writer's own way costs as much as the rest of an event. Seven bits go into each
 * byte; four bytes that are not the last ones are a `fixed32`.
 */
import type { BinaryWriter } from '@bufbuild/protobuf/wire';

const TWO_28 = 2 ** 28;
const TWO_32 = 2 ** 32;
const MORE = 0x80808080;

/** The low 28 bits as four bytes, each of which says that more follow. */
function fourBytes(bits: number): number {
  return ((bits & 0x7f) | ((bits & 0x3f80) << 1) | ((bits & 0x1fc000) << 2) | ((bits & 0xfe00000) << 3) | MORE) >>> 0;
}

/** @param value integer of at most 64 bits that a double holds; a negative one as int64 */
export function writeInteger(writer: BinaryWriter, value: number): void {
  if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) {
    if (value < TWO_28) writer.uint32(value);
    else writer.fixed32(fourBytes(value % TWO_28)).uint32(Math.floor(value / TWO_28));
    return;
  }
  const high = Math.floor(value / TWO_32);
  writeWords(writer, value - high * TWO_32, high);
}

/** @param low, high halves of a 64-bit number */
export function writeWords(writer: BinaryWriter, low: number, high: number): void {
  writer
    .fixed32(fourBytes(low & 0xfffffff))
    .fixed32(fourBytes((low >>> 28) | ((high & 0xffffff) << 4)))
    .uint32(high >>> 24);
}
