/**
 * Cells of the events in schema/events/event-catalog.ts from the fields that a kernel records: the field of the same name, unless
 * known-field-rules.ts says otherwise.
 */
import type { KnownEvent } from '../../../schema/index.ts';
import type { EventFormat, FormatField } from '../event-format.ts';
import type { PrintFormat } from '../print-fmt/format.ts';
import { textPlan } from '../text/number-text.ts';
import { type FieldPlan, NULL_PLAN } from './cell-plan.ts';
import type { DecodeContext } from './decode-context.ts';
import {
  constantPlan,
  fieldNamed,
  isAddressSized,
  numberPlan,
  planField,
  plannedByConversion,
  symbolPlan,
} from './field-plan.ts';
import type { FieldSource } from './field-source.ts';
import { FIELD_RULES } from './known-field-rules.ts';

/** Plans for the catalogue's fields in its order, and the names of the format's fields that they use up. */
export interface KnownPlans {
  readonly plans: FieldPlan[];
  readonly used: Set<string>;
}

/** Catalogue fields that hold a code address; other pointers among the strings hold constant strings. */
const CODE_ADDRESSES = /^(func|function|handler|callback|callsite|caller|parent|ip|parent_ip)$/;

/** Catalogue fields that some kernels name differently. */
const OTHER_NAMES: Record<string, readonly string[]> = {
  counter: ['dynticks'],
  start_ns: ['start'],
  duration_ns: ['duration'],
};

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
  const source: FieldSource = { print, context, take };
  const plans = known.fields.map(({ name, type }) => {
    const special = FIELD_RULES[`${known.name}.${name}`]?.(source);
    if (special) return special;
    const field = [name, ...(OTHER_NAMES[name] ?? [])].map(take).find((found) => found !== undefined);
    if (!field) return NULL_PLAN;
    if (field.isArray) return planField(field, print, context);
    return type === 'str' ? stringPlan(field, name, source) : numberPlan(field, type);
  });
  return { plans, used };
}

function stringPlan(field: FormatField, name: string, { print, context }: FieldSource): FieldPlan {
  const byConversion = plannedByConversion(field, print.conversionOf(field.name));
  if (byConversion) return byConversion;
  const text = print.textOf(field.name);
  if (text) return textPlan(field, text, context) ?? NULL_PLAN;
  if (!isAddressSized(field) || field.sizeBytes < context.longBytes) return numberPlan(field, 'int');
  return CODE_ADDRESSES.test(name) ? symbolPlan(field) : constantPlan(field);
}
