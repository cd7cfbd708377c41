/**
 * Strong paths (MODEL L5.27; kernel/locking/lockdep.c __bfs): no `*R` edge is directly followed by an `S*` edge, because a recursive reader
 * does not block behind another reader.
 */
import { DEP_EN, DEP_SN, DEP_SR } from '../../../model/lock/order/graph.ts';

const DEP_N = DEP_EN | DEP_SN;
const DEP_S = DEP_SN | DEP_SR;

/** A class on a path, and whether only `*R` leads to it. */
export interface ReadState {
  readonly node: number;
  readonly onlyRecursive: boolean;
}

/** Whether all that is left of an edge ends in a recursive reader. */
export function isOnlyRecursive(dep: number): boolean {
  return (dep & DEP_N) === 0;
}

/** What of an edge can follow such an end; 0: nothing. */
export function strongDep(dep: number, onlyRecursive: boolean): number {
  return onlyRecursive ? dep & ~DEP_S : dep;
}

/** Where an edge leads from there; undefined: the path would not be strong. */
export function strongStep(
  edge: { readonly to: number; readonly dep: number },
  from: ReadState,
): ReadState | undefined {
  const dep = strongDep(edge.dep, from.onlyRecursive);
  return dep === 0 ? undefined : { node: edge.to, onlyRecursive: isOnlyRecursive(dep) };
}
