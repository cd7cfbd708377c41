/**
 * Strong paths from locks that interrupts take to locks that are held with them enabled (lockdep.c check_irq_usage, check_usage_forwards):
 * a reader in the interrupt does not wait for a reader it interrupts.
 */
import { breadthFirst, edgesOfWay, groupedBy } from '../../core/graph.ts';
import { type LockClass, USAGE_IN, USAGE_ON, USAGE_READ } from '../../model/lock/class.ts';
import type { JudgedEdge } from './order/read-type.ts';
import { type ReadState, strongStep } from './order/strong-path.ts';

/** By class number of the predecessor. */
export type EdgesFrom = ReadonlyMap<number, readonly JudgedEdge[]>;

/** From a safe lock to an unsafe one. */
export interface IrqPath {
  readonly safe: LockClass;
  readonly unsafe: LockClass;
  readonly edges: readonly JudgedEdge[];
  /** Only with readers as assumed (L5.28). */
  readonly assumed: boolean;
}

export function edgesFrom(edges: readonly JudgedEdge[]): EdgesFrom {
  const observed = edges.filter(({ edge }) => edge.count > 0);
  return groupedBy(observed, (edge) => edge.from);
}

/**
 * The shortest path for each safe and unsafe lock, longer ones via another safe lock left out: that lock's own path shows the same.
 * @param base first usage bit of the kind of interrupt
 * @param counts classes that lockdep looks at: its search does not pass a local_lock (usage_skip)
 * @param ends classes at which a path may begin and end
 */
export function irqPaths(
  classes: readonly LockClass[],
  from: EdgesFrom,
  base: number,
  counts: (cls: LockClass) => boolean,
  ends: (cls: LockClass) => boolean,
): IrqPath[] {
  const paths: IrqPath[] = [];
  for (const safe of classes) {
    if (!counts(safe) || !ends(safe) || !has(safe, base + USAGE_IN) || !from.has(safe.classId)) continue;
    const certain = search(classes, safe, from, base, counts, ends, (edge) => edge.certain);
    const found = search(classes, safe, from, base, counts, ends, (edge) => edge.dep);
    for (const [unsafe, edges] of found) {
      const sure = certain.get(unsafe);
      paths.push({ safe, unsafe: classes[unsafe], edges: sure ?? edges, assumed: sure === undefined });
    }
  }
  const shortest = new Map(paths.map((path) => [`${path.safe.classId} ${path.unsafe.classId}`, path.edges.length]));
  return paths.filter(
    ({ unsafe, edges }) =>
      !edges.some((edge) => (shortest.get(`${edge.to} ${unsafe.classId}`) ?? Number.POSITIVE_INFINITY) < edges.length),
  );
}

/** Either of a usage bit and its reader's. */
export function has(cls: LockClass, bit: number): boolean {
  return (cls.usage & ((1 << bit) | (1 << (bit + USAGE_READ)))) !== 0;
}

/** Breadth-first over (class, only *R left); an unsafe lock ends a path. */
function search(
  classes: readonly LockClass[],
  safe: LockClass,
  from: EdgesFrom,
  base: number,
  counts: (cls: LockClass) => boolean,
  ends: (cls: LockClass) => boolean,
  depOf: (edge: JudgedEdge) => number,
): Map<number, JudgedEdge[]> {
  const found = new Map<number, JudgedEdge[]>();
  // Where interrupts only read the safe lock, a reader who holds it is in nobody's way.
  const onlyReads = (safe.usage & (1 << (base + USAGE_IN))) === 0;
  breadthFirst<ReadState, JudgedEdge>({
    start: { node: safe.classId, onlyRecursive: onlyReads },
    edges: ({ node }) => from.get(node) ?? [],
    follow: (edge, at) =>
      edge.to === safe.classId || !counts(classes[edge.to])
        ? undefined
        : strongStep({ to: edge.to, dep: depOf(edge) }, at),
    key: ({ node, onlyRecursive }) => node * 2 + (onlyRecursive ? 1 : 0),
    enters: (way) => {
      const { node, onlyRecursive } = way.state;
      const cls = classes[node];
      // A recursive reader at the end does not wait for a reader that the interrupt came upon (usage_match).
      const unsafe = cls.usage & (1 << (base + USAGE_ON)) || (!onlyRecursive && has(cls, base + USAGE_ON));
      if (!unsafe || !ends(cls)) return true;
      if (!found.has(node)) found.set(node, edgesOfWay(way));
      return false;
    },
  });
  return found;
}
