/** Tests names of tasks against a pattern, each name once: in events they are string ids. */
import type { Dictionary, StringId } from '../../../../schema/index.ts';

export class NameTest {
  readonly #dictionary: Dictionary;
  readonly #pattern: RegExp;
  readonly #matches: (boolean | undefined)[] = [];

  constructor(dictionary: Dictionary, pattern: RegExp) {
    this.#dictionary = dictionary;
    this.#pattern = pattern;
  }

  matches(name: StringId): boolean {
    this.#matches[name] ??= this.#pattern.test(this.#dictionary.string(name));
    return this.#matches[name] as boolean;
  }
}
