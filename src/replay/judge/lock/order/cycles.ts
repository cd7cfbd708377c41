/**
 * Cycles of the dependency graph: all minimal ones, deduplicated by class set, under lockdep's rule for readers (MODEL L5.27): a
 * path is strong when no `*R` edge is directly followed by an `S*` edge, all the way round.
 *
 * Iterative throughout: a damaged recording can make chains of tens of thousands of classes.
 */
import { breadthFirst, edgesOfWay, groupedBy } from '../../../core/graph.ts';
import { DEP_EN, DEP_ER } from '../../../model/lock/order/graph.ts';
import { isOnlyRecursive, type ReadState, strongDep, strongStep } from './strong-path.ts';

/** What cycle search needs of an edge; `dep` is the set of DEP_* to judge by. */
export interface OrderEdge {
  readonly from: number;
  readonly to: number;
  readonly dep: number;
}

/** Edges in order: each one starts where the one before it ends, the first where the last ends. */
export type Cycle<E extends OrderEdge> = readonly E[];

const DEP_E = DEP_EN | DEP_ER;

/** Cycles longer than this come from the shortest-way search only, not from full enumeration. */
const ENUMERATED_LENGTH = 6;
const ENUMERATION_STEPS = 50_000;
const MAX_CYCLES = 2000;

/** All minimal strong cycles: no other cycle's classes are a proper subset. Deterministic order: by length, then by class numbers. */
export function minimalCycles<E extends OrderEdge>(edges: readonly E[]): Cycle<E>[] {
  const found = new Map<string, Cycle<E>>();
  const add = (cycle: Cycle<E>): void => {
    if (found.size >= MAX_CYCLES) return;
    const key = classSet(cycle).join(',');
    if (!found.has(key)) found.set(key, rotate(cycle));
  };
  for (const component of components(edges)) {
    const adjacency = groupedBy(component, (edge) => edge.from);
    for (const edge of component) {
      const cycle = shortestThrough(edge, adjacency);
      if (cycle) add(cycle);
    }
    enumerateShort(adjacency, add);
  }
  return keepMinimal([...found.values()]);
}

/** Class numbers of a cycle, ascending. */
export function classSet(cycle: Cycle<OrderEdge>): number[] {
  return cycle.map((edge) => edge.from).sort((a, b) => a - b);
}

/** Whether types can be chosen so that no `*R` is followed by `S*`, first edge after last included. */
export function isStrong(cycle: Cycle<OrderEdge>): boolean {
  if (cycle.length === 0) return false;
  // First edge as E*: it may follow anything.
  if (walk(cycle, cycle[0].dep & DEP_E) !== undefined) return true;
  return walk(cycle, cycle[0].dep) === false;
}

/** Follows the edges from a start choice; undefined when it breaks, else whether only `*R` is left at the end. */
function walk(cycle: Cycle<OrderEdge>, firstDep: number): boolean | undefined {
  if (firstDep === 0) return undefined;
  let onlyRecursive = isOnlyRecursive(firstDep);
  for (let i = 1; i < cycle.length; i++) {
    const dep = strongDep(cycle[i].dep, onlyRecursive);
    if (dep === 0) return undefined;
    onlyRecursive = isOnlyRecursive(dep);
  }
  return onlyRecursive;
}

/** Shortest strong cycle over this edge: breadth-first over (class, only *R left), as L5.27 asks. */
function shortestThrough<E extends OrderEdge>(edge: E, adjacency: ReadonlyMap<number, readonly E[]>): E[] | undefined {
  const exclusive = edge.dep & DEP_E;
  let best: E[] | undefined;
  if (exclusive) best = wayBack(edge, exclusive, true, adjacency);
  const other = wayBack(edge, edge.dep, false, adjacency);
  return other && (!best || other.length < best.length) ? other : best;
}

function wayBack<E extends OrderEdge>(
  edge: E,
  dep: number,
  mayEndRecursive: boolean,
  adjacency: ReadonlyMap<number, readonly E[]>,
): E[] | undefined {
  const way = breadthFirst<ReadState, E>({
    start: { node: edge.to, onlyRecursive: isOnlyRecursive(dep) },
    edges: ({ node }) => adjacency.get(node) ?? [],
    follow: (next, from) => {
      const state = strongStep(next, from);
      return state?.node === edge.from && state.onlyRecursive && !mayEndRecursive ? undefined : state;
    },
    key: ({ node, onlyRecursive }) => node * 2 + (onlyRecursive ? 1 : 0),
    ends: ({ node }) => node === edge.from,
  });
  if (!way) return undefined;
  const cycle = [edge, ...edgesOfWay(way)];
  // A class reached twice, once per read state, makes no simple cycle.
  return new Set(cycle.map((part) => part.from)).size === cycle.length ? cycle : undefined;
}

/** All simple strong cycles up to ENUMERATED_LENGTH, within a step budget: the shortest-way search alone can miss one of two equals. */
function enumerateShort<E extends OrderEdge>(
  adjacency: ReadonlyMap<number, readonly E[]>,
  add: (cycle: Cycle<E>) => void,
): void {
  let budget = ENUMERATION_STEPS;
  const starts = [...adjacency.keys()].sort((a, b) => a - b);
  for (const start of starts) {
    const path: E[] = [];
    const onPath = new Set<number>([start]);
    const positions: number[] = [0];
    while (positions.length > 0 && budget > 0) {
      const node = path.length === 0 ? start : path[path.length - 1].to;
      const out = adjacency.get(node) ?? [];
      const at = positions[positions.length - 1]++;
      if (at >= out.length) {
        positions.pop();
        const left = path.pop();
        if (left) onPath.delete(left.to);
        continue;
      }
      budget--;
      const next = out[at];
      if (next.to === start) {
        const cycle = [...path, next];
        if (isStrong(cycle)) add(cycle);
      } else if (next.to > start && !onPath.has(next.to) && path.length < ENUMERATED_LENGTH - 1) {
        path.push(next);
        onPath.add(next.to);
        positions.push(0);
      }
    }
  }
}

function keepMinimal<E extends OrderEdge>(cycles: readonly Cycle<E>[]): Cycle<E>[] {
  const sorted = [...cycles].sort((a, b) => a.length - b.length || compareLists(classSet(a), classSet(b)));
  const kept: { readonly cycle: Cycle<E>; readonly classes: readonly number[] }[] = [];
  for (const cycle of sorted) {
    const classes = new Set(classSet(cycle));
    if (kept.some((smaller) => smaller.classes.length < classes.size && smaller.classes.every((c) => classes.has(c))))
      continue;
    kept.push({ cycle, classes: [...classes] });
  }
  return kept.map((entry) => entry.cycle);
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

/** Starts at the smallest class number. */
function rotate<E extends OrderEdge>(cycle: Cycle<E>): Cycle<E> {
  let start = 0;
  for (let i = 1; i < cycle.length; i++) if (cycle[i].from < cycle[start].from) start = i;
  return [...cycle.slice(start), ...cycle.slice(0, start)];
}

/** Edges inside each strongly connected component of more than one class (Tarjan 1972, without recursion). */
export function components<E extends OrderEdge>(edges: readonly E[]): E[][] {
  const adjacency = new Map<number, number[]>();
  for (const edge of edges) {
    if (!adjacency.has(edge.to)) adjacency.set(edge.to, []);
    const out = adjacency.get(edge.from);
    if (out) out.push(edge.to);
    else adjacency.set(edge.from, [edge.to]);
  }
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const component = new Map<number, number>();
  const stack: number[] = [];
  let counter = 0;
  let components = 0;
  for (const root of adjacency.keys()) {
    if (index.has(root)) continue;
    const work: { node: number; next: number }[] = [{ node: root, next: 0 }];
    index.set(root, counter);
    low.set(root, counter++);
    stack.push(root);
    while (work.length > 0) {
      const frame = work[work.length - 1];
      const out = adjacency.get(frame.node) as number[];
      if (frame.next < out.length) {
        const to = out[frame.next++];
        if (!index.has(to)) {
          index.set(to, counter);
          low.set(to, counter++);
          stack.push(to);
          work.push({ node: to, next: 0 });
        } else if (!component.has(to))
          low.set(frame.node, Math.min(low.get(frame.node) as number, index.get(to) as number));
        continue;
      }
      work.pop();
      const lowest = low.get(frame.node) as number;
      if (work.length > 0) {
        const parent = work[work.length - 1].node;
        low.set(parent, Math.min(low.get(parent) as number, lowest));
      }
      if (lowest !== index.get(frame.node)) continue;
      const id = components++;
      for (;;) {
        const member = stack.pop() as number;
        component.set(member, id);
        if (member === frame.node) break;
      }
    }
  }
  const inside = new Map<number, E[]>();
  for (const edge of edges) {
    const id = component.get(edge.from) as number;
    if (edge.from === edge.to || component.get(edge.to) !== id) continue;
    const list = inside.get(id);
    if (list) list.push(edge);
    else inside.set(id, [edge]);
  }
  return [...inside.values()];
}
