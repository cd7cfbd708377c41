/** A chain as a tree: what a link cost, what it waited for, and which way leads to the root. */
import type { ChainLink } from '../../../schema/index.ts';

export interface ChainRow {
  readonly link: ChainLink;
  /** Its place in the chain. */
  readonly index: number;
  /** Exclusive time of the link and of all that it waited for. */
  readonly totalNs: number;
  readonly below: readonly ChainRow[];
  /** On the way to the root. */
  readonly main: boolean;
}

/** Branches that cost less together are one line. */
const SMALL = 0.005;

/** Links without a parent wait for the link before them. */
const parentOf = (link: ChainLink, index: number): number => link.parent ?? index - 1;

/** @param chain with the blocked task first */
export function chainTree(chain: readonly ChainLink[], index = 0): ChainRow {
  const below = chain.flatMap((link, i) => (i > index && parentOf(link, i) === index ? [chainTree(chain, i)] : []));
  const link = chain[index];
  const main = chain.slice(0, index + 1).every((other, i) => i === 0 || parentOf(other, i) === i - 1);
  return { link, index, below, main, totalNs: below.reduce((sum, row) => sum + row.totalNs, link.blame_ns) };
}

/** Branches below a row: those that cost too little for a line, and the others, the way to the root last, so that it can be followed down the page. */
export function smallBranches(row: ChainRow, totalNs: number): { small: ChainRow[]; shown: ChainRow[] } {
  const small = row.below.filter((other) => !other.main && other.totalNs > 0 && other.totalNs < SMALL * totalNs);
  const shown = row.below.filter((other) => !small.includes(other));
  shown.sort((a, b) => Number(a.main) - Number(b.main));
  return { small, shown };
}

/** `lock &rq->__lock`, `reader cat:12`; the name as the capture has it. */
export function linkName({ kind, name }: ChainLink): string {
  if (kind === 'lock' && !/^an? /.test(name)) return `lock ${name}`;
  return kind === 'reader' ? `reader ${name}` : name;
}
