/**
 * A chain as a tree that fits a mail: from the blocked task down to the root, with what each link cost and the event that shows it. Side
 * branches stand above the way that goes on.
 *
 *                                                                   blame    share              event
 *     perf close-1:84, closing a perf event                       94.2 µs    0.0 %               2895
 *     └ SRCU grace period of tracepoint_srcu                      39.1 ms    0.3 %               2898
 *       ├ srcu_invoke_callbacks, the grace period had ended       12.0 ms    0.1 %
 *       └ kworker/0:1:9, runs process_srcu                         1.2 ms    0.0 %               2912
 */
import { type ChainLink, formatDuration } from '../../schema/index.ts';
import type { Style } from './style.ts';
import { clip, printable, wrap } from './text-format.ts';

const WIDTH = 96;
const TIME_WIDTH = 9;
const SHARE_WIDTH = 9;
const BAR_WIDTH = 10;
const PLACE_WIDTH = 9;
const LABEL_WIDTH = WIDTH - TIME_WIDTH - SHARE_WIDTH - BAR_WIDTH - PLACE_WIDTH - 2;

/** Branches that cost less together are one line. */
const SMALL = 0.005;

interface Row {
  readonly link: ChainLink;
  /** Exclusive time of the link and of all that it waited for. */
  readonly totalNs: number;
  readonly below: Row[];
  /** On the way to the root. */
  readonly main: boolean;
}

export function chainLines(chain: readonly ChainLink[], style: Style): string[] {
  const totalNs = chain.reduce((sum, link) => sum + link.blame_ns, 0);
  const place = chain.some((link) => link.line !== undefined) ? 'line' : 'event';
  const head =
    'blame'.padStart(TIME_WIDTH) + 'share'.padStart(SHARE_WIDTH) + place.padStart(BAR_WIDTH + PLACE_WIDTH + 2);
  return [
    style.dim(`${' '.repeat(LABEL_WIDTH)}${head}`.trimEnd()),
    ...rowLines(tree(chain, 0), '', '', totalNs, style),
  ];
}

/** Links without a parent wait for the link before them. */
const parentOf = (link: ChainLink, index: number): number => link.parent ?? index - 1;

function tree(chain: readonly ChainLink[], index: number): Row {
  const below = chain.flatMap((link, i) => (i > index && parentOf(link, i) === index ? [tree(chain, i)] : []));
  const link = chain[index];
  const main = chain.slice(0, index + 1).every((other, i) => i === 0 || parentOf(other, i) === i - 1);
  return { link, below, main, totalNs: below.reduce((sum, row) => sum + row.totalNs, link.blame_ns) };
}

function rowLines(row: Row, first: string, rest: string, totalNs: number, style: Style): string[] {
  const lines = linkLines(row.link, first, `${rest}${row.below.length > 0 ? '│ ' : '  '}`, totalNs, style);
  const small = row.below.filter((other) => !other.main && other.totalNs > 0 && other.totalNs < SMALL * totalNs);
  const shown = row.below.filter((other) => !small.includes(other));
  // The way to the root is the last branch, so that it can be followed down the page.
  shown.sort((a, b) => Number(a.main) - Number(b.main));
  if (small.length > 0) {
    const last = shown.length === 0;
    const names = small.map(({ link }) => nameOf(link)).join(', ');
    const spentNs = small.reduce((sum, other) => sum + other.totalNs, 0);
    const label = clip(`${rest}${last ? '└' : '├'} ${names}`, LABEL_WIDTH);
    lines.push(style.dim(`${label.padEnd(LABEL_WIDTH)}${cost(spentNs, totalNs)}`.trimEnd()));
  }
  shown.forEach((other, i) => {
    const last = i === shown.length - 1;
    lines.push(...rowLines(other, `${rest}${last ? '└ ' : '├ '}`, `${rest}${last ? '  ' : '│ '}`, totalNs, style));
  });
  return lines;
}

function cost(ns: number, totalNs: number): string {
  if (ns === 0) return ' '.repeat(TIME_WIDTH + SHARE_WIDTH + 2 + BAR_WIDTH);
  const share = totalNs > 0 ? ns / totalNs : 0;
  const bar = '#'.repeat(Math.round(share * BAR_WIDTH));
  return `${formatDuration(ns).padStart(TIME_WIDTH)}${`${(share * 100).toFixed(1)} %`.padStart(SHARE_WIDTH)}  ${bar.padEnd(BAR_WIDTH)}`;
}

function linkLines(link: ChainLink, first: string, rest: string, totalNs: number, style: Style): string[] {
  const full = `${first}${nameOf(link)}`;
  // A struct that has a name does without its address where the line is short.
  const name = full.length > LABEL_WIDTH ? full.replace(/(?<=\S) \(0x[0-9a-f]+\)$/, '') : full;
  const note = [link.closes ? 'closes the cycle' : '', link.note ? printable(link.note) : '']
    .filter((part) => part !== '')
    .join('; ');
  const inline = note !== '' && name.length + note.length + 2 <= LABEL_WIDTH;
  const label = inline ? `${name}, ${note}` : clip(name, LABEL_WIDTH);
  const shownBy = link.event ?? link.line;
  const place = shownBy === undefined ? '' : String(shownBy).padStart(PLACE_WIDTH);
  const line = `${label.padEnd(LABEL_WIDTH)}${cost(link.blame_ns, totalNs)}${place}`.trimEnd();
  if (note === '' || inline) return [line];
  return [line, ...wrap(note, WIDTH - rest.length - 2).map((part) => `${rest}  ${style.dim(part)}`)];
}

function nameOf(link: ChainLink): string {
  const name = printable(link.name);
  return link.kind === 'lock' && !/^an? /.test(name)
    ? `lock ${name}`
    : link.kind === 'reader'
      ? `reader ${name}`
      : name;
}
