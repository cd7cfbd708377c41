/**
 * Puts lines together again that a mailer or a terminal broke. Driven by the kernel's own lines ({@link LINE_SHAPES}): joined is what is the
 * beginning of a known line with what goes on as that line does. Prose is never joined.
 */
import { LINE_SHAPES } from './line-shapes.ts';
import { firstCharacters, matchShape, type ShapeMatch, type WordShape } from './word-shape.ts';

/** No line of a report is longer; a mailer breaks it into no more pieces at 20 columns. */
const MAX_JOINED = 1500;
const MAX_PIECES = 16;
/** A terminal that breaks inside words is at least so wide. */
const MIN_TERMINAL_COLUMNS = 30;

/** Shapes by the first character of a line; those that can begin with any are in each list. */
const byFirst = new Map<string, readonly WordShape[]>();

function shapesOf(text: string): readonly WordShape[] {
  const first = text[0] ?? '';
  let shapes = byFirst.get(first);
  if (!shapes) {
    shapes = LINE_SHAPES.filter((shape) => firstCharacters(shape)?.has(first) ?? true);
    if (byFirst.size < 256) byFirst.set(first, shapes);
  }
  return shapes;
}

const wordsOf = (text: string): string[] => text.split(/\s+/);

function bestMatch(text: string, words: readonly string[], firm = -1): ShapeMatch {
  let best: ShapeMatch = 'none';
  for (const shape of shapesOf(text)) {
    const match = matchShape(shape, words, firm);
    if (match === 'whole') return match;
    if (match === 'begins') best = match;
  }
  return best;
}

/** Whether a line can be the beginning of one that was broken: whole ones may go on, too. */
export function mayBeBroken(text: string): boolean {
  const line = text.trim();
  if (line === '') return false;
  const words = wordsOf(line);
  if (bestMatch(line, words) !== 'none') return true;
  // A terminal breaks inside a word.
  return words.length > 1 && line.length >= MIN_TERMINAL_COLUMNS && bestMatch(line, words.slice(0, -1)) === 'begins';
}

/** One broken line while its pieces come. */
export class WrapJoiner {
  /** The line as far as it is known; with its indentation. */
  #text = '';
  #match: ShapeMatch = 'none';
  #pieces = 0;
  /** Pieces, and the text, when it was whole last. */
  wholePieces = 0;
  wholeText = '';

  begin(text: string): void {
    this.#text = text;
    const line = text.trim();
    this.#match = bestMatch(line, wordsOf(line));
    this.#pieces = 0;
    this.wholePieces = 0;
    this.wholeText = text;
  }

  /**
   * Whether `text` goes on where the line broke.
   * @param full the line filled the terminal that breaks lines wherever they are: inside of words, too
   */
  accept(text: string, full = false): boolean {
    const piece = full ? text : text.trim();
    if (!full) this.#text = this.#text.trimEnd();
    if (piece.trim() === '' || this.#pieces >= MAX_PIECES || this.#text.length + piece.length > MAX_JOINED)
      return false;
    const line = this.#text.trimStart();
    const whole = this.#match === 'whole';
    // Pieces of lock lines were printed apart (G0.3), and are no words.
    const glued = line.endsWith('(') || /^(?:\)|, )/.test(piece);
    const apart = glued || full ? 'none' : this.#joined(line, ' ', piece);
    const insideWord = full || (!whole && line.length >= MIN_TERMINAL_COLUMNS && line.includes(' '));
    const together = glued || (insideWord && apart !== 'whole') ? this.#joined(line, '', piece) : 'none';
    // `…` of a shape stands for anything: what completes a line counts more than what may go on.
    const isTogether = together === 'whole' || (apart === 'none' && together !== 'none');
    const match = isTogether ? together : apart;
    if (match === 'none') return false;
    this.#text += isTogether ? piece : ` ${piece}`;
    this.#match = match;
    this.#pieces++;
    if (match === 'whole') {
      this.wholePieces = this.#pieces;
      this.wholeText = this.#text.trimEnd();
    }
    return true;
  }

  /** What the line and the piece are together; a whole line goes on only with a word of its shape, and need not be whole at each break. */
  #joined(line: string, between: string, piece: string): ShapeMatch {
    const whole = this.#match === 'whole';
    const joined = line + between + piece;
    const firm = whole && between !== '' ? wordsOf(line).length : -1;
    const match = bestMatch(joined, wordsOf(joined.trimEnd()), firm);
    return whole && between === '' && match !== 'whole' && !/\s/.test(piece[0]) ? 'none' : match;
  }
}
