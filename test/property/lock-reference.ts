/**
 * The lock rules of MODEL 5.3–5.5, written down plainly and slowly: the yardstick for the model's property tests. No sharing with
 * src/replay: arrays, sets and strings only.
 */

export interface LockOp {
  readonly tid: number;
  readonly kind: 'acquire' | 'try' | 'release';
  readonly lock: string;
  readonly read: boolean;
  /** 0 task, 1 softirq, 2 hardirq. */
  readonly context: number;
  readonly irqsOff: boolean;
}

interface Entry {
  readonly lock: string;
  readonly read: boolean;
  readonly tried: boolean;
  readonly context: number;
}

export class ReferenceLocks {
  readonly stacks = new Map<number, Entry[]>();
  /** `a→b` → set of EN, ER, SN, SR. */
  readonly edges = new Map<string, Set<string>>();
  /** `IN-HARDIRQ-W l`. */
  readonly usage = new Set<string>();
  /** Wait-type pairs `held<acquired`. */
  readonly nestings = new Set<string>();
  deepest = 0;

  step(op: LockOp): void {
    const stack = this.stacks.get(op.tid) ?? [];
    this.stacks.set(op.tid, stack);
    if (op.kind === 'release') {
      const index = stack.map((entry) => entry.lock === op.lock && entry.context === op.context).lastIndexOf(true);
      if (index < 0) throw new Error(`${op.lock} is not held`);
      const [, ...later] = stack.splice(index);
      // L5.22: the later ones are acquired again, one by one.
      for (const entry of later) {
        if (!entry.tried) this.#depend(stack, entry);
        stack.push(entry);
      }
      return;
    }
    const entry: Entry = { lock: op.lock, read: op.read, tried: op.kind === 'try', context: op.context };
    if (!entry.tried) {
      this.#depend(stack, entry);
      for (const held of this.#same(stack, entry.context)) this.nestings.add(`${held.lock}<${entry.lock}`);
    }
    this.#use(op);
    stack.push(entry);
    this.deepest = Math.max(this.deepest, stack.length);
  }

  /** The part of the stack that the current context sees: from the top down to the first entry of another one. */
  #same(stack: readonly Entry[], context: number): Entry[] {
    const border = stack.map((entry) => entry.context !== context).lastIndexOf(true);
    return stack.slice(border + 1);
  }

  /** L5.25. */
  #depend(stack: readonly Entry[], entry: Entry): void {
    for (const held of this.#same(stack, entry.context).reverse()) {
      if (held.lock !== entry.lock) {
        const key = `${held.lock}→${entry.lock}`;
        const types = this.edges.get(key) ?? new Set();
        // Ordinary locks: readers are recursive in interrupts only (L5.28).
        types.add(`${held.read ? 'S' : 'E'}${entry.read && entry.context !== 0 ? 'R' : 'N'}`);
        this.edges.set(key, types);
      }
      if (!held.tried) return;
    }
  }

  /** L5.40. */
  #use(op: LockOp): void {
    const letter = op.read ? 'R' : 'W';
    if (op.kind === 'acquire') {
      if (op.context === 2) this.usage.add(`IN-HARDIRQ-${letter} ${op.lock}`);
      if (op.context === 1) this.usage.add(`IN-SOFTIRQ-${letter} ${op.lock}`);
    }
    if (op.context === 2 || op.irqsOff) return;
    this.usage.add(`HARDIRQ-ON-${letter} ${op.lock}`);
    if (op.context === 0) this.usage.add(`SOFTIRQ-ON-${letter} ${op.lock}`);
  }

  /** Locks with contradicting usage of a kind (O38). */
  inconsistent(kind: 'HARDIRQ' | 'SOFTIRQ'): string[] {
    const has = (text: string): boolean => this.usage.has(text);
    const locks = new Set([...this.usage].map((text) => text.split(' ')[1]));
    return [...locks]
      .filter(
        (lock) =>
          (has(`IN-${kind}-W ${lock}`) && (has(`${kind}-ON-W ${lock}`) || has(`${kind}-ON-R ${lock}`))) ||
          (has(`IN-${kind}-R ${lock}`) && has(`${kind}-ON-W ${lock}`)),
      )
      .sort();
  }
}

/** One edge of a small graph. */
export interface PlainEdge {
  readonly from: number;
  readonly to: number;
  readonly types: ReadonlySet<string>;
}

/** All simple strong cycles by brute force, as sorted class lists; minimal ones only (L5.27). For graphs of a few nodes. */
export function referenceCycles(edges: readonly PlainEdge[]): string[] {
  const found = new Set<string>();
  const extend = (path: readonly PlainEdge[]): void => {
    const start = path[0].from;
    const end = path[path.length - 1].to;
    for (const edge of edges) {
      if (edge.from !== end) continue;
      if (edge.to === start) {
        const cycle = [...path, edge];
        if (strong(cycle)) found.add(classes(cycle));
      } else if (!path.some((part) => part.from === edge.to || part.to === edge.to)) extend([...path, edge]);
    }
  };
  for (const edge of edges) if (edge.from !== edge.to) extend([edge]);
  const sets = [...found].map((text) => text.split(','));
  return sets
    .filter((set) => !sets.some((other) => other.length < set.length && other.every((node) => set.includes(node))))
    .map((set) => set.join(','))
    .sort();
}

const classes = (cycle: readonly PlainEdge[]): string =>
  cycle
    .map((edge) => edge.from)
    .sort((a, b) => a - b)
    .join(',');

/** Some choice of types has no `*R` directly before an `S*`, first after last included: all choices are tried. */
function strong(cycle: readonly PlainEdge[]): boolean {
  const choose = (index: number, chosen: readonly string[]): boolean => {
    if (index === cycle.length)
      return chosen.every((type, i) => !(type[1] === 'R' && chosen[(i + 1) % chosen.length][0] === 'S'));
    return [...cycle[index].types].some((type) => choose(index + 1, [...chosen, type]));
  };
  return choose(0, []);
}

/** A step of a program for {@link deadlockStates}: exclusive locks, task context. */
export interface PlainStep {
  readonly tid: number;
  readonly acquire: boolean;
  readonly lock: string;
}

/**
 * Every set of acquisitions (step numbers, ascending) at which threads of a reordering can stand in a closed wait-for cycle. The
 * reorderings are the sync-preserving ones: each thread keeps its order, and the acquisitions of one lock that happen keep theirs.
 * All reachable states are visited.
 */
export function deadlockStates(steps: readonly PlainStep[]): Set<string> {
  const tids = [...new Set(steps.map((step) => step.tid))];
  const own = new Map(tids.map((tid) => [tid, steps.flatMap((step, i) => (step.tid === tid ? [i] : []))]));
  const found = new Set<string>();
  const seen = new Set<string>();
  const visit = (done: ReadonlyMap<number, number>): void => {
    const key = [...done.values()].join(',');
    if (seen.has(key)) return;
    seen.add(key);
    const executed = tids.flatMap((tid) => (own.get(tid) as number[]).slice(0, done.get(tid)));
    const owner = new Map<string, number>();
    for (const tid of tids) {
      const mine = new Set<string>();
      for (const i of (own.get(tid) as number[]).slice(0, done.get(tid)))
        if (steps[i].acquire) mine.add(steps[i].lock);
        else mine.delete(steps[i].lock);
      for (const lock of mine) owner.set(lock, tid);
    }
    const next = new Map(tids.map((tid) => [tid, (own.get(tid) as number[])[done.get(tid) as number]]));
    for (const start of tids) {
      const round: number[] = [];
      for (let at: number | undefined = start; at !== undefined; ) {
        const step = next.get(at);
        if (step === undefined || !steps[step].acquire) break;
        round.push(step);
        at = owner.get(steps[step].lock);
        if (at === start) {
          found.add(round.sort((a, b) => a - b).join(','));
          break;
        }
        if (round.length > tids.length) break;
      }
    }
    for (const tid of tids) {
      const step = next.get(tid);
      if (step === undefined) continue;
      const { acquire, lock } = steps[step];
      if (acquire && owner.has(lock)) continue;
      if (acquire && executed.some((i) => steps[i].acquire && steps[i].lock === lock && i > step)) continue;
      visit(new Map(done).set(tid, (done.get(tid) as number) + 1));
    }
  };
  visit(new Map(tids.map((tid) => [tid, 0])));
  return found;
}
