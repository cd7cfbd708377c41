/** The chain of a finding as a picture: the tree of the report, with what each link cost. */
import { type Finding, formatDuration } from '../../../schema/index.ts';
import { chainOf } from '../../query/timeline/subjects.ts';
import { type ChainRow, chainTree, linkName, smallBranches } from '../../report/replay/chain-tree.ts';
import { clip } from '../../report/text/text-format.ts';
import { picture, tag, textElement } from './svg.ts';

const WIDTH = 900;
const ROW = 24;
const INDENT = 22;
const TOP = 44;
const BAR = 130;
const CHAR = 6.6;

interface Line {
  readonly label: string;
  readonly note: string;
  readonly depth: number;
  readonly step: number | undefined;
  readonly blameNs: number;
}

/** Undefined when the finding has no chain. */
export function chainSvg(finding: Finding): string | undefined {
  const chain = chainOf(finding);
  if (chain.length < 2) return undefined;
  const totalNs = chain.reduce((sum, link) => sum + link.blame_ns, 0);
  const lines: Line[] = [];
  addRow(chainTree(chain), 0, totalNs, lines);
  const content = [
    textElement({ class: 'title', x: 16, y: 26 }, clip(finding.title, 104)),
    ...lines.map((line, i) => lineSvg(line, TOP + i * ROW, totalNs)),
  ].join('\n');
  return picture(WIDTH, TOP + lines.length * ROW + 12, finding.title, content);
}

function addRow(row: ChainRow, depth: number, totalNs: number, lines: Line[]): void {
  const { link, main } = row;
  const step = main ? lines.filter((line) => line.step !== undefined).length + 1 : undefined;
  const note = [link.closes ? 'closes the cycle' : '', link.note ?? ''].filter((part) => part !== '').join('; ');
  lines.push({ label: linkName(link), note, depth, step, blameNs: link.blame_ns });
  const { small, shown } = smallBranches(row, totalNs);
  if (small.length > 0)
    lines.push({
      label: small.map((other) => linkName(other.link)).join(', '),
      note: '',
      depth: depth + 1,
      step: undefined,
      blameNs: small.reduce((sum, other) => sum + other.totalNs, 0),
    });
  for (const below of shown) addRow(below, depth + 1, totalNs, lines);
}

function lineSvg({ label, note, depth, step, blameNs }: Line, y: number, totalNs: number): string {
  const x = 16 + depth * INDENT;
  const middle = y + ROW / 2;
  const room = Math.floor((WIDTH - BAR - 170 - x - 24) / CHAR);
  const name = clip(label, room);
  const rest = clip(note, Math.max(1, room - name.length - 2));
  const parts = [
    depth > 0 ? tag('path', { class: 'line', d: `M${x - 12} ${y - ROW / 2 + 6}V${middle}H${x - 2}` }) : '',
    step === undefined
      ? ''
      : tag('circle', { class: 'step', cx: x + 8, cy: middle, r: 8 }) +
        textElement({ class: 'step-text', x: x + 8, y: middle + 3.5 }, String(step)),
    textElement({ x: x + 22, y: middle + 4, class: step === undefined ? 'faint' : '' }, name),
    note === '' || rest.length < 3
      ? ''
      : textElement({ class: 'faint small', x: x + 22 + (name.length + 2) * CHAR, y: middle + 4 }, rest),
  ];
  if (blameNs > 0 && totalNs > 0) {
    const share = blameNs / totalNs;
    const left = WIDTH - BAR - 16;
    parts.push(
      textElement({ class: 'n', x: left - 70, y: middle + 4 }, formatDuration(blameNs)),
      textElement({ class: 'n faint', x: left - 10, y: middle + 4 }, `${(share * 100).toFixed(1)} %`),
      tag('rect', { class: 'band', x: left, y: middle - 5, width: BAR, height: 10, rx: 2 }),
      tag('rect', { class: 'blocked', x: left, y: middle - 5, width: Math.max(1, share * BAR), height: 10, rx: 2 }),
    );
  }
  return parts.join('');
}
