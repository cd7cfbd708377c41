/**
 * HTML with inert values. Names come from captures, and captures from anywhere: what a template interpolates is text, with markup
 * escaped and controls and marks of direction shown; only what a template made is markup.
 */
import { printable } from '../text/text-format.ts';

/** Markup that is safe to put into a page. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type HtmlValue = string | number | Markup | undefined | false | readonly HtmlValue[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char]);

/** Fit for an element and for a quoted attribute. */
export const inertText = (text: string): string => escaped(printable(text));

function markupOf(value: HtmlValue): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return inertText(value);
  return value.map(markupOf).join('');
}

/** A template: `` html`<b>${name}</b>` ``. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Markup {
  return new Markup(strings.reduce((text, part, i) => `${text}${markupOf(values[i - 1])}${part}`));
}

/** Lines of ours that keep their ends; names in them are made printable where the lines are made. */
export function preformatted(lines: string): Markup {
  return new Markup(lines.split('\n').map(inertText).join('\n'));
}

/** For a script element that is not run: no markup, nothing that ends the element, and texts that are shown as they are. */
export function jsonData(value: unknown): Markup {
  const text = JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? printable(part) : part));
  return new Markup(
    text.replace(/[<>&\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}
