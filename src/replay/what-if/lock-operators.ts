/**
 * Operators on locks: a changed copy of the evidence, judged by the ordinary lock detectors. An edge disappears with its last
 * witness (MODEL 6.3).
 */
import type { KernelProfile } from '../../../schema/index.ts';
import type { ApiLock, ApiProfile } from '../knowledge/lock/api-profiles.ts';
import type { WaitType } from '../knowledge/lock/names.ts';
import { plainLock } from '../knowledge/lock/plain-name.ts';
import { plainSymbol } from '../knowledge/stack/interrupt-frames.ts';
import type { LockClass } from '../model/lock/class.ts';
import type { DeferralSite } from '../model/lock/context/deferral-site.ts';
import type { WaitVerdict } from '../model/lock/context/wait-type.ts';
import { DEP_EN, LockEdge } from '../model/lock/order/graph.ts';
import type { Nesting } from '../model/lock/order/nesting.ts';
import type { LockRecord } from '../record/lock-record.ts';
import { isTakenOut, type TakenOutOrder } from '../record/taken-out.ts';
import type { Operator, OperatorOf, WaitTypeName } from './operator.ts';

/** What the operators of a variant do to locks, their patterns compiled. */
export interface LockRewrite {
  readonly drops: readonly TakenOutOrder[];
  readonly additions: readonly OperatorOf<'add-edge'>[];
  readonly waitTypes: readonly { readonly classes: RegExp; readonly type: WaitTypeName }[];
  readonly apis: readonly ApiChange[];
}

interface ApiChange {
  readonly api: RegExp;
  readonly drop: RegExp | undefined;
  readonly add: string | undefined;
  readonly takes: RegExp | undefined;
  readonly frames: RegExp | undefined;
  readonly held: RegExp | undefined;
  readonly because: string;
}

export interface RewrittenLocks {
  readonly record: LockRecord;
  /** Edges, nestings, classes and calls that the rewrite touched. */
  readonly selected: number;
  readonly because: readonly string[];
}

const WAIT_TYPES: Readonly<Record<WaitTypeName, WaitType>> = { spin: 'raw', config: 'config', sleep: 'sleep' };
const WAIT_WORDS: Readonly<Record<WaitTypeName, string>> = {
  spin: 'a raw spinlock',
  config: 'a spinlock_t',
  sleep: 'a sleeping lock',
};

const pattern = (text: string | undefined): RegExp | undefined => (text === undefined ? undefined : new RegExp(text));

export function lockRewrite(operators: readonly Operator[]): LockRewrite {
  const of = <K extends Operator['op']>(op: K): OperatorOf<K>[] =>
    operators.filter((operator): operator is OperatorOf<K> => operator.op === op);
  return {
    drops: of('drop-edge').map(({ from, to, frames }) => ({
      from: new RegExp(from),
      to: new RegExp(to),
      frames: pattern(frames),
    })),
    additions: of('add-edge'),
    waitTypes: of('set-wait-type').map(({ classes, type }) => ({ classes: new RegExp(classes), type })),
    apis: of('set-api-locks').map(({ api, drop, add, takes, frames, held, because }) => ({
      api: new RegExp(api),
      drop: pattern(drop),
      add,
      takes: pattern(takes),
      frames: pattern(frames),
      held: pattern(held),
      because,
    })),
  };
}

export function rewritesLocks({ drops, additions, waitTypes, apis }: LockRewrite): boolean {
  return drops.length + additions.length + waitTypes.length + apis.length > 0;
}

/** The type that a class gets, undefined when it keeps its own. */
export function newWaitType({ waitTypes }: LockRewrite, name: string): WaitTypeName | undefined {
  return waitTypes.findLast(({ classes }) => classes.test(plainLock(name)))?.type;
}

/** The locks as they would be, judged by the rules of `profile`. An empty rewrite with the recording's own profile gives the recording's own. */
export function rewriteLocks(locks: LockRecord, rewrite: LockRewrite, profile: KernelProfile): RewrittenLocks {
  return new LockRewriter(locks, rewrite).rewrite(profile);
}

class LockRewriter {
  readonly #original: LockRecord;
  readonly #rewrite: LockRewrite;
  readonly #because: string[] = [];
  #selected = 0;

  constructor(original: LockRecord, rewrite: LockRewrite) {
    this.#original = original;
    this.#rewrite = rewrite;
  }

  rewrite(profile: KernelProfile): RewrittenLocks {
    const original = this.#original;
    const edges = this.#edges();
    // On PREEMPT_RT most interrupts of a recording without it would run in threads (W13): their own limit falls away.
    const threaded = profile.rt === true && original.profile.rt !== true;
    const nestings = original.nestings.filter(
      (nesting) => !this.#dropsNesting(nesting) && !(threaded && nesting.held < 0),
    );
    this.#selected += original.nestings.filter((nesting) => this.#dropsNesting(nesting)).length;
    const record: LockRecord = {
      ...original,
      edges,
      nestings,
      profile,
      // What a lock is was seen on the kernel that was recorded; the variant's profile decides what that is allowed to do.
      waitTypes: new Map([...original.waitTypes, ...this.#waitTypes()]),
      takenOut: this.#rewrite.drops,
      apiProfiles: new Map([...original.apiProfiles, ...this.#apis()]),
    };
    return { record, selected: this.#selected, because: this.#because };
  }

  #name(classId: number): string {
    return this.#original.classes[classId].name;
  }

  #symbols(stack: number): readonly string[] {
    return this.#original.dictionary.stackSymbols(stack).map(plainSymbol);
  }

  #edges(): LockEdge[] {
    const edges: LockEdge[] = [];
    for (const edge of this.#original.edges) {
      const kept = this.#withoutWitnesses(edge);
      if (kept !== edge) {
        this.#selected++;
        this.#because.push(this.#describeDrop(edge, kept));
      }
      if (kept) edges.push(kept);
    }
    for (const addition of this.#rewrite.additions) {
      for (const added of this.#additions(addition, edges)) {
        this.#selected++;
        this.#because.push(`${this.#name(added.from)} → ${this.#name(added.to)} is added: ${addition.because}`);
        edges.push(added);
      }
    }
    return edges;
  }

  /** The edge itself, a copy with fewer witnesses, or undefined when none is left. */
  #withoutWitnesses(edge: LockEdge): LockEdge | undefined {
    const from = this.#name(edge.from);
    const to = this.#name(edge.to);
    const matching = this.#rewrite.drops.filter((drop) => drop.from.test(from) && drop.to.test(to));
    if (matching.length === 0) return edge;
    if (matching.some((drop) => drop.frames === undefined)) return undefined;
    const kept = edge.witnesses.filter(
      (witness) => !isTakenOut(this.#rewrite.drops, from, to, this.#symbols(witness.stack)),
    );
    if (kept.length === edge.witnesses.length) return edge;
    if (kept.length === 0 && !edge.truncated) return undefined;
    const copy = new LockEdge(edge.edgeId, edge.from, edge.to);
    Object.assign(copy, edge, { witnesses: kept, count: kept.reduce((sum, witness) => sum + witness.count, 0) });
    return copy;
  }

  #describeDrop(edge: LockEdge, kept: LockEdge | undefined): string {
    const pair = `${this.#name(edge.from)} → ${this.#name(edge.to)}`;
    if (kept !== undefined)
      return `${pair} loses ${edge.witnesses.length - kept.witnesses.length} of its ${edge.witnesses.length} situations`;
    if (edge.count === 0) return `${pair} is removed, which lockdep reported (line ${edge.reportedLine})`;
    const times = `${edge.count} acquisition${edge.count === 1 ? '' : 's'}`;
    const events = [...new Set(edge.witnesses.map((witness) => witness.acquireEvent))];
    if (events.length === 0) return `${pair} is removed with its ${times}, first at event ${edge.acquireEvent}`;
    const some = events.slice(0, 3).join(', ');
    return `${pair} is removed with its ${times}, seen at event${events.length === 1 ? '' : 's'} ${some}${events.length > 3 ? ', …' : ''}`;
  }

  /** One edge per class that `from` selects, where the recording has none. */
  #additions({ from, to, because }: OperatorOf<'add-edge'>, edges: readonly LockEdge[]): LockEdge[] {
    const selects = new RegExp(from);
    const target = this.#original.classes.find((cls) => cls.name === to);
    if (!target) return [];
    const sources = this.#original.classes.filter(
      (cls) => cls !== target && selects.test(cls.name) && cls.acquisitions > 0,
    );
    return sources
      .filter((cls) => !edges.some((edge) => edge.from === cls.classId && edge.to === target.classId))
      .map((cls, i) => {
        const edge = new LockEdge(edges.length + i, cls.classId, target.classId);
        edge.dep = DEP_EN;
        edge.depRecursive = DEP_EN;
        edge.added = because;
        return edge;
      });
  }

  /** A nesting goes when all that is known of it goes. */
  #dropsNesting({ held, acquired, first, atomic }: Nesting): boolean {
    if (held < 0) return false;
    const from = this.#name(held);
    const to = this.#name(acquired);
    return [first, ...(atomic ? [atomic] : [])].every((instance) =>
      isTakenOut(this.#rewrite.drops, from, to, this.#symbols(instance.stack)),
    );
  }

  #waitTypes(): Map<LockClass, WaitVerdict> {
    const overrides = new Map<LockClass, WaitVerdict>();
    for (const cls of this.#original.classes) {
      const type = newWaitType(this.#rewrite, cls.name);
      if (type === undefined || !cls.isLock || cls.acquisitions === 0) continue;
      const waitType = WAIT_TYPES[type];
      overrides.set(cls, { outer: waitType, inner: waitType, basis: 'proved', why: 'set by the variant' });
      this.#because.push(`${cls.name} is ${WAIT_WORDS[type]} (${cls.acquisitions} acquisitions)`);
      this.#selected++;
    }
    return overrides;
  }

  /** Calls whose locks change, with what they take then. */
  #apis(): Map<DeferralSite, ApiProfile> {
    const changed = new Map<DeferralSite, ApiProfile>();
    if (this.#rewrite.apis.length === 0) return changed;
    for (const site of this.#original.deferrals) {
      const profile = this.#original.apiProfiles.get(site);
      if (!profile) continue;
      let takes = profile.takes;
      for (const change of this.#rewrite.apis) takes = this.#takesAfter(change, site, takes);
      if (takes === profile.takes) continue;
      changed.set(site, { ...profile, takes });
      this.#selected++;
    }
    const reasons = this.#rewrite.apis.filter(({ api }) => [...changed.keys()].some((site) => api.test(site.api)));
    for (const { because } of reasons) this.#because.push(because);
    return changed;
  }

  #takesAfter(change: ApiChange, site: DeferralSite, takes: readonly ApiLock[]): readonly ApiLock[] {
    const { api, drop, add, frames, held } = change;
    if (!api.test(site.api) || (change.takes && !takes.some((lock) => change.takes?.test(lock.name)))) return takes;
    if (frames && !this.#symbols(site.stack).some((symbol) => frames.test(symbol))) return takes;
    if (held && !site.held.some((hold) => held.test(this.#name(hold.classId)))) return takes;
    const kept = drop ? takes.filter((lock) => !drop.test(lock.name)) : takes;
    const after = add === undefined || kept.some((lock) => lock.name === add) ? kept : [...kept, { name: add }];
    const same = after.length === takes.length && after.every((lock, i) => lock.name === takes[i].name);
    return same ? takes : after;
  }
}
