/** Search in graphs whose edges are found as the search goes. Iterative: a damaged recording can make chains of tens of thousands. */

/** How a state was reached: the edge that led there, and the way to where that begins. */
export interface Way<State, Edge> {
  readonly state: State;
  readonly edge: Edge | undefined;
  readonly before: Way<State, Edge> | undefined;
  /** Edges on it. */
  readonly length: number;
}

export interface Search<State, Edge> {
  readonly start: State;
  readonly edges: (state: State) => Iterable<Edge>;
  /** Where an edge leads from there; undefined: it cannot be followed. */
  readonly follow: (edge: Edge, from: State) => State | undefined;
  /** States of one key are entered once. */
  readonly key: (state: State) => unknown;
  /** The search ends there, be it at the start again. */
  readonly ends?: (state: State) => boolean;
  /** A state is entered for the first time. @returns false: the search does not go beyond it */
  readonly enters?: (way: Way<State, Edge>) => boolean;
}

/** Breadth first: the shortest way to a state that ends the search; undefined when none does. */
export function breadthFirst<State, Edge>(search: Search<State, Edge>): Way<State, Edge> | undefined {
  const { start, edges, follow, key, ends, enters } = search;
  const entered = new Set([key(start)]);
  const queue: Way<State, Edge>[] = [{ state: start, edge: undefined, before: undefined, length: 0 }];
  for (let head = 0; head < queue.length; head++) {
    const before = queue[head];
    for (const edge of edges(before.state)) {
      const state = follow(edge, before.state);
      if (state === undefined) continue;
      const way = (): Way<State, Edge> => ({ state, edge, before, length: before.length + 1 });
      if (ends?.(state)) return way();
      const id = key(state);
      if (entered.has(id)) continue;
      entered.add(id);
      const further = way();
      if (enters?.(further) ?? true) queue.push(further);
    }
  }
  return undefined;
}

/** The edges of a way, in order. */
export function edgesOfWay<Edge>(way: Way<unknown, Edge>): Edge[] {
  const edges: Edge[] = [];
  for (let at: Way<unknown, Edge> | undefined = way; at?.edge !== undefined; at = at.before) edges.unshift(at.edge);
  return edges;
}

/** By what `of` says of them, in the order of the items. */
export function groupedBy<K, T>(items: Iterable<T>, of: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = of(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

/** Elementary cycles, each once: from every node the shortest way back to it, distinguished by the set of their nodes. */
export function shortestCycles<Node, Edge extends { readonly from: Node; readonly to: Node }>(
  edges: readonly Edge[],
): Edge[][] {
  const out = groupedBy(edges, (edge) => edge.from);
  const numbers = new Map([...out.keys()].map((node, i) => [node, i]));
  const cycles = new Map<string, Edge[]>();
  for (const start of out.keys()) {
    const way = breadthFirst<Node, Edge>({
      start,
      edges: (node) => out.get(node) ?? [],
      follow: (edge) => edge.to,
      key: (node) => node,
      ends: (node) => node === start,
    });
    if (!way) continue;
    const cycle = edgesOfWay(way);
    const nodes = cycle
      .map((edge) => numbers.get(edge.from) ?? 0)
      .sort((a, b) => a - b)
      .join(' ');
    if (!cycles.has(nodes)) cycles.set(nodes, cycle);
  }
  return [...cycles.values()];
}
