/** Plans for the fields of any event, from their declaration and from how the event prints them. */
import type { FieldType } from '../../../schema/index.ts';
import type { EventFormat, FormatField } from '../event-format.ts';
import type { Conversion, PrintFormat } from '../print-fmt/format.ts';
import { readBitmap, readCharacters, readNumberList } from '../text/value-text.ts';
import {
  closurePlan,
  type FieldPlan,
  NULL_PLAN,
  READ_64,
  READ_CHARS,
  READ_CONSTANT_32,
  READ_CONSTANT_64,
  READ_DATA_LOC,
  READ_PLACE_32,
  READ_PLACE_64,
  READ_REL_LOC,
  READ_S8,
  READ_S16,
  READ_S32,
  READ_SYMBOL_32,
  READ_SYMBOL_64,
  READ_U8,
  READ_U16,
  READ_U32,
} from './cell-plan.ts';
import type { DecodeContext } from './decode-context.ts';

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
