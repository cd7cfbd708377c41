/**
 * Arguments of a `print fmt`: C expressions over the fields of a record, as the TP_printk macro leaves them.
 *
 *     REC->ret ? "handled" : "unhandled"
 *     __print_symbolic(REC->dependency, { 0, "NONE" }, { (1 << 0), "POSIX_TIMER" }, { (1 << 2), "SCHED" })
 *     (REC->prev_state & ((((0x0 | 0x1 | 0x40) + 1) << 1) - 1)) ? __print_flags(REC->prev_state & 0xff, "|", { 0x1, "S" }) : "R"
 */

export type Expression =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'constant'; readonly name: string }
  | { readonly kind: 'field'; readonly name: string; readonly index: Expression | undefined }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'ternary'; readonly test: Expression; readonly yes: Expression; readonly no: Expression }
  /** `table` are the `{ value, "text" }` pairs of __print_symbolic and __print_flags. */
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly args: readonly Expression[];
      readonly table: readonly { readonly value: Expression; readonly text: string }[];
    };

const TOKEN =
  /\s*(?:("(?:\\[\s\S]|[^"\\])*")|(0[xX][0-9a-fA-F]+|\d+)[uUlL]*|('(?:\\.|[^'\\])')|([A-Za-z_]\w*)|(->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>?:(),{}[\].]))/y;

interface Token {
  readonly kind: 'string' | 'number' | 'name' | 'punctuation';
  readonly text: string;
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', '0': '\0', a: '\x07', e: '\x1b' };

/** Contents of a C string or character literal without its quotes. */
export function unescapeC(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|[\s\S])/g, (_, code: string) => {
    if (/^x./.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]+$/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
    return ESCAPES[code] ?? code;
  });
}

function tokenize(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) return /^\s*$/.test(text.slice(at)) ? tokens : undefined;
    const [, string, number, character, name, punctuation] = match;
    if (string !== undefined) tokens.push({ kind: 'string', text: unescapeC(string.slice(1, -1)) });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (character !== undefined)
      tokens.push({ kind: 'number', text: String(unescapeC(character.slice(1, -1)).charCodeAt(0)) });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else tokens.push({ kind: 'punctuation', text: punctuation as string });
  }
  return tokens;
}

const BINARY_PRECEDENCE: Record<string, number> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '!=': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
};

const TYPE_NAME =
  /^(?:unsigned|signed|long|int|short|char|bool|void|const|volatile|struct|enum|union|__force|s?size_t|_?_?[su](?:8|16|32|64)|u?int\d+_t|pid_t|gfp_t|\w+_t)$/;
/** Deeper nesting than any TP_printk; stops hostile formats before the call stack does. */
const MAX_DEPTH = 200;

class ExpressionSyntaxError extends Error {}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length;
  }

  #is(text: string, ahead = 0): boolean {
    const token = this.#tokens[this.#at + ahead];
    return token !== undefined && token.kind === 'punctuation' && token.text === text;
  }

  #accept(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#at++;
    return true;
  }

  expect(text: string): void {
    if (!this.#accept(text)) throw new ExpressionSyntaxError(text);
  }

  expression(): Expression {
    if (++this.#depth > MAX_DEPTH) throw new ExpressionSyntaxError('too deep');
    const test = this.#binary(1);
    let result = test;
    if (this.#accept('?')) {
      const yes = this.expression();
      this.expect(':');
      result = { kind: 'ternary', test, yes, no: this.expression() };
    }
    this.#depth--;
    return result;
  }

  #binary(least: number): Expression {
    let left = this.#unary();
    for (;;) {
      const token = this.#tokens[this.#at];
      const precedence = token?.kind === 'punctuation' ? BINARY_PRECEDENCE[token.text] : undefined;
      if (precedence === undefined || precedence < least) return left;
      this.#at++;
      left = { kind: 'binary', operator: token.text, left, right: this.#binary(precedence + 1) };
    }
  }

  #unary(): Expression {
    if (++this.#depth > MAX_DEPTH) throw new ExpressionSyntaxError('too deep');
    const result = this.#unaryInside();
    this.#depth--;
    return result;
  }

  #unaryInside(): Expression {
    for (const operator of ['-', '~', '!', '+']) {
      if (this.#accept(operator)) return { kind: 'unary', operator, operand: this.#unary() };
    }
    // Casts and the address operator change nothing about what is printed here.
    if (this.#accept('&') || this.#accept('*') || this.#acceptCast()) return this.#unary();
    return this.#primary();
  }

  #acceptCast(): boolean {
    if (!this.#is('(')) return false;
    let end = this.#at + 1;
    let names = 0;
    for (; this.#tokens[end]?.kind === 'name'; end++) {
      const previous = this.#tokens[end - 1];
      const tag = previous.kind === 'name' && /^(struct|enum|union)$/.test(previous.text);
      if (!tag && !TYPE_NAME.test(this.#tokens[end].text)) return false;
      names++;
    }
    while (this.#tokens[end]?.text === '*' && this.#tokens[end].kind === 'punctuation') end++;
    if (names === 0 || this.#tokens[end]?.text !== ')') return false;
    this.#at = end + 1;
    return true;
  }

  #primary(): Expression {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new ExpressionSyntaxError('end');
    if (this.#accept('(')) {
      const inner = this.expression();
      this.expect(')');
      return inner.kind === 'constant' && inner.name === 'REC' && this.#accept('->') ? this.#field() : inner;
    }
    this.#at++;
    switch (token.kind) {
      case 'number':
        return { kind: 'number', value: numberValue(token.text) };
      case 'string': {
        let text = token.text;
        while (this.#tokens[this.#at]?.kind === 'string') text += this.#tokens[this.#at++].text;
        return { kind: 'string', text };
      }
      case 'name':
        if (token.text === 'REC' && this.#accept('->')) return this.#field();
        if (token.text === 'sizeof') return this.#sizeof();
        return this.#is('(') ? this.#call(token.text) : { kind: 'constant', name: token.text };
      default:
        throw new ExpressionSyntaxError(token.text);
    }
  }

  /** The operand may be a type; nothing that is evaluated here needs the size. */
  #sizeof(): Expression {
    this.expect('(');
    for (let open = 1; open > 0; this.#at++) {
      if (this.done) throw new ExpressionSyntaxError('sizeof');
      if (this.#is('(')) open++;
      else if (this.#is(')')) open--;
    }
    return { kind: 'call', name: 'sizeof', args: [], table: [] };
  }

  #field(): Expression {
    const name = this.#tokens[this.#at++];
    if (name?.kind !== 'name') throw new ExpressionSyntaxError('field');
    let path = name.text;
    while (this.#is('.') || this.#is('->')) {
      this.#at++;
      path += `.${this.#tokens[this.#at++]?.text ?? ''}`;
    }
    if (!this.#accept('[')) return { kind: 'field', name: path, index: undefined };
    const index = this.expression();
    this.expect(']');
    return { kind: 'field', name: path, index };
  }

  #call(name: string): Expression {
    this.expect('(');
    const args: Expression[] = [];
    const table: { value: Expression; text: string }[] = [];
    while (!this.#accept(')')) {
      if (this.#accept('{')) {
        if (this.#accept('}')) continue;
        const value = this.expression();
        this.expect(',');
        const text = this.expression();
        this.expect('}');
        table.push({ value, text: text.kind === 'string' ? text.text : '' });
      } else args.push(this.expression());
      if (!this.#is(')')) this.expect(',');
    }
    return { kind: 'call', name, args, table };
  }
}

function numberValue(text: string): bigint {
  return /^0[0-7]+$/.test(text) ? BigInt(`0o${text.slice(1)}`) : BigInt(text);
}

/** Splits `"format", argument, argument …`; undefined when it is not of that form. */
export function parsePrintArguments(text: string): { format: string; args: Expression[] } | undefined {
  const tokens = tokenize(text);
  if (!tokens) return undefined;
  const parser = new Parser(tokens);
  try {
    const format = parser.expression();
    if (format.kind !== 'string') return undefined;
    const args: Expression[] = [];
    while (!parser.done) {
      parser.expect(',');
      args.push(parser.expression());
    }
    return { format: format.text, args };
  } catch (error) {
    if (error instanceof ExpressionSyntaxError) return undefined;
    throw error;
  }
}
