/**
 * The tracing-data section: what the recorder copied out of tracefs so that raw tracepoint data can be read
 * (tools/perf/util/trace-event-info.c, the same layout as the head of a trace.dat version 6).
 *
 *     17 08 44 "tracing" "0.6\0" u8 big-endian, u8 sizeof(long), u32 page size
 *     "header_page\0" u64 size …  "header_event\0" u64 size …
 *     u32 count of ftrace formats, each u64 size …
 *     u32 count of systems, each name\0, u32 count, each u64 size …
 *     u32 size of kallsyms …  u32 size of printk_formats …  u64 size of saved cmdlines … (since 0.6)
 */
const MAGIC = [0x17, 0x08, 0x44, ...Array.from('tracing', (letter) => letter.charCodeAt(0))];
const TWO_32 = 4294967296;
const decoder = new TextDecoder('utf-8');
/** Trace events of one kernel; Linux 6.12 with everything built in has some 5,000. */
const MAX_FORMATS = 1 << 16;

export interface TracingData {
  readonly littleEndian: boolean;
  readonly longBytes: 4 | 8;
  /** Text of each format file, with its system. */
  readonly formats: readonly { readonly system: string; readonly text: string }[];
  /** Text of /proc/kallsyms; empty since perf 4.1. */
  readonly kallsyms: Uint8Array;
  readonly printkFormats: string;
  /** Why it ends early, and at which byte of the section; undefined when it is complete. */
  readonly problem: { readonly byte: number; readonly text: string } | undefined;
}

class SectionEnd extends Error {}

class Cursor {
  at = 0;
  littleEndian = true;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.at) throw new SectionEnd();
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  u8(): number {
    return this.take(1)[0];
  }

  u32(): number {
    this.take(4);
    return this.#view.getUint32(this.at - 4, this.littleEndian);
  }

  u64(): number {
    const first = this.u32();
    const second = this.u32();
    return this.littleEndian ? second * TWO_32 + first : first * TWO_32 + second;
  }

  /** Text up to its NUL. */
  name(): string {
    const end = this.#bytes.indexOf(0, this.at);
    if (end < 0) throw new SectionEnd();
    const text = decoder.decode(this.#bytes.subarray(this.at, end));
    this.at = end + 1;
    return text;
  }

  text(length: number): string {
    return decoder.decode(this.take(length));
  }
}

/** Reads as much of the section as there is; undefined when it does not begin like one. */
export function parseTracingData(bytes: Uint8Array): TracingData | undefined {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) return undefined;
  const cursor = new Cursor(bytes);
  const formats: { system: string; text: string }[] = [];
  let longBytes: 4 | 8 = 8;
  let kallsyms: Uint8Array = new Uint8Array(0);
  let printkFormats = '';
  let problem: TracingData['problem'];
  try {
    cursor.take(MAGIC.length);
    cursor.name();
    cursor.littleEndian = cursor.u8() === 0;
    longBytes = cursor.u8() === 4 ? 4 : 8;
    cursor.u32();
    for (const header of ['header_page', 'header_event']) {
      if (cursor.name() !== header) throw new SectionEnd();
      cursor.take(cursor.u64());
    }
    readSystem(cursor, 'ftrace', formats);
    const systems = cursor.u32();
    for (let i = 0; i < systems; i++) readSystem(cursor, cursor.name(), formats);
    kallsyms = cursor.take(cursor.u32());
    printkFormats = cursor.text(cursor.u32());
  } catch (error) {
    if (!(error instanceof SectionEnd)) throw error;
    problem = { byte: cursor.at, text: 'the tracing data section is damaged or cut' };
  }
  return { littleEndian: cursor.littleEndian, longBytes, formats, kallsyms, printkFormats, problem };
}

function readSystem(cursor: Cursor, system: string, formats: { system: string; text: string }[]): void {
  const count = cursor.u32();
  for (let i = 0; i < count; i++) {
    if (formats.length === MAX_FORMATS) throw new SectionEnd();
    formats.push({ system, text: cursor.text(cursor.u64()) });
  }
}
