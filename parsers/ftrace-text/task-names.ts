/** Task names of record prefixes → string ids. Most lines repeat the name that the same pid had before. */
import type { DictionaryWriter } from '../dictionary-writer.ts';

const SLOTS = 1024;
/** Distinct names of a capture; garbage beyond them shares the kernel's name for an unknown task. */
const MAX_NAMES = 1 << 18;

export class TaskNames {
  readonly #dictionary: DictionaryWriter;
  readonly #id = new Int32Array(SLOTS);
  readonly #name: Uint8Array[] = new Array<Uint8Array>(SLOTS).fill(new Uint8Array(0));
  #count = 0;

  constructor(dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
  }

  /** String id of the name bytes[start, end) of task `tid`. */
  intern(tid: number, bytes: Uint8Array, start: number, end: number): number {
    const slot = tid & (SLOTS - 1);
    const name = this.#name[slot];
    const length = end - start;
    if (name.length === length && length > 0) {
      let i = 0;
      while (i < length && name[i] === bytes[start + i]) i++;
      if (i === length) return this.#id[slot];
    }
    if (this.#count >= MAX_NAMES) return this.#dictionary.string('<...>');
    this.#count++;
    const id = this.#dictionary.bytes(bytes, start, end);
    this.#id[slot] = id;
    this.#name[slot] = bytes.slice(start, end);
    return id;
  }
}
