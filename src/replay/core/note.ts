/** Sentences of findings, with the rules of docs/MODEL.md that they rest on. */
import type { Note } from '../../../schema/index.ts';

/** @param rules ids of docs/MODEL.md: `note('only a tick can warn', 'R2.41')` */
export function note(text: string, ...rules: string[]): Note {
  return { text, rules };
}

/** What the kernel's own report says, in our words. */
export function reported(text: string): Note {
  return { text, rules: [], basis: 'reported' };
}

/** A conclusion: from rules, or from a report that does not say it itself. */
export function inferred(entry: NoteInput): Note {
  return { ...(typeof entry === 'string' ? note(entry) : entry), basis: 'inferred' };
}

/** The limit that a finding crossed. */
export function threshold(text: string, ...rules: string[]): Note {
  return { text: `threshold ${text}`, rules, basis: 'threshold' };
}

/** What the kernel checks and why, for readers who do not know it. */
export function background(text: string, ...rules: string[]): Note {
  return { text, rules, basis: 'background' };
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
