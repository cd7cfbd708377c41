/** What a page refers to must be in the dictionary of its run: a page may be whole and yet not belong to it. */
import { CELL_STR, type DictionaryDelta, type EventBatch } from '../../../schema/index.ts';

export class BatchCheck {
  readonly #strings: number;
  readonly #types: number;
  readonly #stacks: number;

  /** @param dictionary the whole of the run's; the first string and the first stack are there without it */
  constructor(dictionary: DictionaryDelta) {
    this.#strings = dictionary.strings.length + 1;
    this.#types = dictionary.types.length;
    let stacks = 1;
    for (let i = 0; i < dictionary.stacks.length; i += dictionary.stacks[i] + 1) stacks++;
    this.#stacks = stacks;
  }

  /** @throws RangeError */
  check({ length, cpu, type, comm, stack, cellEnd, cellTag, cellValue, tsNs }: EventBatch): void {
    for (let i = 0; i < length; i++) {
      if (type[i] >= this.#types) throw new RangeError('an event of no known type');
      if (comm[i] >= this.#strings) throw new RangeError('an event of no known task');
      if (stack[i] >= this.#stacks) throw new RangeError('an event with no known stack');
      if (!Number.isFinite(tsNs[i]) || cpu[i] < 0) throw new RangeError('an event at no time or on no CPU');
    }
    const cells = length === 0 ? 0 : cellEnd[length - 1];
    for (let c = 0; c < cells; c++)
      if (cellTag[c] === CELL_STR && !(cellValue[c] >= 0 && cellValue[c] < this.#strings))
        throw new RangeError('a field with no known text');
  }
}
