/** Lock orders that a what-if variant takes out of a record (`drop-edge`). */
import { plainLock } from '../knowledge/lock/plain-name.ts';

export interface TakenOutOrder {
  readonly from: RegExp;
  readonly to: RegExp;
  /** Only where the stack of the acquisition shows such a function. */
  readonly frames: RegExp | undefined;
}

/**
 * Whether an order of two classes is taken out; names may carry lockdep's `#2` and `/1`.
 * @param stack of the acquisition, innermost first; undefined: wherever the order occurs
 */
export function isTakenOut(
  orders: readonly TakenOutOrder[],
  from: string,
  to: string,
  stack?: readonly string[],
): boolean {
  return orders.some(
    ({ frames, ...order }) =>
      order.from.test(plainLock(from)) &&
      order.to.test(plainLock(to)) &&
      (frames === undefined || (stack?.some((symbol) => frames.test(symbol)) ?? false)),
  );
}
