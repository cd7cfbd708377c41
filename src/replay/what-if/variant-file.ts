/** The form in which users write variants of their own (docs/WHAT-IF.md), and what is wrong with one. */
import { type Operator, type Variant, VariantError } from './operator.ts';

type FieldKind = 'name' | 'text' | 'number' | 'share' | 'cpu' | 'boolean' | 'regex' | readonly string[];

/** Fields of each operator; a `?` marks optional ones. */
const FIELDS: Readonly<Record<Operator['op'], Readonly<Record<string, FieldKind>>>> = {
  'set-wait-type': { classes: 'regex', type: ['spin', 'config', 'sleep'] },
  'drop-edge': { from: 'regex', to: 'regex', 'frames?': 'regex' },
  'add-edge': { from: 'regex', to: 'name', because: 'text' },
  'set-api-locks': {
    api: 'regex',
    'drop?': 'regex',
    'add?': 'name',
    'takes?': 'regex',
    'frames?': 'regex',
    'held?': 'regex',
    because: 'text',
  },
  'scale-context': { context: ['nmi', 'hardirq', 'softirq'], factor: 'share', 'cpu?': 'cpu' },
  'insert-wait': { domains: 'regex', minMs: 'number', maxMs: 'number', because: 'text' },
  'replace-srcu-wait': { how: ['async', 'polled'] },
  'set-srcu-flavor': { domains: 'regex', flavor: ['normal'] },
  'srcu-to-rcu': { domains: 'regex' },
  expedite: {},
  'remove-wait': { sites: 'regex' },
  'remove-lock-wait': { frames: 'regex' },
  'set-profile': { field: ['rt', 'rawLockNesting', 'preemptRcu', 'proveRcu'], value: 'boolean' },
};

/**
 * Reads a variant file: `{"name": "…", "title": "…", "operators": [{"op": "…", …}]}`.
 * @throws VariantError naming the operator, the field and what was expected.
 */
export function parseVariant(text: string, fileName: string): Variant {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new VariantError(`${fileName}: not JSON: ${(error as Error).message}`);
  }
  return checkedVariant(value, fileName);
}

/**
 * A variant as JSON holds it, when it is one.
 * @param place named by the message: a file, an argument
 * @throws VariantError naming the operator, the field and what was expected.
 */
export function checkedVariant(value: unknown, place: string): Variant {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new VariantError(`${place}: an object expected, with name, title and operators`);
  const { name, title, operators, ...rest } = value as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined)
    throw new VariantError(`${place}: unknown key "${unknown}"; known are name, title, operators`);
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9-]*$/.test(name))
    throw new VariantError(`${place}: "name" must be lower-case letters, digits and dashes`);
  if (title !== undefined && typeof title !== 'string') throw new VariantError(`${place}: "title" must be a text`);
  if (!Array.isArray(operators)) throw new VariantError(`${place}: "operators" must be a list`);
  return {
    name,
    title: title ?? name,
    operators: operators.map((operator, i) => parseOperator(operator, `${place}: operators[${i}]`)),
  };
}

function parseOperator(value: unknown, place: string): Operator {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new VariantError(`${place}: an object with "op" expected`);
  const { op, ...given } = value as Record<string, unknown>;
  const fields = typeof op === 'string' && Object.hasOwn(FIELDS, op) ? FIELDS[op as Operator['op']] : undefined;
  if (!fields)
    throw new VariantError(`${place}: unknown op ${JSON.stringify(op)}; known are ${Object.keys(FIELDS).join(', ')}`);
  for (const [field, kind] of Object.entries(fields)) {
    const key = field.replace(/\?$/, '');
    if (given[key] === undefined && key !== field) continue;
    checkField(given[key], kind, `${place}: "${key}"`);
  }
  const stray = Object.keys(given).find((key) => !Object.hasOwn(fields, key) && !Object.hasOwn(fields, `${key}?`));
  if (stray !== undefined) {
    const known = Object.keys(fields).map((field) => field.replace(/\?$/, ''));
    throw new VariantError(
      `${place}: unknown field "${stray}" of ${String(op)}; ${known.length > 0 ? `known are ${known.join(', ')}` : 'it has none'}`,
    );
  }
  const operator = value as Operator;
  if (operator.op === 'insert-wait' && operator.maxMs < operator.minMs)
    throw new VariantError(`${place}: "maxMs" must not be below "minMs"`);
  if (operator.op === 'set-api-locks' && operator.drop === undefined && operator.add === undefined)
    throw new VariantError(`${place}: "drop" or "add" expected`);
  return operator;
}

function checkField(content: unknown, kind: FieldKind, place: string): void {
  if (typeof kind !== 'string') {
    if (!kind.includes(content as string)) throw new VariantError(`${place} must be one of ${kind.join(', ')}`);
    return;
  }
  switch (kind) {
    case 'boolean':
      if (typeof content !== 'boolean') throw new VariantError(`${place} must be true or false`);
      return;
    case 'number':
      if (typeof content !== 'number' || !Number.isFinite(content) || content < 0)
        throw new VariantError(`${place} must be a number of at least 0`);
      return;
    case 'share':
      if (typeof content !== 'number' || !(content >= 0 && content <= 1))
        throw new VariantError(`${place} must be a number from 0 to 1`);
      return;
    case 'cpu':
      if (!Number.isInteger(content) || (content as number) < 0)
        throw new VariantError(`${place} must be the number of a CPU`);
      return;
    case 'name':
    case 'text':
      if (typeof content !== 'string' || content === '')
        throw new VariantError(`${place} must be ${kind === 'name' ? 'the name of a lock class' : 'a text'}`);
      return;
    case 'regex':
      checkPattern(content, place);
  }
}

function checkPattern(content: unknown, place: string): void {
  if (typeof content !== 'string' || content === '') throw new VariantError(`${place} must be a regular expression`);
  try {
    new RegExp(content);
  } catch (error) {
    throw new VariantError(`${place} is no regular expression: ${(error as Error).message}`);
  }
}
