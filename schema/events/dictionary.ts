/**
 * The run's dictionary: strings, event types, stack frames and stacks, each named by a small integer.
 * Parsers hold the writing side (parsers/dictionary-writer.ts) and send what is new with each batch as a delta; replay and
 * store hold a reading side and apply the deltas in order. So batches can cross a thread, or come back out of the store.
 */

import type { StackId, StringId } from '../units.ts';
import type { EventField, EventShape } from './event-catalog.ts';

/** One kind of event as this run records it. */
export interface EventType {
  /** Index in the dictionary. */
  readonly typeId: number;
  readonly system: string;
  readonly name: string;
  readonly shape: EventShape;
  /** Cells of an event are in this order. May grow at the end while a text capture shows new keys. */
  readonly fields: readonly EventField[];
}

/** What a batch adds to the dictionary. */
export interface DictionaryDelta {
  /** New strings; the first one gets the next free id. */
  strings: string[];
  /** New event types, or known ones with more fields than before. */
  types: EventType[];
  /** New frames, {@link FRAME_WIDTH} numbers each; see {@link FrameAt}. */
  frames: number[];
  /** New stacks, flat: frame count, then the frame ids, innermost first. */
  stacks: number[];
}

/** Numbers of a frame. */
export const FRAME_WIDTH = 5;

/** What they are. */
export const FrameAt = {
  /** String id of the function. */
  symbol: 0,
  /** Bytes into it, −1 unknown. */
  offset: 1,
  /** String id of the module, 0 for the kernel itself. */
  module: 2,
  /** Bytes from the function to the next symbol, −1 unknown. */
  size: 3,
  /** String id of the return address as it was recorded (`0xffffffff…`), 0 where only names were. */
  address: 4,
} as const;

export function emptyDelta(): DictionaryDelta {
  return { strings: [], types: [], frames: [], stacks: [] };
}

/** Reading side. Ids are dense; string 0 is '', frame 0 and stack 0 mean "none". */
export class Dictionary {
  readonly strings: string[] = [''];
  readonly types: EventType[] = [];
  readonly frames: number[] = [0, -1, 0, -1, 0];
  readonly #stackStart: number[] = [0, 0];
  readonly #stackFrames: number[] = [];

  apply(delta: DictionaryDelta): void {
    for (const text of delta.strings) this.strings.push(text);
    for (const type of delta.types) this.types[type.typeId] = type;
    for (const n of delta.frames) this.frames.push(n);
    for (let i = 0; i < delta.stacks.length; ) {
      const depth = delta.stacks[i++];
      for (let k = 0; k < depth; k++) this.#stackFrames.push(delta.stacks[i++]);
      this.#stackStart.push(this.#stackFrames.length);
    }
  }

  string(id: StringId): string {
    return this.strings[id] ?? '';
  }

  /** Number of stacks, the empty stack 0 included. */
  get stackCount(): number {
    return this.#stackStart.length - 1;
  }

  /** Frame ids of a stack, innermost first. */
  stackFrames(stack: StackId): number[] {
    return this.#stackFrames.slice(this.#stackStart[stack], this.#stackStart[stack + 1]);
  }

  /** Function names of a stack, innermost first (`synchronize_rcu`, `[unknown]`). */
  stackSymbols(stack: StackId): string[] {
    return this.stackFrames(stack).map((frame) => this.string(this.frames[frame * FRAME_WIDTH]));
  }

  /** One frame as the kernel writes it: `symbol+0x1c/0xf0 [module]`, as far as it is known. */
  formatFrame(frame: number): string {
    const at = frame * FRAME_WIDTH;
    const [offset, module, size] = this.frames.slice(at + FrameAt.offset, at + FrameAt.address);
    const symbol = this.string(this.frames[at]);
    const within = offset < 0 ? '' : `+0x${offset.toString(16)}${size < 0 ? '' : `/0x${size.toString(16)}`}`;
    return `${symbol}${within}${module ? ` [${this.string(module)}]` : ''}`;
  }
}
