/** Sentences of findings, with the rules of docs/MODEL.md that they rest on. */
import type { Note } from '../../../schema/index.ts';

/** @param rules ids of docs/MODEL.md: `note('only a tick can warn', 'R2.41')` */
export function note(text: string, ...rules: string[]): Note {
  return { text, rules };
}

/** A sentence that rests on no rule may be a plain string. */
export type NoteInput = string | Note;

/** Sentences in order, each once. */
export class NoteSet {
  readonly #byText = new Map<string, Note>();

  add(entry: NoteInput): void {
    const added = typeof entry === 'string' ? note(entry) : entry;
    if (!this.#byText.has(added.text)) this.#byText.set(added.text, added);
  }

  list(): Note[] {
    return [...this.#byText.values()];
  }
}

export function notesOf(notes: readonly NoteInput[]): Note[] {
  return notes.map((entry) => (typeof entry === 'string' ? note(entry) : entry));
}
