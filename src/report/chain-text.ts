/**
 * A chain as a tree that fits a mail: from the blocked task down to the root, with what each link cost.
 *
 *     perf close-1:84, closing a perf event
 *     └ SRCU grace period of tracepoint_srcu                   248 µs    0.0 %
 *       └ kworker/0:1:9, runs process_srcu                      68 µs    0.0 %
 */
import type { ChainLink } from '../../schema/index.ts';
import type { Style } from './style.ts';
import { clip, formatDuration, printable, wrap } from './text-format.ts';

const WIDTH = 96;
const TIME_WIDTH = 9;
const SHARE_WIDTH = 8;
const BAR_WIDTH = 14;
const LABEL_WIDTH = WIDTH - TIME_WIDTH - SHARE_WIDTH - BAR_WIDTH - 2;

/** Contexts of one CPU stand side by side: none of them waits for the other. */
const CONTEXTS = new Set<ChainLink['kind']>(['nmi', 'hardirq', 'softirq']);

export function chainLines(chain: readonly ChainLink[], style: Style): string[] {
  const totalNs = chain.reduce((sum, link) => sum + link.blame_ns, 0);
  const lines: string[] = [];
  let depth = 0;
  chain.forEach((link, i) => {
    if (i > 0 && !(CONTEXTS.has(link.kind) && CONTEXTS.has(chain[i - 1].kind))) depth++;
    const indent = i === 0 ? '' : `${'  '.repeat(depth - 1)}└ `;
    lines.push(...linkLines(link, indent, totalNs, style));
  });
  return lines;
}

function linkLines(link: ChainLink, indent: string, totalNs: number, style: Style): string[] {
  const name = `${indent}${nameOf(link)}`;
  const note = link.note ? printable(link.note) : '';
  const inline = note !== '' && name.length + note.length + 2 <= LABEL_WIDTH;
  const label = inline ? `${name}, ${note}` : clip(name, LABEL_WIDTH);
  const share = totalNs > 0 ? link.blame_ns / totalNs : 0;
  const filled = Math.round(share * BAR_WIDTH);
  const cost =
    link.blame_ns === 0
      ? ''
      : `${formatDuration(link.blame_ns).padStart(TIME_WIDTH)}${`${(share * 100).toFixed(1)} %`.padStart(SHARE_WIDTH)}  ${'#'.repeat(filled)}`;
  const first = `${label.padEnd(LABEL_WIDTH)}${cost}`.trimEnd();
  if (note === '' || inline) return [first];
  const below = ' '.repeat(indent.length + 2);
  return [first, ...wrap(note, WIDTH - below.length).map((part) => `${below}${style.dim(part)}`)];
}

function nameOf(link: ChainLink): string {
  const name = printable(link.name);
  return link.kind === 'lock' ? `lock ${name}` : link.kind === 'reader' ? `reader ${name}` : name;
}
