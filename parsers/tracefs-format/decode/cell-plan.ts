/**
 * How one cell is made from a record: an opcode with its place in the record, small enough that a record is decoded by one
 * switch per field (record-decoder.ts). Everything rare goes through a closure.
 */
import type { BatchWriter, FieldType } from '../../../schema/index.ts';
import type { FormatField } from '../event-format.ts';
import type { RecordBytes } from './record-bytes.ts';

export const READ_NULL = 0;
export const READ_U8 = 1;
export const READ_S8 = 2;
export const READ_U16 = 3;
export const READ_S16 = 4;
export const READ_U32 = 5;
export const READ_S32 = 6;
export const READ_64 = 7;
/** char array inside the record, up to its NUL. */
export const READ_CHARS = 8;
/** String behind `length << 16 | offset`. */
export const READ_DATA_LOC = 9;
export const READ_REL_LOC = 10;
/** Pointer to a constant string of the kernel. */
export const READ_CONSTANT_32 = 11;
export const READ_CONSTANT_64 = 12;
/** Code or data address, printed as bare symbol. */
export const READ_SYMBOL_32 = 13;
export const READ_SYMBOL_64 = 14;
/** The same, printed with offset and size. */
export const READ_PLACE_32 = 15;
export const READ_PLACE_64 = 16;
export const READ_BY_CLOSURE = 17;

/** Writes exactly one cell; `start` is the record's first byte, `end` is behind its last. */
export type CellReader = (record: RecordBytes, start: number, end: number, writer: BatchWriter) => void;

export interface FieldPlan {
  readonly code: number;
  /** From the start of the record. */
  readonly offset: number;
  /** Bytes that must be inside the record. */
  readonly sizeBytes: number;
  readonly read?: CellReader;
  /** Type of the column. */
  readonly type: FieldType;
}

export const NULL_PLAN: FieldPlan = { code: READ_NULL, offset: 0, sizeBytes: 0, type: 'int' };

export function closurePlan(field: FormatField, type: FieldType, read: CellReader): FieldPlan {
  return { code: READ_BY_CLOSURE, offset: field.offset, sizeBytes: field.sizeBytes, read, type };
}
