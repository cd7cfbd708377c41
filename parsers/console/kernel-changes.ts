/**
 * Two kernels in one text, as mails that compare them have: reports name the release of their kernel, and another release is another boot. It is
 * named a few lines below the headline, so lines wait until that far is known.
 */
import type { PreparedLine } from './layout/prepared-line.ts';
import { NOTHING } from './report/report-words.ts';

/** `=====`, headline, release; `INFO: task …`, `Not tainted …`. */
const LINES_ABOVE = 4;
/** Where a report begins. */
const HEADLINE = /^\s*(?:={10,}$|(?:\[ )?(?:rcu: |watchdog: )?(?:INFO|BUG|WARNING): )/;
const RELEASE =
  /(?:^\s*(\d+\.\d+[^\s#]*)(?: #\S+)? (?:Not tainted|Tainted)|(?:Not tainted|Tainted: [A-Z ]{1,40}?) +(\d+\.\d+[^\s#]*))/;

export class KernelChanges {
  readonly #waiting: PreparedLine[] = [];
  #release: string | undefined;

  /** Whether the line can be passed on at once: no report is beginning. */
  passes({ look }: PreparedLine): boolean {
    return look === NOTHING && this.#waiting.length === 0;
  }

  /** Lines that are due now that this one has come, and where another kernel begins among them. */
  push(line: PreparedLine): (PreparedLine | 'another kernel')[] {
    const due: (PreparedLine | 'another kernel')[] = [];
    const match = line.text.includes('ainted') ? RELEASE.exec(line.text) : null;
    const release = match?.[1] ?? match?.[2];
    if (release !== undefined) {
      if (this.#release !== undefined && this.#release !== release) due.push('another kernel');
      this.#release = release;
    }
    const waits = release === undefined && (this.#waiting.length > 0 || HEADLINE.test(line.text));
    if (waits) {
      this.#waiting.push({ ...line });
      if (this.#waiting.length > LINES_ABOVE) {
        const next = this.#waiting.findIndex(({ text }, i) => i > 0 && HEADLINE.test(text));
        due.push(...this.#waiting.splice(0, next < 0 ? this.#waiting.length : next));
      }
    } else due.push(...this.#waiting.splice(0), line);
    return due;
  }

  /** No more lines. */
  finish(): PreparedLine[] {
    return this.#waiting.splice(0);
  }
}
