/**
 * lockdep's rules, written down plainly and slowly from kernel/locking/lockdep.c (Linux 6.12): the oracle of the differential test.
 * It shares nothing with src/replay: no tables, no types, no search.
 *
 * It is told what no event carries: read=1 or 2, check=0, LD_LOCK_PERCPU, subclasses, nest_lock, wait types. Two ways to run it:
 * `kernel` stops at the first report and searches as `__bfs()` does; `complete` goes on after a report and finds every strong path.
 */

/** include/linux/lockdep_types.h LD_WAIT_* with PROVE_RAW_LOCK_NESTING; 0 is LD_WAIT_INV. */
export const WAIT = { none: 0, free: 1, spin: 2, config: 3, sleep: 4, max: 5 } as const;

export interface ReferenceClass {
  readonly name: string;
  readonly perCpu: boolean;
  /** 0: as the inner one. */
  readonly outer: number;
  readonly inner: number;
}

export interface ReferenceAcquisition {
  readonly cls: ReferenceClass;
  readonly instance: number;
  /** 0 exclusive, 1 reader, 2 recursive reader. */
  readonly read: 0 | 1 | 2;
  readonly trylock: boolean;
  readonly check: boolean;
  /** Instance of the lock that guards the nesting (nest_lock). */
  readonly nest?: number;
}

/** What lockdep knows of the running context. */
export interface ReferenceTask {
  readonly held: Held[];
  hardirqContext: boolean;
  softirqContext: boolean;
  hardirqsOn: boolean;
  softirqsOn: boolean;
}

interface Held extends ReferenceAcquisition {
  /** hlock->irq_context. */
  readonly context: number;
}

export type ReferenceKind =
  | 'wait-context'
  | 'irq-lock-state'
  | 'lock-recursion'
  | 'lock-inversion'
  | 'irq-lock-order'
  | 'lock-misuse';

export interface ReferenceReport {
  readonly kind: ReferenceKind;
  /** State, recursion, wait context, misuse: the one lock. Inversion: the cycle. Irq order: safe, unsafe. */
  readonly locks: readonly string[];
  readonly irq?: 'hardirq' | 'softirq';
  /** Number of the operation that led to it. */
  readonly at: number;
}

type Irq = 'hardirq' | 'softirq';
/** E or S: predecessor exclusive or shared; N or R: acquired lock blocks, or is a recursive reader. */
type Dep = 'EN' | 'ER' | 'SN' | 'SR';

interface Reached {
  readonly name: string;
  /** lock_list::only_xr. */
  readonly onlyXr: boolean;
  readonly parent: Reached | undefined;
}

export class LockdepReference {
  readonly reports: ReferenceReport[] = [];
  /** class → `IN-hardirq-W` … as class->usage_mask. */
  readonly usage = new Map<string, Set<string>>();
  /** from → to → dependency types, both in the order in which they came up (locks_after). */
  readonly after = new Map<string, Map<string, Set<Dep>>>();
  readonly #before = new Map<string, Map<string, Set<Dep>>>();
  readonly #perCpu = new Set<string>();
  readonly #kernel: boolean;
  #at = 0;

  constructor(mode: 'kernel' | 'complete') {
    this.#kernel = mode === 'kernel';
  }

  /** debug_locks became 0. */
  get off(): boolean {
    return this.#kernel && this.reports.length > 0;
  }

  #report(report: Omit<ReferenceReport, 'at'>): void {
    this.reports.push({ ...report, at: this.#at });
  }

  /** __lock_acquire(). */
  acquire(at: number, task: ReferenceTask, acquisition: ReferenceAcquisition): void {
    this.#at = at;
    if (this.off) return;
    const { cls } = acquisition;
    if (cls.perCpu) this.#perCpu.add(cls.name);
    const top = task.held.at(-1);
    // Nested instances of one class under a nest_lock are one entry with a count.
    if (acquisition.nest !== undefined && top?.cls.name === cls.name) {
      task.held.push({ ...acquisition, context: top.context });
      return;
    }
    const hlock: Held = { ...acquisition, context: (task.hardirqContext ? 2 : 0) + (task.softirqContext ? 1 : 0) };
    this.#checkWaitContext(task, hlock);
    if (this.off) return;
    this.#markUsage(task, hlock);
    if (this.off) return;
    if (!hlock.trylock && hlock.check) this.#validateChain(task.held, hlock);
    task.held.push(hlock);
  }

  /** __lock_release(): find_held_lock() does not look across a border of contexts. */
  release(at: number, task: ReferenceTask, instance: number, name: string): void {
    this.#at = at;
    if (this.off) return;
    const { held } = task;
    let index = held.length - 1;
    while (index >= 0 && held[index].instance !== instance) {
      if (index > 0 && held[index].context !== held[index - 1].context) index = 0;
      index--;
    }
    if (index < 0) {
      this.#report({ kind: 'lock-misuse', locks: [name] });
      return;
    }
    const [, ...later] = held.splice(index);
    for (const entry of later) {
      // reacquire_held_locks(): usage and wait context are looked at again with the state of now, which adds nothing here.
      if (entry.nest === undefined && !entry.trylock && entry.check) this.#validateChain(held, entry);
      held.push(entry);
    }
  }

  /** lockdep_hardirqs_on_prepare(). */
  hardirqsOn(at: number, task: ReferenceTask): void {
    this.#at = at;
    task.hardirqsOn = true;
    this.#markHeld(task, 'hardirq');
    if (task.softirqsOn) this.#markHeld(task, 'softirq');
  }

  /** lockdep_softirqs_on(). */
  softirqsOn(at: number, task: ReferenceTask): void {
    this.#at = at;
    task.softirqsOn = true;
    if (task.hardirqsOn) this.#markHeld(task, 'softirq');
  }

  /** mark_held_locks(). */
  #markHeld(task: ReferenceTask, irq: Irq): void {
    for (const entry of task.held) if (entry.check && !this.off) this.#mark(entry, irq, 'ON');
  }

  /** mark_usage(). */
  #markUsage(task: ReferenceTask, hlock: Held): void {
    if (!hlock.check) return;
    if (!hlock.trylock) {
      if (task.hardirqContext) this.#mark(hlock, 'hardirq', 'IN');
      if (task.softirqContext) this.#mark(hlock, 'softirq', 'IN');
    }
    if (!task.hardirqsOn) return;
    this.#mark(hlock, 'hardirq', 'ON');
    if (task.softirqsOn) this.#mark(hlock, 'softirq', 'ON');
  }

  /** mark_lock() and mark_lock_irq(). */
  #mark(hlock: Held, irq: Irq, direction: 'IN' | 'ON'): void {
    if (this.off) return;
    const { name } = hlock.cls;
    const bits = this.#bits(name);
    const read = hlock.read !== 0;
    const bit = `${direction}-${irq}-${read ? 'R' : 'W'}`;
    if (bits.has(bit)) return;
    bits.add(bit);
    const other = direction === 'IN' ? 'ON' : 'IN';
    // valid_state() against the exclusive bit, and against the reader's unless this is one.
    if (bits.has(`${other}-${irq}-W`) || (!read && bits.has(`${other}-${irq}-R`))) {
      this.#report({ kind: 'irq-lock-state', locks: [name], irq });
      if (this.#kernel) return;
    }
    const match = (at: Reached): boolean => {
      const usage = this.#bits(at.name);
      return usage.has(`${other}-${irq}-W`) || (!at.onlyXr && usage.has(`${other}-${irq}-R`));
    };
    const skip = (at: Reached): boolean => this.#perCpu.has(at.name);
    // check_usage_backwards() from what became unsafe, check_usage_forwards() from what became safe.
    const root: Reached = {
      name,
      onlyXr: direction === 'ON' ? read : hlock.read === 2,
      parent: undefined,
    };
    for (const hit of this.#search(root, direction === 'ON' ? this.#before : this.after, match, skip)) {
      const [safe, unsafe] = direction === 'ON' ? [hit.name, name] : [name, hit.name];
      if (safe !== unsafe) this.#report({ kind: 'irq-lock-order', locks: [safe, unsafe], irq });
      if (this.off) return;
    }
  }

  #bits(name: string): Set<string> {
    let bits = this.usage.get(name);
    if (bits === undefined) {
      bits = new Set();
      this.usage.set(name, bits);
    }
    return bits;
  }

  /** check_wait_context(). */
  #checkWaitContext(task: ReferenceTask, next: Held): void {
    const { inner, outer } = next.cls;
    if (inner === WAIT.none || next.trylock) return;
    // task_wait_context(): an interrupt that could be threaded; whether it could is in no event.
    let limit: number = task.hardirqContext || task.softirqContext ? WAIT.config : WAIT.max;
    const border = task.held.map((entry) => entry.context !== next.context).lastIndexOf(true);
    for (const entry of task.held.slice(border + 1))
      if (entry.cls.inner !== WAIT.none) limit = Math.min(limit, entry.cls.inner);
    if ((outer || inner) > limit) this.#report({ kind: 'wait-context', locks: [next.cls.name] });
  }

  /** validate_chain(). `held` is what is held below. */
  #validateChain(held: readonly Held[], next: Held): void {
    const verdict = this.#checkDeadlock(held, next);
    if (this.off || verdict === 'nested') return;
    const newest = held.at(-1);
    if (newest === undefined || newest.context !== next.context) return;
    // check_prevs_add(): all trylocks in a row, and the first that was none.
    for (let i = held.length - 1; i >= 0 && held[i].context === next.context; i--) {
      if (!held[i].check) continue;
      this.#checkPrevAdd(held[i], next);
      if (this.off || !held[i].trylock) return;
    }
  }

  /** check_deadlock(): the whole stack, other contexts included. */
  #checkDeadlock(held: readonly Held[], next: Held): 'fine' | 'nested' {
    let nest = false;
    for (const prev of held) {
      if (next.nest !== undefined && prev.instance === next.nest) nest = true;
      if (prev.cls.name !== next.cls.name) continue;
      if (next.read === 2 && prev.read !== 0) continue;
      if (nest) return 'nested';
      this.#report({ kind: 'lock-recursion', locks: [next.cls.name] });
      return 'fine';
    }
    return 'fine';
  }

  /** check_prev_add(). */
  #checkPrevAdd(prev: Held, next: Held): void {
    const from = prev.cls.name;
    const to = next.cls.name;
    if (from === to) return;
    const dep: Dep = `${prev.read === 0 ? 'E' : 'S'}${next.read === 2 ? 'R' : 'N'}`;
    // check_noncircular(): hlock_conflict().
    const closes = (at: Reached): boolean => at.name === from && (prev.read === 0 || !at.onlyXr);
    const [closed] = this.#search({ name: to, onlyXr: next.read === 2, parent: undefined }, this.after, closes);
    if (closed !== undefined) {
      this.#report({ kind: 'lock-inversion', locks: namesOf(closed).reverse() });
      if (this.off) return;
    }
    this.#checkIrqUsage(prev, next);
    if (this.off) return;
    add(this.after, from, to, dep);
    // calc_depb(): the same seen from the other end.
    add(this.#before, to, from, `${next.read === 2 ? 'S' : 'E'}${prev.read === 0 ? 'N' : 'R'}`);
  }

  /** check_irq_usage(): what is used in interrupts backward of prev, against what is used with them on forward of next. */
  #checkIrqUsage(prev: Held, next: Held): void {
    const skip = (at: Reached): boolean => this.#perCpu.has(at.name);
    const counts = (at: Reached, direction: 'IN' | 'ON', irq: Irq): boolean => {
      const usage = this.#bits(at.name);
      return usage.has(`${direction}-${irq}-W`) || (!at.onlyXr && usage.has(`${direction}-${irq}-R`));
    };
    const back: Reached = { name: prev.cls.name, onlyXr: prev.read !== 0, parent: undefined };
    const forth: Reached = { name: next.cls.name, onlyXr: next.read === 2, parent: undefined };
    for (const irq of ['hardirq', 'softirq'] as const) {
      const safe = this.#search(back, this.#before, (at) => counts(at, 'IN', irq), skip);
      if (safe.length === 0) continue;
      const unsafe = this.#search(forth, this.after, (at) => counts(at, 'ON', irq), skip);
      for (const a of safe)
        for (const b of unsafe) {
          if (a.name !== b.name) this.#report({ kind: 'irq-lock-order', locks: [a.name, b.name], irq });
          if (this.off) return;
        }
    }
  }

  /**
   * __bfs(): strong paths only. The kernel marks a class before it looks at the dependency to it, and never comes back; `complete` looks at
   * a class once per state and gives every match, each class once.
   */
  #search(
    root: Reached,
    lists: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<Dep>>>,
    match: (at: Reached) => boolean,
    skip: (at: Reached) => boolean = () => false,
  ): Reached[] {
    const found = new Map<string, Reached>();
    const seen = new Set<string>();
    const queue: { readonly at: Reached; readonly dep: ReadonlySet<Dep> | undefined }[] = [
      { at: root, dep: undefined },
    ];
    for (let head = 0; head < queue.length; head++) {
      const { dep } = queue[head];
      let { at } = queue[head];
      if (this.#kernel && seen.has(at.name)) continue;
      if (this.#kernel) seen.add(at.name);
      if (dep !== undefined) {
        const left = [...dep].filter((type) => !(at.parent?.onlyXr && type.startsWith('S')));
        if (left.length === 0) continue;
        at = { ...at, onlyXr: left.every((type) => type.endsWith('R')) };
      }
      const state = `${at.name} ${at.onlyXr}`;
      if (!this.#kernel && seen.has(state)) continue;
      if (!this.#kernel) seen.add(state);
      if (skip(at)) continue;
      if (match(at)) {
        if (this.#kernel) return [at];
        if (!found.has(at.name)) found.set(at.name, at);
      }
      for (const [name, types] of lists.get(at.name) ?? [])
        queue.push({ at: { name, onlyXr: false, parent: at }, dep: types });
    }
    return [...found.values()];
  }
}

/** From the root on. */
function namesOf(reached: Reached): string[] {
  const names: string[] = [];
  for (let at: Reached | undefined = reached; at !== undefined; at = at.parent) names.unshift(at.name);
  return names;
}

function add(lists: Map<string, Map<string, Set<Dep>>>, from: string, to: string, dep: Dep): void {
  let list = lists.get(from);
  if (list === undefined) {
    list = new Map();
    lists.set(from, list);
  }
  const types = list.get(to);
  if (types === undefined) list.set(to, new Set([dep]));
  else types.add(dep);
}
