/** The rules of docs/MODEL.md, read from the document that people read. */
import { readFileSync } from 'node:fs';
import { packageFile, type Rule } from '../../schema/index.ts';
import { nearestNames } from './name-suggestion.ts';

export interface RuleBook {
  /** In the order of the document. */
  readonly rules: readonly Rule[];
  rule(id: string): Rule | undefined;
  /** Ids like one that does not exist: those that it begins, else the most similar. */
  suggestions(id: string): string[];
}

let read: RuleBook | undefined;

/** Read once, when the first rule is asked for. */
export function ruleBook(): RuleBook {
  read ??= parseRuleBook(readFileSync(packageFile('docs/MODEL.md'), 'utf8'));
  return read;
}

/** `**R2.61** A sentence. More of them. [kernel/file.c: function]`, up to the next blank line. */
const RULE = /^\*\*(?<id>X-R\d|[A-Z]\d+(?:\.\d+)?[a-z]?)\*\* (?<text>.+?) \[(?<source>[^[\]]+)\]$/s;
const HEADING = /^#{2,3} (?<title>.+)$/;

/** @param markdown paragraphs, of which those that begin with an id in bold are rules */
export function parseRuleBook(markdown: string): RuleBook {
  const rules = new Map<string, Rule>();
  let chapter = '';
  for (const paragraph of markdown.split(/\n{2,}/)) {
    chapter = HEADING.exec(paragraph.trim())?.groups?.title ?? chapter;
    const { id, text, source } = RULE.exec(paragraph.trim())?.groups ?? {};
    if (id === undefined || text === undefined || source === undefined) continue;
    const plain = text.replace(/\s+/g, ' ');
    rules.set(id, { id, chapter, summary: firstSentence(plain), text: plain, source });
  }
  return {
    rules: [...rules.values()],
    rule: (id) => rules.get(id),
    suggestions: (id) => {
      const ids = [...rules.keys()];
      const begun = id === '' ? [] : ids.filter((known) => known.toLowerCase().startsWith(id.toLowerCase()));
      return begun.length > 0 ? begun.slice(0, SUGGESTED) : nearestNames(id, ids);
    },
  };
}

const SUGGESTED = 5;

/** Up to the first full stop that ends a sentence; without it, as a phrase. */
function firstSentence(text: string): string {
  const end = /\.(?= [A-Z0-9`(_]|$)/.exec(text)?.index;
  return text.slice(0, end);
}
