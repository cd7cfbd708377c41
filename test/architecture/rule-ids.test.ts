/** Ids of rules: each one that the code cites is in docs/MODEL.md, and none is printed where its meaning is not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { parseRuleBook, ruleBook } from '../../src/query/rule-book.ts';
import { replayFile } from '../support/replay-capture.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

/** Look like ids, and are none: an architecture, time zero, and a mistyped id in a test. */
const OTHERS = new Set(['X86', 'T0', 'R2.6x']);

const DOTTED = String.raw`[PERSWLDG]\d{1,2}\.\d{1,2}[a-z]?|X-R\d`;
const ID = new RegExp(String.raw`(?<![\w.#/-])(?:${DOTTED}|[WTOX]\d{1,2}b?)(?![\w-]|[.:]\d)`, 'g');
/** In tests other names look like plain ids. */
const DOTTED_ID = new RegExp(String.raw`(?<![\w.#/-])(?:${DOTTED}|O\d{1,2})(?![\w-]|\.\d)`, 'g');

function sourcesIn(folder: string, extension: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => extension.test(name))
    .map((name) => join(folder, name));
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Every literal of a source file that may be printed: strings and pieces of templates. */
function literals(path: string): string[] {
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
      texts.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, false));
  return texts;
}

describe('rules of docs/MODEL.md', () => {
  it('hold every id that code and tests cite', () => {
    const known = new Set(ruleBook().rules.map(({ id }) => id));
    const cited = [
      ...[
        ...sourcesIn('src', /\.(ts|sql)$/),
        ...sourcesIn('schema', /\.(ts|sql)$/),
        ...sourcesIn('parsers', /\.ts$/),
      ].map((path) => [path, read(path).match(ID)] as const),
      ...sourcesIn('test', /(?<!rule-ids\.test)\.ts$/).map((path) => [path, read(path).match(DOTTED_ID)] as const),
    ];
    const unknown = cited.flatMap(([path, ids]) =>
      (ids ?? []).filter((id) => !known.has(id) && !OTHERS.has(id)).map((id) => `${path}: ${id}`),
    );
    expect(unknown).toEqual([]);
    expect(cited.flatMap(([, ids]) => ids ?? []).length).toBeGreaterThan(500);
  });

  it('stand beside printed prose, never in it', () => {
    const inProse = [...sourcesIn('src', /\.ts$/), ...sourcesIn('schema', /\.ts$/)].flatMap((path) =>
      literals(path)
        .filter((text) => text.includes(' ') && (text.match(ID) ?? []).some((id) => !OTHERS.has(id)))
        // Its help gives examples.
        .filter(() => !path.endsWith('commands/knowledge/rule.ts'))
        .map((text) => `${path}: ${text}`),
    );
    expect(inProse).toEqual([]);
  });

  it('are each a sentence with a source, once', () => {
    const { rules } = ruleBook();
    const begun = [...read('docs/MODEL.md').matchAll(/^\*\*([^*]+)\*\*/gm)].map(([, id]) => id);
    expect(rules.map(({ id }) => id)).toEqual(begun);
    for (const { id, summary, source } of rules) {
      expect(summary.length, id).toBeLessThan(180);
      expect(source, id).toMatch(
        /^(inference|kernel\/|include\/|arch\/|lib\/|tools\/|Documentation\/|src\/|test\/|[a-z_]+)/,
      );
    }
  });

  it('are found, and suggested when mistyped', () => {
    const book = parseRuleBook(
      '## 1. One\n\n**R1.1** First. Second\nline. [kernel/a.c: f]\n\n**R1.10** Third. [inference]\n',
    );
    expect(book.rule('R1.1')).toEqual({
      id: 'R1.1',
      chapter: '1. One',
      summary: 'First',
      text: 'First. Second line.',
      source: 'kernel/a.c: f',
    });
    expect(book.suggestions('r1.1')).toEqual(['R1.1', 'R1.10']);
    expect(book.suggestions('R1.11')).toContain('R1.10');
  });
});

describe('findings of the samples', () => {
  it.each([
    'lock-cycle.trace.txt.zst',
    'nmi-storm.trace.txt.zst',
    'nmi-storm.dmesg.txt',
    'srcu-deadlock.trace.txt.zst',
    'wait-context-rt.trace.txt.zst',
  ])('%s: notes cite rules as data', async (name) => {
    const { findings } = await replayFile(join(ROOT, 'samples', name));
    expect(findings.flatMap(({ notes }) => notes).some(({ rules }) => rules.length > 0)).toBe(true);
    const known = new Set(ruleBook().rules.map(({ id }) => id));
    for (const { notes, id } of findings)
      for (const { text, rules } of notes) {
        expect(text.match(ID), `${id}: ${text}`).toBeNull();
        for (const rule of rules) expect(known, `${id}: ${text}`).toContain(rule);
      }
  });
});
