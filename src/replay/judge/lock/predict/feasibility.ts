/**
 * Could an inversion have become a deadlock in a reordering of this very run? (MODEL L5.8 "guarded by"; PLDI 2023.)
 *
 * An inversion is a cycle of classes; a deadlock needs threads, each holding one lock of the cycle (by address) and about to take
 * the one that the next thread holds, with nothing else in common. One thread may cover several edges of the cycle in one nested acquisition.
 */

import type { LockInstance } from '../../../model/lock/class.ts';
import { CONTEXT_TASK } from '../../../model/lock/held.ts';
import type { SectionHistory } from '../../../model/lock/order/critical-section.ts';
import type { EdgeWitness, WitnessHold, WitnessInstant } from '../../../model/lock/order/edge-witness.ts';
import type { LockEdge } from '../../../model/lock/order/graph.ts';
import type { WakeOrder } from '../../../model/lock/order/wake-order.ts';
import { syncPreservingReachable } from './sync-preserving.ts';

export interface Feasibility {
  readonly verdict: 'yes' | 'no' | 'unknown';
  /** Why, one phrase for the finding's notes. */
  readonly why: string;
  /** For `yes`: the acquisitions at which the threads would wait for each other. */
  readonly events: readonly number[];
  /** For `yes`: in this run wake-ups order them too, in every pattern found. */
  readonly wakeOrdered: boolean;
}

/** One thread's share of the cycle: it holds a lock of class `from` and acquires one of class `to`. */
interface Part {
  readonly witness: EdgeWitness;
  readonly hold: WitnessHold;
}

const SEARCH_STEPS = 20_000;

class Search {
  steps = SEARCH_STEPS;
  /** A pattern exists; all were impossible for this reason. */
  ordered: 'fork' | 'lock' | undefined;
  undecided = '';
  /** A pattern that only wake-ups order. */
  wakeOrdered: readonly number[] | undefined;
  readonly wakes: WakeOrder;
  readonly cycle: readonly LockEdge[];
  readonly history: SectionHistory;
  readonly #isLock: (classId: number) => boolean;
  readonly #readersNest: (classId: number) => boolean;

  constructor(
    cycle: readonly LockEdge[],
    history: SectionHistory,
    wakes: WakeOrder,
    isLock: (classId: number) => boolean,
    readersNest: (classId: number) => boolean,
  ) {
    this.#readersNest = readersNest;
    this.wakes = wakes;
    this.cycle = cycle;
    this.history = history;
    this.#isLock = isLock;
  }

  /** Extends a pattern that began at cycle position `start` and has covered `covered` edges. */
  extend(start: number, covered: number, parts: readonly Part[]): readonly number[] | undefined {
    const length = this.cycle.length;
    if (covered === length) return this.#closed(parts) ? this.#reach(parts) : undefined;
    const fromClass = this.cycle[(start + covered) % length].from;
    // The last edge of this thread's share: its witnesses hold all of what they nest.
    for (let span = 1; span <= length - covered; span++) {
      if (parts.length === 0 && span === length) break;
      const edge = this.cycle[(start + covered + span - 1) % length];
      for (const witness of edge.witnesses) {
        if (this.steps-- <= 0) {
          this.undecided = 'too many combinations to search all';
          return undefined;
        }
        if (witness.doubtful) {
          this.undecided ||= 'one side rests on a held stack that lost events made doubtful';
          continue;
        }
        if (witness.instants.length === 0) {
          this.undecided ||=
            witness.context === CONTEXT_TASK
              ? 'the dependency appears only after an out-of-order unlock'
              : 'one side runs in an interrupt, which is not reordered';
          continue;
        }
        const hold = witness.held.findLast((held) => held.classId === fromClass);
        if (hold === undefined || !this.#fits(parts, witness, hold)) continue;
        const found = this.extend(start, covered + span, [...parts, { witness, hold }]);
        if (found) return found;
      }
    }
    return undefined;
  }

  /** The new thread holds what the one before wants, is another thread, and shares no lock with the others. */
  #fits(parts: readonly Part[], witness: EdgeWitness, hold: WitnessHold): boolean {
    const before = parts.at(-1);
    if (before && !this.#blocks(before.witness, witness, hold)) return false;
    return parts.every((part) => part.witness.thread !== witness.thread && this.#disjoint(part.witness, witness));
  }

  /** Two threads cannot hold one lock at once, unless both read. */
  #disjoint(a: EdgeWitness, b: EdgeWitness): boolean {
    return a.held.every(
      (x) => !this.#isLock(x.classId) || b.held.every((y) => x.instance !== y.instance || (x.read && y.read)),
    );
  }

  #closed(parts: readonly Part[]): boolean {
    const last = parts.at(-1);
    return parts.length > 1 && last !== undefined && this.#blocks(last.witness, parts[0].witness, parts[0].hold);
  }

  /** Whether waiting for what `hold` names would block: same lock, and not two readers, which a writer in between would make wait. */
  #blocks(waiter: EdgeWitness, holder: EdgeWitness, hold: WitnessHold): boolean {
    if (waiter.toInstance !== hold.instance) return false;
    if (!waiter.toRead || !hold.read) return true;
    if (waiter.thread !== holder.thread && !this.#readersNest(hold.classId))
      this.undecided ||= 'two of them read one lock: the second waits only where a writer comes in between';
    return false;
  }

  /** Tries the recorded times of each situation, earliest first. */
  #reach(parts: readonly Part[], chosen: readonly WitnessInstant[] = []): readonly number[] | undefined {
    if (chosen.length === parts.length) {
      const reached = syncPreservingReachable(
        parts.map((part, i) => ({
          thread: part.witness.thread,
          acquireEvent: chosen[i].acquireEvent,
          sections: chosen[i].sections,
        })),
        this.history,
      );
      if (reached.verdict === 'reachable') {
        const events = chosen.map((instant) => instant.acquireEvent);
        if (!this.#wakesOrder(chosen)) return events;
        this.wakeOrdered ??= events;
        return undefined;
      }
      if (reached.verdict === 'ordered') this.ordered ??= reached.by;
      else this.undecided ||= reached.why;
      return undefined;
    }
    const { witness } = parts[chosen.length];
    if (witness.count > witness.instants.length && !this.undecided)
      this.undecided = 'not every occurrence of the nest was kept';
    for (const instant of witness.instants) {
      if (this.steps-- <= 0) {
        this.undecided = 'too many combinations to search all';
        return undefined;
      }
      if (guardedFromBefore(parts, chosen, witness, instant)) continue;
      const found = this.#reach(parts, [...chosen, instant]);
      if (found) return found;
    }
    return undefined;
  }

  #wakesOrder(chosen: readonly WitnessInstant[]): boolean {
    return chosen.some((first) => chosen.some((second) => this.wakes.precedes(first.wakeIndex, second.wakeIndex)));
  }
}

/** Locks that were held since before the capture are known only from their release: two threads that both held one exclude each other. */
function guardedFromBefore(
  parts: readonly Part[],
  chosen: readonly WitnessInstant[],
  witness: EdgeWitness,
  instant: WitnessInstant,
): boolean {
  return chosen.some((other, i) => {
    const first = heldBefore(parts[i].witness, other);
    const second = heldBefore(witness, instant);
    return (
      first.some((lock) => second.includes(lock) || holds(witness, lock)) ||
      second.some((lock) => holds(parts[i].witness, lock))
    );
  });
}

function heldBefore(witness: EdgeWitness, instant: WitnessInstant): LockInstance[] {
  return witness.thread.heldBefore
    .filter((hold) => hold.releaseEvent > instant.acquireEvent)
    .map((hold) => hold.instance);
}

const holds = (witness: EdgeWitness, lock: LockInstance): boolean =>
  witness.held.some((hold) => hold.instance === lock);

/** Locks that every witness of every edge holds exclusively, as class numbers: the cycle is guarded by them. */
export function commonGuards(cycle: readonly LockEdge[]): number[] {
  const [first, ...others] = cycle.map((edge) => edge.guards ?? []);
  return first
    .filter((guard) => others.every((guards) => guards.some((other) => other.instance === guard.instance)))
    .map((guard) => guard.classId);
}

/**
 * @param cycle edges in cycle order
 * @param isLock whether a class number is a real lock: a map without owner blocks nobody
 * @param readersNest whether a class's readers never wait for readers
 */
export function feasibility(
  cycle: readonly LockEdge[],
  history: SectionHistory,
  wakes: WakeOrder,
  isLock: (classId: number) => boolean,
  readersNest: (classId: number) => boolean,
  nameOf: (classId: number) => string,
): Feasibility {
  const decide = (verdict: 'no' | 'unknown', why: string): Feasibility => ({
    verdict,
    why,
    events: [],
    wakeOrdered: false,
  });
  if (cycle.some((edge) => !isLock(edge.from))) return decide('unknown', 'it runs via a map that no task owns');
  if (cycle.some((edge) => edge.count === 0)) return decide('unknown', 'an edge is known from the kernel log only');
  const guards = commonGuards(cycle);
  if (guards.length > 0)
    return decide('no', `guarded by ${guards.map(nameOf).join(', ')}, held exclusively every time`);
  const search = new Search(cycle, history, wakes, isLock, readersNest);
  for (let start = 0; start < cycle.length; start++) {
    const events = search.extend(start, 0, []);
    if (events) return yes(events, false);
  }
  if (search.wakeOrdered) return yes(search.wakeOrdered, true);
  if (search.undecided) return decide('unknown', search.undecided);
  if (cycle.some((edge) => edge.truncated)) return decide('unknown', 'more situations than are kept');
  if (search.ordered === 'fork') return decide('no', 'one acquisition happens before the other thread is forked');
  if (search.ordered === 'lock')
    return decide('no', 'the lock order recorded in this run keeps the two critical sections apart');
  return decide('no', 'no two threads take these very locks in opposite order, each without the others’ guards');
}

function yes(events: readonly number[], wakeOrdered: boolean): Feasibility {
  return {
    verdict: 'yes',
    why: `a reordering of this run that keeps the order of every lock's critical sections lets the threads wait for each other at events ${events.join(', ')}`,
    events,
    wakeOrdered,
  };
}
