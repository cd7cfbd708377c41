/** A parsed `print fmt`: how each field of an event is printed. */
import { evaluate } from './evaluation.ts';
import { type Expression, parsePrintArguments } from './expression.ts';

/** One conversion of a printf format: `%#3x`, `%-16s`, `%pS`. */
export interface Conversion {
  /** Literal text before it. */
  readonly before: string;
  readonly flags: string;
  /** Digits, `*` or ''. */
  readonly width: string;
  /** Digits or `*`; undefined without a point. */
  readonly precision: string | undefined;
  /** `hh h l ll z j t L q` or ''. */
  readonly length: string;
  /** `d`, `s`, `p` …; `%` for a per cent sign. */
  readonly letter: string;
  /** What follows a `p`: `s`, `S`, `x`, `Ks` …, else ''. */
  readonly extension: string;
}

const CONVERSION = /%([-+ #0]*)(\*|\d+)?(?:\.(\*|\d*))?(hh|h|ll|l|z|Z|j|t|L|q)?([a-zA-Z%])/g;

/** Splits a printf format; `rest` is the literal text behind the last conversion. */
export function parseConversions(format: string): { conversions: Conversion[]; rest: string } {
  const conversions: Conversion[] = [];
  let end = 0;
  for (const match of format.matchAll(CONVERSION)) {
    if (match.index < end) continue;
    const [whole, flags, width = '', precision, length = '', letter] = match;
    const extension = letter === 'p' ? (/^[a-zA-Z0-9]*/.exec(format.slice(match.index + whole.length))?.[0] ?? '') : '';
    conversions.push({
      before: format.slice(end, match.index),
      flags,
      width,
      precision,
      length,
      letter,
      extension,
    });
    end = match.index + whole.length + extension.length;
  }
  return { conversions, rest: format.slice(end) };
}

interface Printed {
  readonly conversion: Conversion;
  readonly argument: Expression;
}

/** Names of all fields that an expression reads. */
function fieldsOf(expression: Expression, names: Set<string> = new Set()): Set<string> {
  switch (expression.kind) {
    case 'field':
      names.add(expression.name);
      if (expression.index) fieldsOf(expression.index, names);
      break;
    case 'unary':
      fieldsOf(expression.operand, names);
      break;
    case 'binary':
      fieldsOf(expression.left, names);
      fieldsOf(expression.right, names);
      break;
    case 'ternary':
      for (const part of [expression.test, expression.yes, expression.no]) fieldsOf(part, names);
      break;
    case 'call':
      for (const arg of expression.args) fieldsOf(arg, names);
      break;
    default:
  }
  return names;
}

export class PrintFormat {
  readonly #printed: Printed[] = [];

  /** @param text what follows `print fmt:`. A text that cannot be parsed gives a format that knows no field. */
  constructor(text: string) {
    const parsed = parsePrintArguments(text);
    if (!parsed) return;
    let next = 0;
    for (const conversion of parseConversions(parsed.format).conversions) {
      if (conversion.letter === '%') continue;
      if (conversion.width === '*') next++;
      if (conversion.precision === '*') next++;
      const argument = parsed.args[next++];
      if (argument) this.#printed.push({ conversion, argument });
    }
  }

  /** The conversion that prints the field's bare value (casts aside), if one does. */
  conversionOf(field: string): Conversion | undefined {
    return this.#printed.find(
      ({ argument }) => argument.kind === 'field' && argument.name === field && argument.index === undefined,
    )?.conversion;
  }

  /** Whether an argument is the given helper called on the field: `__get_bitmask(target_cpus)`. */
  isPrintedBy(helper: string, field: string): boolean {
    return this.#printed.some(
      ({ argument }) =>
        argument.kind === 'call' &&
        argument.name === helper &&
        argument.args[0]?.kind === 'constant' &&
        argument.args[0].name === field,
    );
  }

  /**
   * The text that the event prints for a numeric field, from the neighbouring %s and %c conversions that depend on this field
   * alone: `%s%s` with `prev_state` prints `R+`, `%c` with `cb ? 'C' : '.'` prints `C`.
   * @returns undefined when the field is printed as a number only
   */
  textOf(field: string): ((value: bigint) => string | undefined) | undefined {
    const own = ({ conversion, argument }: Printed) => {
      if (conversion.letter !== 's' && conversion.letter !== 'c') return false;
      const names = fieldsOf(argument);
      return names.size === 1 && names.has(field) && argument.kind !== 'field';
    };
    const first = this.#printed.findIndex(own);
    if (first < 0) return undefined;
    let end = first + 1;
    while (end < this.#printed.length && own(this.#printed[end]) && this.#printed[end].conversion.before === '') end++;
    const parts = this.#printed.slice(first, end);
    return (value) => {
      let text = '';
      for (const { conversion, argument } of parts) {
        const printed = evaluate(argument, () => value);
        if (printed === undefined) return undefined;
        text += typeof printed === 'string' ? printed : asText(printed, conversion.letter);
      }
      return text;
    };
  }
}

function asText(value: bigint, letter: string): string {
  return letter === 'c' ? String.fromCharCode(Number(value & 0xffn)) : value.toString();
}
