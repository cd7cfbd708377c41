/**
 * Stack traces in logs (MODEL G7.6, G0.5): x86 and arm64 `sym+0x1/0x2`, `[<addr>] sym`, arm `(sym) from (sym)`, decoded
 * `sym (file.c:12)`, sections `<NMI>`, `<IRQ>`, `<TASK>`, and the register lines between.
 */
import type { LogFrames, LogStack } from '../../../schema/index.ts';

/** Deeper than any kernel stack; what follows is not kept (bounded memory). */
const MAX_FRAMES = 256;
/** Lines of a stack, with its `?` frames and section marks. */
const MAX_PRINTED = 512;
const MAX_SYMBOL = 200;

/** A line that belongs to a stack but names no function to keep: `? ` frames, bare addresses. */
export const NO_SYMBOL = '';

const SPACE = 0x20;
const TAB = 0x09;
const QUESTION = 0x3f;
const OPEN_BRACKET = 0x5b;
const OPEN_PAREN = 0x28;
const PLUS = 0x2b;

/**
 * Function name of a frame line, {@link NO_SYMBOL} for an unreliable frame, undefined when the line is no frame.
 *
 *      srcu_gp_start_if_needed+0xb3/0x540
 *      ? kthread_park+0xa0/0xa0
 *      [<ffffffff82a9df9c>] schedule+0x7c/0x1b0
 *     [<8018de80>] (rcu_check_callbacks) from [<80192868>] (update_process_times+0x38/0x68)
 *      __schedule from schedule+0x40/0xa0
 *      do_sys_open (fs/open.c:1067)
 */
export function parseFrame(text: string): string | undefined {
  let i = skipSpaces(text, 0);
  const end = symbolEnd(text, i);
  // By far the most frequent form: ` sym+0x1/0x2`.
  if (end > i && text.charCodeAt(end) === PLUS && text.startsWith('0x', end + 1) && text.indexOf('/', end) > 0)
    return text.slice(i, end);
  if (i === text.length) return undefined;
  let bracketed = false;
  let code = text.charCodeAt(i);
  if (code === OPEN_PAREN && text.charCodeAt(i + 1) === OPEN_BRACKET) code = text.charCodeAt(++i);
  while (code === OPEN_BRACKET) {
    const close = closeAddress(text, i);
    if (close < 0) return undefined;
    bracketed = true;
    i = skipSpaces(text, close);
    code = text.charCodeAt(i);
  }
  const unreliable = code === QUESTION && text.charCodeAt(i + 1) === SPACE;
  if (unreliable) {
    i += 2;
    const plus = text.indexOf('+0x', i);
    const space = text.indexOf(' ', i);
    if (plus > i && (space < 0 || space > plus)) return NO_SYMBOL;
  }
  const name = symbolAt(text, i, bracketed);
  return name !== undefined && unreliable ? NO_SYMBOL : name;
}

function skipSpaces(text: string, from: number): number {
  let i = from;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code !== SPACE && code !== TAB) break;
  }
  return i;
}

/** Index behind the symbol at `from`; `from` when none begins there. */
function symbolEnd(text: string, from: number): number {
  let i = from;
  const first = text.charCodeAt(i);
  if (isDigit(first) || first === 0x2e) return from;
  while (i < text.length && i - from < MAX_SYMBOL && isSymbolCode(text.charCodeAt(i))) i++;
  return i;
}

/** Index behind `[<ffffffff82a9df9c>]` or `[c000000f12345]`, −1 when it is something else. */
function closeAddress(text: string, at: number): number {
  const close = text.indexOf(']', at);
  if (close < 0 || close - at > 24) return -1;
  // syz-symbolize and related tools: `[<     inline     >] check_prev_add kernel/locking/lockdep.c:1843`
  if (text.startsWith('[<     inline     >]', at)) return close + 1;
  for (let i = at + 1; i < close; i++) {
    const code = text.charCodeAt(i);
    const hex = (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66) || (code >= 0x41 && code <= 0x46);
    if (!hex && code !== 0x3c && code !== 0x3e && code !== SPACE && code !== 0x78) return -1;
  }
  return close + 1;
}

function symbolAt(text: string, start: number, bracketed: boolean): string | undefined {
  const plus = text.indexOf('+0x', start);
  if (plus > start && plus - start <= MAX_SYMBOL) {
    const space = text.indexOf(' ', start);
    if (space < 0 || space > plus) {
      if (text.indexOf('/', plus) > 0 || bracketed) return bare(text.slice(start, plus));
      return undefined;
    }
    // `__schedule from schedule+0x40/0xa0`, `(__schedule) from [<80b2b144>] (schedule+0x40/0xa0)`
    if (text.startsWith(' from ', space)) return bare(text.slice(start, space));
    return undefined;
  }
  const end = text.indexOf(' ', start);
  const word = end < 0 ? text.slice(start) : text.slice(start, end);
  if (word.length === 0 || word.length > MAX_SYMBOL) return undefined;
  if (/^0x[0-9a-f]{6,16}$/.test(word)) return NO_SYMBOL;
  // Decoded: `sym (file.c:12)`, `sym file.c:12 [inline]`, `sym at file.c:12`. Prose has no `.c:<digits>`.
  const rest = end < 0 ? '' : text.slice(end, end + 300);
  if (/^ (?:at |\()?[\w./+-]{1,200}\.(?:c|h|S|rs|cc|cpp):\d/.test(rest)) return bare(word);
  return bracketed && /^\(?[A-Za-z_.$][\w.$]*\)?$/.test(word) && rest === '' ? bare(word) : undefined;
}

/** `(show_stack` and `.schedule` (powerpc function descriptors) name `show_stack` and `schedule`. */
function bare(word: string): string | undefined {
  let start = 0;
  let end = word.length;
  while (start < end && (word[start] === '(' || word[start] === '.')) start++;
  while (end > start && word[end - 1] === ')') end--;
  if (start === end || isDigit(word.charCodeAt(start))) return undefined;
  for (let i = start; i < end; i++) if (!isSymbolCode(word.charCodeAt(i))) return undefined;
  return start === 0 && end === word.length ? word : word.slice(start, end);
}

const isDigit = (code: number) => code >= 0x30 && code <= 0x39;

/** Letters, digits, `_`, `.`, `$`. */
function isSymbolCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x5f ||
    (code >= 0x41 && code <= 0x5a) ||
    isDigit(code) ||
    code === 0x2e ||
    code === 0x24
  );
}

type Section = 'none' | 'nmi' | 'irq' | 'task';

/** What {@link StackReader} needs of a line. */
export interface StackLine {
  readonly text: string;
  /** {@link parseFrame} of the text. */
  readonly frame: string | undefined;
}

/** Collects one trace, line by line. */
export class StackReader {
  readonly #frames: string[] = [];
  readonly #printed: string[] = [];
  #section: Section = 'none';
  #lines = 0;
  nmiFrames = 0;
  irqFrames = 0;
  /** Sections are marked. */
  marked = false;
  /** The interrupted code was user code. */
  userMode = false;
  /** `</TASK>` was read: nothing of this trace follows. */
  complete = false;
  /** Lines of another trace are passing: nothing is taken until {@link resume}. */
  #suspended = false;

  get started(): boolean {
    return this.#lines > 0;
  }

  get stack(): LogStack {
    return this.#frames;
  }

  /** The lines of the stack as printed, as a part of a report; nothing for an empty stack. */
  get printed(): { readonly frames?: LogFrames } {
    return this.#frames.length > 0 ? { frames: this.#printed } : {};
  }

  suspend(): void {
    if (this.#lines > 0) this.#suspended = true;
  }

  resume(): void {
    this.#suspended = false;
  }

  /** Whether the line belongs to this trace. */
  accept({ text, frame }: StackLine): boolean {
    if (this.complete || this.#suspended) return false;
    if (frame !== undefined) {
      this.#push(frame);
      this.#print(text);
      return true;
    }
    const i = skipSpaces(text, 0);
    switch (text.charCodeAt(i)) {
      case 0x3c: // <
        return this.#marker(text, i);
      case 0x52: // R
      case 0x70: // p
        return this.#register(text, i);
      default:
        return false;
    }
  }

  /** `<IRQ>`, `</TASK>`, and the old `<IRQ>  [<ffffffff81093454>] lockdep_rcu_dereference+0xa4/0xc0`. */
  #marker(text: string, at: number): boolean {
    const match = /^<(?:<)?(\/?)([A-Z#_]+)>>?/.exec(text.slice(at, at + 24));
    if (!match) return false;
    this.marked = true;
    this.#print(match[0]);
    const end = match[1] === '/' || match[2] === 'EOI' || match[2] === 'EOE';
    const name = match[2];
    if (end) {
      this.#section = name === 'EOE' ? 'irq' : 'none';
      if (name === 'TASK') this.complete = true;
    } else if (name === 'NMI') this.#section = 'nmi';
    else if (name === 'IRQ' || name === 'SOFTIRQ' || name === 'HARDIRQ') this.#section = 'irq';
    else if (name === 'TASK') this.#section = 'task';
    this.#lines++;
    const behind = text.slice(at + match[0].length).trim();
    const symbol = parseFrame(behind);
    if (symbol !== undefined) this.#print(behind);
    if (symbol) this.#push(symbol);
    return true;
  }

  /** `RIP: 0010:lock_release+0xa2/0x9f0`, `RIP: 0033:0x4537d9`, `pc : __lock_acquire+0x7cc/0x30a4`. */
  #register(text: string, at: number): boolean {
    if (text.startsWith('RIP: ', at)) {
      this.#print(text);
      const operand = text.slice(text.indexOf(':', at + 5) + 1);
      const symbol = parseFrame(operand);
      if (symbol) this.#push(symbol);
      // At the end of a syscall's stack it only says where the call came from.
      else if (
        /^RIP: 00(?:33|2[3b]):/.test(text.slice(at, at + 12)) &&
        this.#frames.length === this.nmiFrames + this.irqFrames
      )
        this.userMode = true;
      return true;
    }
    if (text.startsWith('pc : ', at)) {
      this.#print(text);
      const symbol = parseFrame(text.slice(at + 5));
      if (symbol) this.#push(symbol);
      return true;
    }
    return false;
  }

  #print(text: string): void {
    if (this.#printed.length < MAX_PRINTED) this.#printed.push(text);
  }

  #push(symbol: string): void {
    this.#lines++;
    if (symbol === NO_SYMBOL || this.#frames.length >= MAX_FRAMES) return;
    this.#frames.push(symbol);
    // Counts of leading frames: a RIP line above the section's first frame ran in that section too.
    if (this.#section === 'nmi' && this.irqFrames === 0) this.nmiFrames = this.#frames.length;
    else if (this.#section === 'irq') this.irqFrames = this.#frames.length - this.nmiFrames;
    else this.userMode = false;
  }
}
