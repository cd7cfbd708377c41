/**
 * How one cell is made from a record: an opcode with its place in the record, small enough that a record is decoded by one
 * switch per field (record-decoder.ts). Everything rare goes through a closure.
 */
import type { BatchWriter, FieldType } from '../../schema/index.ts';
import type { EventFormat, FormatField } from './event-format.ts';
import type { Conversion, PrintFormat } from './print-format.ts';
import type { RecordBytes } from './record-bytes.ts';
import type { DecodeContext } from './record-decoder.ts';
import { readBitmap, readCharacters, readNumberList } from './value-text.ts';

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

function at(field: FormatField, code: number, type: FieldType): FieldPlan {
  return { code, offset: field.offset, sizeBytes: field.sizeBytes, type };
}

/** A number as it is, signed 64-bit when it has 8 bytes. */
export function numberPlan(field: FormatField, type: FieldType): FieldPlan {
  switch (field.sizeBytes) {
    case 1:
      return at(field, field.signed ? READ_S8 : READ_U8, type);
    case 2:
      return at(field, field.signed ? READ_S16 : READ_U16, type);
    case 4:
      return at(field, field.signed ? READ_S32 : READ_U32, type);
    case 8:
      return at(field, READ_64, type);
    default:
      return NULL_PLAN;
  }
}

function addressPlan(field: FormatField, code32: number, code64: number): FieldPlan {
  return at(field, field.sizeBytes === 8 ? code64 : code32, 'str');
}

/** The string that the kernel keeps at the address (`const char *rcuname`). */
export function constantPlan(field: FormatField): FieldPlan {
  return addressPlan(field, READ_CONSTANT_32, READ_CONSTANT_64);
}

/** The bare symbol of the address (%ps). */
export function symbolPlan(field: FormatField): FieldPlan {
  return addressPlan(field, READ_SYMBOL_32, READ_SYMBOL_64);
}

/** Symbol, offset and size of the address (%pS). */
export function placePlan(field: FormatField): FieldPlan {
  return addressPlan(field, READ_PLACE_32, READ_PLACE_64);
}

export function isAddressSized(field: FormatField): boolean {
  return !field.isArray && (field.sizeBytes === 4 || field.sizeBytes === 8);
}

const CHARACTER_TYPES = /^(const )?(signed )?char$/;
/** Extensions of %p that print a symbol, without and with the offset (lib/vsprintf.c pointer). */
const BARE_SYMBOL = /^[sf]/;
const SYMBOL_WITH_OFFSET = /^[SFB]/;

/** The plan for an address by the conversion that prints it; undefined when it is printed as a number. */
export function plannedByConversion(field: FormatField, conversion: Conversion | undefined): FieldPlan | undefined {
  if (!conversion || !isAddressSized(field)) return undefined;
  if (conversion.letter === 's') return constantPlan(field);
  if (conversion.letter !== 'p') return undefined;
  if (BARE_SYMBOL.test(conversion.extension)) return symbolPlan(field);
  return SYMBOL_WITH_OFFSET.test(conversion.extension) ? placePlan(field) : undefined;
}

function arrayPlan(field: FormatField, print: PrintFormat, context: DecodeContext): FieldPlan {
  if (CHARACTER_TYPES.test(field.type)) {
    if (field.layout === 'inline') return at(field, READ_CHARS, 'str');
    if (field.layout === 'data-loc') return at(field, READ_DATA_LOC, 'str');
    if (field.layout === 'rel-loc') return at(field, READ_REL_LOC, 'str');
    return closurePlan(field, 'str', readCharacters(field));
  }
  const bitmap = ['__get_bitmask', '__get_cpumask', '__get_rel_bitmask', '__get_rel_cpumask'];
  if (field.type === 'cpumask_t' || bitmap.some((helper) => print.isPrintedBy(helper, field.name)))
    return closurePlan(field, 'str', readBitmap(field, context));
  return closurePlan(field, 'str', readNumberList(field, context));
}

/** The plan for a field of any event, from its declaration and from how the event prints it. */
export function planField(field: FormatField, print: PrintFormat, context: DecodeContext): FieldPlan {
  if (field.isArray) return arrayPlan(field, print, context);
  const conversion = print.conversionOf(field.name);
  const address = plannedByConversion(field, conversion);
  if (address) return address;
  const hexadecimal = conversion !== undefined && /[xX]/.test(conversion.letter);
  return numberPlan(field, field.isPointer ? 'ptr' : hexadecimal ? 'hex' : 'int');
}

/** Field of a format by name. */
export function fieldNamed(format: EventFormat, name: string): FormatField | undefined {
  return format.fields.find((field) => field.name === name);
}
