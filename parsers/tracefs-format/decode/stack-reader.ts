/** The stack in a kernel_stack or user_stack record as a stack id of the dictionary. */
import type { DictionaryWriter } from '../../dictionary-writer.ts';
import { formatAddress } from '../address-cache.ts';
import type { FormatField } from '../event-format.ts';
import type { DecodeContext } from './decode-context.ts';
import type { RecordBytes } from './record-bytes.ts';

/** Deeper stacks are cut; the kernel itself stops at a few hundred entries (ftrace_stacks of kernel/trace/trace.c). */
const MAX_DEPTH = 4096;
/** Distinct stacks remembered here; beyond that the memory is emptied and the dictionary alone tells them apart. */
const MAX_REMEMBERED_WORDS = 1 << 22;

export class StackReader {
  readonly #context: DecodeContext;
  readonly #callers: FormatField;
  readonly #count: FormatField | undefined;
  readonly #frameOf: (hi: number, lo: number) => number;
  readonly #words = new Int32Array(MAX_DEPTH * 2);
  /** First entry with that hash in #known, chained by #next. */
  #buckets = new Map<number, number>();
  #known: { readonly words: Int32Array; readonly stack: number; readonly next: number }[] = [];
  #remembered = 0;

  /**
   * @param callers the array of return addresses, innermost first; it goes on to the end of the record whatever its declared size
   * @param count field with the number of entries, where the kernel records it
   */
  constructor(callers: FormatField, count: FormatField | undefined, isUser: boolean, context: DecodeContext) {
    this.#context = context;
    this.#callers = callers;
    this.#count = count;
    const { addresses, dictionary } = context;
    this.#frameOf = isUser ? userFrames(dictionary) : (hi, lo) => addresses.frame(hi, lo);
  }

  /** Stack id of the record [start, end), 0 when it holds none. */
  read(record: RecordBytes, start: number, end: number): number {
    const { littleEndian, longBytes } = this.#context;
    const { view } = record;
    const first = start + this.#callers.offset;
    let depth = Math.min(Math.floor((end - first) / longBytes), MAX_DEPTH);
    if (this.#count && start + this.#count.offset + 4 <= end) {
      const counted = view.getInt32(start + this.#count.offset, littleEndian);
      if (counted > 0 && counted < depth) depth = counted;
    }
    const words = this.#words;
    let hash = 0x811c9dc5;
    let length = 0;
    for (let i = 0; i < depth; i++) {
      const at = first + i * longBytes;
      const lo = view.getInt32(longBytes === 8 && !littleEndian ? at + 4 : at, littleEndian);
      const hi = longBytes === 8 ? view.getInt32(littleEndian ? at + 4 : at, littleEndian) : 0;
      // The list ends with ULONG_MAX (trace_stack_print) or 0 (trace_user_stack_print).
      if ((lo === -1 && (hi === -1 || longBytes === 4)) || (lo === 0 && hi === 0)) break;
      words[length++] = hi;
      words[length++] = lo;
      hash = Math.imul(Math.imul(hash ^ hi, 0x01000193) ^ lo, 0x01000193);
      hash ^= hash >>> 13;
    }
    return length <= 0 ? 0 : this.#find(hash, length);
  }

  #find(hash: number, length: number): number {
    const words = this.#words;
    let entry = this.#buckets.get(hash) ?? -1;
    for (; entry >= 0; entry = this.#known[entry].next) {
      const known = this.#known[entry].words;
      let same = known.length === length ? 0 : -1;
      while (same >= 0 && same < length && known[same] === words[same]) same++;
      if (same === length) return this.#known[entry].stack;
    }
    return this.#add(hash, length);
  }

  #add(hash: number, length: number): number {
    if (this.#remembered > MAX_REMEMBERED_WORDS) {
      this.#buckets = new Map();
      this.#known = [];
      this.#remembered = 0;
    }
    const frames: number[] = [];
    for (let i = 0; i < length; i += 2) frames.push(this.#frameOf(this.#words[i], this.#words[i + 1]));
    const stack = this.#context.dictionary.stack(frames);
    this.#known.push({ words: this.#words.slice(0, length), stack, next: this.#buckets.get(hash) ?? -1 });
    this.#buckets.set(hash, this.#known.length - 1);
    this.#remembered += length;
    return stack;
  }
}

/** User addresses have no symbols here: their frames are named by the address. */
function userFrames(dictionary: DictionaryWriter): (hi: number, lo: number) => number {
  return (hi, lo) => dictionary.frame(dictionary.string(formatAddress(hi, lo)), -1, 0);
}
