/** Rules for the terminal: one with its source, or all of them, a line each. */
import type { Rule } from '../../schema/index.ts';
import type { Style } from './text/style.ts';
import { wrap } from './text/text-format.ts';

const WIDTH = 96;
const ID_WIDTH = 6;

/** The whole rule. */
export function ruleText({ id, chapter, text, source }: Rule, style: Style): string {
  const lines = wrap(text, WIDTH).map((line) => `    ${line}`);
  return `${style.bold(id)}  ${style.dim(chapter)}\n${lines.join('\n')}\n    ${style.dim(source)}\n`;
}

/** The first sentence of a rule, after its id. */
export function ruleLines({ id, summary }: Rule, style: Style): string[] {
  return wrap(summary, WIDTH - ID_WIDTH - 2).map((line, i) =>
    i === 0 ? `${style.bold(id.padEnd(ID_WIDTH))}  ${line}` : `${' '.repeat(ID_WIDTH + 2)}${line}`,
  );
}

export function ruleListText(rules: readonly Rule[], style: Style): string {
  let chapter = '';
  const lines = rules.flatMap((rule) => {
    const heading = rule.chapter === chapter ? [] : [...(chapter === '' ? [] : ['']), style.dim(rule.chapter)];
    chapter = rule.chapter;
    return [...heading, ...ruleLines(rule, style)];
  });
  return `${lines.join('\n')}\n`;
}
