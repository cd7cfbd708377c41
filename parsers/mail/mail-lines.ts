/** Where the lines of a mail's parts stand in the file that the user gave, so that findings can be looked up there. */
import type { TextOrigin } from '../source.ts';

/** As much of a line as two encodings of it share for sure. */
const SAME_CHARACTERS = 24;
/** Encoded lines that one decoded line takes at most: quoted-printable breaks at 76 columns. */
const MAX_LINES_AHEAD = 64;

const linesOf = (bytes: Uint8Array): string[] => Buffer.from(bytes).toString('latin1').split(/\r?\n/);

/** Of quoted-printable text, as far as ASCII goes. */
const plain = (line: string): string =>
  line.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))).replace(/=$/, '');

const startOf = (line: string): string => line.trimEnd().slice(0, SAME_CHARACTERS);

/** Numbers the lines of the parts of one mail file. */
export class MailLines {
  readonly #raw: readonly string[];
  /** Next line of the file that may hold a part. */
  #at = 0;
  #beyond: number;
  readonly #numbers: number[] = [];
  readonly #parts: string[] = [];

  constructor(file: Uint8Array) {
    this.#raw = linesOf(file);
    this.#beyond = this.#raw.length + 1;
  }

  /** The next part of the text, decoded and with a line end behind it. */
  add(part: Uint8Array, name: string): void {
    const lines = linesOf(part).slice(0, -1);
    const first = lines.findIndex((line) => line.trim() !== '');
    const from = first < 0 ? -1 : this.#find(lines[first], this.#at, this.#raw.length);
    if (from < 0) {
      if (first >= 0) this.#parts.push(`${name} from line ${this.#beyond}`);
      for (const _ of lines) this.#numbers.push(this.#beyond++);
      return;
    }
    let at = Math.max(this.#at, from - first);
    for (const line of lines) {
      const found = line.trim() === '' ? -1 : this.#find(line, at, Math.min(this.#raw.length, at + MAX_LINES_AHEAD));
      if (found >= 0) at = found;
      this.#numbers.push(at + 1);
      at = Math.min(at + 1, this.#raw.length - 1);
    }
    this.#at = at;
  }

  #find(line: string, from: number, to: number): number {
    const start = startOf(line);
    for (let i = from; i < to; i++) {
      const raw = this.#raw[i];
      if (startOf(raw) === start || (raw.includes('=') && startOf(plain(raw)) === start)) return i;
    }
    return -1;
  }

  origin(): TextOrigin {
    return { fileLines: Uint32Array.from(this.#numbers), parts: this.#parts.join(', ') };
  }
}
