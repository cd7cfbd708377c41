/**
 * The `format` file of a trace event (tracefs `events/<system>/<event>/format`), as trace-cmd and perf embed it:
 *
 *     name: contention_begin
 *     ID: 1219
 *     format:
 *     	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
 *     	field:int common_pid;	offset:4;	size:4;	signed:1;
 *
 *     	field:void * lock_addr;	offset:8;	size:8;	signed:0;
 *     	field:char comm[16];	offset:16;	size:16;	signed:0;
 *     	field:__data_loc char[] name;	offset:32;	size:4;	signed:0;
 *
 *     print fmt: "%p (flags=%s)", REC->lock_addr, __print_flags(REC->flags, "|", { (1U << 0), "SPIN" })
 *
 * Written by f_show in kernel/trace/trace_events.c. Kernels before 2.6.31 have no `signed:`.
 */

/** Where the bytes of a field are. */
export type FieldLayout =
  /** In the record itself. */
  | 'inline'
  /** The record holds `length << 16 | offset`, the offset counted from the record's start. */
  | 'data-loc'
  /** The same, the offset counted from the end of the field. */
  | 'rel-loc'
  /** The last field, as long as the record goes on (`char buf[]`). */
  | 'tail';

export interface FormatField {
  readonly name: string;
  /** C type without array brackets and location prefix: `unsigned long`, `const char *`. */
  readonly type: string;
  readonly layout: FieldLayout;
  /** From the start of the record. */
  readonly offset: number;
  /** Bytes inside the record; 4 for data-loc and rel-loc, 0 for tail. */
  readonly sizeBytes: number;
  readonly signed: boolean;
  readonly isArray: boolean;
  readonly isPointer: boolean;
  /** Bytes of one array element, of the whole field when it is no array. */
  readonly elementBytes: number;
}

export interface EventFormat {
  readonly id: number;
  readonly name: string;
  readonly system: string;
  /** `common_type`, `common_flags`, `common_preempt_count`, `common_pid` and their like. */
  readonly commonFields: readonly FormatField[];
  readonly fields: readonly FormatField[];
  /** What follows `print fmt: `, '' when there is none. */
  readonly printFormat: string;
}

/** Longest record that a ring buffer can hold; offsets beyond it are damage. */
const MAX_RECORD_BYTES = 1 << 27;
/** More fields than any event has; keeps hostile formats cheap. */
const MAX_FIELDS = 1024;

const TYPE_BYTES = new Map<string, number>([
  ...['char', 'signed char', 'unsigned char', 'bool', '_Bool', 's8', 'u8', '__s8', '__u8', 'int8_t', 'uint8_t'].map(
    (name) => [name, 1] as const,
  ),
  ...['short', 'unsigned short', 's16', 'u16', '__s16', '__u16', '__le16', '__be16', 'int16_t', 'uint16_t'].map(
    (name) => [name, 2] as const,
  ),
  ...['s64', 'u64', '__s64', '__u64', '__le64', '__be64', 'int64_t', 'uint64_t', 'loff_t', 'sector_t', 'ktime_t'].map(
    (name) => [name, 8] as const,
  ),
  ...['long long', 'unsigned long long', 'long long int', 'unsigned long long int'].map((name) => [name, 8] as const),
]);

const LONG_TYPES = /^(unsigned )?long( int| unsigned int)?$|^(s?size_t|uintptr_t|cpumask_t)$/;

/** Bytes of an element whose array has no declared length. */
function elementBytesOf(type: string, isPointer: boolean, longBytes: number): number {
  return isPointer || LONG_TYPES.test(type) ? longBytes : (TYPE_BYTES.get(type) ?? 4);
}

/** `__attribute__((btf_type_tag("user")))` and the like say nothing about the layout. */
function withoutAttributes(declaration: string): string {
  return declaration.includes('__attribute__')
    ? declaration.replace(/__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)/g, ' ')
    : declaration;
}

/**
 * One declaration, the text between `field:` and the first semicolon, split into type, name and array length.
 * `char comm[16]`, `__data_loc char[] name`, `unsigned long args[6]`, `void (*func)(struct callback_head *)`.
 */
function parseDeclaration(text: string) {
  let declaration = withoutAttributes(text).trim();
  const location = /^__(data|rel)_loc\b/.exec(declaration)?.[1];
  if (location) declaration = declaration.slice(`__${location}_loc`.length).trim();
  const functionPointer = /\(\s*\*\s*(\w+)\s*\)\s*\(/.exec(declaration);
  if (functionPointer) {
    return { location, name: functionPointer[1], type: 'void *', isArray: false, count: undefined };
  }
  // The brackets stand behind the name, with data locations behind the type.
  const brackets = /\[([^\]]*)\]/.exec(declaration);
  const bare = declaration.replace(/\[[^\]]*\]/g, ' ').trim();
  const name = /(\w+)\s*$/.exec(bare)?.[1];
  if (name === undefined) return undefined;
  const type = bare.slice(0, bare.lastIndexOf(name)).replace(/\s+/g, ' ').replace(/\s*\*/g, ' *').trim();
  const count = brackets ? Number(brackets[1].trim() || Number.NaN) : undefined;
  return { location, name, type, isArray: brackets !== null || location !== undefined, count };
}

function numberAfter(line: string, key: string): number | undefined {
  const start = line.indexOf(key);
  if (start < 0) return undefined;
  const value = Number.parseInt(line.slice(start + key.length), 10);
  return Number.isSafeInteger(value) && value >= 0 && value < MAX_RECORD_BYTES ? value : undefined;
}

function parseField(line: string, longBytes: number): FormatField | undefined {
  const start = line.indexOf(':') + 1;
  const declaration = parseDeclaration(line.slice(start, line.indexOf(';')));
  const offset = numberAfter(line, 'offset:');
  const sizeBytes = numberAfter(line, 'size:');
  if (!declaration || offset === undefined || sizeBytes === undefined) return undefined;
  const { location, name, type, isArray, count } = declaration;
  const isPointer = type.endsWith('*');
  const layout: FieldLayout =
    location === 'data' ? 'data-loc' : location === 'rel' ? 'rel-loc' : isArray && sizeBytes === 0 ? 'tail' : 'inline';
  const declared = layout === 'inline' && count !== undefined && count > 0 ? sizeBytes / count : undefined;
  const byType = elementBytesOf(type.replace(/^const /, ''), isPointer, longBytes);
  const elementBytes = !isArray ? sizeBytes : Number.isInteger(declared) ? (declared as number) : byType;
  const signedText = /signed:\s*([01])/.exec(line)?.[1];
  const signed = signedText
    ? signedText === '1'
    : /^(const )?(int|long|short|char|signed|s\d|__s\d|pid_t)/.test(type) && !isPointer;
  return { name, type, layout, offset, sizeBytes, signed, isArray, isPointer, elementBytes };
}

/**
 * Reads one format file.
 * @param longBytes size of `long` in the recorded kernel, for arrays without a declared length
 * @returns undefined when the text is no format file: without name, id or a readable field list
 */
export function parseEventFormat(text: string, system: string, longBytes: number): EventFormat | undefined {
  const name = /^name:[ \t]*(\S+)/m.exec(text)?.[1];
  const id = /^ID:[ \t]*(\d+)/m.exec(text)?.[1];
  if (name === undefined || id === undefined || Number(id) > 0x7fffffff) return undefined;
  const printStart = text.indexOf('\nprint fmt:');
  const head = printStart < 0 ? text : text.slice(0, printStart);
  const commonFields: FormatField[] = [];
  const fields: FormatField[] = [];
  for (const line of head.split('\n')) {
    if (!/^\s*field[ :]/.test(line)) continue;
    const field = parseField(line, longBytes);
    if (!field || fields.length === MAX_FIELDS) return undefined;
    if (field.name.startsWith('common_')) commonFields.push(field);
    else fields.push(field);
  }
  const printFormat = printStart < 0 ? '' : text.slice(printStart + '\nprint fmt:'.length).trim();
  return { id: Number(id), name, system, commonFields, fields, printFormat };
}

/** The id of a format file without reading the rest, −1 when it has none. */
export function formatId(text: string): number {
  const id = /^ID:[ \t]*(\d+)/m.exec(text)?.[1];
  return id === undefined ? -1 : Number(id);
}
