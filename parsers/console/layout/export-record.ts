/** `journalctl -o export`: records of `NAME=value` lines with a blank line behind each. A value with line ends is written with its length. */
import type { JournalBoots } from './journal-boots.ts';
import { linesOf } from './json-record.ts';

const FIELD = /^([A-Z_][A-Z0-9_]{0,63})=(.*)$/s;
const NAME = /^[A-Z_][A-Z0-9_]{0,63}$/;
const MAX_FIELDS = 256;
const LENGTH_BYTES = 8;

/** Whether a log is such an export. */
export function looksLikeExport(head: Buffer): boolean {
  return /^(?:__CURSOR|__REALTIME_TIMESTAMP)=/.test(head.toString('latin1', 0, 64));
}

export class ExportRecords {
  readonly #fields = new Map<string, string>();
  readonly #boots: JournalBoots;
  /** A field whose value comes with its length. */
  #name: string | undefined;
  #value: Buffer[] = [];

  constructor(boots: JournalBoots) {
    this.#boots = boots;
  }

  /** The lines of a message when a record ends with this line of the export. */
  push(line: Buffer): string[] | undefined {
    if (this.#name !== undefined) {
      this.#continue(line);
      return undefined;
    }
    if (line.length === 0) return this.finish();
    const text = line.toString('utf8');
    const field = FIELD.exec(text);
    if (field) this.#set(field[1], field[2]);
    else if (NAME.test(text)) {
      this.#name = text;
      this.#value = [];
    }
    return undefined;
  }

  #continue(line: Buffer): void {
    this.#value.push(line, Buffer.from('\n'));
    const all = Buffer.concat(this.#value);
    if (all.length < LENGTH_BYTES) return;
    const length = all.readUInt32LE(0);
    if (all.length < LENGTH_BYTES + length) return;
    this.#set(this.#name as string, all.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length));
    this.#name = undefined;
  }

  #set(name: string, value: string): void {
    if (this.#fields.size < MAX_FIELDS) this.#fields.set(name, value);
  }

  finish(): string[] | undefined {
    const lines = linesOf(this.#fields, this.#boots);
    this.#fields.clear();
    return lines;
  }
}
