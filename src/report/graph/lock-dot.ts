/** A graph of lock classes in the language of Graphviz: held → acquired. */
import type { Finding } from '../../../schema/index.ts';
import type { LockEdge, LockGraph, LockNode } from '../../query/lock-graph.ts';
import { formatCount } from '../text/text-format.ts';
import { GRAPH_STYLE, quoted } from './dot.ts';

/** The classes that a finding is about, in order. */
export interface LockPath {
  readonly locks: readonly string[];
  /** The last one leads to the first. */
  readonly closed: boolean;
}

/** Undefined: the finding is about no order of locks. */
export function lockPath(finding: Finding): LockPath | undefined {
  switch (finding.kind) {
    case 'lock-inversion':
      return { locks: finding.locks, closed: true };
    case 'irq-lock-order':
      return { locks: finding.locks, closed: false };
    case 'deferral-hazard':
      return finding.conflict_locks.length > 1 ? { locks: finding.conflict_locks, closed: false } : undefined;
    case 'wait-context':
      return { locks: [...finding.held, ...finding.locks], closed: false };
    default:
      return undefined;
  }
}

const CONTEXT_WORDS: Readonly<Record<string, string>> = { task: 'in task context', reported: 'the kernel reported it' };

/** @param stacks of events that prove the finding, innermost frame first */
export function lockDot(
  { locks, closed }: LockPath,
  { nodes, edges }: LockGraph,
  stacks: ReadonlyMap<number, readonly string[]>,
): string {
  const place = new Map(locks.map((name, i) => [name, i] as const));
  const follows = (from: string, to: string): boolean => {
    const [a, b] = [place.get(from), place.get(to)];
    return a !== undefined && b !== undefined && (b === a + 1 || (closed && a === locks.length - 1 && b === 0));
  };
  const lines = nodes.map((node) => nodeLine(node, place.has(node.name)));
  for (const edge of edges) lines.push(edgeLine(edge, follows(edge.from, edge.to), stacks));
  const drawn = new Set(edges.map(({ from, to }) => `${from}\u0000${to}`));
  // Orders of which the recording has no witness are part of the verdict all the same.
  const last = closed ? locks.length : locks.length - 1;
  for (let i = 0; i < last; i++) {
    const [from, to] = [locks[i], locks[(i + 1) % locks.length]];
    if (!drawn.has(`${from}\u0000${to}`)) lines.push(`${quoted(from)} -> ${quoted(to)} [class="way"]`);
  }
  return `digraph locks {\n${GRAPH_STYLE}\nrankdir=LR\n${lines.join('\n')}\n}`;
}

function nodeLine({ name, waitType, usage }: LockNode, named: boolean): string {
  const marks = [waitType ?? '', usage === undefined ? '' : `{${usage}}`].filter((part) => part !== '').join('  ');
  const label = marks === '' ? name : `${name}\n${marks}`;
  return `${quoted(name)} [label=${quoted(label)} class="${named ? 'named' : 'around'}"]`;
}

function edgeLine(edge: LockEdge, way: boolean, stacks: ReadonlyMap<number, readonly string[]>): string {
  const { from, to, dependency, count, context, task, heldEvent, acquireEvent } = edge;
  const seen = count > 0 ? `${formatCount(count)}× ${dependency}` : dependency;
  const where = CONTEXT_WORDS[context] ?? `in ${context}`;
  const witness = task === undefined ? where : `${task}\n${where}`;
  const label = way ? `${seen}\n${witness}` : seen;
  const tip = [
    `${from} held, ${to} acquired: ${seen}, ${witness.replace('\n', ' ')}`,
    ...witnessLines(`${from} taken`, heldEvent, stacks),
    ...witnessLines(`${to} taken`, acquireEvent, stacks),
  ].join('\n');
  return `${quoted(from)} -> ${quoted(to)} [label=${quoted(label)} tooltip=${quoted(tip)} class="${way ? 'way' : 'around'}"]`;
}

/** The event, and the functions that led to it where its stack was recorded. */
function witnessLines(
  what: string,
  event: number | undefined,
  stacks: ReadonlyMap<number, readonly string[]>,
): string[] {
  if (event === undefined) return [];
  return [`${what} at event ${event}`, ...(stacks.get(event) ?? []).slice(0, MOST_FRAMES).map((frame) => `  ${frame}`)];
}

/** A tooltip is no page. */
const MOST_FRAMES = 12;
