/** A chain under construction: a tree of links with exclusive time, candidate roots, evidence. */
import { type ChainLink, type ChainLinkKind, ROOT_KINDS, type Root } from '../../../../schema/index.ts';
import { EvidenceList } from '../../core/evidence-list.ts';
import { NoteSet } from '../../core/note.ts';
import type { WaitEdge } from '../../knowledge/waits-for.ts';

export interface LinkDetails {
  readonly tid?: number;
  readonly cpu?: number;
  readonly note?: string;
  /** Rules that the note rests on. */
  readonly rules?: readonly string[];
  /** Event that shows it; 0 when none does. */
  readonly event?: number;
  /** A task that is on the path already: a link of its own, which closes the cycle (W4.41). */
  readonly closes?: boolean;
}

/** What may wait: a link of the chain, or the chain itself, whose first link nobody waits for. */
export interface Waiter {
  /**
   * Opens the link of something that this one waits for. What the chain has met before keeps its one link, below the first that waited for it.
   */
  waitsFor(edge: WaitEdge, name: string, details?: LinkDetails): Link;
}

/** A task appears once per chain, whatever its role. */
const TASK_KINDS: ReadonlySet<ChainLinkKind> = new Set(['task', 'worker', 'reader', 'kthread']);
/** Of these there may be several on one CPU or with one task: their names distinguish them. */
const NAMED_KINDS: ReadonlySet<ChainLinkKind> = new Set(['rcu-gp', 'srcu-gp', 'lock']);

/** One link of the tree: what it waits for hangs below it. */
export class Link implements Waiter {
  readonly kind: ChainLinkKind;
  /** Edge that leads to it (MODEL 4.1). */
  readonly rule: string | undefined;
  readonly name: string;
  readonly details: LinkDetails;
  readonly below: Link[] = [];
  waiter: Link | undefined;
  event: number;
  note: string | undefined;
  /** Exclusive. */
  ns = 0;
  /** Time during which the link was on the path, its successors' included; decides which of several grace periods is shown by name. */
  inclusiveNs = 0;
  readonly #chain: ChainDraft;

  constructor(
    chain: ChainDraft,
    waiter: Link | undefined,
    { kind, rule }: WaitEdge,
    name: string,
    { event = 0, note, ...details }: LinkDetails,
  ) {
    this.#chain = chain;
    this.waiter = waiter;
    this.kind = kind;
    this.rule = rule;
    this.name = name;
    this.details = details;
    this.event = event;
    this.note = note;
  }

  waitsFor(edge: WaitEdge, name: string, details: LinkDetails = {}): Link {
    return this.#chain.open(this, edge, name, details);
  }

  /** Exclusive time of the link; a note counts when it has none yet. */
  blame(ns: number, note?: string): void {
    this.ns += ns;
    this.inclusiveNs += ns;
    this.note ??= note;
  }

  /** Time on the path for which something below it answers. */
  passThrough(ns: number): void {
    this.inclusiveNs += ns;
  }
}

export class ChainDraft implements Waiter {
  readonly #links = new Map<string, Link>();
  readonly #roots = new Map<string, { root: Root; ns: number; longestNs: number }>();
  readonly evidence = new EvidenceList();
  /** Why the chain is not all that events show. */
  readonly inferredBy = new NoteSet();

  waitsFor(edge: WaitEdge, name: string, details: LinkDetails = {}): Link {
    return this.open(undefined, edge, name, details);
  }

  /** The link of that name, made at first. @param waiter undefined: it is the first of the chain */
  open(waiter: Link | undefined, edge: WaitEdge, name: string, details: LinkDetails): Link {
    const { kind } = edge;
    const { tid, cpu, closes } = details;
    const what = TASK_KINDS.has(kind) && tid !== undefined ? 'task' : kind;
    const key = `${closes ? 'cycle ' : ''}${what} ${NAMED_KINDS.has(kind) ? name : (tid ?? cpu ?? name)}`;
    const known = this.#links.get(key);
    if (known) {
      known.note ??= details.note;
      known.event ||= details.event ?? 0;
      return known;
    }
    const link = new Link(this, waiter, edge, name, details);
    this.#links.set(key, link);
    waiter?.below.push(link);
    return link;
  }

  /** A candidate for the root, with the time for which it would have to answer. */
  root(root: Root, ns: number): void {
    if (ns <= 0) return;
    const key = `${root.kind} ${root.cpu ?? ''} ${root.tid ?? ''}`;
    const seen = this.#roots.get(key);
    if (!seen) {
      this.#roots.set(key, { root, ns, longestNs: ns });
      return;
    }
    seen.ns += ns;
    // Its code may differ from piece to piece.
    if (ns > seen.longestNs) Object.assign(seen, { root, longestNs: ns });
  }

  /** The way to the root, then the side branches; grace periods of one wait beyond the longest are one link. */
  links(): ChainLink[] {
    this.#collapseGracePeriods();
    this.#dropIdleCpus();
    const [first] = this.#links.values();
    if (!first) return [];
    const ordered: Link[] = [];
    const branches: Link[] = [];
    for (let at: Link | undefined = first; at; ) {
      ordered.push(at);
      const [heaviest, ...others]: Link[] = byWeight(at.below);
      // Where a link answers for more itself than anything that it waited for, the way ends.
      const onward: boolean = heaviest !== undefined && (weight(heaviest) >= at.ns || heaviest.details.closes === true);
      branches.push(...(onward || !heaviest ? others : [heaviest, ...others]));
      at = onward ? heaviest : undefined;
    }
    for (let branch = branches.shift(); branch; branch = branches.shift()) {
      ordered.push(branch);
      branches.unshift(...byWeight(branch.below));
    }
    const places = new Map(ordered.map((link, i) => [link, i]));
    return ordered.map((link) => {
      const { kind, rule, name, ns, note, event, waiter } = link;
      const { tid, cpu, rules, closes } = link.details;
      const parent = waiter && places.get(waiter);
      return {
        kind,
        name,
        ...(tid !== undefined && { tid }),
        ...(cpu !== undefined && { cpu }),
        blame_ns: ns,
        ...(parent !== undefined && { parent }),
        ...(rule !== undefined && { rule }),
        ...(event > 0 && { event }),
        ...(closes && { closes }),
        ...(note !== undefined && { note }),
        ...(rules !== undefined && { rules }),
      };
    });
  }

  /** Of the grace periods that one link waits for, the longest stays; the others are part of it. */
  #collapseGracePeriods(): void {
    const byWaiter = new Map<Link | undefined, Link[]>();
    for (const link of this.#links.values())
      if (link.kind === 'rcu-gp') byWaiter.set(link.waiter, [...(byWaiter.get(link.waiter) ?? []), link]);
    for (const periods of byWaiter.values()) {
      const [longest, ...rest] = periods.sort((a, b) => b.inclusiveNs - a.inclusiveNs);
      if (rest.length === 0) continue;
      for (const link of rest) {
        longest.ns += link.ns;
        for (const below of link.below) this.#move(below, longest);
        this.#remove(link);
      }
      const more = `and ${rest.length} shorter one${rest.length > 1 ? 's' : ''} after or before it`;
      longest.note = longest.note === undefined ? more : `${longest.note}; ${more}`;
    }
  }

  /** A CPU that got no time, and nothing below it, is no part of the way: nothing that is cited shows it. */
  #dropIdleCpus(): void {
    for (const link of [...this.#links.values()])
      if (link.kind === 'cpu' && link.waiter && link.inclusiveNs === 0 && link.below.length === 0) this.#remove(link);
  }

  #move(link: Link, waiter: Link): void {
    link.waiter = waiter;
    waiter.below.push(link);
  }

  #remove(link: Link): void {
    for (const [key, other] of this.#links) if (other === link) this.#links.delete(key);
    const siblings = link.waiter?.below;
    siblings?.splice(siblings.indexOf(link), 1);
  }

  /** The root that answers for most of the time. Of several that answer for the same, none is picked (W4.42): what they share is named. */
  bestRoot(): Root {
    const mostNs = Math.max(...[...this.#roots.values()].map((candidate) => candidate.ns));
    const best = [...this.#roots.values()].filter((candidate) => candidate.ns === mostNs).map(({ root }) => root);
    const kind = ROOT_KINDS.find((name) => best.some((root) => root.kind === name));
    const same = best.filter((root) => root.kind === kind);
    if (kind === undefined) return { kind: 'unknown' };
    const shared = <T>(values: readonly T[]): T | undefined => (new Set(values).size === 1 ? values[0] : undefined);
    const cpu = shared(same.map((root) => root.cpu));
    const tid = shared(same.map((root) => root.tid));
    const task = tid === undefined ? undefined : same[0].task;
    const code = shared(same.map((root) => root.code));
    return {
      kind,
      ...(code !== undefined && { code }),
      ...(cpu !== undefined && { cpu }),
      ...(task !== undefined && { task }),
      ...(tid !== undefined && { tid }),
    };
  }
}

/** Exclusive time of a link and of all that it waits for. */
function weight(link: Link): number {
  return link.below.reduce((sum, below) => sum + weight(below), link.ns);
}

function byWeight(links: readonly Link[]): Link[] {
  return [...links].sort((a, b) => weight(b) - weight(a) || b.inclusiveNs - a.inclusiveNs);
}
