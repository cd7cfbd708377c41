/**
 * Shapes of the kernel's lines as sequences of words, for lines that a mailer broke at a blank: a shape tells whether words are the beginning of
 * such a line, and whether they are all of it. A small automaton over words; no backtracking.
 *
 * A shape is written as words with blanks between:
 *
 *     INFO: task … <w>:<n> blocked for more than <n> seconds.?
 *
 * `<n>` a number, `<w>` anything without blanks, `<x>` hexadecimal digits; `…` words of any number, also none; `(a|b)`, `?` and the other signs
 * of regular expressions inside a word. A word in brackets with a question mark behind, `[word]?`, may be left out.
 */

interface Step {
  readonly word: RegExp;
  /** May stand for any number of words. */
  readonly many: boolean;
  readonly optional: boolean;
}

export interface WordShape {
  readonly steps: readonly Step[];
  /** Where a line of this shape may end: all further steps can be left out. */
  readonly accepting: readonly boolean[];
}

export type ShapeMatch = 'none' | 'begins' | 'whole';

const CLASSES: Readonly<Record<string, string>> = { n: '-?\\d+', w: '\\S+', x: '(?:0x)?[0-9a-f]+' };

export function wordShape(text: string): WordShape {
  const steps = text.split(' ').map((word): Step => {
    if (word === '…') return { word: /^/, many: true, optional: true };
    const left = /^\[(.*)\]\?$/.exec(word);
    const pattern = (left ? left[1] : word).replace(/<([nwx])>/g, (_, name: string) => CLASSES[name]);
    return { word: new RegExp(`^(?:${pattern})$`), many: false, optional: left !== null };
  });
  const accepting = new Array<boolean>(steps.length + 1).fill(false);
  accepting[steps.length] = true;
  for (let i = steps.length - 1; i >= 0; i--) accepting[i] = accepting[i + 1] && steps[i].optional;
  return { steps, accepting };
}

/**
 * What `words` are of a line of this shape. A line that is whole may still go on when its last words are optional.
 * @param firm index of a word that must be one of the shape's own: `…` does not stand for it
 */
export function matchShape(shape: WordShape, words: readonly string[], firm = -1): ShapeMatch {
  let states = closure(shape, new Set([0]));
  for (const [i, word] of words.entries()) {
    const next = new Set<number>();
    for (const state of states) {
      const step = shape.steps[state];
      if (step === undefined || (step.many && i === firm) || !step.word.test(word)) continue;
      next.add(step.many ? state : state + 1);
    }
    if (next.size === 0) return 'none';
    states = closure(shape, next);
  }
  for (const state of states) if (shape.accepting[state]) return 'whole';
  return 'begins';
}

function closure(shape: WordShape, states: Set<number>): Set<number> {
  for (const state of states) {
    const step = shape.steps[state];
    if (step?.optional) states.add(state + 1);
  }
  return states;
}

/** Characters with which the first word of a line of this shape can begin; undefined: with any. */
export function firstCharacters(shape: WordShape): ReadonlySet<string> | undefined {
  const all = new Set<string>();
  for (const step of shape.steps) {
    const begin = beginnings(step.word.source.slice('^(?:'.length));
    if (!begin) return undefined;
    for (const character of begin) all.add(character);
    if (!step.optional) break;
  }
  return all;
}

/** Of a pattern, as far as it begins with letters, a quoted sign, or a choice of words. */
function beginnings(pattern: string): string[] | undefined {
  const [first, second] = pattern;
  if (first === '\\')
    return /[a-z]/i.test(second ?? '')
      ? undefined
      : [second, ...(pattern[2] === '?' ? (beginnings(pattern.slice(3)) ?? []) : [])];
  if (first === '(' && second !== '?') {
    const close = pattern.indexOf(')');
    const words = pattern.slice(1, close).split('|');
    return words.every((word) => /^[\w#{]/.test(word)) ? words.map((word) => word[0]) : undefined;
  }
  if (pattern.startsWith('-?\\d+')) return [...'-0123456789'];
  return /^[\w#{"-]/.test(first ?? '') ? [first] : undefined;
}
