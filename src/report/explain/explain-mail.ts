/**
 * A finding as a mail to a list of kernel developers: plain text of 72 columns, ASCII but for names, no escapes. Headline, what is known
 * and how, the chain, stacks and lines of the log as the kernel prints them, and how it was obtained.
 */
import type { Explanation } from '../../query/explain.ts';
import { findingBody } from '../replay/finding-text.ts';
import { PLAIN, type Style } from '../text/style.ts';
import { printable, timeFormat, wrapAfter } from '../text/text-format.ts';
import {
  type ExplainOptions,
  framesOf,
  logNameOf,
  placeOf,
  provenance,
  shownEvents,
  shownStacks,
} from './explained.ts';

const WIDTH = 72;
const PAGE: Style = { ...PLAIN, width: WIDTH };
const STACKS_SHOWN = 3;

/** Ours, not those of names: what a mailer, a terminal or a patch tool may spoil. */
const ASCII: readonly (readonly [RegExp, string])[] = [
  [/→/g, '->'],
  [/←/g, '<-'],
  [/↔/g, '<->'],
  [/└ /g, '`-'],
  [/├ /g, '|-'],
  [/│/g, '|'],
  [/[–—]/g, '-'],
  [/…/g, '...'],
  [/×/g, 'x'],
  [/µs/g, 'us'],
  [/·/g, '-'],
  [/[“”]/g, '"'],
  [/’/g, "'"],
];

export function explainMail(explanation: Explanation, options: ExplainOptions): string {
  const { finding } = explanation;
  const { root, teach = false } = options;
  const time = timeFormat(explanation.timeUnit);
  const logName = logNameOf(options.run);
  const lines: string[] = [];
  const headline = plainText(root?.title ?? finding.title);
  lines.push(...wrapAfter('', '', headline, WIDTH), '');
  if (root !== undefined && root.title !== finding.title)
    lines.push(...wrapAfter('', '  ', plainText(finding.title), WIDTH));
  lines.push(
    ...ascii(findingBody(finding, PAGE, { teach, time, indent: '  ', ...(logName !== undefined && { logName }) })),
    '',
  );
  for (const line of explanation.lines.filter(({ text }) => text !== '')) {
    lines.push(`${placeOf(line, logName)}:`, `> ${printable(line.text.trim())}`);
    for (const frame of framesOf(line)) lines.push(`>  ${printable(frame)}`);
    lines.push('');
  }
  for (const { of, frames } of shownStacks(shownEvents(explanation, false), time).slice(0, STACKS_SHOWN)) {
    lines.push(`Call trace of ${printable(of)}:`, ...frames.map((frame) => ` ${printable(frame)}`), '');
  }
  lines.push(...wrapAfter('', '', plainText(provenance(explanation, options)), WIDTH));
  return `${lines
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd()}\n`;
}

const ascii = (lines: readonly string[]): string[] =>
  lines.map((line) => ASCII.reduce((text, [from, to]) => text.replace(from, to), line));

const plainText = (text: string): string => ascii([printable(text)])[0];
