/**
 * Two kernels in one text, as mails that compare them have: reports name the release of their kernel, and another release is another boot. It is
 * named a few lines below the headline, so lines wait until that far is known.
 */
import type { PreparedLine } from './layout/prepared-line.ts';

/** `=====`, headline, release; `INFO: task …`, `Not tainted …`. */
const LINES_ABOVE = 4;
/** Where a report begins. */
const HEADLINE = /^\s*(?:={10,}$|(?:\[ )?(?:rcu: |watchdog: )?(?:INFO|BUG|WARNING): )/;
const RELEASE =
  /(?:^\s*(\d+\.\d+[^\s#]*)(?: #\S+)? (?:Not tainted|Tainted)|(?:Not tainted|Tainted: [A-Z ]{1,40}?) +(\d+\.\d+[^\s#]*))/;

export class KernelChanges {
  readonly #waiting: PreparedLine[] = [];
  #release: string | undefined;

  /** Lines that are due now that this one has come, and where another kernel begins among them. */
  *push(line: PreparedLine): Generator<PreparedLine | 'another kernel'> {
    this.#waiting.push({ ...line });
    const match = line.text.includes('ainted') ? RELEASE.exec(line.text) : null;
    const release = match?.[1] ?? match?.[2];
    if (release !== undefined) {
      if (this.#release !== undefined && this.#release !== release) {
        const first = this.#waiting.findIndex(({ text }) => HEADLINE.test(text));
        yield* this.#waiting.splice(0, first < 0 ? this.#waiting.length - 1 : first);
        yield 'another kernel';
      }
      this.#release = release;
    }
    while (this.#waiting.length > LINES_ABOVE) yield this.#waiting.shift() as PreparedLine;
  }

  /** No more lines. */
  finish(): PreparedLine[] {
    return this.#waiting.splice(0);
  }
}
