/** Task names of record prefixes → string ids. Most lines repeat the name that the same pid had before. */
import type { DictionaryWriter } from '../dictionary-writer.ts';

const SLOTS = 1024;
/** Distinct names of a capture; garbage beyond them shares the kernel's name for an unknown task. */
const MAX_NAMES = 1 << 18;

export class TaskNames {
  readonly #dictionary: DictionaryWriter;
  readonly #id = new Int32Array(SLOTS);
  /** The name as it stood in the line, with what {@link add} was asked to leave out. */
  readonly #printed: Uint8Array[] = new Array<Uint8Array>(SLOTS).fill(new Uint8Array(0));
  #names = 0;
  #highestId = 0;

  constructor(dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
  }

  /** Id of the name of task `tid` printed as bytes[start, end), if it was the last one in its place; −1 otherwise. */
  find(tid: number, bytes: Uint8Array, start: number, end: number): number {
    const slot = tid & (SLOTS - 1);
    const printed = this.#printed[slot];
    const length = end - start;
    if (printed.length !== length || length === 0) return -1;
    for (let i = 0; i < length; i++) if (printed[i] !== bytes[start + i]) return -1;
    return this.#id[slot];
  }

  /** Interns the name bytes[nameStart, end) of task `tid`, which the line prints as bytes[start, end). */
  add(tid: number, bytes: Uint8Array, start: number, nameStart: number, end: number): number {
    if (this.#names >= MAX_NAMES) return this.#dictionary.string('<...>');
    const slot = tid & (SLOTS - 1);
    const id = this.#dictionary.bytes(bytes, nameStart, end);
    if (id > this.#highestId) {
      this.#highestId = id;
      this.#names++;
    }
    this.#id[slot] = id;
    this.#printed[slot] = bytes.slice(start, end);
    return id;
  }
}
