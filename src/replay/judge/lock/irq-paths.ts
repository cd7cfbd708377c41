/**
 * Strong paths from locks that interrupts take to locks that are held with them enabled (lockdep.c check_irq_usage, check_usage_forwards):
 * a reader in the interrupt does not wait for a reader it interrupts.
 */
import { type LockClass, USAGE_IN, USAGE_ON, USAGE_READ } from '../../model/lock/class.ts';
import { DEP_EN, DEP_ER, DEP_SN } from '../../model/lock/order/graph.ts';
import type { JudgedEdge } from './read-type.ts';

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

/** A class reached, by which edge, and whether only `*R` is left. */
interface Step {
  readonly node: number;
  readonly onlyRecursive: boolean;
  readonly edge: JudgedEdge | undefined;
  readonly before: Step | undefined;
}

export function edgesFrom(edges: readonly JudgedEdge[]): EdgesFrom {
  const from = new Map<number, JudgedEdge[]>();
  for (const edge of edges) {
    if (edge.edge.count === 0) continue;
    const list = from.get(edge.from);
    if (list) list.push(edge);
    else from.set(edge.from, [edge]);
  }
  return from;
}

/**
 * The shortest path for each safe and unsafe lock, longer ones over another safe lock left out: that lock's own path tells of the same.
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
  const seen = new Set<number>();
  const queue: Step[] = [{ node: safe.classId, onlyRecursive: onlyReads, edge: undefined, before: undefined }];
  for (let head = 0; head < queue.length; head++) {
    const step = queue[head];
    for (const edge of from.get(step.node) ?? []) {
      const dep = step.onlyRecursive ? depOf(edge) & (DEP_EN | DEP_ER) : depOf(edge);
      if (dep === 0 || edge.to === safe.classId) continue;
      const onlyRecursive = (dep & (DEP_EN | DEP_SN)) === 0;
      const state = edge.to * 2 + (onlyRecursive ? 1 : 0);
      const cls = classes[edge.to];
      if (seen.has(state) || !counts(cls)) continue;
      seen.add(state);
      const next: Step = { node: edge.to, onlyRecursive, edge, before: step };
      // A recursive reader at the end does not wait for a reader that the interrupt came upon (usage_match).
      const unsafe = cls.usage & (1 << (base + USAGE_ON)) || (!onlyRecursive && has(cls, base + USAGE_ON));
      if (unsafe && ends(cls)) {
        if (!found.has(edge.to)) found.set(edge.to, edgesOf(next));
        continue;
      }
      queue.push(next);
    }
  }
  return found;
}

function edgesOf(step: Step): JudgedEdge[] {
  const edges: JudgedEdge[] = [];
  for (let at: Step | undefined = step; at?.edge; at = at.before) edges.unshift(at.edge);
  return edges;
}
