/** Says in one line what was undone before the kernel's lines could be read: `quoted, wrapped at 72`. */
import { MARK_COLOUR, MARK_ENTITY, MARK_ESCAPE, MARK_TAG } from './text-marks.ts';

const MARK_WORDS: readonly (readonly [number, string])[] = [
  [MARK_TAG, 'web page'],
  [MARK_ENTITY, 'HTML entities'],
  [MARK_COLOUR, 'colours'],
  [MARK_ESCAPE, 'escaped line ends'],
];

export class LayoutNote {
  quoted = false;
  numbered = false;
  records = false;
  /** Columns of the longest line that was broken; 0: none was. */
  wrappedAt = 0;
  #marks = 0;

  readonly onMark = (mark: number): void => {
    this.#marks |= mark;
  };

  /** Empty when nothing was undone. */
  get text(): string {
    return [
      ...(this.records ? ['journal records'] : []),
      ...MARK_WORDS.filter(([mark]) => (this.#marks & mark) !== 0).map(([, word]) => word),
      ...(this.quoted ? ['quoted'] : []),
      ...(this.numbered ? ['numbered lines'] : []),
      ...(this.wrappedAt > 0 ? [`wrapped at ${this.wrappedAt}`] : []),
    ].join(', ');
  }
}
