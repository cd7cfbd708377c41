/**
 * Text of a trace_printk record: the format's address and the arguments as vbin_printf packed them (lib/vsprintf.c).
 * Numbers of 8 bytes are aligned to 4, smaller ones to their size; strings stand in place with their NUL.
 */
import { formatAddress } from '../address-cache.ts';
import type { DecodeContext } from '../decode/decode-context.ts';
import type { RecordBytes } from '../decode/record-bytes.ts';
import { type Conversion, parseConversions } from '../print-fmt/format.ts';

const decoder = new TextDecoder('utf-8');
/** Widest field that is padded; a hostile width must not make a long string. */
const MAX_WIDTH = 1024;

export interface BinaryFormat {
  readonly conversions: readonly Conversion[];
  readonly rest: string;
}

export function parseBinaryFormat(format: string): BinaryFormat {
  return parseConversions(format);
}

/** Takes packed arguments one after the other; undefined when the record ends first. */
class ArgumentReader {
  readonly #record: RecordBytes;
  readonly #little: boolean;
  readonly #start: number;
  readonly #end: number;
  #at: number;

  constructor(record: RecordBytes, start: number, end: number, little: boolean) {
    this.#record = record;
    this.#little = little;
    this.#start = start;
    this.#end = end;
    this.#at = start;
  }

  /** @param bytes 1, 2, 4 or 8 */
  number(bytes: number, signed: boolean): bigint | undefined {
    const align = Math.min(bytes, 4);
    const at = this.#start + Math.ceil((this.#at - this.#start) / align) * align;
    if (at + bytes > this.#end) return undefined;
    this.#at = at + bytes;
    const { view } = this.#record;
    switch (bytes) {
      case 1:
        return BigInt(signed ? view.getInt8(at) : view.getUint8(at));
      case 2:
        return BigInt(signed ? view.getInt16(at, this.#little) : view.getUint16(at, this.#little));
      case 4:
        return BigInt(signed ? view.getInt32(at, this.#little) : view.getUint32(at, this.#little));
      default:
        return signed ? view.getBigInt64(at, this.#little) : view.getBigUint64(at, this.#little);
    }
  }

  string(): string | undefined {
    let end = this.#at;
    while (end < this.#end && this.#record.bytes[end] !== 0) end++;
    if (end >= this.#end) return undefined;
    const text = decoder.decode(this.#record.bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }
}

function integerBytes(length: string, longBytes: number): number {
  switch (length) {
    case 'hh':
      return 1;
    case 'h':
      return 2;
    case 'l':
    case 'z':
    case 'Z':
    case 't':
      return longBytes;
    case 'll':
    case 'L':
    case 'q':
    case 'j':
      return 8;
    default:
      return 4;
  }
}

function padded(text: string, width: number, flags: string, zero: boolean): string {
  const limit = Math.min(width, MAX_WIDTH);
  if (flags.includes('-')) return text.padEnd(limit);
  if (!zero) return text.padStart(limit);
  const sign = /^(?:[-+ ]|0[xX])*/.exec(text)?.[0] ?? '';
  return sign + text.slice(sign.length).padStart(limit - sign.length, '0');
}

/** One number as lib/vsprintf.c number() prints it. */
export function formatInteger(value: bigint, conversion: Conversion, width: number, precision: number): string {
  const { flags, letter } = conversion;
  const base = letter === 'o' ? 8 : letter === 'x' || letter === 'X' ? 16 : 10;
  const negative = value < 0n;
  let digits = (negative ? -value : value).toString(base);
  if (letter === 'X') digits = digits.toUpperCase();
  digits = digits.padStart(Math.min(precision, MAX_WIDTH), '0');
  const prefix = flags.includes('#') && base === 16 ? `0${letter}` : flags.includes('#') && base === 8 ? '0' : '';
  const signed = letter === 'd' || letter === 'i';
  const sign = negative ? '-' : signed && flags.includes('+') ? '+' : signed && flags.includes(' ') ? ' ' : '';
  return padded(sign + prefix + digits, width, flags, flags.includes('0') && precision < 0);
}

/**
 * The printed text. Where the record ends before its format does, the text ends there as well.
 * @param start first byte of the packed arguments
 */
export function formatBinary(
  format: BinaryFormat,
  record: RecordBytes,
  start: number,
  end: number,
  context: DecodeContext,
): string {
  const args = new ArgumentReader(record, start, end, context.littleEndian);
  let text = '';
  for (const conversion of format.conversions) {
    text += conversion.before;
    const piece = formatConversion(conversion, args, context);
    if (piece === undefined) return text;
    text += piece;
  }
  return text + format.rest;
}

function formatConversion(conversion: Conversion, args: ArgumentReader, context: DecodeContext): string | undefined {
  if (conversion.letter === '%') return '%';
  const measure = (given: string | undefined, missing: number) =>
    given === '*' ? Number(args.number(4, true) ?? 0n) : given === undefined ? missing : Number(given || 0);
  let { flags } = conversion;
  let width = measure(conversion.width || undefined, 0);
  const precision = measure(conversion.precision, -1);
  if (width < 0) {
    flags += '-';
    width = -width;
  }
  switch (conversion.letter) {
    case 'c': {
      const value = args.number(1, false);
      return value === undefined ? undefined : padded(String.fromCharCode(Number(value)), width, flags, false);
    }
    case 's': {
      const value = args.string();
      if (value === undefined) return undefined;
      return padded(precision >= 0 ? value.slice(0, precision) : value, width, flags, false);
    }
    case 'p': {
      const value = formatPointer(conversion.extension, args, context);
      return value === undefined ? undefined : padded(value, width, flags, false);
    }
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o': {
      const signed = conversion.letter === 'd' || conversion.letter === 'i';
      const value = args.number(integerBytes(conversion.length, context.longBytes), signed);
      return value === undefined ? undefined : formatInteger(value, { ...conversion, flags }, width, precision);
    }
    default:
      return undefined;
  }
}

/** %p with S, s, x, K, e or nothing keeps the address; the other extensions were printed when the record was made. */
function formatPointer(extension: string, args: ArgumentReader, context: DecodeContext): string | undefined {
  if (extension !== '' && !/^[SsxKefFB]/.test(extension)) return args.string();
  const value = args.number(context.longBytes, false);
  if (value === undefined) return undefined;
  const hi = Number(value >> 32n);
  const lo = Number(value & 0xffffffffn);
  const { dictionary, addresses } = context;
  if (/^[sf]/.test(extension)) return dictionary.text(addresses.symbol(hi, lo));
  if (/^[SFB]/.test(extension)) return dictionary.text(addresses.symbolWithOffset(hi, lo));
  if (extension.startsWith('x') || extension === '') return value.toString(16).padStart(context.longBytes * 2, '0');
  return formatAddress(hi, lo);
}
