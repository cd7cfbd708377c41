/**
 * Finds the next of many words in bytes. Skips ahead by pairs of bytes, as Wu and Manber do: it looks at one byte in five, so that a log without
 * reports costs less to search than to read.
 */

/** Slots of the tables: one per pair of ASCII characters. */
const SLOTS = 1 << 14;
/** Characters that every line has. */
const COMMON = new Set('etaoinsrhldcumpf: 0x');

interface Word {
  readonly bytes: Uint8Array;
  /** Where in the word the window lies that is searched for. */
  readonly window: number;
}

export class WordFinder {
  readonly #width: number;
  readonly #skip: Uint8Array;
  readonly #words: (readonly Word[] | undefined)[] = new Array<readonly Word[] | undefined>(SLOTS).fill(undefined);

  /** @param words ASCII, of at least three characters; the shortest decides how far the search skips */
  constructor(words: readonly string[]) {
    this.#width = Math.min(...words.map(({ length }) => length));
    this.#skip = new Uint8Array(SLOTS).fill(this.#width - 1);
    for (const word of words) this.#add(Buffer.from(word, 'latin1'));
  }

  #add(bytes: Uint8Array): void {
    const window = rarestWindow(bytes, this.#width);
    const last = this.#width - 1;
    for (let i = 1; i <= last; i++) {
      const slot = slotOf(bytes[window + i - 1], bytes[window + i]);
      this.#skip[slot] = Math.min(this.#skip[slot], last - i);
      if (i === last) this.#words[slot] = [...(this.#words[slot] ?? []), { bytes, window }];
    }
  }

  /** Index inside the first word that lies in bytes[from, end); `end` when there is none. */
  next(bytes: Uint8Array, from: number, end: number): number {
    const skip = this.#skip;
    const last = this.#width - 1;
    for (let i = from + last; i < end; ) {
      const slot = slotOf(bytes[i - 1], bytes[i]);
      const ahead = skip[slot];
      if (ahead > 0) i += ahead;
      else if (this.#isWord(bytes, i - last, slot, end)) return i - last;
      else i++;
    }
    return end;
  }

  /** Whether a word is there whose window begins at `at`. */
  #isWord(bytes: Uint8Array, at: number, slot: number, end: number): boolean {
    for (const { bytes: word, window } of this.#words[slot] as readonly Word[]) {
      const start = at - window;
      if (start < 0 || start + word.length > end) continue;
      let i = 0;
      while (i < word.length && bytes[start + i] === word[i]) i++;
      if (i === word.length) return true;
    }
    return false;
  }
}

const slotOf = (first: number, second: number): number => ((first << 7) ^ second) & (SLOTS - 1);

/** The part of a word that logs have least: above all its last pair, at which the search stops. */
function rarestWindow(word: Uint8Array, width: number): number {
  const common = (i: number): number => (COMMON.has(String.fromCharCode(word[i])) ? 1 : 0);
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let at = 0; at + width <= word.length; at++) {
    const end = at + width;
    let cost = 2 * width * (common(end - 1) + common(end - 2));
    for (let i = at; i < end; i++) cost += common(i);
    if (cost < least) [best, least] = [at, cost];
  }
  return best;
}
