/** How the wait-for graph is walked: from what waits to what it waits for, whatever tells of them (a timeline, a log, the models at an instant). */

/** What lies on the way of a walk, and what the walk has entered before. */
export class Trail<Node> {
  readonly #way = new Set<Node>();
  readonly #entered = new Set<Node>();

  /** Nodes on the way. */
  get depth(): number {
    return this.#way.size;
  }

  isOnWay(node: Node): boolean {
    return this.#way.has(node);
  }

  /** Why a node is not entered: `cycle`, it is on its own way (W4.41); `above`, it was entered on another one. */
  repeats(node: Node): 'cycle' | 'above' | undefined {
    if (this.#way.has(node)) return 'cycle';
    return this.#entered.has(node) ? 'above' : undefined;
  }

  /** Goes on from a node that is not on the way yet. */
  within<T>(node: Node, goOn: () => T): T {
    this.#entered.add(node);
    this.#way.add(node);
    const result = goOn();
    this.#way.delete(node);
    return result;
  }
}

/** One edge of the graph, and what lies behind it. */
export interface WaitStep<Node, Step> {
  /** Tells what the edge leads to from all others; undefined: there can be no second way to it. */
  readonly node?: Node | undefined;
  /** Everything that it waits for in turn; asked for once the walk is there. */
  waitsFor(): readonly Step[];
}

/**
 * Depth first: follows a step to everything behind it that was not entered before.
 * @param arrived makes the result of a step from those of the steps behind it, which are in the order of `waitsFor()`
 */
export function followWaits<Node, Step extends WaitStep<Node, Step>, Result>(
  step: Step,
  trail: Trail<Node>,
  arrived: (step: Step, repeats: 'cycle' | 'above' | undefined, behind: Result[]) => Result,
): Result {
  const { node } = step;
  const onward = (): Result[] => step.waitsFor().map((next) => followWaits(next, trail, arrived));
  if (node === undefined) return arrived(step, undefined, onward());
  const repeats = trail.repeats(node);
  return arrived(step, repeats, repeats === undefined ? trail.within(node, onward) : []);
}
