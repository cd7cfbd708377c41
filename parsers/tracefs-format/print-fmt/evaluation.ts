/** Values of print fmt expressions: C arithmetic over 64-bit integers, __print_symbolic and __print_flags. */
import type { Expression } from './expression.ts';

/**
 * Enumerators that some headers leave by name in the print fmt because they have no TRACE_DEFINE_ENUM
 * (include/trace/events/timer.h; values of include/linux/hrtimer.h).
 */
const ENUMERATORS: Record<string, bigint> = {
  HRTIMER_MODE_ABS: 0n,
  HRTIMER_MODE_REL: 1n,
  HRTIMER_MODE_PINNED: 2n,
  HRTIMER_MODE_SOFT: 4n,
  HRTIMER_MODE_HARD: 8n,
  HRTIMER_MODE_ABS_PINNED: 2n,
  HRTIMER_MODE_REL_PINNED: 3n,
  HRTIMER_MODE_ABS_SOFT: 4n,
  HRTIMER_MODE_REL_SOFT: 5n,
  HRTIMER_MODE_ABS_PINNED_SOFT: 6n,
  HRTIMER_MODE_REL_PINNED_SOFT: 7n,
  HRTIMER_MODE_ABS_HARD: 8n,
  HRTIMER_MODE_REL_HARD: 9n,
  HRTIMER_MODE_ABS_PINNED_HARD: 10n,
  HRTIMER_MODE_REL_PINNED_HARD: 11n,
  NULL: 0n,
  true: 1n,
  false: 0n,
};

export type PrintValue = bigint | string | undefined;
type Operands = (left: bigint, right: bigint) => bigint | boolean | undefined;

const BINARY: Record<string, Operands> = {
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '&': (a, b) => a & b,
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => (b === 0n ? undefined : a / b),
  '%': (a, b) => (b === 0n ? undefined : a % b),
  // A shift by more than the width of the type is undefined in C and could ask for any amount of memory here.
  '<<': (a, b) => (b < 0n || b > 63n ? undefined : a << b),
  '>>': (a, b) => (b < 0n || b > 63n ? undefined : a >> b),
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
};

function truth(value: PrintValue): boolean | undefined {
  return typeof value === 'bigint' ? value !== 0n : undefined;
}

/**
 * @param field value of a field of the record, undefined when it cannot be a number
 * @returns undefined when the expression uses something that is not known here (a helper call, an unknown enumerator)
 */
export function evaluate(expression: Expression, field: (name: string) => bigint | undefined): PrintValue {
  switch (expression.kind) {
    case 'number':
      return expression.value;
    case 'string':
      return expression.text;
    case 'constant':
      return ENUMERATORS[expression.name];
    case 'field':
      return expression.index ? undefined : field(expression.name);
    case 'ternary': {
      const test = truth(evaluate(expression.test, field));
      return test === undefined ? undefined : evaluate(test ? expression.yes : expression.no, field);
    }
    case 'unary':
      return evaluateUnary(expression.operator, evaluate(expression.operand, field));
    case 'binary':
      return evaluateBinary(expression.operator, expression.left, expression.right, field);
    case 'call':
      return evaluateCall(expression, field);
  }
}

function evaluateUnary(operator: string, value: PrintValue): PrintValue {
  if (typeof value !== 'bigint') return undefined;
  if (operator === '-') return -value;
  if (operator === '~') return ~value;
  return operator === '!' ? BigInt(value === 0n) : value;
}

function evaluateBinary(
  operator: string,
  left: Expression,
  right: Expression,
  field: (name: string) => bigint | undefined,
): PrintValue {
  const a = evaluate(left, field);
  if (operator === '&&' || operator === '||') {
    const first = truth(a);
    if (first === undefined) return undefined;
    if (first === (operator === '||')) return BigInt(first);
    const second = truth(evaluate(right, field));
    return second === undefined ? undefined : BigInt(second);
  }
  const b = evaluate(right, field);
  if (typeof a !== 'bigint' || typeof b !== 'bigint') return undefined;
  const result = BINARY[operator]?.(a, b);
  return typeof result === 'boolean' ? BigInt(result) : result === undefined ? undefined : BigInt.asIntN(64, result);
}

/** trace_print_symbols_seq and trace_print_flags_seq of kernel/trace/trace_output.c. */
function evaluateCall(
  call: Extract<Expression, { kind: 'call' }>,
  field: (name: string) => bigint | undefined,
): PrintValue {
  const symbolic = call.name === '__print_symbolic' || call.name === '__print_symbolic_u64';
  const flags = call.name === '__print_flags' || call.name === '__print_flags_u64';
  if ((!symbolic && !flags) || call.args.length === 0) return undefined;
  const value = evaluate(call.args[0], field);
  if (typeof value !== 'bigint') return undefined;
  const unsigned = BigInt.asUintN(64, value);
  const rows = call.table.map((row) => ({ value: evaluate(row.value, field), text: row.text }));
  if (symbolic) {
    const hit = rows.find((row) => typeof row.value === 'bigint' && BigInt.asUintN(64, row.value) === unsigned);
    return hit ? hit.text : `0x${unsigned.toString(16)}`;
  }
  const separator = call.args[1]?.kind === 'string' ? call.args[1].text : '';
  const names: string[] = [];
  let rest = unsigned;
  for (const row of rows) {
    if (typeof row.value !== 'bigint') continue;
    const mask = BigInt.asUintN(64, row.value);
    if ((rest & mask) !== mask) continue;
    names.push(row.text);
    rest &= ~mask;
  }
  if (rest !== 0n) names.push(`0x${rest.toString(16)}`);
  return names.join(separator);
}
