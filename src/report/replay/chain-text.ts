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
import { type ChainLink, formatDuration } from '../../../schema/index.ts';
import { type Style, widthOf } from '../text/style.ts';
import { clip, padTo, printable, textWidth, wrap } from '../text/text-format.ts';
import { type ChainRow, chainTree, linkName, smallBranches } from './chain-tree.ts';

const TIME_WIDTH = 9;
const SHARE_WIDTH = 9;
const BAR_WIDTH = 10;
const PLACE_WIDTH = 9;
/** `event 12473457`. */
const NAMED_PLACE_WIDTH = 15;
/** Labels need this much; on a narrow page the bar goes. */
const ROOMY = 90;

/** Columns of one tree. */
interface Columns {
  readonly width: number;
  readonly label: number;
  readonly bar: number;
  /** What shows the links of the tree: `line` or `event`, which stands above the numbers; `either`, and each number says which. */
  readonly place: Place;
  readonly style: Style;
  /** The way to the root only: no branch that cost little, no note that takes a line. */
  readonly brief: boolean;
}

type Place = 'line' | 'event' | 'either' | '';

const placeWidth = (place: Place): number => (place === 'either' ? NAMED_PLACE_WIDTH : PLACE_WIDTH);

function placeOf(chain: readonly ChainLink[]): Place {
  const events = chain.some(({ event }) => event !== undefined);
  const lines = chain.some(({ event, line }) => event === undefined && line !== undefined);
  if (events && lines) return 'either';
  return events ? 'event' : lines ? 'line' : '';
}

function columnsOf(style: Style, indent: number, brief: boolean, place: Place): Columns {
  const width = widthOf(style) - indent;
  const bar = width < ROOMY ? 0 : BAR_WIDTH + 2;
  return { width, bar, place, label: width - TIME_WIDTH - SHARE_WIDTH - bar - placeWidth(place), style, brief };
}

export interface ChainOptions {
  /** Columns that the caller puts before each line. */
  readonly indent?: number;
  readonly brief?: boolean;
}

export function chainLines(chain: readonly ChainLink[], style: Style, options: ChainOptions = {}): string[] {
  const { indent = 4, brief = false } = options;
  const totalNs = chain.reduce((sum, link) => sum + link.blame_ns, 0);
  const place = placeOf(chain);
  const columns = columnsOf(style, indent, brief, place);
  const title = place === 'either' ? '' : place;
  const head = 'blame'.padStart(TIME_WIDTH) + 'share'.padStart(SHARE_WIDTH) + title.padStart(columns.bar + PLACE_WIDTH);
  return [
    style.dim(`${' '.repeat(columns.label)}${head}`.trimEnd()),
    ...rowLines(chainTree(chain), '', '', totalNs, columns),
  ];
}

function rowLines(row: ChainRow, first: string, rest: string, totalNs: number, columns: Columns): string[] {
  const lines = linkLines(row.link, first, `${rest}${row.below.length > 0 ? '│ ' : '  '}`, totalNs, columns);
  const { small, shown } = smallBranches(row, totalNs);
  if (small.length > 0 && !columns.brief) {
    const last = shown.length === 0;
    const names = small.map(({ link }) => printableName(link)).join(', ');
    const spentNs = small.reduce((sum, other) => sum + other.totalNs, 0);
    const label = clip(`${rest}${last ? '└' : '├'} ${names}`, columns.label - 1);
    lines.push(columns.style.dim(`${padTo(label, columns.label)}${cost(spentNs, totalNs, columns)}`.trimEnd()));
  }
  shown.forEach((other, i) => {
    const last = i === shown.length - 1;
    lines.push(...rowLines(other, `${rest}${last ? '└ ' : '├ '}`, `${rest}${last ? '  ' : '│ '}`, totalNs, columns));
  });
  return lines;
}

function cost(ns: number, totalNs: number, { bar }: Columns): string {
  if (ns === 0) return ' '.repeat(TIME_WIDTH + SHARE_WIDTH + bar);
  const share = totalNs > 0 ? ns / totalNs : 0;
  const drawn = bar === 0 ? '' : `  ${'#'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH)}`;
  return `${formatDuration(ns).padStart(TIME_WIDTH)}${`${(share * 100).toFixed(1)} %`.padStart(SHARE_WIDTH)}${drawn}`;
}

function linkLines(link: ChainLink, first: string, rest: string, totalNs: number, columns: Columns): string[] {
  const room = columns.label - 1;
  const full = `${first}${printableName(link)}`;
  // A struct that has a name does without its address where the line is short.
  const name = textWidth(full) > room ? full.replace(/(?<=\S) \(0x[0-9a-f]+\)$/, '') : full;
  const note = [link.closes ? 'closes the cycle' : '', link.note ? printable(link.note) : '']
    .filter((part) => part !== '')
    .join('; ');
  const inline = note !== '' && textWidth(name) + textWidth(note) + 2 <= room;
  const label = inline ? `${name}, ${note}` : clip(name, room);
  const shownBy = link.event ?? link.line;
  const which = columns.place !== 'either' ? '' : link.event === undefined ? 'line ' : 'event ';
  const place = shownBy === undefined ? '' : `${which}${shownBy}`.padStart(placeWidth(columns.place));
  const line = `${padTo(label, columns.label)}${cost(link.blame_ns, totalNs, columns)}${place}`.trimEnd();
  if (note === '' || inline || (columns.brief && !link.closes)) return [line];
  return [line, ...wrap(note, columns.width - rest.length - 2).map((part) => `${rest}  ${columns.style.dim(part)}`)];
}

const printableName = (link: ChainLink): string => printable(linkName(link));
